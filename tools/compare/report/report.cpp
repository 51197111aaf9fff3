#include "tools/compare/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "models/config.h"
#include "tools/compare/findings/conclusion.h"
#include "tools/compare/findings/reservations.h"
#include "tools/compare/findings/words.h"
#include "tools/compare/report/chart.h"
#include "tools/compare/report/html.h"
#include "tools/compare/report/page.h"
#include "tools/compare/report/report_parts.h"
#include "tools/jobs/progress.h"

namespace polonaise::tools {
namespace {

// "three sizes", in digits from ten on.
std::string in_words(std::size_t count, std::string_view word) {
  constexpr std::string_view kNumbers[] = {"no",   "one", "two",   "three", "four",
                                           "five", "six", "seven", "eight", "nine"};
  return fmt::format("{} {}{}", count < std::size(kNumbers) ? std::string(kNumbers[count]) : fmt::format("{}", count),
                     word, count == 1 ? "" : "s");
}

std::string heading(const Results& results) {
  std::string text =
      in_words(models_of(results).size(), "network") + ", " + in_words(results.parameters.size(), "size");
  if (several_seeds(results)) text += ", " + in_words(results.seeds.size(), "seed");
  text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return text + ", the same music";
}

std::string facts(const Results& results) {
  std::int64_t pieces = 0;
  for (const auto& [name, size] : results.splits) pieces += size.first;
  return fmt::format("{} · about {} parameters each · {} of training each{} · {} as {} · {}",
                     counted(std::ssize(results.combinations), "combination"), all_sizes(results),
                     format_duration(results.training_seconds),
                     results.precision == "float" ? "" : " in " + results.precision, counted(pieces, "piece"),
                     escape_html(results.encoding), escape_html(results.date));
}

std::string ceilings(const Results& results) {
  std::string text = "A target is an event learned from. ";
  for (const DeviceResult& device : results.devices) {
    if (device.ceiling <= 0) continue;
    text += fmt::format("The ceiling of {} ({}) is {}FLOP/s, measured with a product of two 1024 × 1024 matrices{}. ",
                        escape_html(device.name), escape_html(device.description), with_prefix(device.ceiling),
                        results.precision == "float" ? "" : " in tf32");
  }
  return text;
}

// The conclusion's paragraphs, the first of them in large letters.
std::string paragraphs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view paragraph = text.substr(0, text.find("\n\n"));
    out += fmt::format("<p{}>{}</p>\n", out.empty() ? " class=\"lede\"" : "", escape_html(paragraph));
    text.remove_prefix(std::min(text.size(), paragraph.size() + 2));
  }
  return out;
}

// How the charts of losses are read.
std::string reading_aid(const Results& results) {
  std::string text;
  if (several_seeds(results)) {
    text += fmt::format(" Curves are means of {} seeds, and whiskers reach from the least to the greatest of them.",
                        results.seeds.size());
  }
  const std::vector<Network> networks = networks_of(results);
  if (std::ranges::any_of(networks,
                          [&](const Network& n) { return !n.judged() || n.never_left(results.course.unigram); })) {
    text += " Curves of networks that have no part in the ranking are dashed.";
  }
  return text;
}

std::string sampled(const Results& results) {
  if (!several_seeds(results)) return "it is the first sample of the seed";
  return fmt::format("it is the first sample of the model from seed {}, and the other seeds’ models drew none",
                     results.seeds.front());
}

}  // namespace

int style_of(std::string_view model) {
  const std::vector<std::string> models = names_of<Architecture>();
  return static_cast<int>(std::ranges::find(models, model) - models.begin()) % kChartStyles;
}

std::string title_of(const Results& results, const Combination& c) {
  return fmt::format("{}, {} events{}", display_name(c.model), c.seq, of_scope(results, {c.device, c.parameters}));
}

std::string of_scope(const Results& results, const Scope& scope) {
  std::string text;
  if (several_sizes(results)) text += fmt::format(", {} parameters", format_count(scope.parameters));
  if (several_devices(results)) text += text.empty() ? ", on " + scope.device : " on " + scope.device;
  return text;
}

std::vector<std::string> models_of(const Results& results) {
  std::vector<std::string> models;
  for (const CombinationResult& c : results.combinations) {
    if (std::ranges::find(models, c.combination.model) == models.end()) models.push_back(c.combination.model);
  }
  return models;
}

std::vector<int> lengths_of(const Results& results) {
  std::vector<int> lengths;
  for (const CombinationResult& c : results.combinations) {
    if (std::ranges::find(lengths, c.combination.seq) == lengths.end()) lengths.push_back(c.combination.seq);
  }
  return lengths;
}

std::vector<Readings> readings_of(const Results& results) {
  std::vector<Readings> readings;
  const double unigram = results.course.unigram;
  for (const Scope& scope : scopes_of(results)) {
    const std::vector<Network> enough = judged(networks_of(results, scope));
    readings.push_back({scope, read_off(enough, Axis::targets, unigram), read_off(enough, Axis::seconds, unigram)});
  }
  return readings;
}

std::string report_html(const Results& results, const std::filesystem::path& folder) {
  const MusicParts music = music_parts(results, folder);
  return fill(page_html(), {{"title", "Polonaise: " + heading(results)},
                            {"style", std::string(page_css())},
                            {"heading", heading(results)},
                            {"facts", facts(results)},
                            {"conclusion", paragraphs(conclusion(results))},
                            {"reservations", escape_html(reservations(results))},
                            {"summary", summary_table(results)},
                            {"unit", results.unit},
                            {"legend", legend(results)},
                            {"data_charts", data_charts(results)},
                            {"time_charts", time_charts(results)},
                            {"reading_aid", reading_aid(results)},
                            {"sizes", sizes_part(results)},
                            {"target", target_part(results)},
                            {"combinations", combinations_table(results)},
                            {"gap", gap_text(results)},
                            {"ceilings", ceilings(results)},
                            {"speed_charts", speed_charts(results)},
                            {"speed_table", speed_table(results)},
                            {"memory", memory_text(results)},
                            {"sampled", sampled(results)},
                            {"samples", music.html},
                            {"metrics", metrics_table(results)},
                            {"overlaps", overlaps_table(results)},
                            {"novelty", novelty_table(results)},
                            {"method", method_part(results)},
                            {"environment", environment_part(results)},
                            {"pieces", music.json},
                            {"script", std::string(page_js())}});
}

}  // namespace polonaise::tools
