#include "io/data/windows.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>

namespace polonaise::io {
namespace {

std::vector<Events> pieces_of(std::initializer_list<int> sizes) {
  std::vector<Events> pieces;
  for (const int size : sizes) {
    Events events(EventKind::tokens);
    for (int i = 0; i < size; ++i) events.push_token(i);
    pieces.push_back(std::move(events));
  }
  return pieces;
}

std::vector<EventsView> views_of(const std::vector<Events>& pieces) {
  std::vector<EventsView> result;
  for (const Events& events : pieces) result.push_back(events.view());
  return result;
}

TEST(Windows, InOrderTheyCutEachPieceFromItsFirstEvent) {
  const auto pieces = pieces_of({5, 0, 2});
  WindowOptions options;
  options.steps = 3;
  options.shuffle = false;
  const std::vector<Window> expected = {{0, 3, 3, 0}, {0, 2, 2, 3}, {2, 2, 2, 0}};
  EXPECT_EQ(epoch_windows(views_of(pieces), options, 0), expected);
  EXPECT_EQ(epoch_windows(views_of(pieces), options, 9), expected);
}

TEST(Windows, ManyToOneSeesUpToTEventsAndTheStart) {
  const auto pieces = pieces_of({6});
  WindowOptions options;
  options.kind = WindowKind::many_to_one;
  options.steps = 3;
  options.stride = 2;
  options.shuffle = false;
  EXPECT_EQ(epoch_windows(views_of(pieces), options, 0),
            (std::vector<Window>{{0, 1, 1, 0}, {0, 3, 1, 2}, {0, 3, 1, 4}}));
}

TEST(Windows, EachEventIsATargetOnceInEveryEpoch) {
  const auto pieces = pieces_of({1, 7, 30, 64});
  WindowOptions options;
  options.steps = 8;
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    std::map<std::pair<std::int32_t, std::int64_t>, int> seen;
    for (const Window& window : epoch_windows(views_of(pieces), options, epoch)) {
      EXPECT_GE(window.inputs, 1);
      EXPECT_LE(window.inputs, options.steps);
      EXPECT_EQ(window.inputs, window.targets);
      for (int t = 0; t < window.targets; ++t) ++seen[{window.piece, window.first_target + t}];
    }
    EXPECT_EQ(seen.size(), 1U + 7 + 30 + 64);
    for (const auto& [event, times] : seen) EXPECT_EQ(times, 1);
  }
}

TEST(Windows, EpochsAndSeedsDifferAndRepeat) {
  const auto pieces = pieces_of({100, 100});
  for (const WindowKind kind : {WindowKind::every_step, WindowKind::many_to_one}) {
    WindowOptions options;
    options.kind = kind;
    options.steps = 8;
    options.stride = 4;
    WindowOptions other = options;
    other.seed = 1;
    const auto first = epoch_windows(views_of(pieces), options, 0);
    EXPECT_EQ(first, epoch_windows(views_of(pieces), options, 0));
    EXPECT_NE(first, epoch_windows(views_of(pieces), options, 1));
    EXPECT_NE(first, epoch_windows(views_of(pieces), other, 0));
  }
}

TEST(Windows, AStrideLongerThanAPieceStillLeavesItATarget) {
  const auto pieces = pieces_of({2});
  WindowOptions options;
  options.kind = WindowKind::many_to_one;
  options.stride = 1000;
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    EXPECT_EQ(epoch_windows(views_of(pieces), options, epoch).size(), 1U);
  }
}

}  // namespace
}  // namespace polonaise::io
