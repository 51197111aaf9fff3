#include "models/arrange.h"

#include <gtest/gtest.h>

#include "tests/models/support.h"

namespace polonaise::testing {
namespace {

template <class T>
std::vector<T> on_host(const AnyDevice& device, View<const T, 1> values) {
  const OnHost<T, 1> host(device, values);
  return {host.view().data(), host.view().data() + host.view().size()};
}

// The same, of as many entries as there are: on a card there is room for more.
void expect_rows(const AnyDevice& card, const kernels::SparseRows& actual, const kernels::SparseRows& expected) {
  const Index entries = expected.columns.size();
  const auto head = [&](auto view) { return decltype(view)(view.data(), {view.empty() ? 0 : entries}); };
  EXPECT_EQ(on_host(card, actual.offsets), on_host(Cpu{1}, expected.offsets));
  EXPECT_EQ(on_host(card, head(actual.columns)), on_host(Cpu{1}, expected.columns));
  EXPECT_EQ(on_host(card, head(actual.values)), on_host(Cpu{1}, expected.values));
}

TEST(Arrange, ABatchGoesToACardInOneCopy) {
  const OpenedCuda opened = open_cuda();
  if (!opened.cuda) GTEST_SKIP() << opened.reason;
  AnyDevice card = *opened.cuda, cpu = Cpu{1};
  for (const EventShape& shape : {token_events(11), frame_events(9, 4), frame_events(9, 0)}) {
    Arena on_card(card), on_cpu(cpu);
    for (std::size_t step = 1; step <= 3; ++step) {
      OwnedBatch batch(shape, 7, 7);
      for (const Index length : {7, 4, 6}) {  // so that there are lengths, and a mask
        const std::vector<Event> piece =
            random_events(shape, length + 1, 10 * step + static_cast<std::uint64_t>(length));
        const std::span<const Event> events(piece);
        batch.add_row(events.first(events.size() - 1), events.last(events.size() - 1));
      }
      on_card.reset(), on_cpu.reset();
      Tape tape = Tape::inference(card, on_card), expected_tape = Tape::inference(cpu, on_cpu);
      const Arranged actual = arrange(tape, shape, batch.view(), {0, 3}, Layout::time_major);
      const Arranged expected = arrange(expected_tape, shape, batch.view(), {0, 3}, Layout::time_major);
      EXPECT_EQ(on_card.copies(), step);
      EXPECT_EQ(on_host(card, actual.lengths), on_host(cpu, expected.lengths));
      EXPECT_EQ(on_host(card, actual.ids), on_host(cpu, expected.ids));
      EXPECT_EQ(on_host(card, actual.targets), on_host(cpu, expected.targets));
      EXPECT_EQ(on_host(card, actual.frame_targets.mask), on_host(cpu, expected.frame_targets.mask));
      EXPECT_EQ(on_host(card, actual.frame_targets.durations), on_host(cpu, expected.frame_targets.durations));
      expect_rows(card, actual.frames, expected.frames);
      expect_rows(card, actual.frame_targets.keys, expected.frame_targets.keys);
    }
  }
}

}  // namespace
}  // namespace polonaise::testing
