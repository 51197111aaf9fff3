#include "io/metrics/compat.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>

#include "io/metrics/pitch.h"
#include "io/metrics/pitched.h"
#include "io/metrics/texture.h"
#include "io/midi/meter.h"

namespace polonaise::io {
namespace {

// The share of units of `ticks` in which nothing sounds, as muspy counts them.
double empty_rate(std::span<const Note> sorted, std::int64_t length, std::int64_t ticks) {
  const std::int64_t units = length / ticks + 1;
  std::int64_t filled = 0, reached = 0;
  for (const Note& note : sorted) {
    const std::int64_t first = note.onset / ticks, after = note.end() / ticks + 1;
    filled += std::max<std::int64_t>(0, after - std::max(first, reached));
    reached = std::max(reached, after);
  }
  return 1 - static_cast<double>(filled) / static_cast<double>(units);
}

// Onset vectors of a bar have a place for each tick.
std::optional<double> groove_consistency(std::span<const Note> sorted, std::int64_t length, std::int64_t bar_ticks) {
  const std::int64_t bars = length / bar_ticks + 1;
  if (bars < 2) return std::nullopt;
  std::vector<std::int64_t> onsets;
  for (const Note& note : sorted) {
    if (onsets.empty() || onsets.back() != note.onset) onsets.push_back(note.onset);
  }
  std::int64_t differ = 0;
  for (const std::int64_t onset : onsets) {
    const std::int64_t bar = onset / bar_ticks;
    differ += (bar > 0) + (bar + 1 < bars);
    if (std::ranges::binary_search(onsets, onset + bar_ticks)) differ -= 2;
  }
  return 1 - static_cast<double>(differ) / static_cast<double>(bar_ticks * (bars - 1));
}

std::optional<double> drum_pattern_consistency(std::span<const Note> sorted, std::int64_t quarter) {
  std::int64_t drums = 0, duple = 0, triple = 0;
  for (const Note& note : sorted) {
    if (note.channel != kPercussionChannel) continue;
    const std::int64_t at = note.onset % quarter;
    const auto every = [&](std::int64_t parts) { return quarter % parts == 0 && at % (quarter / parts) == 0; };
    ++drums;
    duple += at == 0 || every(4) || every(2);
    triple += at == 0 || every(3);
  }
  if (drums == 0) return std::nullopt;
  return static_cast<double>(std::max(duple, triple)) / static_cast<double>(drums);
}

template <std::size_t N>
std::optional<double> entropy_of(std::span<const Note> notes) {
  std::array<double, N> counts{};
  for (const Note& note : notes) ++counts[note.pitch % N];
  return entropy_bits(counts);
}

}  // namespace

std::vector<CompatValue> muspy_metrics(const Score& score) {
  std::vector<Note> all = score.notes;
  std::ranges::stable_sort(all, {}, &Note::onset);
  const std::vector<Note> notes = pitched_notes(score);
  const bool tracks = !all.empty() || !score.pedals.empty();
  const std::int64_t length = std::max(last_end(all), score.pedals.empty() ? 0 : score.pedals.back().tick);
  const double bar = Meter(score).bar_ticks(0);
  const auto bar_ticks = static_cast<std::int64_t>(bar);
  const bool whole_bar = bar_ticks >= 1 && bar == std::floor(bar);

  std::array<bool, 12> classes{};
  for (const Note& note : notes) classes[note.pitch % 12u] = true;
  const Texture sounding = texture(notes, 3);
  const std::optional<int> range = pitch_range(notes);
  const auto where = [](bool defined, auto value) { return defined ? std::optional<double>(value()) : std::nullopt; };
  return {
      {"n_pitches_used", pitch_count(notes)},
      {"n_pitch_classes_used", std::ranges::count(classes, true)},
      {"pitch_range", range         ? *range
                      : all.empty() ? 0
                                    : -127},
      {"empty_beat_rate", where(length >= 1, [&] { return empty_rate(all, length, score.ticks_per_quarter); })},
      {"empty_measure_rate", where(length >= 1 && whole_bar, [&] { return empty_rate(all, length, bar_ticks); })},
      {"polyphony", sounding.polyphony()},
      {"polyphony_rate",
       where(length >= 1, [&] { return static_cast<double>(sounding.polyphonic) / static_cast<double>(length); })},
      {"scale_consistency", scale_consistency(notes)},
      {"pitch_entropy", entropy_of<128>(notes)},
      {"pitch_class_entropy", entropy_of<12>(notes)},
      {"groove_consistency", tracks && whole_bar ? groove_consistency(all, length, bar_ticks) : std::nullopt},
      {"drum_pattern_consistency", drum_pattern_consistency(all, score.ticks_per_quarter)},
  };
}

}  // namespace polonaise::io
