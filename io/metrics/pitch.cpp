#include "io/metrics/pitch.h"

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <cstdlib>
#include <vector>

#include "io/metrics/pitched.h"

namespace polonaise::io {

int pitch_count(std::span<const Note> notes) {
  std::bitset<256> used;
  for (const Note& note : notes) used.set(note.pitch);
  return static_cast<int>(used.count());
}

std::optional<int> pitch_range(std::span<const Note> notes) {
  if (notes.empty()) return std::nullopt;
  const auto [low, high] = std::ranges::minmax(notes, {}, &Note::pitch);
  return high.pitch - low.pitch;
}

PitchClasses pitch_class_ticks(std::span<const Note> notes) {
  PitchClasses ticks{};
  for (const Note& note : notes) ticks[note.pitch % 12u] += static_cast<double>(note.duration);
  return ticks;
}

std::optional<double> window_entropy(std::span<const Note> notes, const Meter& meter, int bars, std::int64_t from) {
  const std::int64_t end = last_end(notes);
  if (end <= from) return std::nullopt;
  const std::int64_t first_bar = meter.bar(from), last_bar = meter.bar(end - 1);
  if (last_bar - first_bar >= kMaxBars) return std::nullopt;
  std::vector<double> edges;
  for (std::int64_t bar = first_bar; bar <= last_bar + 1; ++bar) edges.push_back(meter.start(bar));
  PitchClassBins bins(std::move(edges));
  for (const Note& note : notes) {
    bins.add(static_cast<double>(note.onset), static_cast<double>(note.end()), note.pitch);
  }
  const std::vector<PitchClasses> ticks = bins.finish();
  const std::size_t width = std::min(ticks.size(), static_cast<std::size_t>(bars));
  double sum = 0;
  int windows = 0;
  for (std::size_t first = 0; first + width <= ticks.size(); ++first) {
    PitchClasses window{};
    for (std::size_t bar = first; bar < first + width; ++bar) {
      for (std::size_t pitch_class = 0; pitch_class < 12; ++pitch_class) window[pitch_class] += ticks[bar][pitch_class];
    }
    const std::optional<double> bits = entropy_bits(window);
    if (!bits) continue;
    sum += *bits;
    ++windows;
  }
  return windows == 0 ? std::nullopt : std::optional(sum / windows);
}

std::optional<std::array<double, 144>> pitch_class_transitions(std::span<const Note> notes, const TempoMap& tempos) {
  constexpr double kNear = 0.05;
  std::vector<double> starts;
  std::vector<std::array<std::uint32_t, 12>> before = {{}};  // before[j]: notes before the j-th, by pitch class
  for (const Note& note : notes) {
    starts.push_back(tempos.seconds(note.onset));
    before.push_back(before.back());
    ++before.back()[note.pitch % 12u];
  }
  std::array<double, 144> pairs{};
  double sum = 0;
  for (const Note& note : notes) {
    const double end = tempos.seconds(note.end());
    const auto first = std::partition_point(starts.begin(), starts.end(), [&](double at) { return end - at >= kNear; });
    const auto last = std::partition_point(first, starts.end(), [&](double at) { return at - end < kNear; });
    const auto& until_first = before[static_cast<std::size_t>(first - starts.begin())];
    const auto& until_last = before[static_cast<std::size_t>(last - starts.begin())];
    for (std::size_t to = 0; to < 12; ++to) {
      const double count = until_last[to] - until_first[to];
      pairs[note.pitch % 12u * 12 + to] += count;
      sum += count;
    }
  }
  if (sum == 0) return std::nullopt;
  for (double& pair : pairs) pair /= sum;
  return pairs;
}

std::optional<double> scale_consistency(std::span<const Note> notes) {
  if (notes.empty()) return std::nullopt;
  constexpr std::array<unsigned, 2> kScales = {0b101010110101, 0b010110101101};  // bit d: d semitones above the tonic
  std::array<std::int64_t, 12> counts{};
  for (const Note& note : notes) ++counts[note.pitch % 12u];
  std::int64_t most = 0;
  for (const unsigned scale : kScales) {
    for (std::size_t tonic = 0; tonic < 12; ++tonic) {
      std::int64_t inside = 0;
      for (std::size_t degree = 0; degree < 12; ++degree) {
        if (scale >> degree & 1) inside += counts[(tonic + degree) % 12];
      }
      most = std::max(most, inside);
    }
  }
  return static_cast<double>(most) / static_cast<double>(notes.size());
}

std::optional<double> mean_interval(std::span<const Note> notes) {
  if (notes.size() < 2) return std::nullopt;
  std::int64_t sum = 0;
  for (std::size_t i = 1; i < notes.size(); ++i) sum += std::abs(notes[i].pitch - notes[i - 1].pitch);
  return static_cast<double>(sum) / static_cast<double>(notes.size() - 1);
}

}  // namespace polonaise::io
