#include "io/midi/midi_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "io/files/error.h"

namespace polonaise::io {
namespace {

std::string_view text(MidiFault fault) {
  switch (fault) {
    case MidiFault::kAlienChunk:
      return "chunk of an unknown type skipped";
    case MidiFault::kLongHeader:
      return "header longer than six bytes";
    case MidiFault::kOverlappingNote:
      return "note that overlaps another on its pitch";
    case MidiFault::kHangingNote:
      return "note without a note-off, ended with its track";
    case MidiFault::kStrayNoteOff:
      return "note-off without a note";
    case MidiFault::kSmpteTempo:
      return "tempo in a file of SMPTE times";
    case MidiFault::kShortHeader:
      return "header that claims fewer than six bytes";
    case MidiFault::kHeaderLength:
      return "header with a wrong length";
    case MidiFault::kFormat:
      return "format other than 0, 1 and 2";
    case MidiFault::kDivision:
      return "division of zero or without meaning";
    case MidiFault::kMissingTracks:
      return "track that the header counts and the file lacks";
    case MidiFault::kExtraTracks:
      return "track beyond the header's count";
    case MidiFault::kTruncatedChunk:
      return "chunk that runs past the end of the file";
    case MidiFault::kTrailingBytes:
      return "bytes after the last chunk";
    case MidiFault::kNoEndOfTrack:
      return "track without End of Track";
    case MidiFault::kDataAfterEnd:
      return "data after End of Track";
    case MidiFault::kTruncatedEvent:
      return "event cut short by the end of its track";
    case MidiFault::kLongNumber:
      return "variable-length number of more than four bytes";
    case MidiFault::kPayloadOverrun:
      return "event longer than its track";
    case MidiFault::kMetaLength:
      return "meta event of a wrong length";
    case MidiFault::kNoRunningStatus:
      return "data where a status byte is due";
    case MidiFault::kStatus:
      return "status byte that files cannot hold";
    case MidiFault::kDataByte:
      return "data byte above 127";
    case MidiFault::kTempo:
      return "tempo of zero or cut short";
    case MidiFault::kTimeSignature:
      return "time signature without meaning";
    case MidiFault::kLateEvent:
      return "event at a time beyond 2^31 ticks dropped";
    case MidiFault::kCount:
      break;
  }
  return "fault";
}

std::uint32_t big_endian(std::span<const std::uint8_t> bytes) {
  std::uint32_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

bool has_tag(std::span<const std::uint8_t> bytes, std::size_t at, std::string_view tag) {
  return at <= bytes.size() && bytes.size() - at >= tag.size() &&
         std::equal(tag.begin(), tag.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

// Where MThd begins: at the start, or in the data chunk of a RIFF file of type RMID.
std::size_t find_header(std::span<const std::uint8_t> bytes, const std::string& name) {
  if (bytes.empty()) throw Error(fmt::format("{}: is empty; give a Standard MIDI File.", name));
  if (has_tag(bytes, 0, "MThd")) return 0;
  if (has_tag(bytes, 0, "RIFF") && has_tag(bytes, 8, "RMID")) {
    std::size_t at = 12;
    while (at + 8 <= bytes.size() && !has_tag(bytes, at, "data")) {
      std::size_t size = 0;  // little-endian; the chunk is padded to even
      for (std::size_t index = 4; index > 0; --index) size = size << 8 | bytes[at + 3 + index];
      at += 8 + size + size % 2;
    }
    if (has_tag(bytes, at + 8, "MThd")) return at + 8;
  }
  throw Error(fmt::format("{}: is not a Standard MIDI File (it does not begin with MThd); give a .mid file.", name));
}

constexpr std::size_t kChunkHead = 8;   // tag and length
constexpr std::size_t kHeaderBody = 6;  // format, tracks, division

}  // namespace

void MidiFaults::report_to(Warnings& warnings) const {
  for (std::size_t fault = 0; fault < counts_.size(); ++fault) {
    if (counts_[fault] > 0) warnings.add(text(static_cast<MidiFault>(fault)), counts_[fault]);
  }
}

void MidiFaults::reject(MidiFault fault, std::size_t offset) const {
  throw Error(fmt::format("{}: {} at byte {}; repair the file or read it without strictness.", options_.name,
                          text(fault), offset));
}

MidiChunks find_chunks(std::span<const std::uint8_t> bytes, MidiFaults& faults) {
  const std::size_t header = find_header(bytes, faults.name());
  if (bytes.size() - header < kChunkHead + kHeaderBody) {
    throw Error(fmt::format("{}: the MIDI header is cut short; get the file again.", faults.name()));
  }
  MidiChunks chunks;
  chunks.format = static_cast<std::uint16_t>(big_endian(bytes.subspan(header + 8, 2)));
  chunks.declared_tracks = static_cast<std::uint16_t>(big_endian(bytes.subspan(header + 10, 2)));
  chunks.division = static_cast<std::uint16_t>(big_endian(bytes.subspan(header + 12, 2)));
  if (chunks.format > 2) faults.add(MidiFault::kFormat, header + 8);
  const bool smpte = chunks.division >= 0x8000;
  if (chunks.division == 0 || (smpte && (chunks.division & 0xFF) == 0)) faults.add(MidiFault::kDivision, header + 12);

  std::size_t at = header + kChunkHead + kHeaderBody;
  const std::size_t length = big_endian(bytes.subspan(header + 4, 4));
  if (length < kHeaderBody) {
    faults.add(MidiFault::kShortHeader, header + 4);
  } else if (length > kHeaderBody) {
    // A length that is merely wrong shows in the track that follows at once.
    const bool wrong = has_tag(bytes, at, "MTrk");
    faults.add(wrong ? MidiFault::kHeaderLength : MidiFault::kLongHeader, header + 4);
    if (!wrong) at += std::min(length - kHeaderBody, bytes.size() - at);
  }

  while (bytes.size() - at >= kChunkHead) {
    const bool is_track = has_tag(bytes, at, "MTrk");
    const bool all_found = chunks.tracks.size() >= chunks.declared_tracks;
    const std::size_t claimed = big_endian(bytes.subspan(at + 4, 4));
    const std::size_t left = bytes.size() - at - kChunkHead;
    if (!is_track && all_found && claimed > left) break;  // padding rather than a chunk
    if (claimed > left) faults.add(MidiFault::kTruncatedChunk, at);
    const std::size_t held = std::min(claimed, left);
    if (is_track) {
      if (all_found) faults.add(MidiFault::kExtraTracks, at);
      chunks.tracks.push_back(bytes.subspan(at + kChunkHead, held));
    } else {
      faults.add(MidiFault::kAlienChunk, at);
    }
    at += kChunkHead + held;
  }
  if (at != bytes.size()) faults.add(MidiFault::kTrailingBytes, at);
  if (chunks.tracks.size() < chunks.declared_tracks) faults.add(MidiFault::kMissingTracks, at);
  return chunks;
}

}  // namespace polonaise::io
