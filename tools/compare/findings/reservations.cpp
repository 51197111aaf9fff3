#include "tools/compare/findings/reservations.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "tools/compare/findings/words.h"
#include "tools/compare/results/network.h"
#include "tools/jobs/progress.h"

namespace polonaise::tools {
namespace {

constexpr double kRisen = 0.05;  // of a network's lowest loss

std::string left_out_text(const Results& results, const std::vector<Network>& networks) {
  std::vector<std::string> little, failed;
  for (const Network& network : networks) {
    for (const CombinationResult* run : network.runs) {
      const std::string name = run_name(results, run->combination);
      if (run->stage == Stage::failed) {
        failed.push_back(name);
      } else if (!run->judged() && run->stage != Stage::planned) {
        little.push_back(fmt::format("{} ({})", name, format_count(run->targets)));
      }
    }
  }
  std::string text;
  if (!little.empty()) {
    text += fmt::format("Left out, as fewer than {} targets are too little to judge: {}. ", format_count(kLeastTargets),
                        joined(little));
  }
  if (!failed.empty()) text += fmt::format("Left out, as their losses did not stay finite: {}. ", joined(failed));
  return text;
}

std::string stuck_text(const Results& results, const std::vector<Network>& networks) {
  const double unigram = results.course.unigram;
  std::vector<std::string> all, some;
  for (const Network& network : judged(networks)) {
    const int stuck = network.stuck(unigram);
    if (stuck == 0) continue;
    const std::string name = network_name(results, network);
    if (network.never_left(unigram)) {
      all.push_back(name);
    } else {
      some.push_back(fmt::format("{} ({} of {} seeds)", name, stuck, network.runs.size()));
    }
  }
  std::string text;
  if (!all.empty()) {
    text += fmt::format("Without a rank, as at no measurement more than {:.0f} % below the unigram's loss: {}. ",
                        100 * kLeftUnigram, joined(all));
  }
  if (!some.empty()) {
    text += fmt::format("From some seeds at no measurement more than {:.0f} % below the unigram's loss: {}. ",
                        100 * kLeftUnigram, joined(some));
  }
  return text;
}

// A network whose loss rose again is ranked by what it had become, not by its best.
std::string risen_text(const Results& results, const std::vector<Network>& networks) {
  std::vector<std::string> risen;
  for (const Network& network : judged(networks)) {
    const std::optional<Spread> lowest = network.spread([](const CombinationResult& run) {
      return std::optional(std::ranges::min_element(run.curve, {}, &CurvePoint::loss)->loss);
    });
    const std::optional<Spread> end = network.end_loss();
    if (!lowest || !end || end->mean <= (1 + kRisen) * lowest->mean) continue;
    risen.push_back(fmt::format("{} ({:.3f}, then {:.3f})", network_name(results, network), lowest->mean, end->mean));
  }
  if (risen.empty()) return "";
  return fmt::format(
      "Higher at the end by more than {:.0f} % than at its lowest, as where training pieces are learned by heart: {}. ",
      100 * kRisen, joined(risen));
}

std::string trust_text(const Results& results) {
  const std::string_view rate = results.learning_rate > 0 ? "" : " but for its learning rate";
  if (!several_seeds(results)) {
    return fmt::format(
        "Each combination was trained once, by one recipe for all{}, and one seed shows no spread; losses within {} % "
        "of "
        "each other are called level.",
        rate, 100 * kLevel);
  }
  return fmt::format(
      "Each network was trained from the seeds {}, by one recipe for all{}; losses are means, with the least and the "
      "greatest. Networks are called level where these ranges overlap, or where the means are within "
      "{} % of each other.",
      seeds_text(results), rate, 100 * kLevel);
}

}  // namespace

std::string reservations(const Results& results) {
  std::string text;
  for (const DeviceResult& device : results.devices) {
    const std::vector<Network> networks = networks_on(results, device.name);
    const std::string without =
        left_out_text(results, networks) + stuck_text(results, networks) + risen_text(results, networks);
    if (!without.empty() && several_devices(results)) text += fmt::format("On {}: ", device.name);
    text += without;
  }
  if (std::ranges::any_of(results.combinations, &CombinationResult::judged)) text += trust_text(results);
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

}  // namespace polonaise::tools
