#include "io/midi/midi.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "io/files/error.h"
#include "io/files/file.h"
#include "io/midi/midi_parser.h"

namespace polonaise::io {
namespace {

class EventSink {
 public:
  EventSink(const std::uint8_t* file, MidiFaults& faults) : file_(file), faults_(faults) {}

  void begin(MidiTrack& track) { events_ = &track.events; }

  void channel(std::int64_t tick, std::uint8_t status, std::uint8_t first, std::uint8_t second,
               const std::uint8_t* at) {
    if ((first | second) >= 0x80) fault(MidiFault::kDataByte, at);
    events_->push_back({.tick = tick, .status = status, .data = {first, second}});
  }
  void meta(std::int64_t tick, std::uint8_t type, const std::uint8_t* bytes, std::size_t length) {
    add_payload(tick, midi::kMeta, type, bytes, length);
  }
  void system_exclusive(std::int64_t tick, std::uint8_t status, const std::uint8_t* bytes, std::size_t length) {
    add_payload(tick, status, 0, bytes, length);
  }
  void stray_status(std::int64_t tick, std::uint8_t status) { events_->push_back({.tick = tick, .status = status}); }
  void fault(MidiFault fault, const std::uint8_t* at) { faults_.add(fault, static_cast<std::size_t>(at - file_)); }

 private:
  void add_payload(std::int64_t tick, std::uint8_t status, std::uint8_t type, const std::uint8_t* bytes,
                   std::size_t length) {
    events_->push_back({.tick = tick,
                        .offset = static_cast<std::uint32_t>(bytes - file_),
                        .length = static_cast<std::uint32_t>(length),
                        .status = status,
                        .data = {type, 0}});
  }

  const std::uint8_t* file_;
  MidiFaults& faults_;
  std::vector<MidiEvent>* events_ = nullptr;
};

class Writer {
 public:
  void byte(std::uint8_t value) { bytes_.push_back(static_cast<std::byte>(value)); }
  void tag(std::string_view letters) {
    for (const char letter : letters) byte(static_cast<std::uint8_t>(letter));
  }
  void big_endian(std::uint32_t value, int size) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) byte(static_cast<std::uint8_t>(value >> shift));
  }
  void number(std::uint32_t value) {
    for (int shift = 21; shift > 0; shift -= 7) {
      if (value >> shift != 0) byte(static_cast<std::uint8_t>(0x80 | (value >> shift & 0x7F)));
    }
    byte(value & 0x7F);
  }
  void octets(std::span<const std::uint8_t> values) {
    for (const std::uint8_t value : values) byte(value);
  }
  std::size_t size() const { return bytes_.size(); }
  void patch_big_endian(std::size_t at, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes_[at++] = static_cast<std::byte>(value >> shift);
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

void write_track(const MidiFile& file, const MidiTrack& track, bool running_status, Writer& out) {
  out.tag("MTrk");
  const std::size_t length_at = out.size();
  out.big_endian(0, 4);
  std::int64_t now = 0;
  int last_status = -1;
  const auto delta = [&](std::int64_t tick) {
    if (tick < now) throw Error(fmt::format("A MIDI event at tick {} follows one at {}; sort the events.", tick, now));
    if (tick - now > midi::kMaxVariableLength) {
      throw Error(
          fmt::format("A MIDI event follows the one before after {} ticks, but files hold at most {}; use fewer "
                      "ticks per quarter.",
                      tick - now, midi::kMaxVariableLength));
    }
    out.number(static_cast<std::uint32_t>(tick - now));
    now = tick;
  };
  const auto payload = [&](const MidiEvent& event) {
    if (event.length > midi::kMaxVariableLength) {
      throw Error(fmt::format("A MIDI event holds {} bytes, but files hold at most {}; shorten it.", event.length,
                              midi::kMaxVariableLength));
    }
    out.number(event.length);
    out.octets(file.payload(event));
    last_status = -1;
  };
  const MidiEvent* last = nullptr;
  for (const MidiEvent& event : track.events) {
    last = &event;
    if (event.is_meta(meta::kEndOfTrack)) break;
    if (event.status == midi::kMeta) {
      delta(event.tick);
      out.byte(midi::kMeta);
      out.byte(event.data[0]);
      payload(event);
    } else if (event.status == midi::kSystemExclusive || event.status == midi::kSystemExclusivePacket) {
      delta(event.tick);
      out.byte(event.status);
      payload(event);
    } else if (event.status >= 0x80 && event.status < midi::kSystemExclusive) {
      delta(event.tick);
      if (!running_status || event.status != last_status) out.byte(event.status);
      last_status = event.status;
      out.byte(std::min<std::uint8_t>(event.data[0], 127));
      const bool one_byte = event.kind() == midi::kProgramChange || event.kind() == midi::kChannelAftertouch;
      if (!one_byte) out.byte(std::min<std::uint8_t>(event.data[1], 127));
    }
  }
  delta(last ? last->tick : 0);
  out.octets(std::to_array<std::uint8_t>({midi::kMeta, meta::kEndOfTrack, 0}));
  out.patch_big_endian(length_at, static_cast<std::uint32_t>(out.size() - length_at - 4));
}

}  // namespace

std::span<const std::uint8_t> MidiFile::payload(const MidiEvent& event, std::size_t at_least) const {
  const std::span<const std::uint8_t> all = as_octets(payloads);
  const std::size_t begin = std::min<std::size_t>(event.offset, all.size());
  return all.subspan(begin, std::min(std::max<std::size_t>(event.length, at_least), all.size() - begin));
}

void MidiFile::add_meta(MidiTrack& track, std::int64_t tick, std::uint8_t type, std::span<const std::uint8_t> bytes) {
  add_system_exclusive(track, tick, midi::kMeta, bytes);
  track.events.back().data[0] = type;
}

void MidiFile::add_system_exclusive(MidiTrack& track, std::int64_t tick, std::uint8_t status,
                                    std::span<const std::uint8_t> bytes) {
  if (payloads.size() + bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw Error("The texts and system exclusive data of a MIDI file exceed 4 GiB; shorten them.");
  }
  track.events.push_back({.tick = tick,
                          .offset = static_cast<std::uint32_t>(payloads.size()),
                          .length = static_cast<std::uint32_t>(bytes.size()),
                          .status = status});
  const auto raw = std::as_bytes(bytes);
  payloads.insert(payloads.end(), raw.begin(), raw.end());
}

MidiFile read_midi(std::vector<std::byte> bytes, Warnings& warnings, const MidiReadOptions& options) {
  if (bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(fmt::format("{}: has more than 4 GiB; MIDI files of that size are not read.", options.name));
  }
  MidiFile file;
  file.payloads = std::move(bytes);
  const std::span<const std::uint8_t> octets = as_octets(file.payloads);
  MidiFaults faults(options);
  const MidiChunks chunks = find_chunks(octets, faults);
  file.format = chunks.format;
  file.declared_tracks = chunks.declared_tracks;
  file.division = chunks.division;
  file.tracks.resize(chunks.tracks.size());
  EventSink sink(octets.data(), faults);
  for (std::size_t index = 0; index < chunks.tracks.size(); ++index) {
    sink.begin(file.tracks[index]);
    MidiTrackParser(chunks.tracks[index], sink).run();
  }
  faults.report_to(warnings);
  return file;
}

MidiFile read_midi(const std::filesystem::path& path, Warnings& warnings, bool strict) {
  return read_midi(read_file(path), warnings, {.name = path.string(), .strict = strict});
}

std::vector<std::byte> write_midi(const MidiFile& file, const MidiWriteOptions& options) {
  if (file.tracks.size() > std::numeric_limits<std::uint16_t>::max()) {
    throw Error(fmt::format("A MIDI file holds at most 65535 tracks, not {}; join some.", file.tracks.size()));
  }
  Writer out;
  out.tag("MThd");
  out.big_endian(6, 4);
  out.big_endian(file.format, 2);
  out.big_endian(static_cast<std::uint32_t>(file.tracks.size()), 2);
  out.big_endian(file.division, 2);
  for (const MidiTrack& track : file.tracks) write_track(file, track, options.running_status, out);
  return out.take();
}

}  // namespace polonaise::io
