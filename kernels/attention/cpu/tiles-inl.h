// Rotation, packing and a tile of scores, for forward, backward and decoding of attention. Included after
// <hwy/highway.h>, once per target, hence the toggled guard.
#if defined(POLONAISE_KERNELS_CPU_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLONAISE_KERNELS_CPU_ATTENTION_INL_H_
#undef POLONAISE_KERNELS_CPU_ATTENTION_INL_H_
#else
#define POLONAISE_KERNELS_CPU_ATTENTION_INL_H_
#endif

#include <hwy/cache_control.h>

#include <algorithm>
#include <cmath>

#include "kernels/attention/cpu/head.h"
#include "kernels/cpu/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

// The score of a key that a query must not see: its exponential is 0, and unlike infinity it never makes a NaN.
constexpr float kMasked = -1e30f;

inline float score_scale(Index D) {
  return 1.0f / std::sqrt(static_cast<float>(D));
}

enum class Turn { forward, back };

// y = scale * x, turned by the angles of one row of the rotary table (null: not turned). y may be x.
inline void rotate_row(const float* x, const float* angles, Turn turn, float scale, Index D, float* y) {
  const Floats d;
  const Vec factor = hn::Set(d, scale);
  if (angles == nullptr) {
    for_each_vector(D, [&](Index i, Index count) HWY_ATTR { store_n(load_n(x + i, count) * factor, y + i, count); });
    return;
  }
  const Index half = D / 2;
  const Vec direction = hn::Set(d, turn == Turn::forward ? scale : -scale);
  for_each_vector(half, [&](Index i, Index count) HWY_ATTR {
    const Vec cosine = load_n(angles + i, count) * factor, sine = load_n(angles + half + i, count) * direction;
    const Vec a = load_n(x + i, count), b = load_n(x + half + i, count);
    store_n(a * cosine - b * sine, y + i, count);
    store_n(a * sine + b * cosine, y + half + i, count);
  });
}

inline const float* angles_of(View<const float, 2> rotary, Index row) {
  return rotary.empty() ? nullptr : rotary.row(row);
}

// The distance of prefetches, in rows: a head's rows lie far apart, and mostly outside the L2 cache.
constexpr Index kRowsAhead = 16;
inline void prefetch_row(View<const float, 2> x, Index row) {
  for (Index i = 0; i < x.columns(); i += 16) hwy::Prefetch(x.row(row) + i);
}

// Packs rows [first, first + count) of x, scaled and rotated, as rows of `width` >= D elements, with zeros behind x's
// last row and column.
inline void pack_rows(View<const float, 2> x, View<const float, 2> rotary, float scale, Index first, Index count,
                      float* packed, Index width) {
  const Index D = x.columns();
  for (Index r = 0; r < count; ++r, packed += width) {
    if (first + r >= x.rows()) {
      std::fill(packed, packed + width, 0.0f);
      continue;
    }
    prefetch_row(x, std::min(first + r + kRowsAhead, x.rows() - 1));
    rotate_row(x.row(first + r), angles_of(rotary, first + r), Turn::forward, scale, D, packed);
    std::fill(packed + D, packed + width, 0.0f);
  }
}

// The rows of x, rotated, as panels. `rows` is scratch for tile_columns() packed rows.
inline void pack_panels(View<const float, 2> x, View<const float, 2> rotary, float* panels, float* rows) {
  const Index D = x.columns(), columns = tile_columns();
  for (Index first = 0; first < x.rows(); first += columns, panels += D * columns) {
    pack_rows(x, rotary, 1.0f, first, columns, rows, D);
    transpose_rows(rows, D, D, panels);
  }
}

// The embeddings of distances T-1 .. 0, so that entry e = T-1-i+j grows with the key: a row of q . relative is a row of
// scores, shifted.
inline View<const float, 2> by_key(View<const float, 2> relative, Index T) {
  return {relative.row(T - 1), {T, relative.columns()}, -relative.stride()};
}

// The entries that a tile of queries from `row` and the keys [first, end) meet.
struct Entries {
  Index begin, end;
};
inline Entries entries_of(Index T, Index row, Index first, Index end) {
  return {std::max<Index>(0, T - row - kTileRows + first), std::min(T, T - 1 - row + end)};
}

// Returns the column offset of a tile's skewed products: entry e of query row + m stands in column e + skew + m of its
// scores.
inline Index skew(Index T, Index row, Index first) {
  return row - (T - 1) - first;
}

// Rows of scores are `columns` keys with margins on either side, into which skewed tiles may reach.
inline Index margin() {
  return tile_columns() + 8;
}
inline Index scores_row(Index columns) {
  return columns + 2 * margin();
}

// Scores of kTileRows queries from `row` (packed and scaled at q, rows of `width`) with the keys [first, end), written
// to s; keys of the future are masked up to the end of the last panel. `distances` are panels of by_key, or null.
// Columns of the margins are overwritten.
inline void score_tile(const float* q, Index width, const float* keys, const float* distances, Index T, Index D,
                       Index row, Index first, Index end, float* s, Index s_row) {
  const Left queries{q, width, 1};
  const Index columns = tile_columns(), covered = round_up(end - first, columns);
  multiply<Accumulate::no>(queries, panels_from(keys, first / columns, D), D, s, s_row, tiles_of(end - first));
  if (distances != nullptr) {
    const Entries entries = entries_of(T, row, first, end);
    const Index begin = entries.begin / columns, tiles = tiles_of(entries.end) - begin;
    multiply<Accumulate::yes>(queries, panels_from(distances, begin, D), D, s + begin * columns + skew(T, row, first),
                              s_row + 1, tiles);
  }
  for (Index m = 0; m < kTileRows; ++m)
    for (Index j = std::max<Index>(0, row + m + 1 - first); j < covered; ++j) s[m * s_row + j] = kMasked;
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
