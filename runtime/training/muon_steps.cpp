#include "runtime/training/muon_steps.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/matmul/matmul.h"

namespace polonaise {

namespace {

std::size_t floats(Index n) {
  return static_cast<std::size_t>(n) * sizeof(float);
}

View<float, 1> flat(View<float, 2> x) {
  return {x.data(), {x.size()}};
}

}  // namespace

MuonSteps::MuonSteps(const Parameters& parameters) : device_(parameters.device()) {
  Index elements = 0, shorter = 0;
  for (const Parameters::Entry& entry : parameters.entries()) {
    if (!moves(entry)) continue;
    elements = std::max(elements, entry.shape.size());
    shorter = std::max(shorter, std::min(entry.shape.rows(), entry.shape.columns()));
  }
  direction_ = Buffer(device_, floats(elements));
  next_ = Buffer(device_, floats(elements));
  gram_ = Buffer(device_, floats(shorter * shorter));
  gram2_ = Buffer(device_, floats(shorter * shorter));
  norm_ = Buffer(device_, sizeof(double));
}

void MuonSteps::step(const Parameters::Entry& entry, kernels::Muon options, const kernels::AdamWStep* numbers,
                     const double* squared_norm, View<const float, 1> gradients, View<float, 1> momentum,
                     View<float, 1> parameters) {
  const Index rows = entry.shape.rows(), columns = entry.shape.columns();
  const auto further = std::sqrt(std::max(1.0f, static_cast<float>(rows) / static_cast<float>(columns)));
  options.rate *= further;
  options.weight_decay /= further;
  const auto part = [&](auto slab) { return decltype(slab)(slab.data() + entry.offset, {rows * columns}); };
  const View<float, 2> direction(direction_.as<float>(), {rows, columns});
  std::visit(
      [&](auto& device) {
        kernels::muon_momentum(device, {.options = options,
                                        .step = numbers,
                                        .squared_norm = squared_norm,
                                        .gradients = part(gradients),
                                        .m = part(momentum),
                                        .x = flat(direction)});
        kernels::muon_step(device, {.options = options,
                                    .step = numbers,
                                    .squared_norm = squared_norm,
                                    .x = orthogonalized(direction),
                                    .parameters = part(parameters)});
      },
      device_);
}

View<const float, 1> MuonSteps::orthogonalized(View<float, 2> x) {
  using kernels::Op;
  const bool tall = x.rows() > x.columns();
  const Index n = std::min(x.rows(), x.columns());
  const View<float, 2> gram(gram_.as<float>(), {n, n}), factor(gram2_.as<float>(), {n, n});
  View<float, 2> next(next_.as<float>(), x.extents());
  auto* const norm = norm_.as<double>();
  std::visit(
      [&](auto& device) {
        kernels::squared_norm(device, flat(x), norm);
        kernels::muon_normalize(device, norm, flat(x));
        const auto product = [&](View<const float, 2> a, Op op_a, View<const float, 2> b, Op op_b, View<float, 2> c) {
          kernels::matmul<float>(device, {.a = a, .op_a = op_a, .b = b, .op_b = op_b, .c = c});
        };
        // Along the shorter side the products are the smallest.
        for (int round = 0; round < kernels::NewtonSchulz::kRounds; ++round) {
          product(x, tall ? Op::transpose : Op::none, x, tall ? Op::none : Op::transpose, gram);
          product(gram, Op::none, gram, Op::none, factor);
          kernels::muon_polynomial(device, gram, factor);
          if (tall)
            product(x, Op::none, factor, Op::none, next);
          else
            product(factor, Op::none, x, Op::none, next);
          std::swap(x, next);
        }
      },
      device_);
  return flat(x);
}

}  // namespace polonaise
