#include "tools/compare/findings/words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "tools/jobs/progress.h"

namespace polonaise::tools {

std::string display_name(std::string_view model) {
  if (model == "bilstm") return "bidirectional LSTM";
  if (model == "slstm") return "sLSTM";
  std::string name(model);
  if (name != "transformer")
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
  return name;
}

std::string run_name(const Results& results, const Combination& c) {
  std::string name = fmt::format("{} on {} events", display_name(c.model), c.seq);
  if (several_sizes(results)) name += fmt::format(" with {} parameters", format_count(c.parameters));
  if (several_seeds(results)) name += fmt::format(" from seed {}", c.seed);
  return name;
}

std::string network_name(const Results& results, const Network& network) {
  const std::string name = run_name(results, network.combination());
  return name.substr(0, name.find(" from seed"));
}

std::string split_name(std::string_view split) {
  return split == "valid" ? "validation" : std::string(split);
}

std::string joined(std::vector<std::string> items) {
  if (items.size() < 2) return items.empty() ? "" : items.front();
  const std::string last = items.back();
  items.pop_back();
  return fmt::format("{} and {}", fmt::join(items, ", "), last);
}

std::string with_range(const Spread& loss) {
  if (loss.runs < 2) return fmt::format("{:.3f}", loss.mean);
  return fmt::format("{:.3f} ({:.3f} to {:.3f})", loss.mean, loss.least, loss.greatest);
}

std::string with_range_within(const Spread& loss) {
  if (loss.runs < 2) return fmt::format("{:.3f}", loss.mean);
  return fmt::format("{:.3f}, {:.3f} to {:.3f}", loss.mean, loss.least, loss.greatest);
}

std::string preamble(const Results& results, const Scope& scope) {
  const std::string size = fmt::format("ith {} parameters: ", format_count(scope.parameters));
  if (!several_devices(results)) return several_sizes(results) ? "W" + size : "";
  return fmt::format("On {}{}", scope.device, several_sizes(results) ? ", w" + size : ": ");
}

std::string seeds_text(const Results& results) {
  std::vector<std::string> seeds;
  for (const std::uint64_t seed : results.seeds) seeds.push_back(fmt::format("{}", seed));
  return joined(std::move(seeds));
}

std::string all_sizes(const Results& results) {
  std::vector<std::string> sizes;
  for (const std::int64_t size : results.parameters) sizes.push_back(format_count(size));
  return joined(std::move(sizes));
}

bool several_devices(const Results& results) {
  return results.devices.size() > 1;
}

bool several_sizes(const Results& results) {
  return results.parameters.size() > 1;
}

bool several_seeds(const Results& results) {
  return results.seeds.size() > 1;
}

}  // namespace polonaise::tools
