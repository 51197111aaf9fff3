#include "kernels/embedding.h"

#include <algorithm>

#include "kernels/cpu/indices.h"
#include "kernels/cpu/parallel.h"
#include "kernels/embedding_shapes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/embedding.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/cpu/column_sums-inl.h"
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

// The entries of one sparse row; `values` may be null (all 1).
struct BagEntries {
  const std::int32_t* columns;
  const float* values;
  Index count;

  Vec value(Index e) const { return hn::Set(Floats(), values ? values[e] : 1.0f); }
};

// kVectors neighbouring vectors of y, `count` elements in the last, summed in registers. bias and position may be null.
template <int kVectors>
void bag_strip(const BagEntries& entries, const float* table, Index stride, const float* bias, const float* position,
               Index begin, Index count, float* y) {
  Vec sums[kVectors];
  for (int i = 0; i < kVectors; ++i) {
    const Index c = begin + i * lanes();
    sums[i] = bias ? load_n(bias + c, count) : hn::Zero(Floats());
    if (position) sums[i] = sums[i] + load_n(position + c, count);
  }
  for (Index e = 0; e < entries.count; ++e) {
    const float* row = table + entries.columns[e] * stride + begin;
    const Vec value = entries.value(e);
    for (int i = 0; i < kVectors; ++i) sums[i] = hn::MulAdd(value, load_n(row + i * lanes(), count), sums[i]);
  }
  for (int i = 0; i < kVectors; ++i) store_n(sums[i], y + begin + i * lanes(), count);
}

// y = bias + position + sum_e value_e table[column_e,:], n columns.
void bag_row(const std::int32_t* columns, const float* values, Index entries, const float* table, Index stride,
             const float* bias, const float* position, Index n, float* y) {
  const BagEntries bag{columns, values, entries};
  const Index wide = 4 * lanes();
  Index c = 0;
  for (; c + wide <= n; c += wide) bag_strip<4>(bag, table, stride, bias, position, c, lanes(), y);
  for (; c < n; c += lanes()) bag_strip<1>(bag, table, stride, bias, position, c, std::min(lanes(), n - c), y);
}

// dtable[column_e,:] += value_e dy for the entries of one row.
void scatter_row(const std::int32_t* columns, const float* values, Index entries, const float* dy, Index n,
                 float* dtable, Index stride) {
  const BagEntries bag{columns, values, entries};
  for (Index e = 0; e < entries; ++e) {
    float* row = dtable + columns[e] * stride;
    const Vec value = bag.value(e);
    for_each_vector(n, [&](Index c, Index count) {
      store_n(hn::MulAdd(value, load_n(dy + c, count), load_n(row + c, count)), row + c, count);
    });
  }
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(bag_row);
HWY_EXPORT(scatter_row);
HWY_EXPORT(add_column_sums);

namespace {

constexpr Index kForwardBlock = 16384;  // elements of y that one task takes
// Columns of the tables that one task takes in backward: it alone adds to them, over all rows in order, and the block
// of a hundred rows that frames of music touch stays in the first-level cache.
constexpr Index kBackwardColumns = 64;

template <class Row>
void over_rows(const Cpu& cpu, View<float, 2> y, Row&& row) {
  const Index rows_per_block = std::max<Index>(1, kForwardBlock / std::max<Index>(1, y.columns()));
  parallel_for(cpu, ceil_div(y.rows(), rows_per_block), [&](Index block) {
    const Index end = std::min(y.rows(), (block + 1) * rows_per_block);
    for (Index r = block * rows_per_block; r < end; ++r) row(r);
  });
}

template <class Columns>
void over_columns(const Cpu& cpu, Index n, Columns&& columns) {
  parallel_for(cpu, ceil_div(n, kBackwardColumns), [&](Index block) {
    const Index begin = block * kBackwardColumns;
    columns(begin, std::min(kBackwardColumns, n - begin));
  });
}

// dpositions[r % T,:] += dy[r,:] is a scatter as well, of one entry a row.
void scatter_position(View<const float, 2> dy, View<float, 2> dpositions, Index r, Index begin, Index count) {
  const auto t = static_cast<std::int32_t>(r % dpositions.rows());
  HWY_DYNAMIC_DISPATCH(scatter_row)
  (&t, nullptr, 1, dy.row(r) + begin, count, dpositions.data() + begin, dpositions.stride());
}

}  // namespace

template <class T>
void embedding_forward(Cpu& cpu, View<const std::int32_t, 1> ids, View<const T, 2> table, View<const T, 2> positions,
                       View<T, 2> y) {
  require_embedding_forward(ids, table, positions, y);
  require(indices_within(ids, -1, table.rows()), "an id must be -1 or a row of the table");
  over_rows(cpu, y, [&](Index r) {
    if (ids.data()[r] < 0) {
      std::fill_n(y.row(r), y.columns(), T(0));
      return;
    }
    const T* position = positions.empty() ? nullptr : positions.row(r % positions.rows());
    HWY_DYNAMIC_DISPATCH(bag_row)
    (ids.data() + r, nullptr, 1, table.data(), table.stride(), nullptr, position, y.columns(), y.row(r));
  });
}

template <class T>
void embedding_backward(Cpu& cpu, View<const std::int32_t, 1> ids, View<const T, 2> dy, View<float, 2> dtable,
                        View<float, 2> dpositions) {
  require_embedding_backward(ids, dy, dtable, dpositions);
  require(dtable.empty() || indices_within(ids, -1, dtable.rows()), "an id must be -1 or a row of the table");
  over_columns(cpu, dy.columns(), [&](Index begin, Index count) {
    for (Index r = 0; r < dy.rows(); ++r) {
      if (ids.data()[r] < 0) continue;
      if (!dtable.empty()) HWY_DYNAMIC_DISPATCH(scatter_row)
      (ids.data() + r, nullptr, 1, dy.row(r) + begin, count, dtable.data() + begin, dtable.stride());
      if (!dpositions.empty()) scatter_position(dy, dpositions, r, begin, count);
    }
  });
}

template <class T>
void embedding_bag_forward(Cpu& cpu, SparseRows x, View<const T, 2> table, View<const T, 1> bias,
                           View<const T, 2> positions, View<T, 2> y) {
  require_bag_forward(x, table, bias, positions, y);
  require(sparse_rows_within(x, y.rows(), table.rows()), "x must be sparse rows as wide as the table");
  const std::int32_t* offsets = x.offsets.data();
  over_rows(cpu, y, [&](Index r) {
    const T* values = x.values.empty() ? nullptr : x.values.data() + offsets[r];
    const T* position = positions.empty() ? nullptr : positions.row(r % positions.rows());
    HWY_DYNAMIC_DISPATCH(bag_row)
    (x.columns.data() + offsets[r], values, offsets[r + 1] - offsets[r], table.data(), table.stride(), bias.data(),
     position, y.columns(), y.row(r));
  });
}

template <class T>
void embedding_bag_backward(Cpu& cpu, SparseRows x, View<const T, 2> dy, View<float, 2> dtable, View<float, 1> dbias,
                            View<float, 2> dpositions) {
  require_bag_backward(x, dy, dtable, dbias, dpositions);
  require(dtable.empty() || sparse_rows_within(x, dy.rows(), dtable.rows()),
          "x must be sparse rows as wide as the table");
  const std::int32_t* offsets = x.offsets.data();
  over_columns(cpu, dy.columns(), [&](Index begin, Index count) {
    for (Index r = 0; r < dy.rows() && !dtable.empty(); ++r) {
      const T* values = x.values.empty() ? nullptr : x.values.data() + offsets[r];
      HWY_DYNAMIC_DISPATCH(scatter_row)
      (x.columns.data() + offsets[r], values, offsets[r + 1] - offsets[r], dy.row(r) + begin, count,
       dtable.data() + begin, dtable.stride());
    }
    for (Index r = 0; r < dy.rows() && !dpositions.empty(); ++r) scatter_position(dy, dpositions, r, begin, count);
    if (!dbias.empty())
      HWY_DYNAMIC_DISPATCH(add_column_sums)(dy.data() + begin, dy.stride(), dy.rows(), count, dbias.data() + begin);
  });
}

template void embedding_forward<float>(Cpu&, View<const std::int32_t, 1>, View<const float, 2>, View<const float, 2>,
                                       View<float, 2>);
template void embedding_backward<float>(Cpu&, View<const std::int32_t, 1>, View<const float, 2>, View<float, 2>,
                                        View<float, 2>);
template void embedding_bag_forward<float>(Cpu&, SparseRows, View<const float, 2>, View<const float, 1>,
                                           View<const float, 2>, View<float, 2>);
template void embedding_bag_backward<float>(Cpu&, SparseRows, View<const float, 2>, View<float, 2>, View<float, 1>,
                                            View<float, 2>);

}  // namespace polonaise::kernels
#endif
