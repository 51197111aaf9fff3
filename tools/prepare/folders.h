#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "io/data/corpus.h"
#include "tools/prepare/sources.h"

namespace polonaise::tools {

// Where sources come from (io::source_folder), and which of these folders each piece belongs to.
struct Folders {
  std::vector<std::filesystem::path> names;  // in the order of their first files
  std::vector<std::size_t> homes;            // of each piece, as a number of `names`
};

// `given`: what the files were searched in; nothing for sources that are no files, which are of one folder.
Folders folders_of(std::span<const Source> sources, const std::vector<std::vector<std::size_t>>& pieces,
                   std::span<const std::filesystem::path> given);

// How many pieces of each folder went into each split, the folders with most pieces first, and those beyond a dozen in
// one line; empty where all is of one folder.
std::string folders_text(const Folders& folders, const std::vector<std::vector<std::size_t>>& pieces,
                         std::span<const io::Split> splits);

}  // namespace polonaise::tools
