#include "io/copies/novelty.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "io/copies/suffix_automaton.h"
#include "io/files/error.h"
#include "io/metrics/pitched.h"
#include "io/midi/meter.h"

namespace polonaise::io {
namespace {

// A piece's notes but the first, as symbols for a suffix automaton.
struct Steps {
  std::vector<std::uint32_t> exact;
  std::vector<std::uint32_t> transposed;
  std::vector<std::uint32_t> bars;  // of all notes, from 1
};

// The ratio of a distance of onsets to the one before it, in half octaves: 2..26.
std::uint32_t ratio_class(std::int64_t distance, std::int64_t before) {
  const double halves = std::round(2 * std::log2(static_cast<double>(distance) / static_cast<double>(before)));
  return static_cast<std::uint32_t>(14 + std::clamp(static_cast<int>(halves), -12, 12));
}

Steps steps_of(const Score& score, std::int64_t begin) {
  struct Placed {
    std::int64_t onset;  // of its chord
    Note note;
  };
  std::vector<Placed> notes;
  for (const Note& note : pitched_notes(score, begin)) {
    const bool same = !notes.empty() && (note.onset - notes.back().onset) * 24 < score.ticks_per_quarter;
    notes.push_back({same ? notes.back().onset : note.onset, note});
  }
  std::ranges::stable_sort(notes, [](const Placed& a, const Placed& b) {
    return std::tie(a.onset, a.note.pitch) < std::tie(b.onset, b.note.pitch);
  });

  Steps steps;
  const Meter meter(score);
  constexpr std::uint32_t kWithinChord = 0, kFirstDistance = 1;
  std::int64_t last_distance = 0;
  for (std::size_t i = 0; i < notes.size(); ++i) {
    const std::uint32_t pitch = notes[i].note.pitch;
    steps.bars.push_back(static_cast<std::uint32_t>(meter.bar(notes[i].note.onset) + 1));
    if (i == 0) continue;
    const std::uint32_t from = notes[i - 1].note.pitch;
    const std::int64_t distance = notes[i].onset - notes[i - 1].onset;
    const std::int64_t units = (96 * distance + score.ticks_per_quarter) / (2 * score.ticks_per_quarter);
    steps.exact.push_back(from << 25 | pitch << 18 |
                          static_cast<std::uint32_t>(std::min<std::int64_t>(units, (1 << 18) - 1)));
    std::uint32_t rhythm = kWithinChord;
    if (distance > 0) {
      rhythm = last_distance == 0 ? kFirstDistance : ratio_class(distance, last_distance);
      last_distance = distance;
    }
    steps.transposed.push_back((128 + pitch - from) << 6 | rhythm);
  }
  return steps;
}

// Notes [first, first + count) of a piece occur in training, their first step at `source`.
struct Run {
  std::size_t first = 0;
  std::size_t count = 0;
  std::size_t source = 0;
  std::int32_t whole_of = -1;  // the training piece that is this run, no more and no less
};

// Training pieces in one notion of a step.
struct Index {
  SuffixAutomaton automaton;
  std::unordered_map<std::uint32_t, std::int32_t> whole;  // the automaton's state after all of a piece: the first such
  std::vector<std::uint32_t> lengths;                     // steps of pieces

  void add(const std::vector<std::uint32_t>& steps) {
    automaton.begin_sequence();
    for (const std::uint32_t step : steps) automaton.add(step);
    whole.try_emplace(automaton.state(), static_cast<std::int32_t>(lengths.size()));
    lengths.push_back(static_cast<std::uint32_t>(steps.size()));
  }

  // The training piece that a match is all of, or -1.
  std::int32_t whole_piece(const SuffixAutomaton::Match& match) const {
    const auto found = whole.find(match.state);
    const bool is_all = found != whole.end() && lengths[static_cast<std::size_t>(found->second)] == match.length;
    return is_all ? found->second : -1;
  }
};

// The longest run that ends with each note, where there is one.
std::vector<Run> runs_in(const Index& index, const std::vector<std::uint32_t>& steps) {
  std::vector<Run> runs;
  SuffixAutomaton::Match match;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    match = index.automaton.next(match, steps[i]);
    if (match.length == 0) continue;
    runs.push_back({i + 1 - match.length, match.length + std::size_t{1}, match.end + std::size_t{1} - match.length,
                    index.whole_piece(match)});
  }
  return runs;
}

// How many of `notes` notes lie in runs of at least `least`.
std::int64_t notes_in(const std::vector<Run>& runs, std::size_t notes, int least) {
  std::vector<std::int64_t> change(notes + 1);
  for (const Run& run : runs) {
    if (run.count < static_cast<std::size_t>(least)) continue;
    ++change[run.first];
    --change[run.first + run.count];
  }
  std::int64_t inside = 0, open = 0;
  for (const std::int64_t step : change) {
    open += step;
    inside += open > 0;
  }
  return inside;
}

}  // namespace

struct NoveltyIndex::State {
  Index exact;
  Index transposed;
  std::vector<std::string> names;
  std::vector<std::size_t> starts;  // of pieces, in steps
  std::vector<std::uint32_t> bars;  // of notes: each piece has one more than steps
  std::int64_t pieces = 0;
  std::int64_t notes = 0;

  Copied copied(const std::vector<Run>& runs, const Steps& steps) const {
    Copied result;
    const std::size_t notes_here = steps.bars.size();
    const auto longest =
        std::ranges::max_element(runs, {}, [](const Run& run) { return std::pair(run.count, run.whole_of >= 0); });
    if (longest != runs.end()) {
      std::size_t source = longest->source;
      auto piece = static_cast<std::size_t>(std::ranges::upper_bound(starts, source) - starts.begin()) - 1;
      if (longest->whole_of >= 0) {
        piece = static_cast<std::size_t>(longest->whole_of);
        source = starts[piece];
      }
      result.longest = static_cast<std::int64_t>(longest->count);
      result.whole = longest->count == notes_here;
      result.source = names[piece];
      result.source_bar = bars[source + piece];
      result.bar = steps.bars[longest->first];
    }
    std::array<std::int64_t, kNoveltyEdges.size()> inside{};
    for (std::size_t i = 0; i < inside.size(); ++i) inside[i] = notes_in(runs, notes_here, kNoveltyEdges[i]);
    result.histogram.front() = static_cast<std::int64_t>(notes_here) - inside.front();
    for (std::size_t i = 0; i < inside.size(); ++i) {
      result.histogram[i + 1] = inside[i] - (i + 1 < inside.size() ? inside[i + 1] : 0);
    }
    for (std::size_t i = 0; i < kNoveltyThresholds.size(); ++i) {
      const auto edge = std::ranges::find(kNoveltyEdges, kNoveltyThresholds[i]) - kNoveltyEdges.begin();
      result.share[i] = static_cast<double>(inside[static_cast<std::size_t>(edge)]) / static_cast<double>(notes_here);
    }
    return result;
  }
};

NoveltyIndex::NoveltyIndex() : state_(std::make_unique<State>()) {}
NoveltyIndex::~NoveltyIndex() = default;
NoveltyIndex::NoveltyIndex(NoveltyIndex&&) noexcept = default;
NoveltyIndex& NoveltyIndex::operator=(NoveltyIndex&&) noexcept = default;

void NoveltyIndex::add(std::string_view name, const Score& score) {
  const Steps steps = steps_of(score, 0);
  if (state_->bars.size() + steps.bars.size() > std::size_t{1} << 30) {
    throw Error(fmt::format("{}: with it the training pieces have more than 2^30 notes; compare with fewer.", name));
  }
  ++state_->pieces;
  state_->notes += std::ssize(steps.bars);
  if (steps.exact.empty()) return;
  state_->names.emplace_back(name);
  state_->starts.push_back(state_->exact.automaton.size());
  state_->bars.insert(state_->bars.end(), steps.bars.begin(), steps.bars.end());
  state_->exact.add(steps.exact);
  state_->transposed.add(steps.transposed);
}

std::int64_t NoveltyIndex::pieces() const {
  return state_->pieces;
}

std::int64_t NoveltyIndex::notes() const {
  return state_->notes;
}

std::size_t NoveltyIndex::bytes() const {
  return state_->exact.automaton.bytes() + state_->transposed.automaton.bytes() +
         state_->bars.capacity() * sizeof(state_->bars[0]);
}

PieceNovelty NoveltyIndex::compare(const Score& score) const {
  const Steps steps = steps_of(score, measured_from(score));
  PieceNovelty result;
  result.notes = std::ssize(steps.bars);
  if (steps.exact.empty()) {
    result.exact.histogram.front() = result.transposed.histogram.front() = result.notes;
    return result;
  }
  const std::vector<Run> exact = runs_in(state_->exact, steps.exact);
  // Exact runs stand first, as the first of the longest is taken.
  std::vector<Run> transposed = exact;
  const std::vector<Run> others = runs_in(state_->transposed, steps.transposed);
  transposed.insert(transposed.end(), others.begin(), others.end());
  result.exact = state_->copied(exact, steps);
  result.transposed = state_->copied(transposed, steps);
  return result;
}

}  // namespace polonaise::io
