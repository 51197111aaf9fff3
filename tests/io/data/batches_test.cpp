#include "io/data/batches.h"

#include <gtest/gtest.h>

#include <cmath>

#include "io/files/error.h"

namespace polonaise::io {
namespace {

constexpr int kVocabulary = 50;

EventShape token_spec() {
  EventShape shape;
  shape.vocabulary = kVocabulary;
  return shape;
}

EventShape frame_spec() {
  return {EventKind::frames, 0, 10, kDurationClassCount, 11, DurationInput::log2_one_plus};
}

Events tokens(std::initializer_list<int> values) {
  Events events(EventKind::tokens);
  for (const int value : values) events.push_token(value);
  return events;
}

Events long_piece(int size) {
  Events events(EventKind::tokens);
  for (int i = 0; i < size; ++i) events.push_token(i % kVocabulary);
  return events;
}

BatchOptions in_order(std::int64_t rows, std::int64_t steps) {
  BatchOptions options;
  options.rows = rows;
  options.windows.steps = steps;
  options.windows.shuffle = false;
  return options;
}

template <class T>
std::vector<T> row_of(const std::vector<T>& values, std::int64_t row, std::int64_t width) {
  return {values.begin() + row * width, values.begin() + (row + 1) * width};
}

void expect_same(const BatchMemory& a, const BatchMemory& b) {
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.lengths, b.lengths);
  EXPECT_EQ(a.target_count, b.target_count);
  EXPECT_EQ(a.inputs, b.inputs);
  EXPECT_EQ(a.targets, b.targets);
  EXPECT_EQ(a.input_rows, b.input_rows);
  EXPECT_EQ(a.input_columns, b.input_columns);
  EXPECT_EQ(a.input_values, b.input_values);
  EXPECT_EQ(a.target_rows, b.target_rows);
  EXPECT_EQ(a.target_keys, b.target_keys);
  EXPECT_EQ(a.target_classes, b.target_classes);
}

TEST(Batches, TokensAreShiftedByOneBehindTheStart) {
  const Events piece = tokens({5, 6, 7, 8, 9});
  BatchLoader loader({piece.view()}, token_spec(), in_order(4, 3));
  const BatchMemory batch = loader.next();
  ASSERT_EQ(batch.rows, 2);
  EXPECT_EQ(batch.targets_per_row, 3);
  EXPECT_EQ(batch.lengths, (std::vector<std::int32_t>{3, 2}));
  EXPECT_EQ(batch.target_count, 5);
  EXPECT_EQ(batch.inputs, (std::vector<std::int32_t>{kVocabulary, 5, 6, 7, 8, 0}));
  EXPECT_EQ(batch.targets, (std::vector<std::int32_t>{5, 6, 7, 8, 9, -1}));
}

TEST(Batches, ManyToOneHasItsPastAndOneTarget) {
  const Events piece = tokens({5, 6, 7, 8, 9});
  BatchOptions options = in_order(8, 3);
  options.windows.kind = WindowKind::many_to_one;
  BatchLoader loader({piece.view()}, token_spec(), options);
  const BatchMemory batch = loader.next();
  ASSERT_EQ(batch.rows, 5);
  EXPECT_EQ(batch.targets_per_row, 1);
  EXPECT_EQ(batch.targets, (std::vector<std::int32_t>{5, 6, 7, 8, 9}));
  EXPECT_EQ(batch.lengths, (std::vector<std::int32_t>{1, 2, 3, 3, 3}));
  EXPECT_EQ(row_of(batch.inputs, 0, 3), (std::vector<std::int32_t>{kVocabulary, 0, 0}));
  EXPECT_EQ(row_of(batch.inputs, 2, 3), (std::vector<std::int32_t>{kVocabulary, 5, 6}));
  EXPECT_EQ(row_of(batch.inputs, 4, 3), (std::vector<std::int32_t>{6, 7, 8}));
}

TEST(Batches, FramesAreSparseRowsWithTheirLengthLast) {
  Events piece(EventKind::frames);
  piece.push_frame(std::vector<std::uint8_t>{1, 9}, 1);
  piece.push_frame({}, 3);
  piece.push_frame(std::vector<std::uint8_t>{4}, 0.5F);
  BatchLoader loader({piece.view()}, frame_spec(), in_order(2, 2));
  const BatchMemory batch = loader.next();
  ASSERT_EQ(batch.rows, 2);
  EXPECT_EQ(batch.input_rows, (std::vector<std::int64_t>{0, 0, 3, 4, 4}));
  EXPECT_EQ(batch.input_columns, (std::vector<std::int32_t>{1, 9, 10, 10}));
  EXPECT_EQ(batch.input_values, (std::vector<float>{1, 1, 1, 2}));
  EXPECT_EQ(batch.target_rows, (std::vector<std::int64_t>{0, 2, 2, 3, 3}));
  EXPECT_EQ(batch.target_keys, (std::vector<std::int32_t>{1, 9, 4}));
  EXPECT_EQ(batch.target_classes,
            (std::vector<std::int32_t>{duration_class(1), duration_class(3), duration_class(0.5F), -1}));
  EXPECT_EQ(batch.target_count, 3);
  EXPECT_TRUE(batch.inputs.empty());
}

TEST(Batches, LiteralLengthsEnterAsTheyAre) {
  Events piece(EventKind::frames);
  piece.push_frame({}, 3);
  piece.push_frame({}, 3);
  EventShape shape = frame_spec();
  shape.duration_input = DurationInput::quarters;
  BatchLoader loader({piece.view()}, shape, in_order(1, 2));
  EXPECT_EQ(loader.next().input_values, std::vector<float>{3});
}

TEST(Batches, EpochsFollowOneAnother) {
  const Events piece = long_piece(10);
  BatchLoader loader({piece.view()}, token_spec(), in_order(2, 2));
  EXPECT_EQ(loader.batches_in_epoch(0), 3);
  std::vector<Cursor> cursors;
  std::vector<std::int64_t> rows;
  for (int i = 0; i < 7; ++i) {
    cursors.push_back(loader.cursor());
    rows.push_back(loader.next().rows);
  }
  EXPECT_EQ(cursors, (std::vector<Cursor>{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {2, 0}}));
  EXPECT_EQ(rows, (std::vector<std::int64_t>{2, 2, 1, 2, 2, 1, 2}));
}

TEST(Batches, ALoaderBegunAtASavedPlaceGoesOnTheSame) {
  const std::vector<Events> pieces = {long_piece(301), long_piece(17), long_piece(96)};
  std::vector<EventsView> all;
  for (const Events& piece : pieces) all.push_back(piece.view());
  for (const WindowKind kind : {WindowKind::every_step, WindowKind::many_to_one}) {
    BatchOptions options;
    options.rows = 7;
    options.windows.kind = kind;
    options.windows.steps = 9;
    options.windows.stride = 3;
    options.windows.seed = 42;
    BatchLoader loader(all, token_spec(), options);
    std::vector<Cursor> places;
    std::vector<BatchMemory> batches;
    for (int i = 0; i < 60; ++i) {
      places.push_back(loader.cursor());
      batches.push_back(loader.next());
    }
    for (const std::size_t at : {0U, 1U, 20U, 55U}) {
      BatchLoader resumed(all, token_spec(), options, places[at]);
      EXPECT_EQ(resumed.cursor(), places[at]);
      for (std::size_t i = at; i < batches.size(); ++i) expect_same(resumed.next(), batches[i]);
    }
  }
}

TEST(Batches, AnEpochIsAllTargets) {
  const Events piece = long_piece(1000);
  BatchOptions options;
  options.rows = 8;
  options.windows.steps = 24;
  BatchLoader loader({piece.view()}, token_spec(), options);
  std::vector<int> seen(kVocabulary);
  std::int64_t count = 0;
  while (loader.cursor().epoch == 0) {
    const BatchMemory batch = loader.next();
    count += batch.target_count;
    for (const std::int32_t target : batch.targets) {
      if (target >= 0) ++seen[static_cast<std::size_t>(target)];
    }
  }
  EXPECT_EQ(count, 1000);
  EXPECT_EQ(seen, std::vector<int>(kVocabulary, 20));
}

TEST(Batches, ALoaderCanBeGivenUpAnyTime) {
  const Events piece = long_piece(1000);
  for (int reads = 0; reads < 5; ++reads) {
    BatchLoader loader({piece.view()}, token_spec(), in_order(2, 2));
    for (int i = 0; i < reads; ++i) EXPECT_EQ(loader.next().rows, 2);
  }
}

TEST(Batches, ImpossibleRequestsAreRefused) {
  const Events piece = long_piece(10);
  const Events none(EventKind::tokens);
  const auto refused = [&](const std::vector<EventsView>& pieces, const BatchOptions& options, Cursor cursor) {
    EXPECT_THROW(BatchLoader(pieces, token_spec(), options, cursor), Error);
  };
  refused({}, in_order(1, 1), {});
  refused({none.view()}, in_order(1, 1), {});
  refused({piece.view()}, in_order(0, 1), {});
  refused({piece.view()}, in_order(1, 0), {});
  refused({piece.view()}, in_order(1, 10), {0, 1});
  refused({piece.view()}, in_order(1, 10), {0, -1});
}

}  // namespace
}  // namespace polonaise::io
