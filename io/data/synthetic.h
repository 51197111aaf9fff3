#pragma once

#include <cstdint>
#include <vector>

#include "io/data/corpus.h"

namespace polonaise::io {

// Piano pieces made by rule, for a machine without music: two hands, eight-bar periods over functional progressions
// that end in half and full cadences, a melody of chord and passing notes, five accompaniment figures, all keys, major
// and minor, 2, 3 or 4 quarters to the bar, dynamics and a final ritardando. The same pieces for the same (count, seed)
// on every machine; piece i does not depend on count. Named "rule-0001", ...
std::vector<NamedScore> synthetic_corpus(int count, std::uint64_t seed);

}  // namespace polonaise::io
