#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "io/files/warnings.h"
#include "io/midi/midi.h"

// The grammar of Standard MIDI Files, written once: midi.cpp hangs an event list on it, notes.cpp a note builder
// that never materialises an event.
namespace polonaise::io {

enum class MidiFault : std::uint8_t {
  // Legal, or a repair of notes: strict reading counts these too.
  kAlienChunk,
  kLongHeader,
  kOverlappingNote,
  kHangingNote,
  kStrayNoteOff,
  kSmpteTempo,
  // Forbidden by the specification.
  kShortHeader,
  kHeaderLength,
  kFormat,
  kDivision,
  kMissingTracks,
  kExtraTracks,
  kTruncatedChunk,
  kTrailingBytes,
  kNoEndOfTrack,
  kDataAfterEnd,
  kTruncatedEvent,
  kLongNumber,
  kPayloadOverrun,
  kMetaLength,
  kNoRunningStatus,
  kStatus,
  kDataByte,
  kTempo,
  kTimeSignature,
  kLateEvent,
  kCount,
};

// Counts faults by kind; strict, throws Error at the first that the specification forbids.
class MidiFaults {
 public:
  explicit MidiFaults(const MidiReadOptions& options) : options_(options) {}

  void add(MidiFault fault, std::size_t offset = 0) {
    if (options_.strict && fault >= MidiFault::kShortHeader) reject(fault, offset);
    ++counts_[static_cast<std::size_t>(fault)];
  }
  void report_to(Warnings& warnings) const;
  const std::string& name() const { return options_.name; }

 private:
  [[noreturn]] void reject(MidiFault fault, std::size_t offset) const;

  MidiReadOptions options_;
  std::array<std::int64_t, static_cast<std::size_t>(MidiFault::kCount)> counts_{};
};

struct MidiChunks {
  std::uint16_t format = 0;
  std::uint16_t declared_tracks = 0;
  std::uint16_t division = 0;
  std::vector<std::span<const std::uint8_t>> tracks;  // what the MTrk chunks hold, cut at the file's end
};

// Throws Error for what has no MIDI header.
MidiChunks find_chunks(std::span<const std::uint8_t> bytes, MidiFaults& faults);

inline std::span<const std::uint8_t> as_octets(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

// Walks one track and tells `sink` what it finds. Returns the time of the last event told. A Sink has
//   void channel(int64_t tick, uint8_t status, uint8_t first, uint8_t second,   second is 0 for one-byte events
//                const uint8_t* at)
//   void meta(int64_t tick, uint8_t type, const uint8_t* bytes, size_t length)  fixed_length(type) bytes are readable
//   void system_exclusive(int64_t tick, uint8_t status, const uint8_t* bytes, size_t length)
//   void stray_status(int64_t tick, uint8_t status)                             0: no running status to go on
//   void fault(MidiFault, const uint8_t* at)
template <class Sink>
class MidiTrackParser {
 public:
  MidiTrackParser(std::span<const std::uint8_t> chunk, Sink& sink)
      : at_(chunk.data()), end_(chunk.data() + chunk.size()), sink_(sink) {}

  std::int64_t run() {
    while (at_ != end_) {
      std::uint64_t delta = *at_++;
      if (delta >= 0x80 && !continue_number(delta)) return stop(MidiFault::kTruncatedEvent, 0);
      tick_ += delta;
      if (at_ == end_) return stop(MidiFault::kTruncatedEvent, delta);
      std::uint8_t status = *at_;
      if (status < 0x80) {
        status = running_;
      } else {
        ++at_;
        if (status < midi::kSystemExclusive) running_ = status;
      }
      if (status >= 0x80 && status < midi::kSystemExclusive) {
        const std::ptrdiff_t size = 2 - ((status & 0xE0) == midi::kProgramChange);  // Cn and Dn have one byte
        if (end_ - at_ < size) return stop(MidiFault::kTruncatedEvent, delta);
        sink_.channel(tick(), status, at_[0], size == 2 ? at_[1] : std::uint8_t{0}, at_);
        at_ += size;
      } else {
        const Outcome outcome = status == midi::kMeta ? meta_event() : other_event(status);
        if (outcome == Outcome::kTruncated) return stop(MidiFault::kTruncatedEvent, delta);
        if (outcome == Outcome::kOverrun) return stop(MidiFault::kPayloadOverrun, delta);
        if (outcome == Outcome::kLast) return tick();
      }
    }
    return stop(MidiFault::kNoEndOfTrack, 0);
  }

 private:
  enum class Outcome : std::uint8_t { kNext, kLast, kTruncated, kOverrun };

  std::int64_t tick() const { return static_cast<std::int64_t>(tick_); }

  // Ends the walk; the time of an event that was not told does not count.
  std::int64_t stop(MidiFault fault, std::uint64_t untold) {
    sink_.fault(fault, at_);
    tick_ -= untold;
    return tick();
  }

  // `value` holds a number's first byte, whose top bit says that more follow. False where the chunk ends first. Numbers
  // beyond the specification's four bytes are read on, modulo 2^64.
  bool continue_number(std::uint64_t& value) {
    const std::uint8_t* first = at_ - 1;
    value &= 0x7F;
    for (;;) {
      if (at_ == end_) return false;
      const std::uint8_t byte = *at_++;
      value = value << 7 | (byte & 0x7F);
      if (byte < 0x80) break;
    }
    if (at_ - first > 4) sink_.fault(MidiFault::kLongNumber, first);
    return true;
  }

  bool number(std::uint64_t& value) {
    if (at_ == end_) return false;
    value = *at_++;
    return value < 0x80 || continue_number(value);
  }

  Outcome other_event(std::uint8_t status) {
    if (status != midi::kSystemExclusive && status != midi::kSystemExclusivePacket) {
      sink_.fault(status == 0 ? MidiFault::kNoRunningStatus : MidiFault::kStatus, at_);
      sink_.stray_status(tick(), status);
      return Outcome::kNext;
    }
    std::uint64_t length = 0;
    if (!number(length)) return Outcome::kTruncated;
    if (length > available()) return Outcome::kOverrun;
    sink_.system_exclusive(tick(), status, at_, length);
    at_ += length;
    return Outcome::kNext;
  }

  Outcome meta_event() {
    std::uint64_t length = 0;
    if (at_ == end_) return Outcome::kTruncated;
    const std::uint8_t type = *at_++;
    if (!number(length)) return Outcome::kTruncated;
    const bool fits = length <= available();
    const std::size_t held = fits ? static_cast<std::size_t>(length) : available();
    if (type == meta::kEndOfTrack) {
      if (length != 0) sink_.fault(MidiFault::kMetaLength, at_);
      sink_.meta(tick(), type, at_, held);
      if (at_ + held != end_) sink_.fault(MidiFault::kDataAfterEnd, at_ + held);
      return Outcome::kLast;
    }
    const std::size_t fixed = meta::fixed_length(type);
    if (fixed == 0 && !fits) return Outcome::kOverrun;
    if (fixed != 0 && length != fixed) sink_.fault(MidiFault::kMetaLength, at_);
    if (available() < fixed) return Outcome::kTruncated;
    sink_.meta(tick(), type, at_, held);
    if (!fits) {
      sink_.fault(MidiFault::kPayloadOverrun, at_);
      return Outcome::kLast;
    }
    at_ += held;
    return Outcome::kNext;
  }

  std::size_t available() const { return static_cast<std::size_t>(end_ - at_); }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  Sink& sink_;
  std::uint64_t tick_ = 0;
  std::uint8_t running_ = 0;
};

}  // namespace polonaise::io
