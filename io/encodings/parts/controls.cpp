#include "io/encodings/parts/controls.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "io/encodings/parts/grid_notes.h"

namespace polonaise::io {
namespace {

constexpr double kTemposPerOctave = 10;
constexpr double kFirstMicroseconds = 500000;  // of kFirstTempo: 120 quarters a minute

}  // namespace

std::vector<PedalChange> pedal_changes(const Score& score, const std::function<std::int64_t(std::int64_t)>& to_grid,
                                       std::int64_t start, std::int64_t end, LossReport& report) {
  // `raw` alternates, beginning with down.
  std::vector<PedalChange> raw;
  std::array<bool, 16> down{};
  std::vector<std::int64_t> hidden;  // changes of a channel while another's pedal is down
  for (const Pedal& pedal : score.pedals) {
    if (pedal.channel == kPercussionChannel) continue;
    const std::int64_t before = std::ranges::count(down, true);
    down[pedal.channel & 0x0F] = pedal.down;
    const std::int64_t now = std::ranges::count(down, true);
    const std::int64_t time = std::max<std::int64_t>(to_grid(pedal.tick) - start, 0);
    if ((before > 0) != (now > 0)) {
      raw.push_back({time, now > 0});
    } else if (before != now) {
      hidden.push_back(time);
    }
  }
  // What several channels do at one time is one change.
  std::erase_if(hidden,
                [&](std::int64_t time) { return std::ranges::binary_search(raw, time, {}, &PedalChange::time); });
  count_loss(report, "pedal changes lost while another channel's pedal was down", std::ssize(hidden));

  std::vector<PedalChange> changes;
  bool held = false;
  for (std::size_t i = 0; i < raw.size();) {
    const std::int64_t time = raw[i].time;
    if (time > end && !held) break;
    std::size_t next = i + 1;
    while (next < raw.size() && raw[next].time == time) ++next;
    if (time > end) {
      changes.push_back({time, false});
      break;
    }
    const bool after = raw[next - 1].down;
    if (held) changes.push_back({time, false});
    if (after) changes.push_back({time, true});
    held = after;
    i = next;
  }
  return changes;
}

int tempo_class(std::uint32_t microseconds_per_quarter) {
  const double octaves = std::log2(kFirstMicroseconds / std::max<double>(microseconds_per_quarter, 1));
  return std::clamp(kFirstTempo + static_cast<int>(std::lround(octaves * kTemposPerOctave)), 0, kTempos - 1);
}

std::uint32_t class_microseconds(int tempo) {
  return static_cast<std::uint32_t>(
      std::lround(kFirstMicroseconds * std::exp2((kFirstTempo - tempo) / kTemposPerOctave)));
}

std::vector<TempoChange> tempo_changes(const Score& score, const std::function<std::int64_t(std::int64_t)>& to_grid,
                                       std::int64_t start, std::int64_t end, LossReport& report) {
  std::vector<TempoChange> changes = {{0, kFirstTempo}};
  std::int64_t rounded = 0;
  for (const Tempo& tempo : score.tempos) {
    const std::int64_t time = std::max<std::int64_t>(to_grid(tempo.tick) - start, 0);
    if (time >= end) break;
    const int now = tempo_class(tempo.microseconds_per_quarter);
    rounded += class_microseconds(now) != tempo.microseconds_per_quarter;
    if (changes.back().time == time) changes.pop_back();
    if (changes.empty() || changes.back().tempo != now) changes.push_back({time, now});
  }
  count_loss(report, "tempos rounded to their class", rounded);
  return changes;
}

}  // namespace polonaise::io
