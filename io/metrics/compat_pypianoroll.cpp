#include "io/metrics/compat.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>

#include "io/metrics/pitched.h"

namespace polonaise::io {
namespace {

constexpr std::int64_t kResolution = 24;
constexpr std::int64_t kMaxBeats = 65536;
using Step = std::bitset<128>;

// A beat in ticks, as numerator and denominator.
std::pair<std::int64_t, std::int64_t> beat_of(const Score& score) {
  if (score.time_signatures.empty()) return {score.ticks_per_quarter, 1};
  const TimeSignature& meter = score.time_signatures.front();
  if (meter.denominator > 32) return {score.ticks_per_quarter, 1};
  const bool compound = meter.numerator % 3 == 0 && meter.numerator != 3;
  return {score.ticks_per_quarter * 4 * (compound ? 3 : 1), meter.denominator};
}

// Instruments as pretty_midi divides notes, each sorted by end.
std::vector<std::vector<Note>> instruments_of(const Score& score) {
  std::map<std::tuple<int, int, int>, std::vector<Note>> groups;
  for (const Note& note : pitched_notes(score)) groups[{note.track, note.channel, note.program}].push_back(note);
  std::vector<std::vector<Note>> instruments;
  for (auto& [key, notes] : groups) {
    std::ranges::stable_sort(notes, {}, &Note::end);
    instruments.push_back(std::move(notes));
  }
  return instruments;
}

// Notes that pretty_midi pairs otherwise than the note layer.
bool is_paired_otherwise(const std::vector<Note>& by_end) {
  std::array<std::int64_t, 128> end{};
  for (const Note& note : by_end) {
    if (note.duration == 0 || note.onset < end[note.pitch & 127u]) return true;
    end[note.pitch & 127u] = note.end();
  }
  return false;
}

// The tracks but percussion, joined; empty where the package makes no roll.
std::vector<Step> roll_of(const Score& score) {
  if (score.time_signatures.size() > 1 || (!score.time_signatures.empty() && score.time_signatures[0].tick != 0)) {
    return {};
  }
  const auto [beat, divisor] = beat_of(score);
  const std::int64_t beats = (last_end(score.notes) * divisor + beat - 1) / beat;
  const std::vector<std::vector<Note>> instruments = instruments_of(score);
  if (beats < 2 || beats > kMaxBeats || instruments.empty() || std::ranges::any_of(instruments, is_paired_otherwise)) {
    return {};
  }
  const std::int64_t steps = beats * kResolution;
  std::vector<Step> joined(static_cast<std::size_t>(steps));
  for (const std::vector<Note>& notes : instruments) {
    std::vector<Step> roll(joined.size());
    for (const Note& note : notes) {
      const std::size_t pitch = note.pitch;
      const auto start = static_cast<std::int64_t>(
          std::nearbyint(static_cast<double>(note.onset * divisor * kResolution) / static_cast<double>(beat)));
      std::int64_t end = note.end() * divisor * kResolution / beat;
      const auto at = [&](std::int64_t step) { return roll[static_cast<std::size_t>(step)][pitch]; };
      if (0 < start && start < steps && at(start - 1)) at(start - 1) = false;
      if (end < steps - 1 && at(end)) --end;
      for (std::int64_t step = start; step < end; ++step) at(step) = true;
    }
    for (std::size_t step = 0; step < joined.size(); ++step) joined[step] |= roll[step];
  }
  return joined;
}

// What its chroma function leaves of a step: it adds pitches 120..127 to the first eight of each ten, in place.
Step folded(Step step) {
  for (std::size_t ten = 0; ten < 12; ++ten) {
    for (std::size_t i = 0; i < 8; ++i) step[10 * ten + i] = step[10 * ten + i] || step[120 + i];
  }
  return step;
}

}  // namespace

std::vector<CompatValue> pypianoroll_metrics(const Score& score) {
  const std::vector<Step> roll = roll_of(score);
  std::vector<CompatValue> values = {{"empty_beat_rate", {}}, {"n_pitches_used", {}},  {"n_pitch_classes_used", {}},
                                     {"pitch_range", {}},     {"polyphonic_rate", {}}, {"in_scale_rate", {}}};
  if (roll.empty()) return values;
  constexpr std::array<bool, 12> kMajor = {true, false, true, false, true, true, false, true, false, true, false, true};
  Step used, used_folded, beat;
  std::int64_t filled = 0, polyphonic = 0, inside = 0, all = 0;
  for (std::size_t i = 0; i < roll.size(); ++i) {
    const Step chroma = folded(roll[i]);
    used |= roll[i];
    used_folded |= chroma;
    polyphonic += roll[i].count() > 2;
    all += static_cast<std::int64_t>(chroma.count());
    for (std::size_t pitch = 0; pitch < 120; ++pitch) inside += chroma[pitch] && kMajor[pitch / 10];
    beat |= roll[i];
    if (i % kResolution == kResolution - 1) filled += std::exchange(beat, Step()).any();
  }
  std::size_t low = 0, high = 127, tens = 0;
  for (std::size_t ten = 0; ten < 12; ++ten) {
    tens += (used_folded >> (10 * ten) & Step(1023)).any();
  }
  const auto steps = static_cast<double>(roll.size());
  values[0].value = static_cast<double>(filled) * kResolution / steps;
  values[1].value = static_cast<double>(used.count());
  values[2].value = static_cast<double>(tens);
  values[4].value = static_cast<double>(polyphonic) / steps;
  if (used.none()) return values;
  while (!used[low]) ++low;
  while (!used[high]) --high;
  values[3].value = static_cast<double>(high - low);
  values[5].value = static_cast<double>(inside) / static_cast<double>(all);
  return values;
}

}  // namespace polonaise::io
