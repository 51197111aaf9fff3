#include "tools/compare/findings/rivalry.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "tools/compare/findings/words.h"
#include "tools/compare/results/reading.h"
#include "tools/compare/results/sizing.h"
#include "tools/jobs/progress.h"

namespace polonaise::tools {
namespace {

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
    return fmt::format("{} against {} at {} events", with_range(round.first), with_range(round.second), round.seq);
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

}  // namespace

std::string bidirectional_text(const std::vector<Network>& networks, double unigram) {
  const auto of_model = [&](std::string_view model) {
    return std::ranges::find(networks, model, [](const Network& n) { return n.combination().model; });
  };
  const auto bilstm = of_model("bilstm"), lstm = of_model("lstm");
  if (bilstm == networks.end() || lstm == networks.end()) return "";
  const std::vector<Network> enough = judged(networks);
  const Duel data = duel(enough, "bilstm", "lstm", Axis::targets, unigram);
  const Duel time = duel(enough, "bilstm", "lstm", Axis::seconds, unigram);
  if (data.rounds.empty() || time.rounds.empty()) {
    return "Whether the bidirectional LSTM beats the LSTM cannot be said: at no length could both be judged. ";
  }
  const std::int64_t one = bilstm->size().parameters, other = lstm->size().parameters;
  const double gap = apart(one, other);
  const std::string sizes = fmt::format("{} and {}, {:.1f} % apart", format_count(one), format_count(other), 100 * gap);
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

}  // namespace polonaise::tools
