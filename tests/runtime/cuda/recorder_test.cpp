#include "runtime/device/recorder.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "kernels/pointwise/pointwise.h"
#include "runtime/device/memory.h"

namespace polonaise::testing {
namespace {

// Adds x to a sum each time; counts how often that was queued by the host.
class RecorderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const OpenedCuda opened = open_cuda();
    if (!opened.cuda) GTEST_SKIP() << opened.reason;
    card_ = *opened.cuda;
    x_ = Buffer(card_, sizeof(float));
    sum_ = Buffer(card_, sizeof(float));
    set_x(1);
  }

  void set_x(float value) { copy_to_device(card_, x_.data(), &value, sizeof value); }
  void add() {
    ++calls_;
    const View<float, 2> x(x_.as<float>(), {1, 1}), sum(sum_.as<float>(), {1, 1});
    kernels::copy<float>(std::get<Cuda>(card_), x, sum, Accumulate::yes);
  }
  float sum() const { return OnHost<float, 1>(card_, View<const float, 1>(sum_.as<float>(), {1}))[0]; }

  AnyDevice card_;
  Buffer x_, sum_;
  int calls_ = 0;
};

TEST_F(RecorderTest, CallsRecordsAndReplays) {
  Recorder recorder(card_);
  for (float i = 1; i <= 5; ++i) {
    set_x(i);  // what a record reads is read when it is replayed
    recorder.run({1}, 0, [&] { add(); });
  }
  EXPECT_EQ(sum(), 1 + 2 + 3 + 4 + 5);
  EXPECT_EQ(calls_, 2);
  EXPECT_EQ(recorder.replays(), 3u);
}

TEST_F(RecorderTest, KeepsARecordForEachKeyWhileNoMemoryMoves) {
  Recorder recorder(card_);
  for (int i = 0; i < 3; ++i)
    for (const std::uintptr_t key : {1, 2}) recorder.run({key}, 0, [&] { add(); });
  EXPECT_EQ(calls_, 4);
  for (int i = 0; i < 3; ++i) recorder.run({1}, 1, [&] { add(); });
  EXPECT_EQ(calls_, 6);
  EXPECT_EQ(sum(), 9);
}

TEST_F(RecorderTest, ForgetsRecordsWhoseMemoryIsGone) {
  Recorder recorder(card_);
  for (std::size_t generation = 0; generation < 2; ++generation) {
    sum_ = Buffer(card_, sizeof(float));
    for (int i = 0; i < 3; ++i) recorder.run({1}, generation, [&] { add(); });
    EXPECT_EQ(sum(), 3);
  }
  EXPECT_EQ(recorder.replays(), 2u);
}

TEST_F(RecorderTest, WorkThatFailsLeavesTheStreamInOrder) {
  Recorder recorder(card_);
  const auto fail = [&] {
    add();
    if (calls_ == 2) throw std::runtime_error("no");
  };
  recorder.run({1}, 0, fail);
  EXPECT_THROW(recorder.run({1}, 0, fail), std::runtime_error);
  EXPECT_EQ(sum(), 1);
  recorder.run({1}, 0, fail);
  recorder.run({1}, 0, fail);
  EXPECT_EQ(sum(), 3);
}

TEST_F(RecorderTest, RecordsNothingWhereEachLaunchIsWaitedFor) {
  ::setenv("POLONAISE_SYNC", "1", 1);
  card_ = *open_cuda().cuda;
  ::unsetenv("POLONAISE_SYNC");
  Recorder recorder(card_);
  for (int i = 0; i < 4; ++i) recorder.run({1}, 0, [&] { add(); });
  EXPECT_EQ(calls_, 4);
  EXPECT_EQ(recorder.replays(), 0u);
  EXPECT_EQ(sum(), 4);
}

}  // namespace
}  // namespace polonaise::testing
