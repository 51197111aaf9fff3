#include "tools/compare/conclusion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tools/common/progress.h"
#include "tools/compare/reading.h"

namespace polonaise::tools {
namespace {

constexpr std::string_view kModels[] = {"rnn", "lstm", "gru", "bilstm", "transformer"};

std::string joined(std::vector<std::string> items) {
  if (items.size() < 2) return items.empty() ? "" : items.front();
  const std::string last = items.back();
  items.pop_back();
  return fmt::format("{} and {}", fmt::join(items, ", "), last);
}

// The best of each model, the best model first.
std::vector<Reading::Entry> ranking(const Reading& reading) {
  std::vector<Reading::Entry> ranking;
  for (const std::string_view model : kModels) {
    if (const Reading::Entry* best = reading.best_of(model)) ranking.push_back(*best);
  }
  std::ranges::stable_sort(ranking, {}, &Reading::Entry::loss);
  return ranking;
}

// "the GRU predicts held-out music best, 5.957 nats per frame on windows of 48 events; then come the LSTM (6.036), ..."
std::string ranking_text(const Results& results, const std::vector<Reading::Entry>& best, std::string_view praise) {
  const Reading::Entry& first = best.front();
  std::string text = fmt::format("{}, {:.3f} {} on windows of {} events", praise, first.loss, results.unit,
                                 first.combination->combination.seq);
  std::vector<std::string> others;
  for (std::size_t i = 1; i < best.size(); ++i) {
    others.push_back(
        fmt::format("the {} ({:.3f})", display_name(best[i].combination->combination.model), best[i].loss));
  }
  if (!others.empty()) text += fmt::format("; then come{} {}", others.size() == 1 ? "s" : "", joined(others));
  return text + ". ";
}

std::string best_text(const Results& results, const Reading& data, const Reading& time) {
  const auto name = [](const Reading::Entry& entry) { return display_name(entry.combination->combination.model); };
  const std::vector<Reading::Entry> by_data = ranking(data), by_time = ranking(time);
  const std::string at_data = name(by_data.front()), at_time = name(by_time.front());
  const bool alone = by_data.size() == 1;
  std::string text = fmt::format("At equal data ({} targets each) ", format_count(std::llround(data.at)));
  text += ranking_text(results, by_data,
                       fmt::format("the {} {}", at_data,
                                   alone ? "is the only one that could be judged" : "predicts held-out music best"));
  text += fmt::format("At equal time ({} of training each) ", format_duration(time.at));
  text += ranking_text(results, by_time,
                       fmt::format("it is the {}{}", at_time, at_data == at_time && !alone ? " again" : ""));
  return text + fmt::format("Counting which event follows which achieves {:.3f}. ", results.course.bigram);
}

enum class Verdict { better, level, worse };

Verdict verdict_of(const Duel& duel) {
  if (duel.wins() > duel.losses()) return Verdict::better;
  return duel.wins() < duel.losses() ? Verdict::worse : Verdict::level;
}

// "better at 3 lengths of 4 and level at 1"
std::string rounds_text(const Duel& duel) {
  const int rounds = static_cast<int>(duel.rounds.size());
  const int wins = duel.wins(), losses = duel.losses();
  if (rounds == 1) {
    const Duel::Round& round = duel.rounds.front();
    return fmt::format("{:.3f} against {:.3f} at {} events", round.first, round.second, round.seq);
  }
  std::vector<std::string> parts;
  const auto add = [&](int count, std::string_view word) {
    if (count > 0)
      parts.push_back(count == rounds ? fmt::format("{} at all {} lengths", word, rounds)
                                      : fmt::format("{} at {} of {} lengths", word, count, rounds));
  };
  add(wins, "better");
  add(rounds - wins - losses, "level");
  add(losses, "worse");
  return joined(parts);
}

std::string beats(Verdict data, Verdict time) {
  const auto words = [](Verdict verdict) {
    return verdict == Verdict::better ? "beats" : verdict == Verdict::level ? "is level with" : "does not beat";
  };
  if (data == time) return fmt::format("{} the LSTM", words(data));
  return fmt::format("{} the LSTM at equal data and {} it at equal time", words(data), words(time));
}

std::string bidirectional_text(const Results& results, std::string_view device) {
  const CombinationResult* bilstm = nullptr;
  const CombinationResult* lstm = nullptr;
  for (const CombinationResult& c : results.combinations) {
    if (c.combination.model == "bilstm") bilstm = &c;
    if (c.combination.model == "lstm") lstm = &c;
  }
  if (bilstm == nullptr || lstm == nullptr) return "";
  const Duel data = duel(results, device, "bilstm", "lstm", Axis::targets);
  const Duel time = duel(results, device, "bilstm", "lstm", Axis::seconds);
  if (data.rounds.empty() || time.rounds.empty()) {
    return "Whether the bidirectional LSTM beats the LSTM cannot be said: at no length could both be judged. ";
  }
  const double gap = apart(bilstm->size.parameters, lstm->size.parameters);
  const std::string sizes = fmt::format("{} and {}, {:.1f} % apart", format_count(bilstm->size.parameters),
                                        format_count(lstm->size.parameters), 100 * gap);
  const std::string by_data = rounds_text(data), by_time = rounds_text(time);
  const std::string rounds = by_data == by_time ? fmt::format("at equal data and at equal time {}", by_data)
                                                : fmt::format("at equal data {}, at equal time {}", by_data, by_time);
  const std::string outcome =
      fmt::format("the bidirectional LSTM {}: {}. ", beats(verdict_of(data), verdict_of(time)), rounds);
  if (gap > kEqualParameters) {
    return fmt::format("At parameters that are not equal ({}; within {:.0f} % counts as equal) {}", sizes,
                       100 * kEqualParameters, outcome);
  }
  return fmt::format("At equal parameters ({}) {}", sizes, outcome);
}

// At the longest windows, where lengths cost most.
std::string speed_text(const Results& results, std::string_view device) {
  int longest = 0;
  for (const CombinationResult& c : results.combinations) longest = std::max(longest, c.combination.seq);
  std::vector<const CombinationResult*> trained;
  for (const CombinationResult& c : results.combinations) {
    if (c.combination.seq == longest && c.combination.device == device && c.seconds > 0) trained.push_back(&c);
  }
  if (trained.size() < 2) return "";
  std::ranges::stable_sort(trained, {}, [](const CombinationResult* c) { return c->targets_per_second(); });
  const auto pace = [](const CombinationResult* c) {
    return fmt::format("the {} ({} targets a second)", display_name(c->combination.model),
                       format_count(std::llround(c->targets_per_second())));
  };
  return fmt::format("On windows of {} events {} trains slowest and {} fastest. ", longest, pace(trained.front()),
                     pace(trained.back()));
}

std::string left_out_text(const Results& results, std::string_view device) {
  std::vector<std::string> little, failed;
  for (const CombinationResult& c : results.combinations) {
    if (c.combination.device != device) continue;
    const std::string name = fmt::format("{} on {} events", display_name(c.combination.model), c.combination.seq);
    if (c.stage == Stage::failed) {
      failed.push_back(name);
    } else if (!c.judged()) {
      if (c.stage != Stage::planned) little.push_back(fmt::format("{} ({})", name, format_count(c.targets)));
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

std::string device_text(const Results& results, const DeviceResult& device, bool several) {
  const auto all = judged(results, device.name);
  const std::string where = several ? fmt::format("On {}: ", device.name) : "";
  if (all.empty()) {
    return fmt::format("{}Nothing can be concluded: no combination saw the {} targets that a judgement takes.{} ",
                       where, format_count(kLeastTargets), budget_text(results));
  }
  return where + best_text(results, read_off(all, Axis::targets), read_off(all, Axis::seconds)) +
         bidirectional_text(results, device.name) + speed_text(results, device.name);
}

void trim(std::string& text) {
  while (text.ends_with(' ')) text.pop_back();
}

}  // namespace

std::string display_name(std::string_view model) {
  if (model == "bilstm") return "bidirectional LSTM";
  std::string name(model);
  if (name != "transformer")
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
  return name;
}

std::string conclusion(const Results& results) {
  const auto open = std::ranges::count_if(results.combinations, [](const CombinationResult& c) {
    return c.stage == Stage::planned || c.stage == Stage::trained;
  });
  if (open > 0) {
    return fmt::format("Not finished: {} of {} combinations are still to come.", open, results.combinations.size());
  }
  std::string text;
  for (const DeviceResult& device : results.devices) {
    text += device_text(results, device, results.devices.size() > 1);
  }
  trim(text);
  return text;
}

std::string reservations(const Results& results) {
  std::string text;
  for (const DeviceResult& device : results.devices) {
    const std::string left_out = left_out_text(results, device.name);
    if (!left_out.empty() && results.devices.size() > 1) text += fmt::format("On {}: ", device.name);
    text += left_out;
  }
  if (std::ranges::any_of(results.combinations, &CombinationResult::judged)) {
    text += fmt::format(
        "Each combination was trained once, by one recipe for all; losses within {} % of each other are called level.",
        100 * kLevel);
  }
  trim(text);
  return text;
}

}  // namespace polonaise::tools
