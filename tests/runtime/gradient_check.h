#pragma once

// Ops as they stand on a tape: what kernels compute is checked to 1e-5 beside the kernels; here it is that each
// gradient reaches its place, whole, and once. On the CPU central differences tell, on a card the CPU.

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "runtime/ops.h"
#include "tests/kernels/sparse_support.h"

namespace polonaise::testing {

// Host values in the tape's memory, for the kernels of its device.
template <class T>
View<const T, 1> placed(Tape& tape, const std::vector<T>& values) {
  T* const memory = tape.allocate<T>(std::ssize(values));
  copy_to_device(tape.device(), memory, values.data(), values.size() * sizeof(T));
  return {memory, {std::ssize(values)}};
}
inline kernels::SparseRows placed(Tape& tape, const SparseMatrix& matrix) {
  return {placed(tape, matrix.offsets), placed(tape, matrix.columns),
          matrix.values.empty() ? View<const float, 1>() : placed(tape, matrix.values)};
}

// And back.
template <class T>
std::vector<T> fetched(const Tape& tape, View<const T, 1> values) {
  const OnHost<T, 1> host(tape.device(), values);
  return {host.view().data(), host.view().data() + values.size()};
}
inline std::vector<float> fetched(const Tape& tape, const Tensor& tensor) {
  return fetched(tape, tensor.vector<const float>());
}

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
  GradientCheck(const AnyDevice& device, std::vector<Input> inputs, Build build)
      : inputs_(std::move(inputs)), build_(std::move(build)), device_(device) {
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
    const double sum = loss(device_, arena_, &gradients);
    if (!std::holds_alternative<Cpu>(device_)) {
      AnyDevice cpu = Cpu{1};
      Arena arena(cpu);
      std::vector<std::vector<float>> expected;
      EXPECT_NEAR(sum, loss(cpu, arena, &expected), kFloatTolerance * std::max(1.0, std::abs(sum)));
      for (std::size_t i = 0; i < inputs_.size(); ++i)
        EXPECT_LT(relative_error(gradients[i], to_double(expected[i])), kFloatTolerance) << what(i);
      return;
    }
    constexpr float kStep = 1e-2f;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      std::vector<double> expected;
      for (float& x : values_[i].values()) {
        const float saved = x;
        x = saved + kStep;
        const double above = loss(device_, arena_, nullptr);
        x = saved - kStep;
        const double below = loss(device_, arena_, nullptr);
        expected.push_back((above - below) / (static_cast<double>(saved + kStep) - static_cast<double>(saved - kStep)));
        x = saved;
      }
      EXPECT_LT(relative_error(gradients[i], expected), kTolerance) << what(i);
    }
  }

 private:
  std::string what(std::size_t input) const { return inputs_[input].name + ", readers " + std::to_string(readers_); }

  // The outputs' products with fixed random numbers, summed; with `gradients` also backward from them.
  double loss(AnyDevice& device, Arena& arena, std::vector<std::vector<float>>* gradients) {
    dirty(device, arena);
    Tape tape = Tape::training(device, arena, {.seed = 1, .step = 1, .first_row = 0});
    std::vector<Buffer> slabs;
    std::vector<Var> inputs;
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      slabs.emplace_back(device, values_[i].values().size() * sizeof(float));
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      float* const values = const_cast<float*>(placed(tape, values_[i].values()).data());
      const Var parameter =
          tape.parameter({values, inputs_[i].shape, DType::f32}, {slabs[i].as<float>(), inputs_[i].shape, DType::f32});
      inputs.push_back(inputs_[i].weight ? parameter : identity(tape, parameter));
    }
    double sum = 0;
    std::uint64_t seed = 1;
    for (int reader = 0; reader < readers_; ++reader)
      for (const Var& y : build_(tape, inputs)) {
        ++seed;
        if (!y) continue;
        const auto weights = random_array<1>({y.shape().size()}, seed);
        const std::vector<float> values = fetched(tape, y.value());
        for (std::size_t i = 0; i < values.size(); ++i)
          sum += static_cast<double>(weights.values()[i]) * static_cast<double>(values[i]);
        if (!gradients) continue;
        const GradientSlot dy = tape.slot(y);
        convert(device, {const_cast<float*>(placed(tape, weights.values()).data()), y.shape(), DType::f32}, dy.tensor,
                dy.accumulate);
      }
    if (gradients) {
      tape.backward();
      for (std::size_t i = 0; i < slabs.size(); ++i)
        gradients->push_back(fetched<float>(tape, View<const float, 1>(slabs[i].as<float>(), {values_[i].size()})));
    }
    return sum;
  }

  // What is not written before it is read shows as NaN.
  static void dirty(AnyDevice& device, Arena& arena) {
    arena.reset();
    fill_with(device, arena.allocate<float>(kDirty), 0xFF, kDirty * sizeof(float));
    arena.reset();
  }

  static Var identity(Tape& tape, const Var& x) {
    const Var y = tape.output(x.shape(), x.dtype(), true);
    convert(tape.device(), x.value(), y.value(), Accumulate::no);
    tape.record("identity", y, [x, y](Tape& t) {
      const Tensor dy = t.gradient(y);
      if (!dy.data) return;
      const GradientSlot dx = t.slot(x);
      convert(t.device(), dy, dx.tensor, dx.accumulate);
    });
    return y;
  }

  // Differences of floats: rounding over the step, which shows where a gradient is small. A gradient that is lost,
  // doubled or not begun from zero is off by far more.
  static constexpr double kTolerance = 5e-3;
  static constexpr std::size_t kDirty = 50000;
  std::vector<Input> inputs_;
  Build build_;
  int readers_ = 1;
  std::vector<Array<float, 1>> values_;
  AnyDevice device_;
  Arena arena_{device_};
};

// With one reader of each value, and with two.
inline void check_gradients(const AnyDevice& device, const std::vector<Input>& inputs, const Build& build) {
  for (const int readers : {1, 2}) GradientCheck(device, inputs, build).readers(readers).run();
}

}  // namespace polonaise::testing
