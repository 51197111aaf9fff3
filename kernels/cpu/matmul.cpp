#include "kernels/matmul.h"

#include <cblas.h>

#include <algorithm>

#include "kernels/cpu/parallel.h"
#include "kernels/matmul_shapes.h"

namespace polonaise::kernels {
namespace {

// OpenBLAS's bits depend on its own number of threads, and its pool would fight ours: it always runs on one thread, and
// the blocks below are the parallelism.
void use_one_blas_thread() {
  [[maybe_unused]] static const bool once = [] {
    openblas_set_num_threads(1);
    return true;
  }();
}

// Rows (or columns, along the longer side of c) of a block: about 4 million multiply-adds, and never under 64, where
// OpenBLAS still runs near its full rate.
Index block_extent(Index across, Index inner) {
  const Index target = (Index{4} << 20) / std::max<Index>(1, across * inner);
  return std::max<Index>(64, target / 64 * 64);
}

CBLAS_TRANSPOSE blas_op(Op op) {
  return op == Op::transpose ? CblasTrans : CblasNoTrans;
}

}  // namespace

template <class T>
void matmul(Cpu& cpu, View<const T, 2> a, Op op_a, View<const T, 2> b, Op op_b, View<T, 2> c, Accumulate accumulate) {
  const Index m = c.extent(0), n = c.extent(1);
  const Index k = op_a == Op::none ? a.extent(1) : a.extent(0);
  if (!require_product(a, op_a, b, op_b, c)) return;
  use_one_blas_thread();
  if (m == 1) {  // sampling: a matrix times a vector, which sgemm would pack the matrix for
    const Index inc_a = op_a == Op::none ? 1 : a.stride();
    cblas_sgemv(CblasRowMajor, op_b == Op::none ? CblasTrans : CblasNoTrans, static_cast<int>(b.extent(0)),
                static_cast<int>(b.extent(1)), 1.0f, b.data(), static_cast<int>(b.stride()), a.data(),
                static_cast<int>(inc_a), accumulate == Accumulate::yes ? 1.0f : 0.0f, c.data(), 1);
    return;
  }

  const bool by_rows = m >= n;
  const Index extent = by_rows ? m : n;
  const Index block = block_extent(by_rows ? n : m, k);
  parallel_for(cpu, ceil_div(extent, block), [&](Index i) {
    const Index begin = i * block, count = std::min(block, extent - begin);
    const Index row = by_rows ? begin : 0, column = by_rows ? 0 : begin;
    const T* a_block = op_a == Op::none ? a.row(row) : a.data() + row;
    const T* b_block = op_b == Op::none ? b.data() + column : b.row(column);
    cblas_sgemm(CblasRowMajor, blas_op(op_a), blas_op(op_b), static_cast<int>(by_rows ? count : m),
                static_cast<int>(by_rows ? n : count), static_cast<int>(k), 1.0f, a_block, static_cast<int>(a.stride()),
                b_block, static_cast<int>(b.stride()), accumulate == Accumulate::yes ? 1.0f : 0.0f, c.row(row) + column,
                static_cast<int>(c.stride()));
  });
}

template void matmul<float>(Cpu&, View<const float, 2>, Op, View<const float, 2>, Op, View<float, 2>, Accumulate);

}  // namespace polonaise::kernels
