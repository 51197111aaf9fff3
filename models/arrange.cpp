#include "models/arrange.h"

#include <algorithm>
#include <bit>

namespace polonaise {

namespace {

// Calls visit(cell of the batch, its row, its step) in the order of the layout.
template <class Visit>
void for_each_cell(const Arranged& a, Shards::Rows rows, Index steps, Visit&& visit) {
  if (a.layout == Layout::time_major && steps > 1) {
    for (Index t = 0; t < steps; ++t)
      for (Index b = 0; b < a.B; ++b) visit((rows.first + b) * steps + t, b, t);
  } else {
    for (Index b = 0; b < a.B; ++b)
      for (Index t = 0; t < steps; ++t) visit((rows.first + b) * steps + t, b, t);
  }
}

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

template <class T>
View<const T, 1> whole(std::span<const T> values) {
  return {values.data(), {static_cast<Index>(values.size())}};
}

// Rows of a sparse matrix in a new order, in the host's memory; `values` may be empty.
kernels::SparseRows reorder(Tape& tape, const Arranged& a, Shards::Rows rows, Index steps,
                            std::span<const std::int64_t> offsets, std::span<const std::int32_t> columns,
                            std::span<const float> values) {
  const Index entries =
      static_cast<Index>(offsets[at((rows.first + rows.count) * steps)] - offsets[at(rows.first * steps)]);
  // Batches differ in their entries: with room for a power of two of them, many look alike to a card's kernels. What
  // is left of it says that it is no column.
  const Index room = shares_host_memory(tape.device()) ? entries : static_cast<Index>(std::bit_ceil(at(entries)));
  const auto new_offsets = tape.host<std::int32_t>(a.B * steps + 1);
  const auto new_columns = tape.host<std::int32_t>(room);
  const auto new_values = tape.host<float>(values.empty() ? 0 : room);
  std::ranges::fill(new_columns.subspan(at(entries)), -1);
  if (!values.empty()) std::ranges::fill(new_values.subspan(at(entries)), 0.0f);
  std::size_t row = 0, entry = 0;
  new_offsets[0] = 0;
  for_each_cell(a, rows, steps, [&](Index cell, Index, Index) {
    const auto begin = static_cast<std::size_t>(offsets[at(cell)]),
               end = static_cast<std::size_t>(offsets[at(cell + 1)]);
    std::copy(columns.begin() + static_cast<std::ptrdiff_t>(begin), columns.begin() + static_cast<std::ptrdiff_t>(end),
              new_columns.begin() + static_cast<std::ptrdiff_t>(entry));
    if (!values.empty())
      std::copy(values.begin() + static_cast<std::ptrdiff_t>(begin), values.begin() + static_cast<std::ptrdiff_t>(end),
                new_values.begin() + static_cast<std::ptrdiff_t>(entry));
    entry += end - begin;
    new_offsets[++row] = static_cast<std::int32_t>(entry);
  });
  kernels::SparseRows result{whole<std::int32_t>(new_offsets), whole<std::int32_t>(new_columns), {}};
  if (!values.empty()) result.values = whole<float>(new_values);
  return result;
}

}  // namespace

Arranged arrange(Tape& tape, const EventShape& events, const Batch& batch, Shards::Rows rows, Layout layout) {
  Arranged a{.T = batch.steps, .B = rows.count, .layout = layout, .one_target = batch.targets_per_row == 1};
  const Index per_row = batch.targets_per_row;
  require(per_row == 1 || per_row == batch.steps, "a row has a target for each step, or one");
  const auto lengths = batch.lengths.subspan(at(rows.first), at(rows.count));
  if (std::ranges::any_of(lengths, [&](std::int32_t n) { return n != batch.steps; })) a.lengths = whole(lengths);
  const auto padded = [&](Index b, Index t) { return t >= lengths[at(b)]; };

  if (events.is_tokens()) {
    const auto ids = tape.host<std::int32_t>(a.T * a.B), targets = tape.host<std::int32_t>(per_row * a.B);
    std::size_t i = 0, j = 0;
    for_each_cell(a, rows, a.T,
                  [&](Index cell, Index b, Index t) { ids[i++] = padded(b, t) ? -1 : batch.inputs[at(cell)]; });
    for_each_cell(a, rows, per_row, [&](Index cell, Index, Index) { targets[j++] = batch.targets[at(cell)]; });
    a.ids = whole<std::int32_t>(ids);
    a.targets = whole<std::int32_t>(targets);
    tape.upload_all(a.ids, a.targets, a.lengths);
    return a;
  }

  a.frames = reorder(tape, a, rows, a.T, batch.input_rows, batch.input_columns, batch.input_values);
  FrameTargets& y = a.frame_targets;
  y.keys = reorder(tape, a, rows, per_row, batch.target_rows, batch.target_keys, {});
  if (!a.lengths.empty() && per_row > 1) {
    const auto mask = tape.host<std::int32_t>(per_row * a.B);
    std::size_t i = 0;
    for_each_cell(a, rows, per_row, [&](Index, Index b, Index t) { mask[i++] = padded(b, t) ? 0 : 1; });
    y.mask = whole<std::int32_t>(mask);
  }
  if (!batch.target_classes.empty()) {
    const auto classes = tape.host<std::int32_t>(per_row * a.B);
    std::size_t i = 0;
    for_each_cell(a, rows, per_row, [&](Index cell, Index, Index) { classes[i++] = batch.target_classes[at(cell)]; });
    y.durations = whole<std::int32_t>(classes);
  }
  tape.upload_all(a.frames.offsets, a.frames.columns, a.frames.values, y.keys.offsets, y.keys.columns, y.mask,
                  y.durations, a.lengths);
  return a;
}

}  // namespace polonaise
