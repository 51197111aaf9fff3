#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/corpus.h"
#include "io/encodings/encoding.h"
#include "io/files/warnings.h"
#include "tools/prepare/sources.h"

namespace polonaise::tools {

// What a training piece is repeated as: each transposition at each tempo. Other splits are taken as they are.
struct Augmentation {
  int lowest = 0;  // semitones
  int highest = 0;
  std::vector<double> tempos = {1.0};
};

// "-5..6" into lowest and highest. Throws UsageError for anything but two whole numbers in order from -24 to 24.
void parse_transposition(std::string_view text, Augmentation& augmentation);

// A source's first repetition.
struct EncodedSource {
  std::int64_t events = 0;
  io::LossReport losses;
};

struct Encoded {
  io::Corpus corpus;
  std::vector<EncodedSource> sources;  // in their order
  io::LossReport losses;               // of all of these
  io::Warnings warnings;               // of the augmentation
};

// Repeats the training sequences of piano rolls in the other keys, each behind the one it came from: "train 1 +2".
void repeat_rolls(std::vector<io::Piece>& pieces, const Augmentation& augmentation, io::Warnings& warnings);

// Encodes each source into the split of its index. A piece is named by its file's stem, its repetitions "stem +2 x1.1".
// Throws UsageError where the tempos make no difference to the encoding.
Encoded encode_sources(std::span<const Source> sources, std::span<const io::Split> splits, const io::Encoding& encoding,
                       const Augmentation& augmentation, int jobs, bool quiet);

}  // namespace polonaise::tools
