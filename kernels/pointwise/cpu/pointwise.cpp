#include "kernels/pointwise/pointwise.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/require.h"
#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pointwise/cpu/pointwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/cpu/philox-inl.h"
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

// y[d] (+)= scale x[d] where the 24 bits at position first + d of `row` reach `threshold`, else 0.
void dropout_row(const RandomStream& stream, std::uint32_t row, std::uint32_t first, std::int32_t threshold,
                 float scale, const float* x, float* y, Index n, Accumulate accumulate) {
  const Floats d;
  const hn::RebindToSigned<Floats> d_int;
  const hn::RebindToUnsigned<Floats> d_word;
  const Vec scales = hn::Set(d, scale);
  const auto least = hn::Set(d_int, threshold);
  // Blocks of words made at a time; behind them, room for what the last vectors make and load too much.
  constexpr Index kBlocks = 64;
  HWY_ALIGN std::uint32_t words[4 * kBlocks + 8 * hn::MaxLanes(d)];

  for (Index begin = 0; begin < n;) {
    const std::uint32_t position = first + static_cast<std::uint32_t>(begin);
    const Index skip = position % 4;
    const Index part = std::min(4 * kBlocks - skip, n - begin);
    for (Index block = 0; 4 * block < skip + part; block += random_blocks_at_once())
      random_blocks(stream, row, position / 4 + static_cast<std::uint32_t>(block), words + 4 * block);
    for_each_vector(part, [&](Index offset, Index count) {
      const auto bits = hn::BitCast(d_int, hn::ShiftRight<8>(hn::LoadU(d_word, words + skip + offset)));
      const auto dropped = hn::RebindMask(d, hn::Lt(bits, least));
      const Index i = begin + offset;
      Vec value = hn::IfThenZeroElse(dropped, load_n(x + i, count) * scales);
      if (accumulate == Accumulate::yes) value = value + load_n(y + i, count);
      store_n(value, y + i, count);
    });
    begin += part;
  }
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(dropout_row);

namespace {

template <class T>
void put(T value, T& place, Accumulate accumulate) {
  place = accumulate == Accumulate::yes ? place + value : value;
}

}  // namespace

template <class T, class To>
void copy(Cpu& cpu, View<const T, 2> x, View<To, 2> y, Accumulate accumulate) {
  require(same_shape(x, y), "x and y must have one shape");
  parallel_rows(cpu, x.rows(), x.columns(), [&](Index r) {
    const T* from = x.row(r);
    To* to = y.row(r);
    for (Index c = 0; c < x.columns(); ++c) put(from[c], to[c], accumulate);
  });
}

template <class T>
void transpose(Cpu& cpu, View<const T, 2> x, View<T, 2> y, Accumulate accumulate) {
  require(x.rows() == y.columns() && x.columns() == y.rows(), "y must have x's shape transposed");
  constexpr Index kTile = 32;  // a tile of x and one of y fit the first-level cache
  parallel_blocks(cpu, x.rows(), kTile, [&](Index begin, Index count) {
    for (Index column = 0; column < x.columns(); column += kTile) {
      const Index column_end = std::min(x.columns(), column + kTile);
      for (Index c = column; c < column_end; ++c)
        for (Index r = begin; r < begin + count; ++r) put(x.row(r)[c], y.row(c)[r], accumulate);
    }
  });
}

template <class T>
void dropout(Cpu& cpu, const Dropout<T>& d) {
  d.check();
  const Index batch = d.x.extent(1), columns = d.x.columns();
  // uniform(word) >= p, in the 24 bits that the number is made of.
  const auto threshold = static_cast<std::int32_t>(std::ceil(d.p * 0x1p24f));
  parallel_rows(cpu, d.x.rows(), columns, [&](Index r) {
    const auto row = static_cast<std::uint32_t>(d.first_row + r % batch);
    const auto position = static_cast<std::uint32_t>(r / batch * columns);
    HWY_DYNAMIC_DISPATCH(dropout_row)
    (d.stream, row, position, threshold, 1 / (1 - d.p), d.x.row(r), d.y.row(r), columns, d.accumulate);
  });
}

template void copy(Cpu&, View<const float, 2>, View<float, 2>, Accumulate);
template void transpose(Cpu&, View<const float, 2>, View<float, 2>, Accumulate);
template void dropout(Cpu&, const Dropout<float>&);

}  // namespace polonaise::kernels
#endif
