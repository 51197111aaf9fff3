#include "runtime/tape.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace polonaise::testing {
namespace {

class TapeTest : public ::testing::Test {
 protected:
  Tape training() { return Tape::training(device_, arena_, {.seed = 5, .step = 6, .first_row = 7}); }

  // y = factor x, for vectors, as an op writes itself.
  static Var scaled(Tape& tape, const Var& x, float factor) {
    const Var y = tape.output(x.shape(), x.dtype(), x.needs_gradient());
    const View<float, 1> from = x.value().vector<float>(), to = y.value().vector<float>();
    for (Index i = 0; i < from.size(); ++i) to.data()[i] = factor * from.data()[i];
    tape.record("scaled", y, [=](Tape& t) {
      const Tensor dy = t.gradient(y);
      if (!dy.data) return;
      const GradientSlot dx = t.slot(x);
      for (Index i = 0; i < from.size(); ++i) {
        float& d = dx.tensor.vector<float>().data()[i];
        d = (dx.accumulate == Accumulate::yes ? d : 0.0f) + factor * dy.vector<float>().data()[i];
      }
    });
    return y;
  }
  static void seed(Tape& tape, const Var& y, float value) {
    const GradientSlot dy = tape.slot(y);
    for (Index i = 0; i < y.shape().size(); ++i) dy.tensor.vector<float>().data()[i] = value;
  }
  Var parameter(Tape& tape) { return tape.parameter({values_, {2}, DType::f32}, {gradients_, {2}, DType::f32}); }

  AnyDevice device_ = Cpu{1};
  Arena arena_{device_};
  float values_[2] = {1, 2};
  float gradients_[2] = {0, 0};
};

TEST_F(TapeTest, TheFirstWriterOverwritesAndLaterOnesAdd) {
  Tape tape = training();
  const Var x = scaled(tape, parameter(tape), 1);
  EXPECT_EQ(tape.slot(x).accumulate, Accumulate::no);
  EXPECT_EQ(tape.slot(x).accumulate, Accumulate::yes);
}

TEST_F(TapeTest, AValueUsedTwiceHasTheSumOfBothGradients) {
  Tape tape = training();
  const Var x = scaled(tape, parameter(tape), 2);
  const Var a = scaled(tape, x, 3), b = scaled(tape, x, 5);
  EXPECT_EQ(tape.size(), 3u);
  seed(tape, a, 1);
  seed(tape, b, 10);
  tape.backward();
  for (const float gradient : gradients_) EXPECT_EQ(gradient, 2 * (3 * 1 + 5 * 10));
}

TEST_F(TapeTest, AParametersGradientIsAddedToWhatIsThere) {
  gradients_[0] = gradients_[1] = 100;
  Tape tape = training();
  const Var y = scaled(tape, parameter(tape), 2);
  seed(tape, y, 1);
  tape.backward();
  EXPECT_EQ(gradients_[0], 102);
  EXPECT_EQ(gradients_[1], 102);
}

TEST_F(TapeTest, AnOutputThatNothingUsesPassesNoGradientOn) {
  Tape tape = training();
  const Var x = parameter(tape);
  const Var used = scaled(tape, x, 2), unused = scaled(tape, x, 1000);
  seed(tape, used, 1);
  EXPECT_EQ(tape.gradient(unused).data, nullptr);
  tape.backward();
  EXPECT_EQ(gradients_[0], 2);
}

TEST_F(TapeTest, BackwardRunsEachNodeOnceFromTheLastToTheFirst) {
  Tape tape = training();
  const Var x = parameter(tape);
  std::string order;
  for (const char name : {'a', 'b', 'c'}) tape.record("node", x, [&order, name](Tape&) { order += name; });
  tape.backward();
  tape.backward();
  EXPECT_EQ(order, "cba");
  EXPECT_EQ(tape.size(), 0u);
}

TEST_F(TapeTest, AGradientThatWasReadHandsItsMemoryOn) {
  Tape tape = training();
  Var y = scaled(tape, parameter(tape), 1);
  for (int i = 0; i < 9; ++i) y = scaled(tape, y, 2);
  const std::size_t before = arena_.mark().used;
  seed(tape, y, 1);
  tape.backward();
  for (const float gradient : gradients_) EXPECT_EQ(gradient, 512);
  // Two cache lines: the gradient that is read and the one that is written.
  EXPECT_EQ(arena_.mark().used - before, 2u * 64u);
}

TEST_F(TapeTest, ConstantsAndFrozenParametersWantNoGradient) {
  Tape tape = training();
  const Var constant = tape.constant({values_, {2}, DType::f32});
  const Var frozen = tape.parameter({values_, {2}, DType::f32}, {});
  for (const Var& x : {constant, frozen, Var()}) {
    EXPECT_FALSE(x.needs_gradient());
    EXPECT_EQ(tape.slot(x).tensor.data, nullptr);
  }
  scaled(tape, constant, 2);
  scaled(tape, frozen, 2);
  EXPECT_EQ(tape.size(), 0u);
}

TEST_F(TapeTest, InferenceRecordsNothing) {
  Tape tape = Tape::inference(device_, arena_);
  const Var y = scaled(tape, parameter(tape), 2);
  EXPECT_FALSE(tape.is_training());
  EXPECT_FALSE(y.needs_gradient());
  EXPECT_EQ(tape.slot(y).tensor.data, nullptr);
  EXPECT_EQ(tape.size(), 0u);
  EXPECT_EQ(y.value().vector<float>().data()[1], 4);
}

TEST_F(TapeTest, RandomStreamsFollowEachOtherInTheOrderOfTheOps) {
  Tape tape = training();
  const kernels::RandomStream a = tape.random_stream(), b = tape.random_stream(3), c = tape.random_stream();
  for (const kernels::RandomStream& stream : {a, b, c}) {
    EXPECT_EQ(stream.seed, 5u);
    EXPECT_EQ(stream.step, 6u);
  }
  EXPECT_EQ(b.op, a.op + 1);
  EXPECT_EQ(c.op, b.op + 3);
}

TEST_F(TapeTest, ScratchIsGivenBack) {
  Tape tape = training();
  float* first = nullptr;
  for (int i = 0; i < 3; ++i) {
    Scratch scratch(tape);
    const View<float, 1> floats = scratch.floats(1000);
    EXPECT_EQ(floats.size(), 1000);
    if (!first) first = floats.data();
    EXPECT_EQ(floats.data(), first);
  }
}

}  // namespace
}  // namespace polonaise::testing
