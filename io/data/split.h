#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/corpus.h"
#include "io/midi/score.h"

namespace polonaise::io {

// Division of a collection by piece, so that no piece is heard in training and met again in the test, whether under
// another performer's name, with its repeats, or as a copy.

// What makes two files one piece in name: the text before "__" without what tells of repeats ("_no_repeat", "_repeat",
// "_no_first_repeat", "_no_2_repeat", ...) or of copies ("(1)", " copy"), in lower case.
std::string normalised_stem(std::string_view stem);

// What makes two files one piece in content: a hash of onsets from the first note on (in 1/48 quarters) and pitches.
std::uint64_t note_content(const Score& score);

struct PieceId {
  std::string stem;           // file name without folder and ending
  std::uint64_t content = 0;  // note_content()
};

// The pieces, each as the indices of its files, ascending; in order of their first file. Two files are one piece where
// stem or content agree, also through others.
std::vector<std::vector<std::size_t>> piece_groups(std::span<const PieceId> files);

struct SplitRatios {
  double train = 0.8;
  double valid = 0.1;
  double test = 0.1;
};

// "0.8,0.1,0.1": each >= 0, train above 0, sum 1 (within 0.001). Error otherwise.
SplitRatios parse_split_ratios(std::string_view text);

// A split for each of `files` files; a group stays together. Groups are dealt out in an order given by `seed` alone,
// each to the split that lacks most files; no split of a ratio above 0 stays empty where there are groups enough.
std::vector<Split> split_groups(const std::vector<std::vector<std::size_t>>& groups, std::size_t files,
                                const SplitRatios& ratios, std::uint64_t seed);

// The source folder of a file: of the first of `given` that it lies in, the folder directly below on the way to the
// file, or, where the file lies in it directly, that folder itself. Of a file that is itself given: the folder it lies
// in. "midi/bach" of "midi/bach/fugues/1.mid" and "midi" of "midi/1.mid", where "midi" is given. Names alone decide.
std::filesystem::path source_folder(const std::filesystem::path& file, std::span<const std::filesystem::path> given);

// The folder of each group: the one that most of its files have, of several the first. `folders`: of each file, as a
// number.
std::vector<std::size_t> group_folders(const std::vector<std::vector<std::size_t>>& groups,
                                       std::span<const std::size_t> folders);

// A split for each of `files` files, dealt out folder by folder, so that training, validation and test are of one mix
// of sources; a group stays together. `homes`: the folder of each group.
//   - A folder with at least as many groups as there are splits of a ratio above 0 has one in each of them. Collections
//     of very many small folders cannot keep that and the ratios: then the folders with most groups have it, as many as
//     bring no split beyond twice its share of the groups or, in small collections, beyond ten groups.
//   - All else goes to the split that lacks most files by then, so that the whole keeps the ratios.
//   - No split of a ratio above 0 stays empty where there are groups enough.
// With a single folder it is split_groups(). Order, and so the result, follows from `seed` alone.
std::vector<Split> split_groups_by_folder(const std::vector<std::vector<std::size_t>>& groups,
                                          std::span<const std::size_t> homes, std::size_t files,
                                          const SplitRatios& ratios, std::uint64_t seed);

}  // namespace polonaise::io
