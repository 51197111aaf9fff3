#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/files/warnings.h"
#include "io/midi/midi.h"

namespace polonaise::io {

enum class CsvDialect {
  midicsv,     // John Walker's midicsv 1.1, as Debian ships it
  py_midicsv,  // py_midicsv 4.1.2
};

// The events as lines "track, tick, Type, fields". midicsv's dialect is its output byte for byte wherever that program
// exits 0 and stays inside the file's chunks (text beyond ASCII is Latin-1). Where it would not, read_midi has already
// ended the track, so the lines stop there: nothing is made up, no End_track either. Only tracks that the header
// declares are written, as midicsv does. py_midicsv's differs: no newline after the last line, system exclusive and
// sequencer-specific bytes in hexadecimal, every byte beyond ASCII escaped, division unsigned, names for meta 08, 09
// and 2E, other unknown events left out (`warnings`).
std::string write_csv(const MidiFile& file, Warnings& warnings, CsvDialect dialect = CsvDialect::midicsv);

struct CsvFinding {
  int line = 0;  // from 1
  std::string text;
};

struct CsvImport {
  MidiFile midi;
  std::vector<CsvFinding> findings;  // what csvmidi reports and exits 1 for
};

// Reads both dialects as csvmidi does. Blank lines and lines that begin with # or ; are skipped, types are known in
// any case. A value out of range is clamped; a line that is malformed, out of order or outside its track is dropped; a
// track without End_track is dropped: each is a finding. `strict` throws Error at the first, naming `name` and the
// line.
CsvImport read_csv(std::string_view text, std::string_view name = "CSV data", bool strict = false);

}  // namespace polonaise::io
