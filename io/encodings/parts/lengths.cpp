#include "io/encodings/parts/lengths.h"

#include <algorithm>

namespace polonaise::io {

static_assert(kLengthTable.back() == kLongestLength);

int nearest_length(std::int64_t length) {
  const int below = length_within(std::max<std::int64_t>(length, 1));
  if (below + 1 == kLengths) return below;
  return 2 * length > length_of(below) + length_of(below + 1) ? below + 1 : below;
}

int length_within(std::int64_t length) {
  const auto above = std::upper_bound(kLengthTable.begin(), kLengthTable.end(), length);
  return std::max(static_cast<int>(above - kLengthTable.begin()) - 1, 0);
}

}  // namespace polonaise::io
