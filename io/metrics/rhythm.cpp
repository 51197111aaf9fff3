#include "io/metrics/rhythm.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <vector>

#include "io/metrics/pitch.h"

namespace polonaise::io {
namespace {

std::optional<double> mean_distance(std::span<const Note> notes, const TempoMap& tempos, std::size_t onsets) {
  if (onsets < 2) return std::nullopt;
  const double seconds = tempos.seconds(notes.back().onset) - tempos.seconds(notes.front().onset);
  return seconds / static_cast<double>(onsets - 1);
}

}  // namespace

std::optional<double> mean_ioi(std::span<const Note> notes, const TempoMap& tempos) {
  return mean_distance(notes, tempos, notes.size());
}

std::optional<double> mean_distinct_ioi(std::span<const Note> notes, const TempoMap& tempos) {
  std::size_t onsets = notes.empty() ? 0 : 1;
  for (std::size_t i = 1; i < notes.size(); ++i) onsets += notes[i].onset != notes[i - 1].onset;
  return mean_distance(notes, tempos, onsets);
}

int note_length_class(const Note& note, const Meter& meter) {
  const double parts = static_cast<double>(note.duration) * 96 / meter.bar_ticks(note.onset);
  std::size_t nearest = 0;
  for (std::size_t i = 1; i < kNoteLengths.size(); ++i) {
    if (std::abs(parts - kNoteLengths[i]) < std::abs(parts - kNoteLengths[nearest])) nearest = i;
  }
  return static_cast<int>(nearest);
}

std::optional<std::array<double, 12>> note_lengths(std::span<const Note> notes, const Meter& meter) {
  if (notes.empty()) return std::nullopt;
  std::array<double, 12> shares{};
  for (const Note& note : notes) ++shares[static_cast<std::size_t>(note_length_class(note, meter))];
  for (double& share : shares) share /= static_cast<double>(notes.size());
  return shares;
}

std::optional<std::array<double, 144>> note_length_transitions(std::span<const Note> notes, const Meter& meter) {
  if (notes.size() < 2) return std::nullopt;
  std::array<double, 144> shares{};
  int from = note_length_class(notes[0], meter);
  for (const Note& note : notes.subspan(1)) {
    const int to = note_length_class(note, meter);
    ++shares[static_cast<std::size_t>(12 * from + to)];
    from = to;
  }
  for (double& share : shares) share /= static_cast<double>(notes.size() - 1);
  return shares;
}

std::optional<Groove> groove(std::span<const Note> notes, const Meter& meter, std::int64_t from) {
  constexpr int kPositions = 64;
  if (notes.empty()) return std::nullopt;
  const std::int64_t first_bar = meter.bar(from), bars = meter.bar(notes.back().onset) + 1 - first_bar;
  if (bars < 2 || bars > kMaxBars) return std::nullopt;
  std::vector<std::uint64_t> onsets(static_cast<std::size_t>(bars));
  for (const Note& note : notes) {
    onsets[static_cast<std::size_t>(meter.bar(note.onset) - first_bar)] |= std::uint64_t{1}
                                                                           << meter.position(note.onset, kPositions);
  }
  // A position that is set in c of the bars differs in c * (bars - c) pairs.
  std::array<std::int64_t, kPositions> set{};
  std::int64_t differ_adjacent = 0;
  for (std::size_t bar = 0; bar < onsets.size(); ++bar) {
    for (std::size_t position = 0; position < kPositions; ++position) set[position] += onsets[bar] >> position & 1;
    if (bar > 0) differ_adjacent += std::popcount(onsets[bar] ^ onsets[bar - 1]);
  }
  std::int64_t differ = 0;
  for (const std::int64_t count : set) differ += count * (bars - count);
  const auto all_bars = static_cast<double>(bars);
  return Groove{1 - static_cast<double>(differ) / (all_bars * (all_bars - 1) / 2 * kPositions),
                1 - static_cast<double>(differ_adjacent) / ((all_bars - 1) * kPositions)};
}

}  // namespace polonaise::io
