#include "kernels/embedding/embedding.h"

#include <limits>

#include "kernels/base/require.h"
#include "tests/kernels/sparse_support.h"

namespace polonaise::testing {
namespace {

// R rows, of which T make a period of positions; a table [V, D].
struct Shape {
  Index R, T, V, D;
};
// One element, tails of every vector length, several blocks of rows in forward and of columns in backward.
const std::vector<Shape> kShapes = cases<Shape>(
    {{1, 1, 1, 1}, {6, 3, 5, 7}, {48, 24, 107, 64}, {30, 10, 40, 130}, {500, 50, 11, 67}, {290, 2, 9, 264}},
    {{6, 3, 5, 7}, {70, 2, 3, 40}});

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

template <class Target>
class Embedding : public DeviceTest<Target> {};
TYPED_TEST_SUITE(Embedding, AllTargets, TargetNames);

TYPED_TEST(Embedding, ForwardCopiesRowsAndAddsPositionsExactly) {
  using T = typename TestFixture::Number;
  for (Shape s : kShapes) {
    const auto host_ids = random_ids(s, 1);
    const auto host_table = random_array<T, 2>({s.V, s.D}, 2), host_positions = random_array<T, 2>({s.T, s.D}, 3);
    const auto ids = this->place(host_ids);
    const auto table = this->place(host_table), positions = this->place(host_positions);
    Array<T, 2> rows({s.R, s.D}), sums({s.R, s.D});
    for (Index r = 0; r < s.R; ++r)
      for (Index d = 0; d < s.D && host_ids[r] >= 0; ++d) {
        rows[r * s.D + d] = host_table[host_ids[r] * s.D + d];
        sums[r * s.D + d] = static_cast<T>(static_cast<float>(rows[r * s.D + d]) +
                                           static_cast<float>(host_positions[r % s.T * s.D + d]));
      }
    for (auto& twin : this->twins()) {
      auto plain = this->place(Array<T, 2>({s.R, s.D}, T(NAN))), placed = this->place(Array<T, 2>({s.R, s.D}, T(NAN)));
      kernels::EmbeddingForward<T> f{.ids = ids.view(), .table = table.view(), .y = plain.view()};
      kernels::embedding_forward(twin, f);
      f.positions = positions.view(), f.y = placed.view();
      kernels::embedding_forward(twin, f);
      ASSERT_EQ(to_double(fetch(plain).values()), to_double(rows.values())) << s.R << " x " << s.D;
      ASSERT_EQ(to_double(fetch(placed).values()), to_double(sums.values())) << s.R << " x " << s.D;
    }
  }
}

TYPED_TEST(Embedding, BackwardFollowsTheDoubleOracleAndAddsToWhatIsThere) {
  using T = typename TestFixture::Number;
  for (Shape s : kShapes) {
    const auto host_ids = random_ids(s, 1);
    const auto host_dy = random_array<T, 2>({s.R, s.D}, 4);
    const auto ids = this->place(host_ids);
    const auto dy = this->place(host_dy);
    auto expected =
        backward_oracle(s, one_hot(host_ids.values()), to_double(host_dy.values()), not_padding(host_ids.values()));
    for (double& value : expected.table) value += 1;
    for (double& value : expected.positions) value += 2;
    std::vector<Array<float, 2>> tables, all_positions;
    for (auto& twin : this->twins()) {
      auto table = this->place(Array<float, 2>({s.V, s.D}, 1)), alone = this->place(Array<float, 2>({s.V, s.D}, 1));
      auto positions = this->place(Array<float, 2>({s.T, s.D}, 2));
      kernels::EmbeddingBackward<T> b{.ids = ids.view(), .dy = dy.view(), .dtable = alone.view()};
      kernels::embedding_backward(twin, b);
      b.dtable = table.view(), b.dpositions = positions.view();
      kernels::embedding_backward(twin, b);
      tables.push_back(fetch(table));
      all_positions.push_back(fetch(positions));
      EXPECT_LT(relative_error(tables.back().values(), expected.table), kFloatTolerance);
      EXPECT_LT(relative_error(all_positions.back().values(), expected.positions), kFloatTolerance);
      EXPECT_TRUE(same_bits(fetch(alone).values(), tables[0].values()));
      EXPECT_TRUE(same_bits(tables.back().values(), tables[0].values()));
      EXPECT_TRUE(same_bits(all_positions.back().values(), all_positions[0].values()));
    }
  }
}

TYPED_TEST(Embedding, IdsOutsideTheTableAreRefusedOrShowAsNan) {
  using T = typename TestFixture::Number;
  const auto host_table = random_array<T, 2>({4, 3}, 1);
  const auto table = this->place(host_table);
  for (std::int32_t bad : {-2, 4, std::numeric_limits<std::int32_t>::max()}) {
    Array<std::int32_t, 1> host_ids({2});
    host_ids[1] = bad;
    const auto ids = this->place(host_ids);
    auto y = this->place(Array<T, 2>({2, 3}));
    auto dtable = this->place(Array<float, 2>({4, 3}));
    const auto forward = [&] {
      kernels::embedding_forward<T>(this->device(), {.ids = ids.view(), .table = table.view(), .y = y.view()});
    };
    const auto backward = [&] {
      kernels::embedding_backward<T>(this->device(),
                                     {.ids = ids.view(), .dy = table.view().row_block(0, 2), .dtable = dtable.view()});
    };
    if constexpr (std::is_same_v<typename TestFixture::Device, Cpu>) {
      EXPECT_THROW(forward(), ContractError);
      EXPECT_THROW(backward(), ContractError);
    } else {
      forward();
      backward();
      const auto rows = to_double(fetch(y).values());
      std::vector<double> of_the_other(12);
      for (std::size_t d = 0; d < 3; ++d) {
        of_the_other[d] = to_double(host_table.values())[d];
        EXPECT_EQ(rows[d], of_the_other[d]);
        EXPECT_TRUE(std::isnan(rows[3 + d])) << bad;
      }
      EXPECT_EQ(to_double(fetch(dtable).values()), of_the_other);
    }
  }
}

template <class Target>
class EmbeddingBag : public DeviceTest<Target> {
 protected:
  PlacedSparse<typename Target::Device> place_sparse(const SparseMatrix& matrix) { return {this->device(), matrix}; }
};
TYPED_TEST_SUITE(EmbeddingBag, AllTargets, TargetNames);

TYPED_TEST(EmbeddingBag, ForwardFollowsTheDoubleOracleAndRepeats) {
  using T = typename TestFixture::Number;
  for (Shape s : kShapes) {
    const auto host_table = random_array<T, 2>({s.V, s.D}, 6), host_positions = random_array<T, 2>({s.T, s.D}, 7);
    const auto host_bias = random_array<T, 1>({s.D}, 8);
    const auto table = this->place(host_table), positions = this->place(host_positions);
    const auto bias = this->place(host_bias);
    for (bool with_values : {false, true})
      for (bool with_bias : {false, true})
        for (bool with_positions : {false, true}) {
          const auto host_x = random_sparse(s.R, s.V, 4, 5, with_values);
          const auto x = this->place_sparse(host_x);
          Weights weights{to_double(host_table.values()), {}, {}};
          if (with_bias) weights.bias = to_double(host_bias.values());
          if (with_positions) weights.positions = to_double(host_positions.values());
          const auto expected = forward_oracle(s, host_x, weights, all_count(s));
          std::vector<Array<T, 2>> results;
          for (auto& twin : this->twins()) {
            auto y = this->place(Array<T, 2>({s.R, s.D}, T(NAN)));
            kernels::EmbeddingBagForward<T> f{.x = x.view(), .table = table.view(), .y = y.view()};
            if (with_bias) f.bias = bias.view();
            if (with_positions) f.positions = positions.view();
            kernels::embedding_bag_forward(twin, f);
            results.push_back(fetch(y));
            EXPECT_LT(relative_error(results.back().values(), expected), kTolerance<T>);
            EXPECT_TRUE(same_bits(results.back().values(), results[0].values()));
          }
        }
  }
}

TYPED_TEST(EmbeddingBag, BackwardFollowsTheDoubleOracleAndAddsToWhatIsThere) {
  using T = typename TestFixture::Number;
  for (Shape s : kShapes)
    for (bool with_values : {false, true}) {
      const auto host_x = random_sparse(s.R, s.V, 4, 9, with_values);
      const auto host_dy = random_array<T, 2>({s.R, s.D}, 10);
      const auto x = this->place_sparse(host_x);
      const auto dy = this->place(host_dy);
      auto expected = backward_oracle(s, host_x, to_double(host_dy.values()), all_count(s));
      for (double& value : expected.table) value += 1;
      for (double& value : expected.bias) value += 2;
      for (double& value : expected.positions) value += 3;
      std::vector<Array<float, 2>> tables, all_positions;
      std::vector<Array<float, 1>> biases;
      for (auto& twin : this->twins()) {
        auto table = this->place(Array<float, 2>({s.V, s.D}, 1)), alone = this->place(Array<float, 2>({s.V, s.D}, 1));
        auto positions = this->place(Array<float, 2>({s.T, s.D}, 3));
        auto bias = this->place(Array<float, 1>({s.D}, 2));
        kernels::EmbeddingBagBackward<T> b{.x = x.view(), .dy = dy.view(), .dtable = alone.view()};
        kernels::embedding_bag_backward(twin, b);
        b.dtable = table.view(), b.dbias = bias.view(), b.dpositions = positions.view();
        kernels::embedding_bag_backward(twin, b);
        tables.push_back(fetch(table));
        biases.push_back(fetch(bias));
        all_positions.push_back(fetch(positions));
        EXPECT_LT(relative_error(tables.back().values(), expected.table), kFloatTolerance);
        EXPECT_LT(relative_error(biases.back().values(), expected.bias), kFloatTolerance);
        EXPECT_LT(relative_error(all_positions.back().values(), expected.positions), kFloatTolerance);
        EXPECT_TRUE(same_bits(fetch(alone).values(), tables[0].values()));
        EXPECT_TRUE(same_bits(tables.back().values(), tables[0].values()));
        EXPECT_TRUE(same_bits(biases.back().values(), biases[0].values()));
        EXPECT_TRUE(same_bits(all_positions.back().values(), all_positions[0].values()));
      }
    }
}

// The loss is <y, dy>, so its derivative by each weight is what backward adds.
TEST(EmbeddingOracle, GradientIsTheDerivativeOfItsForward) {
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

// Rows of `width` columns, of which the `count` from `first` on hold `inner`, and the others `fill`.
template <class T>
Array<T, 2> framed(const Array<T, 2>& inner, Index rows, Index count, Index first, Index width, T fill) {
  Array<T, 2> outer({rows, width}, fill);
  for (Index r = 0; r < rows; ++r) std::copy_n(inner.view().row(r), count, outer.view().row(r) + first);
  return outer;
}

TYPED_TEST(EmbeddingBag, ReadsAndWritesBlocksOfColumns) {
  using T = typename TestFixture::Number;
  const Shape s{10, 5, 7, 19};
  const auto x = this->place_sparse(random_sparse(s.R, s.V, 3, 16, false));
  const auto host_table = random_array<T, 2>({s.V, s.D}, 17);
  const auto narrow = this->place(host_table), wide = this->place(framed(host_table, s.V, s.D, 2, s.D + 5, T(9.0f)));
  auto expected = this->place(Array<T, 2>({s.R, s.D})), y = this->place(Array<T, 2>({s.R, s.D + 3}, T(-1.0f)));
  kernels::EmbeddingBagForward<T> f{.x = x.view(), .table = narrow.view(), .y = expected.view()};
  kernels::embedding_bag_forward(this->device(), f);
  f.table = wide.view().column_block(2, s.D), f.y = y.view().column_block(1, s.D);
  kernels::embedding_bag_forward(this->device(), f);
  EXPECT_TRUE(
      same_bits(fetch(y).values(), framed(Array<T, 2>(fetch(expected)), s.R, s.D, 1, s.D + 3, T(-1.0f)).values()));

  auto d_narrow = this->place(Array<float, 2>({s.V, s.D})), d_wide = this->place(Array<float, 2>({s.V, s.D + 5}));
  kernels::EmbeddingBagBackward<T> b{.x = x.view(), .dy = expected.view(), .dtable = d_narrow.view()};
  kernels::embedding_bag_backward(this->device(), b);
  b.dy = y.view().column_block(1, s.D), b.dtable = d_wide.view().column_block(2, s.D);
  kernels::embedding_bag_backward(this->device(), b);
  EXPECT_TRUE(
      same_bits(fetch(d_wide).values(), framed(Array<float, 2>(fetch(d_narrow)), s.V, s.D, 2, s.D + 5, 0.0f).values()));
}

TYPED_TEST(EmbeddingBag, MalformedSparseRowsAreRefusedOrShowAsNan) {
  using T = typename TestFixture::Number;
  const auto table = this->place(random_array<T, 2>({4, 3}, 18));
  const auto run = [&](const SparseMatrix& matrix) {
    const auto x = this->place_sparse(matrix);
    auto y = this->place(Array<T, 2>({2, 3}));
    auto dtable = this->place(Array<float, 2>({4, 3}));
    kernels::embedding_bag_forward<T>(this->device(), {.x = x.view(), .table = table.view(), .y = y.view()});
    kernels::embedding_bag_backward<T>(this->device(), {.x = x.view(), .dy = y.view(), .dtable = dtable.view()});
    return to_double(fetch(y).values());
  };
  EXPECT_THROW(run({{0, 1}, {0}, {}}), ContractError);                   // a row too few
  EXPECT_THROW(run({{0, 1, 2}, {0, 1}, {1.0f}}), ContractError);         // a value too few
  for (const SparseMatrix& bad : {SparseMatrix{{0, 1, 2}, {0, 4}, {}},   // a column outside the table
                                  SparseMatrix{{0, 1, 2}, {0, -1}, {}},  //
                                  SparseMatrix{{0, 2, 1}, {0, 1}, {}},   // offsets that descend
                                  SparseMatrix{{0, 1, 3}, {0, 1}, {}}})  // offsets past the entries
    if constexpr (std::is_same_v<typename TestFixture::Device, Cpu>) {
      EXPECT_THROW(run(bad), ContractError);
    } else {
      const auto y = run(bad);
      for (std::size_t d = 0; d < 3; ++d) EXPECT_TRUE(!std::isnan(y[d]) && std::isnan(y[3 + d]));
    }
}

TYPED_TEST(EmbeddingBag, NoRowsAreNoWork) {
  using T = typename TestFixture::Number;
  const auto table = this->place(random_array<T, 2>({4, 3}, 18));
  auto dtable = this->place(Array<float, 2>({4, 3}, 5.0f));
  const View<T, 2> none(nullptr, {0, 3});
  const kernels::EmbeddingForward<T> f{.ids = {}, .table = table.view(), .y = none};
  EXPECT_NO_THROW(kernels::embedding_forward(this->device(), f));
  const kernels::EmbeddingBackward<T> b{.ids = {}, .dy = none, .dtable = dtable.view()};
  EXPECT_NO_THROW(kernels::embedding_backward(this->device(), b));
  EXPECT_EQ(fetch(dtable).values(), std::vector<float>(12, 5.0f));
}

}  // namespace
}  // namespace polonaise::testing
