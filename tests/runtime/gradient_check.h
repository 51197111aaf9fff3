#pragma once

// Ops against central differences, as they stand on a tape: what kernels compute is checked to 1e-5 beside the kernels;
// here it is that each gradient reaches its place, whole, and once.

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "runtime/ops.h"
#include "tests/kernels/support.h"

namespace polonaise::testing {

// An input of the op under test. A value comes from an op before it, so that its gradient is first written, then added
// to; a weight is a parameter, whose gradient is always added to.
struct Input {
  std::string name;
  Shape shape;
  bool weight = false;
};

// Builds what is tested from its inputs and returns its outputs; where one of them is "none", nothing reads it.
using Build = std::function<std::vector<Var>(Tape&, const std::vector<Var>& inputs)>;

class GradientCheck {
 public:
  GradientCheck(std::vector<Input> inputs, Build build) : inputs_(std::move(inputs)), build_(std::move(build)) {
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      values_.push_back(random_array<1>({inputs_[i].shape.size()}, 100 + i, 0.8f));
  }
  // How often the graph is built from the same inputs; with 2 each value has two readers.
  GradientCheck& readers(int count) {
    readers_ = count;
    return *this;
  }

  void run() {
    std::vector<std::vector<float>> gradients;
    loss(&gradients);
    constexpr float kStep = 1e-2f;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      std::vector<double> expected;
      for (float& x : values_[i].values()) {
        const float saved = x;
        x = saved + kStep;
        const double above = loss(nullptr);
        x = saved - kStep;
        const double below = loss(nullptr);
        expected.push_back((above - below) / (static_cast<double>(saved + kStep) - static_cast<double>(saved - kStep)));
        x = saved;
      }
      EXPECT_LT(relative_error(gradients[i], expected), kTolerance) << inputs_[i].name << ", readers " << readers_;
    }
  }

 private:
  // The outputs' products with fixed random numbers, summed; with `gradients` also backward from them.
  double loss(std::vector<std::vector<float>>* gradients) {
    dirty_arena();
    Tape tape = Tape::training(device_, arena_, {.seed = 1, .step = 1, .first_row = 0});
    std::vector<Array<float, 1>> slabs;
    std::vector<Var> inputs;
    for (std::size_t i = 0; i < inputs_.size(); ++i) slabs.emplace_back(std::array{values_[i].size()});
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const Var parameter = tape.parameter({values_[i].values().data(), inputs_[i].shape, DType::f32},
                                           {slabs[i].values().data(), inputs_[i].shape, DType::f32});
      inputs.push_back(inputs_[i].weight ? parameter : identity(tape, parameter));
    }
    double sum = 0;
    std::uint64_t seed = 1;
    for (int reader = 0; reader < readers_; ++reader)
      for (const Var& y : build_(tape, inputs)) {
        ++seed;
        if (!y) continue;
        const auto weights = random_array<1>({y.shape().size()}, seed);
        const View<const float, 1> values = y.value().vector<const float>();
        for (Index i = 0; i < values.size(); ++i) sum += static_cast<double>(weights[i]) * values.data()[i];
        if (gradients) {
          const GradientSlot dy = tape.slot(y);
          float* d = dy.tensor.vector<float>().data();
          for (Index i = 0; i < values.size(); ++i)
            d[i] = (dy.accumulate == Accumulate::yes ? d[i] : 0.0f) + weights[i];
        }
      }
    if (gradients) {
      tape.backward();
      for (const auto& slab : slabs) gradients->push_back(slab.values());
    }
    return sum;
  }

  // What is not written before it is read shows as NaN.
  void dirty_arena() {
    arena_.reset();
    float* floats = arena_.allocate<float>(kDirty);
    std::fill(floats, floats + kDirty, std::numeric_limits<float>::quiet_NaN());
    arena_.reset();
  }

  static Var identity(Tape& tape, const Var& x) {
    const Var y = tape.output(x.shape(), x.dtype(), true);
    std::copy_n(static_cast<const float*>(x.value().data), x.shape().size(), static_cast<float*>(y.value().data));
    tape.record("identity", y, [x, y](Tape& t) {
      const Tensor dy = t.gradient(y);
      if (!dy.data) return;
      float* dx = static_cast<float*>(t.slot(x).tensor.data);
      for (Index i = 0; i < x.shape().size(); ++i) dx[i] += static_cast<const float*>(dy.data)[i];
    });
    return y;
  }

  // Differences of floats: rounding over the step, which shows where a gradient is small. A gradient that is lost,
  // doubled or not begun from zero is off by far more.
  static constexpr double kTolerance = 5e-3;
  static constexpr std::size_t kDirty = 200000;
  std::vector<Input> inputs_;
  Build build_;
  int readers_ = 1;
  std::vector<Array<float, 1>> values_;
  AnyDevice device_ = Cpu{1};
  Arena arena_{device_};
};

// With one reader of each value, and with two.
inline void check_gradients(const std::vector<Input>& inputs, const Build& build) {
  for (const int readers : {1, 2}) GradientCheck(inputs, build).readers(readers).run();
}

}  // namespace polonaise::testing
