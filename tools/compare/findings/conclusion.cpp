#include "tools/compare/findings/conclusion.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>
#include <vector>

#include "models/config.h"
#include "tools/compare/findings/rivalry.h"
#include "tools/compare/findings/words.h"
#include "tools/compare/results/reading.h"
#include "tools/compare/results/time_to_quality.h"
#include "tools/jobs/progress.h"

namespace polonaise::tools {
namespace {

// The best of each model that has a rank, the best model first.
std::vector<Reading::Entry> ranking(const Reading& reading) {
  std::vector<Reading::Entry> ranking;
  for (const std::string& model : names_of<Architecture>()) {
    if (const Reading::Entry* best = reading.best_of(model)) ranking.push_back(*best);
  }
  std::ranges::stable_sort(ranking, {}, [](const Reading::Entry& entry) { return entry.loss.mean; });
  return ranking;
}

std::string the(const Reading::Entry& entry) {
  return "the " + display_name(entry.network.combination().model);
}

bool any_level_with_first(const std::vector<Reading::Entry>& best) {
  return std::any_of(best.begin() + 1, best.end(),
                     [&](const Reading::Entry& entry) { return level(best.front().loss, entry.loss); });
}

// ", 5.957 nats per frame on windows of 48 events; level with it is the GRU (5.960); then come the LSTM (6.036), ..."
std::string ranking_text(const Results& results, const std::vector<Reading::Entry>& best) {
  const Reading::Entry& first = best.front();
  std::string text = fmt::format(", {:.3f} {}", first.loss.mean, results.unit);
  if (first.loss.runs > 1) {
    text += fmt::format(" ({:.3f} to {:.3f} for {} seeds)", first.loss.least, first.loss.greatest, first.loss.runs);
  }
  text += fmt::format(" on windows of {} events", first.network.combination().seq);
  std::vector<std::string> levels, others;
  const Reading::Entry* last = nullptr;  // of the others
  for (std::size_t i = 1; i < best.size(); ++i) {
    const Reading::Entry& entry = best[i];
    const std::string loss = with_range_within(entry.loss);
    if (level(first.loss, entry.loss)) {
      levels.push_back(fmt::format("{} ({})", the(entry), loss));
      continue;
    }
    const bool with_last = last != nullptr && level(last->loss, entry.loss);
    others.push_back(fmt::format("{} ({}{})", the(entry), loss, with_last ? ", level with " + the(*last) : ""));
    last = &entry;
  }
  if (!levels.empty()) text += fmt::format("; level with it {} {}", levels.size() == 1 ? "is" : "are", joined(levels));
  if (!others.empty()) text += fmt::format("; then come{} {}", others.size() == 1 ? "s" : "", joined(others));
  return text + ". ";
}

// "the RNN (10.120) and the GRU (10.101)": models without a rank in a reading, of those whose networks never left the
// unigram in all their time, or of the others.
std::vector<std::string> without_rank(const Results& results, const Reading& reading, bool never) {
  std::vector<std::string> names;
  for (const std::string& model : names_of<Architecture>()) {
    if (reading.best_of(model) != nullptr) continue;
    const Reading::Entry* lowest = nullptr;
    bool all_never = true;
    for (const Reading::Entry& entry : reading.entries) {
      if (entry.network.combination().model != model) continue;
      if (lowest == nullptr) lowest = &entry;
      all_never &= entry.network.never_left(results.course.unigram);
    }
    if (lowest == nullptr || all_never != never) continue;
    names.push_back(fmt::format("{} ({})", the(*lowest), with_range_within(lowest->loss)));
  }
  return names;
}

std::string not_yet_text(const Results& results, const Reading& reading) {
  const std::vector<std::string> names = without_rank(results, reading, false);
  if (names.empty()) return "";
  return fmt::format("Still at the unigram ({:.3f}), and so without a rank, {} {}. ", results.course.unigram,
                     names.size() == 1 ? "is" : "are", joined(names));
}

std::string never_text(const Results& results, const Reading& reading) {
  const std::vector<std::string> names = without_rank(results, reading, true);
  if (names.empty()) return "";
  std::string text = joined(names);
  text.front() = 'T';
  return fmt::format("{} never left the unigram ({:.3f}), and {} no rank. ", text, results.course.unigram,
                     names.size() == 1 ? "has" : "have");
}

std::string best_text(const Results& results, const Reading& data, const Reading& time) {
  const auto never = [&](const Reading::Entry& entry) { return entry.network.never_left(results.course.unigram); };
  if (std::ranges::all_of(data.entries, never)) {
    return fmt::format(
        "Nothing can be ranked: no network's loss fell more than {:.0f} % below the unigram's {:.3f} {}, so none has "
        "learned more than how often each event occurs; give them more --budget, or another --lr. ",
        100 * kLeftUnigram, results.course.unigram, results.unit);
  }
  std::string text, first_name;
  bool alone = false;
  const auto sentence = [&](const std::string& place, const Reading& reading) {
    const std::vector<Reading::Entry> best = ranking(reading);
    if (best.empty()) {
      text += fmt::format("{} no network had left the unigram ({:.3f}). ", place, results.course.unigram);
      return;
    }
    const std::string name = the(best.front());
    if (first_name.empty()) {
      first_name = name;
      alone = best.size() == 1;
      const bool only = best.size() == reading.entries.size();
      text += fmt::format("{} {} {}", place, name,
                          alone ? only ? "is the only one that could be judged" : "is the only one with a rank"
                          : any_level_with_first(best) ? "has the lowest loss on held-out music"
                                                       : "predicts held-out music best");
    } else {
      text += fmt::format("{} it is {}{}", place, name, name == first_name && !alone ? " again" : "");
    }
    text += ranking_text(results, best) + not_yet_text(results, reading);
  };
  sentence(fmt::format("At equal data ({} targets each)", format_count(std::llround(data.at))), data);
  sentence(fmt::format("At equal time ({} of training each)", format_duration(time.at)), time);
  return text + never_text(results, data) +
         fmt::format("Counting which event follows which achieves {:.3f}. ", results.course.bigram);
}

// A short time as it is measured, a long one as one says it.
std::string seconds_text(double seconds) {
  return seconds < 60 ? fmt::format("{:.1f} s", seconds) : format_duration(seconds);
}

// Time to quality, of each model by its fastest length.
std::string target_text(const Results& results, const std::vector<Network>& networks) {
  if (results.target_loss <= 0) return "";
  std::vector<TimeToQuality> fastest;
  for (const TimeToQuality& time : times_to_quality(networks, results.target_loss)) {
    const auto same = [&](const TimeToQuality& t) {
      return t.network.combination().model == time.network.combination().model;
    };
    if (std::ranges::none_of(fastest, same)) fastest.push_back(time);
  }
  std::vector<std::string> later, never;
  for (std::size_t i = 0; i < fastest.size(); ++i) {
    const TimeToQuality& time = fastest[i];
    const std::string name = "the " + display_name(time.network.combination().model);
    if (!time.seconds) {
      never.push_back(time.reached == 0
                          ? name
                          : fmt::format("{} (but from {} of {} seeds)", name, time.reached, time.network.runs.size()));
    } else if (i > 0) {
      later.push_back(fmt::format("{} ({}{})", name, seconds_text(time.seconds->mean),
                                  level(*fastest[i - 1].seconds, *time.seconds) ? ", level with the one before" : ""));
    }
  }
  const std::string goal = fmt::format("A loss of {} {}", results.target_loss, results.unit);
  if (fastest.empty() || !fastest.front().seconds)
    return fmt::format("{} was reached by no network{}. ", goal, several_seeds(results) ? " from every seed" : "");
  const TimeToQuality& first = fastest.front();
  std::string text = fmt::format("{} is reached first by the {} on windows of {} events, after {}", goal,
                                 display_name(first.network.combination().model), first.network.combination().seq,
                                 seconds_text(first.seconds->mean));
  if (first.seconds->runs > 1) {
    text += fmt::format(" ({} to {})", seconds_text(first.seconds->least), seconds_text(first.seconds->greatest));
  }
  text += fmt::format(" of training and {} targets", format_count(std::llround(first.targets->mean)));
  if (!later.empty()) text += "; then by " + joined(later);
  if (!never.empty()) text += fmt::format("; not by {}", joined(never));
  return text + ". ";
}

// At the longest windows, where lengths cost most.
std::string speed_text(const std::vector<Network>& networks) {
  int longest = 0;
  for (const Network& network : networks) longest = std::max(longest, network.combination().seq);
  std::vector<std::pair<Spread, const Network*>> trained;
  for (const Network& network : networks) {
    const auto pace = network.targets_per_second();
    if (network.combination().seq == longest && pace) trained.emplace_back(*pace, &network);
  }
  if (trained.size() < 2) return "";
  std::ranges::stable_sort(trained, {}, [](const auto& entry) { return entry.first.mean; });
  const auto& [slow, slowest] = trained.front();
  const auto& [fast, fastest] = trained.back();
  const auto pace = [](const Spread& spread) { return format_count(std::llround(spread.mean)); };
  if (level(slow, fast)) {
    return fmt::format("On windows of {} events {} ({} to {} targets a second). ", longest,
                       slow.runs > 1 ? "none trains clearly fastest, as the paces of the seeds overlap"
                                     : "all train at about one pace",
                       pace(slow), pace(fast));
  }
  return fmt::format(
      "On windows of {} events the {} ({} targets a second) trains slowest and the {} ({} targets a second) fastest. ",
      longest, display_name(slowest->combination().model), pace(slow), display_name(fastest->combination().model),
      pace(fast));
}

// The budget, with some room, in which the slowest combination would see enough.
std::string budget_text(const Results& results) {
  double longest = 0;
  for (const CombinationResult& c : results.combinations) {
    if (c.targets_per_second() > 0) longest = std::max(longest, kLeastTargets / c.targets_per_second());
  }
  if (longest == 0) return "";
  const double minutes = longest * static_cast<double>(results.combinations.size()) / kTrainingShare / 60;
  return fmt::format(" At the pace measured the slowest would see so many with --budget {:.0f}.",
                     std::ceil(1.2 * minutes));
}

std::string scope_text(const Results& results, const Scope& scope) {
  const std::vector<Network> all = networks_of(results, scope), enough = judged(all);
  const double unigram = results.course.unigram;
  if (enough.empty()) {
    return fmt::format("{}Nothing can be concluded: no {} saw the {} targets that a judgement takes{}.{} ",
                       preamble(results, scope), several_seeds(results) ? "network" : "combination",
                       format_count(kLeastTargets), several_seeds(results) ? " from every seed" : "",
                       budget_text(results));
  }
  return preamble(results, scope) +
         best_text(results, read_off(enough, Axis::targets, unigram), read_off(enough, Axis::seconds, unigram)) +
         target_text(results, all) + bidirectional_text(all, unigram) + speed_text(all);
}

// "the LSTM is best with 80,000 parameters (8.100, level with 320,000) and the GRU with 20,000 (8.300)"
std::string best_sizes(const Results& results, const Reading& reading) {
  std::vector<std::string> parts;
  for (const std::string& model : names_of<Architecture>()) {
    const Reading::Entry* best = reading.best_of(model);
    if (best == nullptr) continue;
    std::vector<std::string> levels;
    for (const std::int64_t size : results.parameters) {
      const Reading::Entry* other = reading.best_of(model, size);
      if (other != nullptr && other != best && level(best->loss, other->loss)) levels.push_back(format_count(size));
    }
    parts.push_back(fmt::format("the {} {}with {}{} ({}{})", display_name(model), parts.empty() ? "is best " : "",
                                format_count(best->network.combination().parameters),
                                parts.empty() ? " parameters" : "", with_range_within(best->loss),
                                levels.empty() ? "" : ", level with " + joined(levels)));
  }
  return joined(parts);
}

// Which size is best for whom, where there are several.
std::string sizes_text(const Results& results, std::string_view device) {
  const std::vector<Network> enough = judged(networks_on(results, device));
  const Reading data = read_off(enough, Axis::targets, results.course.unigram);
  const Reading time = read_off(enough, Axis::seconds, results.course.unigram);
  std::string by_data = best_sizes(results, data), by_time = best_sizes(results, time);
  if (by_data.empty() && by_time.empty()) return "";
  for (std::string* none : {&by_data, &by_time}) {
    if (none->empty()) *none = "no network had left the unigram";
  }
  return fmt::format("{}Of the sizes, at equal data ({} targets each) {}; at equal time ({} of training each) {}. ",
                     several_devices(results) ? fmt::format("On {}: ", device) : "",
                     format_count(std::llround(data.at)), by_data, format_duration(time.at), by_time);
}

}  // namespace

std::string conclusion(const Results& results) {
  const auto open = std::ranges::count_if(results.combinations, [](const CombinationResult& c) {
    return c.stage == Stage::planned || c.stage == Stage::trained;
  });
  if (open > 0) {
    return fmt::format("Not finished: {} of {} combinations are still to come.", open, results.combinations.size());
  }
  std::string text;
  const auto paragraph = [&](std::string words) {
    while (words.ends_with(' ')) words.pop_back();
    if (!words.empty()) text += (text.empty() ? "" : "\n\n") + words;
  };
  if (several_sizes(results)) {
    for (const DeviceResult& device : results.devices) paragraph(sizes_text(results, device.name));
  }
  for (const Scope& scope : scopes_of(results)) paragraph(scope_text(results, scope));
  return text;
}

}  // namespace polonaise::tools
