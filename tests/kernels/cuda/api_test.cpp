#include "kernels/cuda/host/api.h"

#include <gmock/gmock.h>

#include <optional>

#include "tests/kernels/cuda/vocabulary.h"
#include "tests/kernels/devices.h"

namespace polonaise::testing {
namespace {

using ::testing::HasSubstr;

constexpr Index kCount = 1000;
constexpr std::size_t kBytes = kCount * sizeof(float);

// Host memory that copies may run beside.
class PinnedFloats {
 public:
  explicit PinnedFloats(float value) { fill(value); }
  void fill(float value) { std::fill_n(data(), kCount, value); }
  float* data() const { return static_cast<float*>(memory_.data()); }
  bool all(float value) const {
    return std::all_of(data(), data() + kCount, [&](float number) { return number == value; });
  }

 private:
  PinnedMemory memory_{kBytes};
};

class CudaApi : public DeviceTest<OnCuda> {
 protected:
  static float* floats(const CudaMemory& memory) { return static_cast<float*>(memory.data()); }
  StreamHandle stream() { return device().stream(); }
};

TEST_F(CudaApi, AStreamsWorkRunsInTheOrderInWhichItWasQueued) {
  const CudaMemory memory(kBytes), sum(kBytes);
  const PinnedFloats in(3.0f), out(0.0f);
  copy(stream(), memory.data(), in.data(), kBytes);
  add_one(device(), kCount, floats(memory), floats(sum));
  copy(stream(), memory.data(), sum.data(), kBytes);
  add_one(device(), kCount, floats(memory), floats(sum));
  copy(stream(), out.data(), sum.data(), kBytes);
  synchronise(stream());
  EXPECT_TRUE(out.all(5.0f));
}

TEST_F(CudaApi, FillWritesEveryByte) {
  const CudaMemory memory(kBytes);
  const PinnedFloats out(1.0f);
  fill(stream(), memory.data(), 0, kBytes);
  copy(stream(), out.data(), memory.data(), kBytes);
  synchronise(stream());
  EXPECT_TRUE(out.all(0.0f));
}

TEST_F(CudaApi, CopyingAndFillingNothingNeedsNoMemory) {
  copy(stream(), nullptr, nullptr, 0);
  fill(stream(), nullptr, 0, 0);
  EXPECT_NO_THROW(synchronise(stream()));
}

TEST_F(CudaApi, AnEventOrdersOneStreamAfterAnother) {
  const CudaStream copies;
  const CudaEvent copied, used;
  const CudaMemory memory(kBytes), sum(kBytes);
  PinnedFloats batch(1.0f);
  const PinnedFloats out(0.0f);
  for (float round = 1; round <= 3; ++round) {
    used.wait_on(copies.handle());
    copy(copies.handle(), memory.data(), batch.data(), kBytes);
    copied.record(copies.handle());
    copied.wait_on(stream());
    add_one(device(), kCount, floats(memory), floats(sum));
    used.record(stream());
    copied.synchronise();  // the batch may be filled anew while the kernel runs
    batch.fill(round + 1);
    copy(stream(), out.data(), sum.data(), kBytes);
    synchronise(stream());
    EXPECT_TRUE(out.all(round + 1));
  }
}

TEST_F(CudaApi, AnEventThatWasNeverRecordedCountsAsPassed) {
  const CudaEvent event;
  event.wait_on(stream());
  event.synchronise();
  EXPECT_NO_THROW(synchronise(stream()));
}

TEST_F(CudaApi, TimeBetweenEventsIsNotNegative) {
  const CudaEvent begin, end;
  const CudaMemory memory(kBytes);
  begin.record(stream());
  fill(stream(), memory.data(), 0, kBytes);
  end.record(stream());
  end.synchronise();
  EXPECT_GE(begin.seconds_until(end), 0.0);
}

TEST_F(CudaApi, AGraphRunsItsWorkAtEachReplayAndNotAtItsCapture) {
  const CudaMemory x(kBytes), y(kBytes);
  const PinnedFloats zeros(0.0f), out(-1.0f);
  copy(stream(), x.data(), zeros.data(), kBytes);
  synchronise(stream());
  CudaGraph::begin_capture(stream());
  add_one(device(), kCount, floats(x), floats(y));
  copy(stream(), x.data(), y.data(), kBytes);
  const CudaGraph graph = CudaGraph::end_capture(stream());
  copy(stream(), out.data(), x.data(), kBytes);
  synchronise(stream());
  EXPECT_TRUE(out.all(0.0f));
  for (int i = 0; i < 3; ++i) graph.replay(stream());
  copy(stream(), out.data(), x.data(), kBytes);
  synchronise(stream());
  EXPECT_TRUE(out.all(3.0f));
}

TEST_F(CudaApi, ACaptureFollowsEventsToOtherStreamsAndBack) {
  const CudaStream side;
  const CudaEvent forked, joined;
  const CudaMemory x(kBytes), y(kBytes), z(kBytes);
  const PinnedFloats zeros(0.0f), out(-1.0f);
  copy(stream(), x.data(), zeros.data(), kBytes);
  synchronise(stream());
  CudaGraph::begin_capture(stream());
  add_one(device(), kCount, floats(x), floats(y));
  forked.record(stream());
  forked.wait_on(side.handle());
  copy(side.handle(), z.data(), y.data(), kBytes);
  joined.record(side.handle());
  joined.wait_on(stream());
  add_one(device(), kCount, floats(z), floats(x));
  const CudaGraph graph = CudaGraph::end_capture(stream());
  graph.replay(stream());
  graph.replay(stream());
  copy(stream(), out.data(), x.data(), kBytes);
  synchronise(stream());
  EXPECT_TRUE(out.all(4.0f));
}

TEST_F(CudaApi, NothingMayWaitForAStreamThatIsBeingCapturedNorTakeMemory) {
  CudaGraph::begin_capture(stream());
  EXPECT_THROW(synchronise(stream()), std::runtime_error);
  EXPECT_THROW(CudaMemory(1), std::runtime_error);
  EXPECT_THROW(PinnedMemory(1), std::runtime_error);
  try {
    CudaGraph::end_capture(stream());  // a card has given the capture up
  } catch (const std::runtime_error&) {
  }
}

TEST_F(CudaApi, MemoryThatIsNotThereIsAskedForInVainAndSaysSo) {
  const MemoryInfo info = memory_info();
  EXPECT_LE(info.free, info.total);
  try {
    const CudaMemory memory(info.total * 2);
    ADD_FAILURE() << "twice the card's memory was given";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the card could not give " + std::to_string(info.total * 2) + " bytes ("));
    EXPECT_THAT(error.what(), HasSubstr(" are free)"));
  }
}

TEST_F(CudaApi, AReplacedGraphRunsTheNewWork) {
  const CudaMemory x(kBytes);
  const PinnedFloats out(-1.0f);
  std::optional<CudaGraph> graph;
  for (unsigned char byte : {0, 0x3F}) {
    CudaGraph::begin_capture(stream());
    fill(stream(), x.data(), byte, kBytes);
    graph = CudaGraph::end_capture(stream());
  }
  graph->replay(stream());
  copy(stream(), out.data(), x.data(), kBytes);
  synchronise(stream());
  EXPECT_TRUE(out.all(std::bit_cast<float>(0x3F3F3F3Fu)));
}

}  // namespace
}  // namespace polonaise::testing
