#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "io/data/corpus.h"
#include "io/data/dataset.h"

namespace polonaise::tools {

struct ReadOptions {
  int jobs = 0;
  bool strict =
      false;  // throw io::Error at the first file that cannot be read or needs repair, instead of leaving it out
  bool quiet = false;  // show no progress
  bool whole = false;  // take pieces as if they had no continuation
};

// The pieces of MIDI files below `folders` (see find_midi_files); pieces without notes count. Those of a single folder
// are named by their paths inside it, others by their paths.
struct Pieces {
  std::string label;  // what was read, as the user wrote it
  std::vector<io::NamedScore> scores;
  std::vector<std::string> skipped;  // sentences that name files which are broken
};
// A piece whose continuation has no notes is left out as one that cannot be read is. Throws io::Error where nothing can
// be read.
Pieces read_pieces(std::span<const std::filesystem::path> folders, const ReadOptions& options);

// How many are measured from a marker on.
std::int64_t continuations(const Pieces& pieces);

// The pieces of a split as the encoding decodes them.
Pieces decoded_pieces(const io::Dataset& data, io::Split split, const std::string& label, const ReadOptions& options);

// Calls work(i) for i in [0, count) on several threads, showing how far it is under `title`.
void for_each_piece(std::size_t count, const ReadOptions& options, std::string_view title,
                    const std::function<void(std::size_t)>& work);

}  // namespace polonaise::tools
