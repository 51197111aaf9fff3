#include "io/midi/notes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <iterator>
#include <optional>
#include <queue>
#include <tuple>
#include <utility>

#include "io/files/error.h"
#include "io/files/file.h"
#include "io/midi/midi_parser.h"
#include "io/midi/score_builder.h"

namespace polonaise::io {
namespace {

void check(bool in_range, std::string_view what) {
  if (!in_range) throw Error(fmt::format("A score cannot be written as MIDI: {}; correct it.", what));
}

void check_times(const auto& events, std::string_view what) {
  std::int64_t last = 0;
  for (const auto& event : events) {
    check(event.tick >= last && event.tick <= kMaxTick, what);
    last = event.tick;
  }
}

void check(const Score& score) {
  check(score.ticks_per_quarter >= 1 && score.ticks_per_quarter <= 0x7FFF, "ticks per quarter are not 1 to 32767");
  std::int64_t last = 0;
  for (const Note& note : score.notes) {
    check(note.onset >= last, "its notes are not sorted by onsets of 0 and more");
    check(note.duration >= 0 && note.onset <= kMaxTick && note.duration <= kMaxTick - note.onset,
          "a note's duration is negative or ends beyond 2^31 ticks");
    check(note.pitch < 128 && note.velocity >= 1 && note.velocity < 128 && note.channel < 16 && note.program < 128,
          "a note's pitch, velocity, channel or program is out of range");
    check(note.track < std::numeric_limits<std::uint16_t>::max(), "it has more than 65535 tracks");
    last = note.onset;
  }
  check_times(score.tempos, "its tempos are not sorted by ticks of 0 to 2^31 - 1");
  check_times(score.time_signatures, "its time signatures are not sorted by ticks of 0 to 2^31 - 1");
  check_times(score.pedals, "its pedal is not sorted by ticks of 0 to 2^31 - 1");
  for (const Tempo& tempo : score.tempos) {
    check(tempo.microseconds_per_quarter >= 1 && tempo.microseconds_per_quarter < 1u << 24,
          "a tempo is not 1 to 16777215 microseconds per quarter");
  }
  for (const TimeSignature& meter : score.time_signatures) {
    check(meter.numerator >= 1 && std::has_single_bit(meter.denominator),
          "a time signature is not a positive number over a power of two");
  }
  for (const Pedal& pedal : score.pedals) check(pedal.channel < 16, "a pedal's channel is above 15");
  const std::int64_t marker = score.continuation.value_or(0);
  check(marker >= 0 && marker <= kMaxTick, "its continuation does not begin at a tick of 0 to 2^31 - 1");
}

// Turns notes, given by onset, into the events of one track.
class TrackWriter {
 public:
  void add(const Note& note) {
    end_notes(note.onset);
    if (std::exchange(programs_[note.channel], note.program) != note.program) {
      track_.add_channel(note.onset, midi::kProgramChange | note.channel, note.program);
    }
    track_.add_channel(note.onset, midi::kNoteOn | note.channel, note.pitch, note.velocity);
    if (note.duration == 0) {
      end(note.onset, note.channel, note.pitch);
    } else {
      ends_.push({note.end(), ++serial_, note.channel, note.pitch});
    }
  }
  MidiTrack finish() {
    end_notes(kMaxTick);
    return std::move(track_);
  }

 private:
  using End = std::tuple<std::int64_t, std::int64_t, std::uint8_t, std::uint8_t>;  // tick, serial, channel, pitch

  void end_notes(std::int64_t until) {
    for (; !ends_.empty() && std::get<0>(ends_.top()) <= until; ends_.pop()) {
      const auto [tick, serial, channel, pitch] = ends_.top();
      end(tick, channel, pitch);
    }
  }
  // As a note-on of velocity 0, which running status shortens.
  void end(std::int64_t tick, std::uint8_t channel, std::uint8_t pitch) {
    track_.add_channel(tick, midi::kNoteOn | channel, pitch, 0);
  }

  MidiTrack track_;
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
  std::int64_t serial_ = 0;
  std::array<int, 16> programs_ = [] {
    std::array<int, 16> none{};
    none.fill(-1);
    return none;
  }();
};

std::span<const std::uint8_t> octets_of(std::string_view text) {
  return as_octets(std::as_bytes(std::span(text)));
}

// Meters, tempos, pedal and the continuation's marker, which a file states once for all tracks.
MidiTrack conductor(const Score& score, std::string_view text, MidiFile& file) {
  MidiTrack track;
  if (!text.empty()) file.add_meta(track, 0, meta::kText, octets_of(text));
  for (const TimeSignature& meter : score.time_signatures) {
    const auto power = static_cast<std::uint8_t>(std::countr_zero(meter.denominator));
    file.add_meta(track, meter.tick, meta::kTimeSignature,
                  std::to_array<std::uint8_t>({meter.numerator, power, 24, 8}));
  }
  for (const Tempo& tempo : score.tempos) {
    const std::uint32_t value = tempo.microseconds_per_quarter;
    file.add_meta(track, tempo.tick, meta::kTempo,
                  std::array{static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 8),
                             static_cast<std::uint8_t>(value)});
  }
  for (const Pedal& pedal : score.pedals) {
    track.add_channel(pedal.tick, midi::kControlChange | pedal.channel, midi::kSustainPedal, pedal.down ? 127 : 0);
  }
  if (score.continuation) file.add_meta(track, *score.continuation, meta::kMarker, octets_of(kContinuationMarker));
  std::stable_sort(track.events.begin(), track.events.end(),
                   [](const MidiEvent& a, const MidiEvent& b) { return a.tick < b.tick; });
  return track;
}

MidiTrack merge(const MidiTrack& first, const MidiTrack& second) {
  MidiTrack merged;
  merged.events.reserve(first.events.size() + second.events.size());
  std::merge(first.events.begin(), first.events.end(), second.events.begin(), second.events.end(),
             std::back_inserter(merged.events), [](const MidiEvent& a, const MidiEvent& b) { return a.tick < b.tick; });
  return merged;
}

void require_readable_size(std::span<const std::byte> bytes, const std::string& name) {
  if (bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(fmt::format("{}: has more than 4 GiB; MIDI files of that size are not read.", name));
  }
}

}  // namespace

Score read_score(std::span<const std::byte> bytes, Warnings& warnings, const MidiReadOptions& options) {
  require_readable_size(bytes, options.name);
  MidiFaults faults(options);
  const std::span<const std::uint8_t> octets = as_octets(bytes);
  const MidiChunks chunks = find_chunks(octets, faults);
  ScoreBuilder builder(chunks.format, chunks.division, faults);
  builder.reserve(octets.size() / 7);  // a note takes 6 bytes with running status, 8 without
  for (const std::span<const std::uint8_t> chunk : chunks.tracks) {
    builder.begin_track(octets.data());
    builder.end_track(MidiTrackParser(chunk, builder).run());
  }
  Score score = builder.finish();
  faults.report_to(warnings);
  return score;
}

Score read_score(const MidiFile& file, Warnings& warnings) {
  const MidiReadOptions options;
  MidiFaults faults(options);
  ScoreBuilder builder(file.format, file.division, faults);
  const std::uint8_t* base = as_octets(file.payloads).data();
  for (const MidiTrack& track : file.tracks) {
    builder.begin_track(base);
    for (const MidiEvent& event : track.events) {
      if (event.status == midi::kMeta) {
        const std::span<const std::uint8_t> payload = file.payload(event);
        builder.meta(event.tick, event.data[0], payload.data(), payload.size());
      } else if (event.status >= 0x80 && event.status < midi::kSystemExclusive) {
        builder.channel(event.tick, event.status, event.data[0], event.data[1], base);
      }
    }
    builder.end_track(track.events.empty() ? 0 : track.events.back().tick);
  }
  Score score = builder.finish();
  faults.report_to(warnings);
  return score;
}

Score read_score(const std::filesystem::path& path, Warnings& warnings, bool strict) {
  return read_score(read_file(path), warnings, {.name = path.string(), .strict = strict});
}

MidiFile to_midi(const Score& score, std::string_view text) {
  check(score);
  std::vector<TrackWriter> writers(1);
  for (const Note& note : score.notes) {
    if (note.track >= writers.size()) writers.resize(note.track + std::size_t{1});
    writers[note.track].add(note);
  }
  MidiFile file;
  file.format = writers.size() > 1 ? 1 : 0;
  file.declared_tracks = static_cast<std::uint16_t>(writers.size());
  file.division = static_cast<std::uint16_t>(score.ticks_per_quarter);
  for (TrackWriter& writer : writers) file.tracks.push_back(writer.finish());
  file.tracks[0] = merge(conductor(score, text, file), file.tracks[0]);
  for (MidiTrack& track : file.tracks) {
    file.add_meta(track, track.events.empty() ? 0 : track.events.back().tick, meta::kEndOfTrack);
  }
  return file;
}

std::vector<std::byte> write_score(const Score& score, std::string_view text) {
  return write_midi(to_midi(score, text));
}

void apply_pedal(Score& score) {
  std::array<std::vector<Pedal>, 16> pedals;
  for (const Pedal& pedal : score.pedals) pedals[pedal.channel & 0x0F].push_back(pedal);
  const std::int64_t score_end = last_end(score.notes);

  // From the last note back, so that the next stroke of each key is known.
  std::array<std::int64_t, 16 * 128> next_onset;
  next_onset.fill(std::numeric_limits<std::int64_t>::max());
  const auto lift = [&](const Note& note) -> std::optional<std::int64_t> {
    const std::vector<Pedal>& changes = pedals[note.channel & 0x0F];
    auto change = std::upper_bound(changes.begin(), changes.end(), note.end(),
                                   [](std::int64_t tick, const Pedal& pedal) { return tick < pedal.tick; });
    if (change == changes.begin() || !std::prev(change)->down) return std::nullopt;
    while (change != changes.end() && change->down) ++change;
    return change == changes.end() ? score_end : change->tick;
  };
  for (std::size_t end = score.notes.size(); end > 0;) {
    // Notes that begin together do not cut each other short.
    std::size_t begin = end - 1;
    while (begin > 0 && score.notes[begin - 1].onset == score.notes[end - 1].onset) --begin;
    const auto key = [&](const Note& note) -> std::int64_t& {
      return next_onset[(note.channel & 0x0Fu) * 128u + (note.pitch & 0x7Fu)];
    };
    for (std::size_t index = begin; index < end; ++index) {
      Note& note = score.notes[index];
      if (const auto lifted = lift(note))
        note.duration = std::max(note.end(), std::min(*lifted, key(note))) - note.onset;
    }
    for (std::size_t index = begin; index < end; ++index) key(score.notes[index]) = score.notes[index].onset;
    end = begin;
  }
  score.pedals.clear();
}

}  // namespace polonaise::io
