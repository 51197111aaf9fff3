#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "io/files/warnings.h"
#include "io/midi/midi.h"
#include "io/midi/score.h"

// Notes from MIDI and back. What is repaired is counted in Warnings.
namespace polonaise::io {

// Times in a Score that was read are at most this; events beyond are dropped.
inline constexpr std::int64_t kMaxTick = std::numeric_limits<std::int32_t>::max();

// Bytes or events to notes:
// - A note-on of velocity 0 is a note-off. Notes pair within a track and channel, first on with first off: of two that
//   overlap on one pitch (two voices of a score in one channel) both keep their lengths. A note-off without a note is
//   dropped; a note without a note-off ends with its track. Velocities above 127 become 127, notes on pitches above 127
//   are dropped.
// - A note's program is the last program change of its channel in its own track or, before the track has any, in
//   another track; 0 where there is none.
// - Tempos, meters and sustain pedal come from all tracks. Of several tempos (meters) at one tick the last counts; of
//   the pedal only changes are kept.
// - Of markers only kContinuationMarker matters, from any track: of several the first.
// - Format 2: the tracks follow one another, each from the End of Track of the one before.
// - SMPTE division: a quarter is half a second as nearly as whole ticks allow, stated exactly by one Tempo; the file's
//   tempo events, which have no meaning there, are dropped.
// The first form goes from the bytes to notes in one pass without keeping events. Errors and strictness are
// read_midi's; strict reading still repairs notes, since any sequence of channel events is a legal file.
Score read_score(std::span<const std::byte> bytes, Warnings& warnings, const MidiReadOptions& options = {});
Score read_score(const MidiFile& file, Warnings& warnings);
Score read_score(const std::filesystem::path& path, Warnings& warnings, bool strict = false);

// The score as a file that read_score reads back to the same score, provided that it is sorted and that notes of one
// track, channel and pitch which overlap end in the order in which they began (else their ends change places). One
// track for each Note::track up to the greatest, format 0 for a single one; tempos, meters, pedal, the continuation's
// marker and `text` (a text event, for provenance; none if empty) in the first. Throws Error for values out of their
// range.
MidiFile to_midi(const Score& score, std::string_view text = {});
std::vector<std::byte> write_score(const Score& score, std::string_view text = {});

// Lets notes sound as the sustain pedal holds them and removes the pedal: a note that ends while its channel's pedal is
// down ends when the pedal comes up, when its pitch is struck again on that channel, or with the last note of the
// piece.
void apply_pedal(Score& score);

}  // namespace polonaise::io
