#include "bench/gpu/measure.h"
#include "kernels/matmul/matmul.h"
#include "kernels/pointwise/pointwise.h"

// What this card reaches at its best, measured in the same run: a large copy and a large product. The report gives
// every row's bandwidth and FLOP/s as parts of these.
namespace polonaise::bench {

void add_ceiling_rows(Cuda& cuda) {
  add_row("ceiling_copy", "polonaise", [&cuda](benchmark::State& state) {
    const Index n = options().tiny ? 1 << 10 : Index{1} << 28, columns = 1 << 10;
    const CardArray<float> from(cuda, n, 0), to(cuda, n, 0);
    time_on_card(state, cuda, {.bytes = 8.0 * static_cast<double>(n)}, [&] {
      kernels::copy<float>(cuda, from.view<2>({n / columns, columns}), to.view<2>({n / columns, columns}),
                           Accumulate::no);
    });
  });
  add_row("ceiling_matmul_bf16", "polonaise", [&cuda](benchmark::State& state) {
    const Index n = options().tiny ? 16 : 8192;
    const CardArray<bf16> a(cuda, n * n, 1), b(cuda, n * n, 1), c(cuda, n * n, 0);
    const double N = static_cast<double>(n);
    time_on_card(state, cuda, {.bytes = 6 * N * N, .flops = 2 * N * N * N}, [&] {
      kernels::matmul<bf16>(
          cuda,
          {.a = a.view<2>({n, n}), .b = b.view<2>({n, n}), .op_b = kernels::Op::transpose, .c = c.view<2>({n, n})});
    });
  });
}

}  // namespace polonaise::bench
