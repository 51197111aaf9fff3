#include "io/midi/score_builder.h"

#include <limits>
#include <span>
#include <tuple>
#include <utility>

namespace polonaise::io {
namespace {

bool before(const Note& a, const Note& b) {
  return std::tie(a.onset, a.pitch, a.track, a.channel) < std::tie(b.onset, b.pitch, b.track, b.channel);
}

// The notes of one track come sorted by onset, so that only chords need sorting (unless a hostile number of more than
// 64 bits has turned time back).
void sort_track(std::span<Note> notes) {
  constexpr std::size_t kInsertion = 24;
  for (std::size_t begin = 0; begin < notes.size();) {
    std::size_t end = begin + 1;
    while (end < notes.size() && notes[end].onset == notes[begin].onset) ++end;
    if (end < notes.size() && notes[end].onset < notes[begin].onset) {
      std::stable_sort(notes.begin(), notes.end(), before);
      return;
    }
    const std::span<Note> chord = notes.subspan(begin, end - begin);
    if (chord.size() > kInsertion) {
      std::stable_sort(chord.begin(), chord.end(), before);
    } else {
      for (std::size_t from = 1; from < chord.size(); ++from) {
        for (std::size_t to = from; to > 0 && before(chord[to], chord[to - 1]); --to)
          std::swap(chord[to], chord[to - 1]);
      }
    }
    begin = end;
  }
}

template <class T>
void sort_by_tick(std::vector<T>& events) {
  const auto earlier = [](const T& a, const T& b) { return a.tick < b.tick; };
  if (!std::is_sorted(events.begin(), events.end(), earlier)) std::stable_sort(events.begin(), events.end(), earlier);
}

template <class T>
void keep_last_of_each_tick(std::vector<T>& events) {
  sort_by_tick(events);
  std::size_t kept = 0;
  for (const T& event : events) {
    if (kept > 0 && events[kept - 1].tick == event.tick) --kept;
    events[kept++] = event;
  }
  events.resize(kept);
}

}  // namespace

ScoreBuilder::ScoreBuilder(std::uint16_t format, std::uint16_t division, MidiFaults& faults)
    : faults_(faults), sequential_(format == 2), smpte_(division >= 0x8000) {
  open_.fill({-1, -1});
  if (!smpte_) {
    score_.ticks_per_quarter = division > 0 ? division : 480;
    return;
  }
  const int frames = 256 - (division >> 8);
  const double frames_per_second = frames == 29 ? 30000.0 / 1001.0 : frames;  // 29 stands for drop frame, 29.97
  const double ticks_per_second = frames_per_second * std::max(division & 0xFF, 1);
  score_.ticks_per_quarter = std::max<std::int64_t>(1, static_cast<std::int64_t>(ticks_per_second / 2 + 0.5));
  const double seconds_per_quarter = static_cast<double>(score_.ticks_per_quarter) / ticks_per_second;
  score_.tempos.push_back({0, static_cast<std::uint32_t>(seconds_per_quarter * 1e6 + 0.5)});
}

void ScoreBuilder::begin_track(const std::uint8_t* file) {
  file_ = file;
  program_.fill(kNoProgram);
  runs_.push_back(score_.notes.size());
}

void ScoreBuilder::end_track(std::int64_t tick) {
  const std::int64_t end = time(tick);
  if (sounding_ > 0) {
    for (Sounding& key : open_) {
      while (key.first >= 0) {
        end_first(key, end);
        faults_.add(MidiFault::kHangingNote);
      }
    }
  }
  sort_track(std::span(score_.notes).subspan(runs_.back()));
  if (score_.notes.size() == runs_.back()) runs_.pop_back();
  if (track_ < std::numeric_limits<std::uint16_t>::max()) ++track_;
  if (sequential_) {
    start_ = end;
    latest_ = static_cast<std::uint64_t>(kMaxTick - start_);
  }
}

Score ScoreBuilder::finish() {
  merge_tracks();
  borrow_programs();
  keep_last_of_each_tick(score_.tempos);
  keep_last_of_each_tick(score_.time_signatures);
  sort_by_tick(score_.pedals);
  std::array<bool, kChannels> down{};
  std::erase_if(score_.pedals,
                [&](const Pedal& pedal) { return std::exchange(down[pedal.channel], pedal.down) == pedal.down; });
  return std::move(score_);
}

void ScoreBuilder::pedal(std::int64_t tick, std::uint8_t channel, bool down) {
  if (!late(tick)) score_.pedals.push_back({tick + start_, channel, down});
}

void ScoreBuilder::program(std::int64_t tick, std::uint8_t channel, std::uint8_t program) {
  if (late(tick)) return;
  program_[channel] = program;
  programs_.push_back({tick + start_, channel, program});
}

void ScoreBuilder::tempo(std::int64_t tick, const std::uint8_t* bytes, std::size_t length) {
  if (smpte_) return faults_.add(MidiFault::kSmpteTempo);
  if (length < 3) return fault(MidiFault::kTempo, bytes);
  const auto microseconds = static_cast<std::uint32_t>(bytes[0] << 16 | bytes[1] << 8 | bytes[2]);
  if (microseconds == 0) return fault(MidiFault::kTempo, bytes);
  if (!late(tick)) score_.tempos.push_back({tick + start_, microseconds});
}

void ScoreBuilder::time_signature(std::int64_t tick, const std::uint8_t* bytes, std::size_t length) {
  if (length < 2 || bytes[0] == 0 || bytes[1] > 7) return fault(MidiFault::kTimeSignature, bytes);
  if (late(tick)) return;
  score_.time_signatures.push_back({tick + start_, bytes[0], static_cast<std::uint8_t>(1 << bytes[1])});
}

void ScoreBuilder::marker(std::int64_t tick, const std::uint8_t* bytes, std::size_t length) {
  if (!std::equal(bytes, bytes + length, kContinuationMarker.begin(), kContinuationMarker.end()) || late(tick)) return;
  score_.continuation = std::min(score_.continuation.value_or(kMaxTick), tick + start_);
}

void ScoreBuilder::merge_tracks() {
  std::vector<Note>& notes = score_.notes;
  std::vector<Note> scratch(runs_.size() > 1 ? notes.size() : 0);
  for (std::size_t width = 1; width < runs_.size(); width *= 2) {
    const auto start = [&](std::size_t run) {
      return static_cast<std::ptrdiff_t>(run < runs_.size() ? runs_[run] : notes.size());
    };
    for (std::size_t run = 0; run < runs_.size(); run += 2 * width) {
      const auto middle = notes.begin() + start(run + width);
      std::merge(notes.begin() + start(run), middle, middle, notes.begin() + start(run + 2 * width),
                 scratch.begin() + start(run), before);
    }
    notes.swap(scratch);
  }
}

// Notes whose track had named no program take the one that their channel has from other tracks at that time.
void ScoreBuilder::borrow_programs() {
  sort_by_tick(programs_);
  std::array<std::uint8_t, kChannels> current{};
  auto next = programs_.begin();
  for (Note& note : score_.notes) {
    if (note.program != kNoProgram) continue;
    for (; next != programs_.end() && next->tick <= note.onset; ++next) current[next->channel] = next->program;
    note.program = current[note.channel];
  }
}

}  // namespace polonaise::io
