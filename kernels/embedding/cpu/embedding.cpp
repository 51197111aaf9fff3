#include "kernels/embedding/embedding.h"

#include <algorithm>

#include "kernels/base/require.h"
#include "kernels/cpu/indices.h"
#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/embedding/cpu/embedding.cpp"
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

// Columns of the tables that one task takes in backward: it alone adds to them, over all rows in order, and the block
// of a hundred rows that frames of music touch stays in the first-level cache.
constexpr Index kBackwardColumns = 64;

// dpositions[r % T,:] += dy[r,:] is a scatter as well, of one entry a row.
void scatter_position(View<const float, 2> dy, View<float, 2> dpositions, Index r, Index begin, Index count) {
  const auto t = static_cast<std::int32_t>(r % dpositions.rows());
  HWY_DYNAMIC_DISPATCH(scatter_row)
  (&t, nullptr, 1, dy.row(r) + begin, count, dpositions.data() + begin, dpositions.stride());
}

}  // namespace

template <class T>
void embedding_forward(Cpu& cpu, const EmbeddingForward<T>& f) {
  f.check();
  require(indices_within(f.ids, -1, f.table.rows()), "an id must be -1 or a row of the table");
  parallel_rows(cpu, f.y.rows(), f.y.columns(), [&](Index r) {
    if (f.ids.data()[r] < 0) {
      std::fill_n(f.y.row(r), f.y.columns(), T(0));
      return;
    }
    const T* position = f.positions.empty() ? nullptr : f.positions.row(r % f.positions.rows());
    HWY_DYNAMIC_DISPATCH(bag_row)
    (f.ids.data() + r, nullptr, 1, f.table.data(), f.table.stride(), nullptr, position, f.y.columns(), f.y.row(r));
  });
}

template <class T>
void embedding_backward(Cpu& cpu, const EmbeddingBackward<T>& b) {
  b.check();
  require(b.dtable.empty() || indices_within(b.ids, -1, b.dtable.rows()), "an id must be -1 or a row of the table");
  parallel_blocks(cpu, b.dy.columns(), kBackwardColumns, [&](Index begin, Index count) {
    for (Index r = 0; r < b.dy.rows(); ++r) {
      if (b.ids.data()[r] < 0) continue;
      if (!b.dtable.empty()) HWY_DYNAMIC_DISPATCH(scatter_row)
      (b.ids.data() + r, nullptr, 1, b.dy.row(r) + begin, count, b.dtable.data() + begin, b.dtable.stride());
      if (!b.dpositions.empty()) scatter_position(b.dy, b.dpositions, r, begin, count);
    }
  });
}

template <class T>
void embedding_bag_forward(Cpu& cpu, const EmbeddingBagForward<T>& f) {
  f.check();
  require(sparse_rows_within(f.x, f.y.rows(), f.table.rows()), "x must be sparse rows as wide as the table");
  const std::int32_t* offsets = f.x.offsets.data();
  parallel_rows(cpu, f.y.rows(), f.y.columns(), [&](Index r) {
    const T* values = f.x.values.empty() ? nullptr : f.x.values.data() + offsets[r];
    const T* position = f.positions.empty() ? nullptr : f.positions.row(r % f.positions.rows());
    HWY_DYNAMIC_DISPATCH(bag_row)
    (f.x.columns.data() + offsets[r], values, offsets[r + 1] - offsets[r], f.table.data(), f.table.stride(),
     f.bias.data(), position, f.y.columns(), f.y.row(r));
  });
}

template <class T>
void embedding_bag_backward(Cpu& cpu, const EmbeddingBagBackward<T>& b) {
  b.check();
  require(b.dtable.empty() || sparse_rows_within(b.x, b.dy.rows(), b.dtable.rows()),
          "x must be sparse rows as wide as the table");
  const std::int32_t* offsets = b.x.offsets.data();
  const Index R = b.dy.rows();
  parallel_blocks(cpu, b.dy.columns(), kBackwardColumns, [&](Index begin, Index count) {
    for (Index r = 0; r < R && !b.dtable.empty(); ++r) {
      const T* values = b.x.values.empty() ? nullptr : b.x.values.data() + offsets[r];
      HWY_DYNAMIC_DISPATCH(scatter_row)
      (b.x.columns.data() + offsets[r], values, offsets[r + 1] - offsets[r], b.dy.row(r) + begin, count,
       b.dtable.data() + begin, b.dtable.stride());
    }
    for (Index r = 0; r < R && !b.dpositions.empty(); ++r) scatter_position(b.dy, b.dpositions, r, begin, count);
    if (!b.dbias.empty())
      HWY_DYNAMIC_DISPATCH(add_column_sums)(b.dy.data() + begin, b.dy.stride(), R, count, b.dbias.data() + begin);
  });
}

template void embedding_forward(Cpu&, const EmbeddingForward<float>&);
template void embedding_backward(Cpu&, const EmbeddingBackward<float>&);
template void embedding_bag_forward(Cpu&, const EmbeddingBagForward<float>&);
template void embedding_bag_backward(Cpu&, const EmbeddingBagBackward<float>&);

}  // namespace polonaise::kernels
#endif
