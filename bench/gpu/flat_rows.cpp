#include "bench/gpu/measure.h"
#include "kernels/embedding/embedding.h"
#include "kernels/loss/loss.h"
#include "kernels/norm/norm.h"
#include "kernels/optimizer/adamw.h"

// The families that are bound by memory.
namespace polonaise::bench {
namespace {

template <class T>
void add_norm(Cuda& cuda) {
  const Index R = options().tiny ? 5 : 8192, D = options().tiny ? 16 : 256;
  const std::string name = "layer_norm_" + std::to_string(R) + "x" + std::to_string(D) + "_" + name_of<T>();
  const double matrix = static_cast<double>(R * D) * sizeof(T);
  add_row(name + "_forward", "polonaise", [=, &cuda](benchmark::State& state) {
    const CardArray<T> x(cuda, R * D, 1), residual(cuda, R * D, 1), weight(cuda, D, 1), bias(cuda, D, 1),
        sum(cuda, R * D, 0), y(cuda, R * D, 0);
    const CardArray<float> mean(cuda, R, 0), rstd(cuda, R, 0);
    time_on_card(state, cuda, {.bytes = 4 * matrix}, [&] {
      kernels::layer_norm_forward<T>(cuda, {.x = x.template view<2>({R, D}),
                                            .residual = residual.template view<2>({R, D}),
                                            .weight = weight.view(),
                                            .bias = bias.view(),
                                            .sum = sum.template view<2>({R, D}),
                                            .y = y.template view<2>({R, D}),
                                            .mean = mean.view(),
                                            .rstd = rstd.view()});
    });
  });
  add_row(name + "_backward", "polonaise", [=, &cuda](benchmark::State& state) {
    const CardArray<T> sum(cuda, R * D, 1), weight(cuda, D, 1), dy(cuda, R * D, 1), dsum(cuda, R * D, 1),
        ds(cuda, R * D, 0);
    const CardArray<float> mean(cuda, R, 0), rstd(cuda, R, 1), dweight(cuda, D, 0), dbias(cuda, D, 0);
    time_on_card(state, cuda, {.bytes = 4 * matrix}, [&] {
      kernels::layer_norm_backward<T>(cuda, {.sum = sum.template view<2>({R, D}),
                                             .weight = weight.view(),
                                             .mean = mean.view(),
                                             .rstd = rstd.view(),
                                             .dy = dy.template view<2>({R, D}),
                                             .dsum = dsum.template view<2>({R, D}),
                                             .ds = ds.template view<2>({R, D}),
                                             .dweight = dweight.view(),
                                             .dbias = dbias.view()});
    });
  });
}

template <class T>
void add_embedding(Cuda& cuda) {
  const Index R = options().tiny ? 6 : 8192, D = options().tiny ? 16 : 256, V = 388;
  const std::string name = "embedding_" + std::to_string(R) + "x" + std::to_string(D) + "_" + name_of<T>();
  std::vector<std::int32_t> values;
  for (Index i = 0; i < R; ++i) values.push_back(static_cast<std::int32_t>(i * 7919 % V));
  const double matrix = static_cast<double>(R * D) * sizeof(T);
  add_row(name + "_forward", "polonaise", [=, &cuda](benchmark::State& state) {
    const CardArray<std::int32_t> ids(cuda, values);
    const CardArray<T> table(cuda, V * D, 1), y(cuda, R * D, 0);
    time_on_card(state, cuda, {.bytes = matrix}, [&] {
      kernels::embedding_forward<T>(
          cuda, {.ids = ids.view(), .table = table.template view<2>({V, D}), .y = y.template view<2>({R, D})});
    });
  });
  add_row(name + "_backward", "polonaise", [=, &cuda](benchmark::State& state) {
    const CardArray<std::int32_t> ids(cuda, values);
    const CardArray<T> dy(cuda, R * D, 1);
    const CardArray<float> dtable(cuda, V * D, 0);
    time_on_card(state, cuda, {.bytes = matrix}, [&] {
      kernels::embedding_backward<T>(
          cuda, {.ids = ids.view(), .dy = dy.template view<2>({R, D}), .dtable = dtable.view<2>({V, D})});
    });
  });
}

void add_loss(Cuda& cuda) {
  const Index R = options().tiny ? 6 : 8192, V = 388;
  add_row("cross_entropy_" + std::to_string(R) + "x" + std::to_string(V), "polonaise",
          [=, &cuda](benchmark::State& state) {
            std::vector<std::int32_t> values;
            for (Index i = 0; i < R; ++i) values.push_back(static_cast<std::int32_t>(i * 7919 % V));
            const CardArray<std::int32_t> targets(cuda, values);
            const CardArray<float> logits(cuda, R * V, 4), losses(cuda, R, 0), dlogits(cuda, R * V, 0);
            time_on_card(state, cuda, {.bytes = 8.0 * static_cast<double>(R * V)}, [&] {
              kernels::softmax_cross_entropy(cuda, {.logits = logits.view<2>({R, V}),
                                                    .targets = targets.view(),
                                                    .losses = losses.view(),
                                                    .dlogits = dlogits.view<2>({R, V})});
            });
          });
}

void add_optimizer(Cuda& cuda) {
  const Index n = options().tiny ? 300 : Index{1} << 24;
  add_row("adamw_" + std::to_string(n), "polonaise", [=, &cuda](benchmark::State& state) {
    const CardArray<float> p(cuda, n, 1), g(cuda, n, 1), m(cuda, n, 0), v(cuda, n, 0);
    const CardArray<kernels::AdamWStep> step(cuda, std::vector{kernels::adamw_at({}, 1, 1e-3f)});
    const CardArray<double> norm(cuda, std::vector{1.0});
    time_on_card(state, cuda, {.bytes = 28.0 * static_cast<double>(n)}, [&] {
      kernels::adamw_step(cuda, {.step = step.view().data(),
                                 .squared_norm = norm.view().data(),
                                 .parameters = p.view(),
                                 .gradients = g.view(),
                                 .m = m.view(),
                                 .v = v.view()});
    });
  });
}

}  // namespace

void add_flat_rows(Cuda& cuda) {
  add_norm<float>(cuda);
  add_norm<bf16>(cuda);
  add_embedding<float>(cuda);
  add_embedding<bf16>(cuda);
  add_loss(cuda);
  add_optimizer(cuda);
}

}  // namespace polonaise::bench
