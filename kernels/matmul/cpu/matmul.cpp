#include "kernels/matmul/matmul.h"

#include <cblas.h>

#include <algorithm>

#include "kernels/cpu/parallel.h"

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
void matmul(Cpu& cpu, const Matmul<T>& p) {
  p.check();
  if (p.c.size() == 0) return;
  const Index m = p.c.rows(), n = p.c.columns(), k = p.op_a == Op::none ? p.a.columns() : p.a.rows();
  const int a_stride = static_cast<int>(p.a.stride()), b_stride = static_cast<int>(p.b.stride());
  const float beta = p.accumulate == Accumulate::yes ? 1.0f : 0.0f;
  use_one_blas_thread();
  if (m == 1) {  // sampling: a matrix times a vector, which sgemm would pack the matrix for
    cblas_sgemv(CblasRowMajor, blas_op(p.op_b == Op::none ? Op::transpose : Op::none), static_cast<int>(p.b.rows()),
                static_cast<int>(p.b.columns()), 1.0f, p.b.data(), b_stride, p.a.data(),
                p.op_a == Op::none ? 1 : a_stride, beta, p.c.data(), 1);
    return;
  }

  const bool by_rows = m >= n;
  parallel_blocks(cpu, by_rows ? m : n, block_extent(by_rows ? n : m, k), [&](Index begin, Index count) {
    const Index row = by_rows ? begin : 0, column = by_rows ? 0 : begin;
    const T* a_block = p.op_a == Op::none ? p.a.row(row) : p.a.data() + row;
    const T* b_block = p.op_b == Op::none ? p.b.data() + column : p.b.row(column);
    cblas_sgemm(CblasRowMajor, blas_op(p.op_a), blas_op(p.op_b), static_cast<int>(by_rows ? count : m),
                static_cast<int>(by_rows ? n : count), static_cast<int>(k), 1.0f, a_block, a_stride, b_block, b_stride,
                beta, p.c.row(row) + column, static_cast<int>(p.c.stride()));
  });
}

template void matmul(Cpu&, const Matmul<float>&);

}  // namespace polonaise::kernels
