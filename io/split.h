#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/corpus.h"
#include "io/score.h"
#include "io/warnings.h"

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

// Moves every note that is not percussion by `semitones`; notes that would leave 0..127 are dropped and counted.
Score transpose(const Score& score, int semitones, Warnings& warnings);

// The same notes played `factor` (> 0) times as fast: tempos change, ticks do not.
Score scale_tempo(const Score& score, double factor);

}  // namespace polonaise::io
