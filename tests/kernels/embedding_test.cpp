#include "kernels/embedding.h"

#include "kernels/require.h"
#include "tests/kernels/sparse_support.h"
#include "tests/kernels/support.h"

namespace polonaise::testing {
namespace {

// R rows, of which T make a period of positions; a table [V, D].
struct Shape {
  Index R, T, V, D;
};
// One element, tails of every vector length, several blocks of rows in forward and of columns in backward.
constexpr Shape kShapes[] = {{1, 1, 1, 1}, {6, 3, 5, 7}, {48, 24, 107, 64}, {30, 10, 388, 130}, {700, 100, 11, 67}};

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

// Ids from -1 (padding) to V - 1.
Array<std::int32_t, 1> random_ids(Shape s, std::uint64_t seed) {
  Array<std::int32_t, 1> ids({s.R});
  for (Index r = 0; r < s.R; ++r) {
    const auto word = kernels::random_words({seed, 0, 0}, static_cast<std::uint32_t>(r), 0)[0];
    ids[r] = static_cast<std::int32_t>(word % static_cast<unsigned>(s.V + 1)) - 1;
  }
  return ids;
}

SparseMatrix one_hot(const std::vector<std::int32_t>& ids) {
  SparseMatrix matrix;
  for (std::int32_t id : ids) {
    if (id >= 0) matrix.columns.push_back(id);
    matrix.offsets.push_back(static_cast<std::int32_t>(matrix.columns.size()));
  }
  return matrix;
}

struct Weights {
  std::vector<double> table, bias, positions;  // bias and positions may be empty
};

// y = bias + positions[r % T] + x table. Rows r with counts[r] == 0 are padding: all 0.
std::vector<double> forward_oracle(Shape s, const SparseMatrix& x, const Weights& w, const std::vector<bool>& counts) {
  std::vector<double> y(at(s.R * s.D));
  for (Index r = 0; r < s.R; ++r) {
    if (!counts[at(r)]) continue;
    for (Index d = 0; d < s.D; ++d) {
      double sum = 0;
      if (!w.bias.empty()) sum += w.bias[at(d)];
      if (!w.positions.empty()) sum += w.positions[at(r % s.T * s.D + d)];
      for (Index e = x.begin(r); e < x.end(r); ++e) sum += x.value(e) * w.table[at(x.column(e) * s.D + d)];
      y[at(r * s.D + d)] = sum;
    }
  }
  return y;
}

Weights backward_oracle(Shape s, const SparseMatrix& x, const std::vector<double>& dy,
                        const std::vector<bool>& counts) {
  Weights gradient{std::vector<double>(at(s.V * s.D)), std::vector<double>(at(s.D)),
                   std::vector<double>(at(s.T * s.D))};
  for (Index r = 0; r < s.R; ++r) {
    if (!counts[at(r)]) continue;
    for (Index d = 0; d < s.D; ++d) {
      const double g = dy[at(r * s.D + d)];
      for (Index e = x.begin(r); e < x.end(r); ++e) gradient.table[at(x.column(e) * s.D + d)] += x.value(e) * g;
      gradient.bias[at(d)] += g;
      gradient.positions[at(r % s.T * s.D + d)] += g;
    }
  }
  return gradient;
}

std::vector<bool> all_count(Shape s) {
  return std::vector<bool>(at(s.R), true);
}
std::vector<bool> not_padding(const std::vector<std::int32_t>& ids) {
  std::vector<bool> counts;
  for (std::int32_t id : ids) counts.push_back(id >= 0);
  return counts;
}

TEST(Embedding, ForwardCopiesRowsAndAddsPositionsExactly) {
  for (Shape s : kShapes) {
    const auto ids = random_ids(s, 1);
    const auto table = random_array<2>({s.V, s.D}, 2), positions = random_array<2>({s.T, s.D}, 3);
    for (int threads : kThreadCounts) {
      Cpu cpu{threads};
      Array<float, 2> plain({s.R, s.D}, NAN), placed({s.R, s.D}, NAN);
      kernels::embedding_forward<float>(cpu, ids.view(), table.view(), {}, plain.view());
      kernels::embedding_forward<float>(cpu, ids.view(), table.view(), positions.view(), placed.view());
      for (Index r = 0; r < s.R; ++r)
        for (Index d = 0; d < s.D; ++d) {
          const bool padding = ids[r] < 0;
          const float row = padding ? 0 : table[ids[r] * s.D + d];
          ASSERT_EQ(plain[r * s.D + d], row);
          ASSERT_EQ(placed[r * s.D + d], padding ? 0 : row + positions[r % s.T * s.D + d]);
        }
    }
  }
}

TEST(Embedding, BackwardFollowsTheDoubleOracleAndAddsToWhatIsThere) {
  for (Shape s : kShapes) {
    const auto ids = random_ids(s, 1);
    const auto dy = random_array<2>({s.R, s.D}, 4);
    auto expected = backward_oracle(s, one_hot(ids.values()), to_double(dy.values()), not_padding(ids.values()));
    for (double& value : expected.table) value += 1;
    for (double& value : expected.positions) value += 2;
    Array<float, 2> first({s.V, s.D}), first_positions({s.T, s.D});
    for (int threads : kThreadCounts) {
      Cpu cpu{threads};
      Array<float, 2> table({s.V, s.D}, 1), positions({s.T, s.D}, 2), alone({s.V, s.D}, 1);
      kernels::embedding_backward<float>(cpu, ids.view(), dy.view(), table.view(), positions.view());
      kernels::embedding_backward<float>(cpu, ids.view(), dy.view(), alone.view(), {});
      EXPECT_LT(relative_error(table.values(), expected.table), kFloatTolerance);
      EXPECT_LT(relative_error(positions.values(), expected.positions), kFloatTolerance);
      EXPECT_EQ(alone.values(), table.values());
      if (threads == 1) first = table, first_positions = positions;
      EXPECT_EQ(table.values(), first.values()) << threads << " threads";
      EXPECT_EQ(positions.values(), first_positions.values()) << threads << " threads";
    }
  }
}

TEST(Embedding, RefusesIdsOutsideTheTable) {
  Cpu cpu;
  const auto table = random_array<2>({4, 3}, 1);
  Array<float, 2> y({2, 3});
  for (std::int32_t bad : {-2, 4}) {
    Array<std::int32_t, 1> ids({2});
    ids[1] = bad;
    EXPECT_THROW(kernels::embedding_forward<float>(cpu, ids.view(), table.view(), {}, y.view()), ContractError);
    EXPECT_THROW(kernels::embedding_backward<float>(cpu, ids.view(), y.view(), Array<float, 2>({4, 3}).view(), {}),
                 ContractError);
  }
}

TEST(EmbeddingBag, ForwardFollowsTheDoubleOracleForAnyNumberOfThreads) {
  for (Shape s : kShapes)
    for (bool with_values : {false, true})
      for (bool with_bias : {false, true})
        for (bool with_positions : {false, true}) {
          const auto x = random_sparse(s.R, s.V, 4, 5, with_values);
          const auto table = random_array<2>({s.V, s.D}, 6), positions = random_array<2>({s.T, s.D}, 7);
          const auto bias = random_array<1>({s.D}, 8);
          Weights weights{to_double(table.values()), {}, {}};
          View<const float, 1> bias_view;
          View<const float, 2> positions_view;
          if (with_bias) weights.bias = to_double(bias.values()), bias_view = bias.view();
          if (with_positions) weights.positions = to_double(positions.values()), positions_view = positions.view();
          const auto expected = forward_oracle(s, x, weights, all_count(s));
          Array<float, 2> first({s.R, s.D});
          for (int threads : kThreadCounts) {
            Cpu cpu{threads};
            Array<float, 2> y({s.R, s.D}, NAN);
            kernels::embedding_bag_forward<float>(cpu, x.view(), table.view(), bias_view, positions_view, y.view());
            EXPECT_LT(relative_error(y.values(), expected), kFloatTolerance);
            if (threads == 1) first = y;
            EXPECT_EQ(y.values(), first.values()) << threads << " threads";
          }
        }
}

TEST(EmbeddingBag, BackwardFollowsTheDoubleOracleAndAddsToWhatIsThere) {
  for (Shape s : kShapes)
    for (bool with_values : {false, true}) {
      const auto x = random_sparse(s.R, s.V, 4, 9, with_values);
      const auto dy = random_array<2>({s.R, s.D}, 10);
      auto expected = backward_oracle(s, x, to_double(dy.values()), all_count(s));
      for (double& value : expected.table) value += 1;
      for (double& value : expected.bias) value += 2;
      for (double& value : expected.positions) value += 3;
      Array<float, 2> first({s.V, s.D});
      Array<float, 1> first_bias({s.D});
      for (int threads : kThreadCounts) {
        Cpu cpu{threads};
        Array<float, 2> table({s.V, s.D}, 1), positions({s.T, s.D}, 3), alone({s.V, s.D}, 1);
        Array<float, 1> bias({s.D}, 2);
        kernels::embedding_bag_backward<float>(cpu, x.view(), dy.view(), table.view(), bias.view(), positions.view());
        kernels::embedding_bag_backward<float>(cpu, x.view(), dy.view(), alone.view(), {}, {});
        EXPECT_LT(relative_error(table.values(), expected.table), kFloatTolerance);
        EXPECT_LT(relative_error(bias.values(), expected.bias), kFloatTolerance);
        EXPECT_LT(relative_error(positions.values(), expected.positions), kFloatTolerance);
        EXPECT_EQ(alone.values(), table.values());
        if (threads == 1) first = table, first_bias = bias;
        EXPECT_EQ(table.values(), first.values()) << threads << " threads";
        EXPECT_EQ(bias.values(), first_bias.values()) << threads << " threads";
      }
    }
}

// The loss is <y, dy>, so its derivative by each weight is what backward adds.
TEST(EmbeddingBag, OracleGradientIsTheDerivativeOfItsForward) {
  const Shape s{6, 3, 5, 4};
  const auto x = random_sparse(s.R, s.V, 2, 11, true);
  const auto counts = not_padding({0, -1, 2, 3, 4, -1});
  const auto dy = to_double(random_array<2>({s.R, s.D}, 12).values());
  const Weights weights{to_double(random_array<2>({s.V, s.D}, 13).values()),
                        to_double(random_array<1>({s.D}, 14).values()),
                        to_double(random_array<2>({s.T, s.D}, 15).values())};
  const auto loss = [&](const Weights& w) {
    const auto y = forward_oracle(s, x, w, counts);
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
    return sum;
  };
  const auto gradient = backward_oracle(s, x, dy, counts);
  const auto numeric = [&](std::vector<double> Weights::*part) {
    return central_differences(
        [&](const std::vector<double>& values) {
          Weights changed = weights;
          changed.*part = values;
          return loss(changed);
        },
        weights.*part);
  };
  EXPECT_LT(relative_error(numeric(&Weights::table), gradient.table), 1e-8);
  EXPECT_LT(relative_error(numeric(&Weights::bias), gradient.bias), 1e-8);
  EXPECT_LT(relative_error(numeric(&Weights::positions), gradient.positions), 1e-8);
}

TEST(EmbeddingBag, ReadsAndWritesBlocksOfColumns) {
  const Shape s{10, 5, 7, 19};
  const auto x = random_sparse(s.R, s.V, 3, 16, false);
  const auto wide = random_array<2>({s.V, s.D + 5}, 17);
  Array<float, 2> narrow({s.V, s.D}), y({s.R, s.D + 3}, -1), expected({s.R, s.D});
  for (Index v = 0; v < s.V; ++v) std::copy_n(wide.view().row(v) + 2, s.D, narrow.view().row(v));
  Cpu cpu;
  kernels::embedding_bag_forward<float>(cpu, x.view(), wide.view().column_block(2, s.D), {}, {},
                                        y.view().column_block(1, s.D));
  kernels::embedding_bag_forward<float>(cpu, x.view(), narrow.view(), {}, {}, expected.view());
  Array<float, 2> d_wide({s.V, s.D + 5}), d_narrow({s.V, s.D});
  kernels::embedding_bag_backward<float>(cpu, x.view(), y.view().column_block(1, s.D),
                                         d_wide.view().column_block(2, s.D), {}, {});
  kernels::embedding_bag_backward<float>(cpu, x.view(), expected.view(), d_narrow.view(), {}, {});
  for (Index r = 0; r < s.R; ++r) {
    EXPECT_TRUE(std::equal(expected.view().row(r), expected.view().row(r) + s.D, y.view().row(r) + 1));
    EXPECT_EQ(y[r * (s.D + 3)], -1);
    EXPECT_EQ(y[r * (s.D + 3) + s.D + 1], -1);
  }
  for (Index v = 0; v < s.V; ++v) {
    EXPECT_TRUE(std::equal(d_narrow.view().row(v), d_narrow.view().row(v) + s.D, d_wide.view().row(v) + 2));
    EXPECT_EQ(d_wide[v * (s.D + 5) + 1], 0);
    EXPECT_EQ(d_wide[v * (s.D + 5) + s.D + 2], 0);
  }
}

TEST(EmbeddingBag, RefusesMalformedSparseRows) {
  Cpu cpu;
  const auto table = random_array<2>({4, 3}, 18);
  Array<float, 2> y({2, 3});
  const SparseMatrix bad[] = {{{0, 1, 2}, {0, 4}, {}},       // a column outside the table
                              {{0, 1, 2}, {-1, 0}, {}},      //
                              {{0, 2, 1}, {0, 1}, {}},       // offsets that descend
                              {{0, 1, 3}, {0, 1}, {}},       // offsets past the entries
                              {{0, 1}, {0}, {}},             // a row too few
                              {{0, 1, 2}, {0, 1}, {1.0f}}};  // a value too few
  for (const auto& x : bad)
    EXPECT_THROW(kernels::embedding_bag_forward<float>(cpu, x.view(), table.view(), {}, {}, y.view()), ContractError);
}

}  // namespace
}  // namespace polonaise::testing
