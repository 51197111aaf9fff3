#include "io/metrics/chords.h"

#include <array>
#include <cstddef>
#include <set>

#include "io/metrics/pitch_classes.h"
#include "io/metrics/pitched.h"

namespace polonaise::io {
namespace {

// None where nothing sounds.
std::optional<int> triad(const PitchClasses& ticks) {
  int best = 0;
  double most = 0;
  for (int chord = 0; chord < 24; ++chord) {
    const int root = chord % 12, third = chord < 12 ? 4 : 3;
    double sum = 0;
    for (const int above : {0, third, 7}) sum += ticks[static_cast<std::size_t>((root + above) % 12)];
    if (sum > most) {
      most = sum;
      best = chord;
    }
  }
  return most > 0 ? std::optional(best) : std::nullopt;
}

}  // namespace

std::vector<int> chord_progression(std::span<const Note> notes, std::int64_t ticks_per_quarter) {
  const std::int64_t beats = (last_end(notes) + ticks_per_quarter - 1) / ticks_per_quarter;
  if (beats == 0 || beats > kMaxChordBeats) return {};
  std::vector<double> edges;
  for (std::int64_t beat = 0; beat <= beats; ++beat) edges.push_back(static_cast<double>(beat * ticks_per_quarter));
  PitchClassBins bins(std::move(edges));
  for (const Note& note : notes) {
    bins.add(static_cast<double>(note.onset), static_cast<double>(note.end()), note.pitch);
  }
  std::vector<int> chords;
  for (const PitchClasses& ticks : bins.finish()) {
    const std::optional<int> chord = triad(ticks);
    if (chord && (chords.empty() || chords.back() != *chord)) chords.push_back(*chord);
  }
  return chords;
}

std::optional<double> chord_irregularity(std::span<const int> chords) {
  if (chords.size() < 3) return std::nullopt;
  std::set<std::array<int, 3>> different;
  for (std::size_t i = 0; i + 2 < chords.size(); ++i) different.insert({chords[i], chords[i + 1], chords[i + 2]});
  return static_cast<double>(different.size()) / static_cast<double>(chords.size() - 2);
}

}  // namespace polonaise::io
