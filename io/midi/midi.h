#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/files/warnings.h"

// Standard MIDI Files as events, unrepaired: what the CSV form (csv.h) shows and what the writer writes. Notes are one
// level up (notes.h). Numbers and names follow "Standard MIDI Files 1.0" (MIDI Manufacturers Association, 1996).
namespace polonaise::io {

namespace midi {  // status bytes; those below kSystemExclusive carry a channel in their low four bits
inline constexpr std::uint8_t kNoteOff = 0x80;
inline constexpr std::uint8_t kNoteOn = 0x90;
inline constexpr std::uint8_t kPolyAftertouch = 0xA0;
inline constexpr std::uint8_t kControlChange = 0xB0;
inline constexpr std::uint8_t kProgramChange = 0xC0;
inline constexpr std::uint8_t kChannelAftertouch = 0xD0;
inline constexpr std::uint8_t kPitchBend = 0xE0;
inline constexpr std::uint8_t kSystemExclusive = 0xF0;
inline constexpr std::uint8_t kSystemExclusivePacket = 0xF7;
inline constexpr std::uint8_t kMeta = 0xFF;

inline constexpr std::uint8_t kSustainPedal = 64;                 // a controller
inline constexpr std::uint32_t kMaxVariableLength = 0x0FFF'FFFF;  // the largest number of four 7-bit bytes
}  // namespace midi

namespace meta {  // types of meta event
inline constexpr std::uint8_t kSequenceNumber = 0x00;
inline constexpr std::uint8_t kText = 0x01;
inline constexpr std::uint8_t kCopyright = 0x02;
inline constexpr std::uint8_t kTitle = 0x03;
inline constexpr std::uint8_t kInstrumentName = 0x04;
inline constexpr std::uint8_t kLyric = 0x05;
inline constexpr std::uint8_t kMarker = 0x06;
inline constexpr std::uint8_t kCuePoint = 0x07;
inline constexpr std::uint8_t kProgramName = 0x08;
inline constexpr std::uint8_t kDeviceName = 0x09;
inline constexpr std::uint8_t kChannelPrefix = 0x20;
inline constexpr std::uint8_t kPort = 0x21;
inline constexpr std::uint8_t kLoopTrack = 0x2E;
inline constexpr std::uint8_t kEndOfTrack = 0x2F;
inline constexpr std::uint8_t kTempo = 0x51;
inline constexpr std::uint8_t kSmpteOffset = 0x54;
inline constexpr std::uint8_t kTimeSignature = 0x58;
inline constexpr std::uint8_t kKeySignature = 0x59;
inline constexpr std::uint8_t kSequencerSpecific = 0x7F;

// The number of bytes that the fields of a meta event of this type take; 0 for texts and other free lengths.
constexpr std::size_t fixed_length(std::uint8_t type) {
  switch (type) {
    case kChannelPrefix:
    case kPort:
      return 1;
    case kSequenceNumber:
    case kKeySignature:
      return 2;
    case kTempo:
      return 3;
    case kTimeSignature:
      return 4;
    case kSmpteOffset:
      return 5;
    default:
      return 0;
  }
}
}  // namespace meta

struct MidiEvent {
  std::int64_t tick = 0;               // since the track's start
  std::uint32_t offset = 0;            // meta and system exclusive: where in MidiFile::payloads its bytes begin
  std::uint32_t length = 0;            // and their number
  std::uint8_t status = 0;             // running status resolved; 0 where the file gives none
  std::array<std::uint8_t, 2> data{};  // channel events: the data bytes, not masked; meta: its type

  std::uint8_t kind() const { return status < midi::kSystemExclusive ? status & 0xF0 : status; }
  std::uint8_t channel() const { return status & 0x0F; }
  bool is_meta(std::uint8_t type) const { return status == midi::kMeta && data[0] == type; }
};

struct MidiTrack {
  std::vector<MidiEvent> events;  // ends with End of Track where the file's track does

  void add_channel(std::int64_t tick, std::uint8_t status, std::uint8_t first, std::uint8_t second = 0) {
    events.push_back({.tick = tick, .status = status, .data = {first, second}});
  }
};

struct MidiFile {
  std::uint16_t format = 1;
  std::uint16_t declared_tracks = 0;  // the header's count; `tracks` is what was found
  std::uint16_t division = 480;       // ticks per quarter, or 0x8000 | -frames per second << 8 | ticks per frame
  std::vector<MidiTrack> tracks;
  std::vector<std::byte> payloads;  // a file that was read keeps its bytes here; events refer to them

  // The event's bytes. Fields of a fixed-length meta event that claims fewer (fixed_length) can be read beyond them:
  // payload(event, meta::fixed_length(type)) is whole whenever the event came from read_midi.
  std::span<const std::uint8_t> payload(const MidiEvent& event, std::size_t at_least = 0) const;

  void add_meta(MidiTrack& track, std::int64_t tick, std::uint8_t type, std::span<const std::uint8_t> bytes = {});
  void add_system_exclusive(MidiTrack& track, std::int64_t tick, std::uint8_t status,
                            std::span<const std::uint8_t> bytes);
};

struct MidiReadOptions {
  std::string name = "MIDI data";  // how messages call the file
  bool strict = false;             // throw Error at the first thing that the specification forbids
};

// Reads formats 0, 1 and 2, and these inside RIFF (.rmi). Lenient reading stops only at what has no MIDI header
// (Error) and counts the rest in `warnings`: it skips alien chunks, honours headers of any length, ends a track where
// its bytes stop making sense (no end, an event or chunk cut short, a payload longer than the chunk) and keeps what
// came before; it invents nothing. Running status survives meta events and system exclusive, as in files in the wild.
// A status byte F1-F6 or F8-FE, which has no place in files, is an event without data.
MidiFile read_midi(std::vector<std::byte> bytes, Warnings& warnings, const MidiReadOptions& options = {});
MidiFile read_midi(const std::filesystem::path& path, Warnings& warnings, bool strict = false);

struct MidiWriteOptions {
  bool running_status = true;  // leave a status byte out where it repeats; meta and system exclusive end the run
};

// The canonical file: a 6-byte header with the true number of tracks, shortest variable-length numbers, one End of
// Track at each track's end (added at the last event's time if missing; what follows one is left out). Data bytes above
// 127 become 127; events that files cannot hold (status F1-F6, F8-FE, none) are left out, their time kept. Throws Error
// for more than 65535 tracks, times that run backwards, and gaps or payloads beyond midi::kMaxVariableLength.
std::vector<std::byte> write_midi(const MidiFile& file, const MidiWriteOptions& options = {});

}  // namespace polonaise::io
