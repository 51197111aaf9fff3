#include "kernels/embedding/embedding.h"

#include <algorithm>

#include "kernels/pointwise/pointwise.h"
#include "runtime/ops.h"

namespace polonaise {

Var embedding(Tape& tape, View<const std::int32_t, 1> ids, const Var& table, const Var& positions, const Shape& shape) {
  Var y = tape.output(shape, table.dtype(), table.needs_gradient());
  const Tensor p = positions ? positions.value() : Tensor{};
  dispatch(tape.device(), table.dtype(), [&](auto& device, auto type) {
    using T = typename decltype(type)::type;
    kernels::embedding_forward<T>(device, {.ids = ids,
                                           .table = table.value().matrix<const T>(),
                                           .positions = p.matrix<const T>(),
                                           .y = y.value().matrix<T>()});
  });
  tape.record("embedding", y, [ids, table, positions, y](Tape& t) {
    const Tensor dy = t.gradient(y);
    if (!dy.data) return;
    const GradientSlot dtable = t.slot(table), dpositions = t.slot(positions);
    dispatch(t.device(), table.dtype(), [&](auto& device, auto type) {
      using T = typename decltype(type)::type;
      kernels::embedding_backward<T>(device, {.ids = ids,
                                              .dy = dy.matrix<const T>(),
                                              .dtable = dtable.tensor.matrix<float>(),
                                              .dpositions = dpositions.tensor.matrix<float>()});
    });
  });
  return y;
}

Var embedding_bag(Tape& tape, const kernels::SparseRows& x, std::span<const BagWeight> weights, const Var& bias,
                  const Var& positions, const Shape& shape) {
  require(weights.size() == 1 || (!bias && !positions), "bias and positions go with one weight");
  Var y = tape.output(shape, weights.front().transposed.dtype, weights.front().weight.needs_gradient());
  const std::vector<BagWeight> list(weights.begin(), weights.end());
  const Tensor b = bias ? bias.value() : Tensor{}, p = positions ? positions.value() : Tensor{};
  dispatch(tape.device(), y.dtype(), [&](auto& device, auto type) {
    using T = typename decltype(type)::type;
    Index first = 0;
    for (const BagWeight& w : list) {
      const Index N = w.weight.shape()[0];
      kernels::embedding_bag_forward<T>(device, {.x = x,
                                                 .table = w.transposed.matrix<const T>(),
                                                 .bias = b.vector<const T>(),
                                                 .positions = p.matrix<const T>(),
                                                 .y = y.value().matrix<T>().column_block(first, N)});
      first += N;
    }
  });
  tape.record("embedding_bag", y, [x, list, bias, positions, y](Tape& t) {
    const Tensor dy = t.gradient(y);
    if (!dy.data) return;
    const GradientSlot dbias = t.slot(bias), dpositions = t.slot(positions);
    Index first = 0;
    for (const BagWeight& w : list) {
      const Index N = w.weight.shape()[0], D = w.weight.shape()[1];
      const GradientSlot dweight = t.slot(w.weight);
      Scratch scratch(t);
      dispatch(t.device(), y.dtype(), [&](auto& device, auto type) {
        using T = typename decltype(type)::type;
        // Rows of the transposed weight are what entries add to; the sum is turned once at the end.
        View<float, 2> dtable;
        if (dweight.tensor.data) {
          const View<float, 1> zeros = scratch.floats(D * N);
          fill_with_zeros(t.device(), zeros);
          dtable = View<float, 2>(zeros.data(), {D, N});
        }
        kernels::embedding_bag_backward<T>(device, {.x = x,
                                                    .dy = dy.matrix<const T>().column_block(first, N),
                                                    .dtable = dtable,
                                                    .dbias = dbias.tensor.vector<float>(),
                                                    .dpositions = dpositions.tensor.matrix<float>()});
        if (!dtable.empty()) kernels::transpose<float>(device, dtable, dweight.tensor.matrix<float>(), Accumulate::yes);
      });
      first += N;
    }
  });
  return y;
}

}  // namespace polonaise
