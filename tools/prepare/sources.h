#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "io/data/split.h"
#include "io/files/warnings.h"
#include "io/midi/score.h"

namespace polonaise::tools {

// Which notes of a file are taken.
enum class Parts {
  all,    // all but percussion
  piano,  // General MIDI's pianos (programs 0..7)
};

struct Source {
  std::filesystem::path file;
  io::Score score;
  io::PieceId id;
};

struct Sources {
  std::vector<Source> read;  // in the order of the files
  // Why files were left out that are broken or hold no notes of the parts wanted: sentences that name the file.
  std::vector<std::string> skipped;
  io::Warnings warnings;  // repairs in all files
};

struct ReadSettings {
  Parts parts = Parts::all;
  bool strict = false;  // throw io::Error at the first file that would be skipped or repaired
  int jobs = 0;
  bool quiet = false;
};

// Throws io::Error where no file is left.
Sources read_sources(std::span<const std::filesystem::path> files, const ReadSettings& settings);
// io::synthetic_corpus, as if it had been read from files of the pieces' names.
Sources synthetic_sources(int count, std::uint64_t seed);

}  // namespace polonaise::tools
