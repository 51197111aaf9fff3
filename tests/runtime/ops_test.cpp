#include "runtime/ops.h"

#include "kernels/position.h"
#include "tests/kernels/sparse_support.h"
#include "tests/runtime/gradient_check.h"

namespace polonaise::testing {
namespace {

using kernels::Activation;

// A derived transpose, as a model keeps beside its weight, in memory of the tape.
Tensor transposed(Tape& tape, const Var& weight) {
  const View<const float, 2> w = weight.value().matrix<const float>();
  const View<float, 1> out = tape.floats(w.size());
  for (Index r = 0; r < w.rows(); ++r)
    for (Index c = 0; c < w.columns(); ++c) out.data()[c * w.rows() + r] = w.row(r)[c];
  return {out.data(), {w.columns(), w.rows()}, DType::f32};
}

template <class T>
View<const T, 1> whole(const std::vector<T>& values) {
  return {values.data(), {static_cast<Index>(values.size())}};
}

TEST(Ops, Embedding) {
  const std::vector<std::int32_t> ids{3, 0, 3, -1, 2, 4};
  check_gradients({{"table", {5, 4}, true}}, [&](Tape& tape, const std::vector<Var>& in) {
    return std::vector{embedding(tape, whole(ids), in[0], {}, {3, 2, 4})};
  });
  check_gradients({{"table", {5, 4}, true}, {"positions", {3, 4}, true}}, [&](Tape& tape, const std::vector<Var>& in) {
    return std::vector{embedding(tape, whole(ids), in[0], in[1], {2, 3, 4})};
  });
}

TEST(Ops, EmbeddingBag) {
  const SparseMatrix x = random_sparse(6, 7, 2.5, 1, true);
  check_gradients({{"weight", {4, 7}, true}, {"bias", {4}, true}, {"positions", {3, 4}, true}},
                  [&](Tape& tape, const std::vector<Var>& in) {
                    const BagWeight weight{in[0], transposed(tape, in[0])};
                    return std::vector{embedding_bag(tape, x.view(), {&weight, 1}, in[1], in[2], {2, 3, 4})};
                  });
}

TEST(Ops, EmbeddingBagOfTwoWeightsSideBySide) {
  const SparseMatrix x = random_sparse(6, 7, 2.5, 1, false);
  check_gradients({{"weight", {4, 7}, true}, {"reverse", {4, 7}, true}}, [&](Tape& tape, const std::vector<Var>& in) {
    const BagWeight weights[] = {{in[0], transposed(tape, in[0])}, {in[1], transposed(tape, in[1])}};
    return std::vector{embedding_bag(tape, x.view(), weights, {}, {}, {3, 2, 8})};
  });
}

TEST(Ops, EmbeddingBagRefusesABiasForSeveralWeights) {
  const SparseMatrix x = random_sparse(6, 7, 2.5, 1, false);
  EXPECT_THROW(check_gradients({{"weight", {4, 7}, true}, {"bias", {4}, true}},
                               [&](Tape& tape, const std::vector<Var>& in) {
                                 const BagWeight weight{in[0], transposed(tape, in[0])};
                                 const BagWeight weights[] = {weight, weight};
                                 return std::vector{embedding_bag(tape, x.view(), weights, in[1], {}, {3, 2, 8})};
                               }),
               ContractError);
}

TEST(Ops, Linear) {
  for (const Activation activation : {Activation::none, Activation::gelu}) {
    check_gradients({{"x", {2, 3, 5}}, {"weight", {4, 5}, true}, {"bias", {4}, true}},
                    [&](Tape& tape, const std::vector<Var>& in) {
                      const Var y = linear(tape, in[0], in[1], in[2], activation);
                      EXPECT_EQ(y.shape(), Shape({2, 3, 4}));
                      return std::vector{y};
                    });
    check_gradients({{"x", {6, 5}}, {"weight", {4, 5}, true}}, [&](Tape& tape, const std::vector<Var>& in) {
      return std::vector{linear(tape, in[0], in[1], {}, activation)};
    });
  }
}

TEST(Ops, LinearSideBySide) {
  check_gradients({{"x", {2, 3, 5}}, {"weight", {4, 5}, true}, {"reverse", {4, 5}, true}},
                  [](Tape& tape, const std::vector<Var>& in) {
                    const Var weights[] = {in[1], in[2]};
                    const Var y = linear_side_by_side(tape, in[0], weights);
                    EXPECT_EQ(y.shape(), Shape({2, 3, 8}));
                    return std::vector{y};
                  });
}

struct RecurrentCase {
  Cell cell;
  Index directions;
  bool ragged;
  float dropout;
};

// A stack of two layers from one list of inputs: the input product, then each layer's weights.
void check_recurrent(const RecurrentCase& c, const std::function<std::vector<Var>(Tape&, RecurrentResult)>& outputs) {
  const kernels::RecurrentShape shape{.T = 4, .B = 3, .H = 4, .layers = 2, .directions = c.directions};
  const Index G = gates_of(c.cell), H = shape.H, D = shape.directions;
  const std::vector<std::int32_t> lengths{4, 1, 3};
  std::vector<Input> inputs{{"input", {shape.T, shape.B, D * G * H}}};
  for (Index layer = 0; layer < shape.layers; ++layer)
    for (Index direction = 0; direction < D; ++direction) {
      const std::string suffix = "_l" + std::to_string(layer) + (direction ? "_reverse" : "");
      if (layer > 0) inputs.push_back({"weight_ih" + suffix, {G * H, D * H}, true});
      inputs.push_back({"weight_hh" + suffix, {G * H, H}, true});
      inputs.push_back({"bias_ih" + suffix, {G * H}, true});
      inputs.push_back({"bias_hh" + suffix, {G * H}, true});
    }
  GradientCheck(inputs, [&](Tape& tape, const std::vector<Var>& in) {
    std::vector<RecurrentLayerVars> layers;
    std::vector<kernels::RecurrentLayer<const float>> weights;
    std::size_t i = 1;
    for (Index layer = 0; layer < shape.layers * D; ++layer) {
      RecurrentLayerVars vars;
      if (layer >= D) vars.weight_ih = in[i++];
      vars.weight_hh = in[i++];
      vars.bias_ih = in[i++];
      vars.bias_hh = in[i++];
      layers.push_back(vars);
      weights.push_back({vars.weight_ih ? vars.weight_ih.value().matrix<const float>() : View<const float, 2>(),
                         vars.weight_hh.value().matrix<const float>(), vars.bias_ih.value().vector<const float>(),
                         vars.bias_hh.value().vector<const float>()});
    }
    const View<float, 1> packed = tape.floats(recurrent_packed_size(tape.device(), c.cell, shape));
    recurrent_pack(tape.device(), c.cell, shape, weights, packed);
    RecurrentOptions options{.cell = c.cell, .shape = shape, .dropout = c.dropout};
    if (c.ragged) options.lengths = whole(lengths);
    return outputs(tape, recurrent(tape, in[0], layers, packed, options));
  }).run();
}

TEST(Ops, Recurrent) {
  for (const Cell cell : {Cell::rnn, Cell::lstm, Cell::gru})
    for (const Index directions : {1, 2})
      for (const bool ragged : {false, true}) {
        SCOPED_TRACE("cell " + std::to_string(static_cast<int>(cell)) + ", directions " + std::to_string(directions) +
                     (ragged ? ", ragged" : ""));
        const RecurrentCase c{cell, directions, ragged, ragged ? 0.4f : 0.0f};
        check_recurrent(c, [](Tape&, RecurrentResult r) { return std::vector{r.y, r.hn}; });
        check_recurrent(c, [](Tape&, RecurrentResult r) { return std::vector{r.y}; });
        check_recurrent(c, [](Tape&, RecurrentResult r) { return std::vector{r.hn}; });
      }
}

TEST(Ops, LastStates) {
  const kernels::RecurrentShape shape{.T = 4, .B = 3, .H = 4, .layers = 2, .directions = 2};
  check_recurrent({Cell::lstm, 2, true, 0}, [&](Tape& tape, RecurrentResult r) {
    const Var y = last_states(tape, r.hn, shape);
    EXPECT_EQ(y.shape(), Shape({3, 8}));
    // Row b: where the top layer ends forward, at its last step, and backward, at step 0.
    const std::vector<Index> last{3, 0, 2};
    const View<const float, 3> steps = r.y.value().cube<const float>();
    for (Index b = 0; b < 3; ++b)
      for (Index j = 0; j < 4; ++j) {
        EXPECT_EQ(y.value().matrix<const float>().row(b)[j], steps.row(last[static_cast<std::size_t>(b)] * 3 + b)[j]);
        EXPECT_EQ(y.value().matrix<const float>().row(b)[4 + j], steps.row(b)[4 + j]);
      }
    return std::vector{y};
  });
}

TEST(Ops, Attention) {
  constexpr Index kT = 5, kHeads = 2, kD = 4;
  const Input qkv{"qkv", {2, kT, 3 * kHeads * kD}};
  check_gradients({qkv}, [](Tape& tape, const std::vector<Var>& in) {
    return std::vector{attention(tape, in[0], kHeads, {}, {})};
  });
  Array<float, 2> angles({kT, kD});
  Cpu cpu;
  kernels::rotary_angles<float>(cpu, 0, angles.view());
  check_gradients({qkv}, [&](Tape& tape, const std::vector<Var>& in) {
    return std::vector{attention(tape, in[0], kHeads, angles.view(), {})};
  });
  check_gradients({qkv, {"relative", {kHeads, kT + 1, kD}, true}}, [](Tape& tape, const std::vector<Var>& in) {
    return std::vector{attention(tape, in[0], kHeads, {}, in[1])};
  });
}

TEST(Ops, AddLayerNorm) {
  const std::vector<Input> inputs{
      {"x", {2, 3, 5}}, {"residual", {2, 3, 5}}, {"weight", {5}, true}, {"bias", {5}, true}};
  const auto norm = [](Tape& tape, const std::vector<Var>& in) {
    return add_layer_norm(tape, in[0], in[1], in[2], in[3]);
  };
  GradientCheck(inputs, [&](Tape& tape, const std::vector<Var>& in) {
    const NormResult result = norm(tape, in);
    return std::vector{result.sum, result.y};
  }).run();
  GradientCheck(inputs, [&](Tape& tape, const std::vector<Var>& in) { return std::vector{norm(tape, in).y}; }).run();
  GradientCheck(inputs, [&](Tape& tape, const std::vector<Var>& in) { return std::vector{norm(tape, in).sum}; }).run();
}

TEST(Ops, AddLayerNormWithoutAResidualNormsXItself) {
  check_gradients({{"x", {2, 3, 5}}, {"weight", {5}, true}, {"bias", {5}, true}},
                  [](Tape& tape, const std::vector<Var>& in) {
                    const NormResult result = add_layer_norm(tape, in[0], {}, in[1], in[2]);
                    EXPECT_EQ(result.sum.value().data, in[0].value().data);
                    return std::vector{result.sum, result.y};
                  });
}

TEST(Ops, Dropout) {
  for (const Layout layout : {Layout::time_major, Layout::batch_major})
    check_gradients({{"x", {4, 3, 5}}}, [&](Tape& tape, const std::vector<Var>& in) {
      return std::vector{dropout(tape, in[0], 0.4f, layout)};
    });
}

TEST(Ops, DropoutIsTheSameInBothLayoutsAndForAnyShard) {
  AnyDevice device = Cpu{1};
  Arena arena(device);
  const auto dropped = [&](Index first_row, Index T, Index B, Layout layout) {
    Array<float, 1> ones({T * B * 5}, 1.0f);
    Tape tape = Tape::training(device, arena, {.seed = 1, .step = 1, .first_row = first_row});
    const Shape shape = layout == Layout::time_major ? Shape{T, B, 5} : Shape{B, T, 5};
    const Var y = dropout(tape, tape.constant({ones.values().data(), shape, DType::f32}), 0.4f, layout);
    return y.value().cube<const float>();
  };
  const View<const float, 3> time_major = dropped(0, 4, 3, Layout::time_major);
  const View<const float, 3> batch_major = dropped(0, 4, 3, Layout::batch_major);
  const View<const float, 3> last_row = dropped(2, 4, 1, Layout::time_major);
  Index zeros = 0;
  for (Index t = 0; t < 4; ++t)
    for (Index b = 0; b < 3; ++b)
      for (Index i = 0; i < 5; ++i) {
        const float value = time_major.row(t * 3 + b)[i];
        EXPECT_EQ(batch_major.row(b * 4 + t)[i], value);
        if (b == 2) {
          EXPECT_EQ(last_row.row(t)[i], value);
        }
        zeros += value == 0;
      }
  EXPECT_GT(zeros, 10);
  EXPECT_LT(zeros, 40);
}

TEST(Ops, DropoutIsTheIdentityInInference) {
  AnyDevice device = Cpu{1};
  Arena arena(device);
  Tape tape = Tape::inference(device, arena);
  const Var x = tape.output({4, 3, 5}, DType::f32, false);
  EXPECT_EQ(dropout(tape, x, 0.4f, Layout::time_major).value().data, x.value().data);
}

// A loss has written the gradient of its logits: the check is of the loss's own sum.
class LossOps : public ::testing::Test {
 protected:
  void check(Index rows, Index columns, const std::function<std::vector<View<const float, 1>>(Tape&, Var)>& losses) {
    constexpr float kScale = 0.25f, kStep = 1e-2f;
    auto logits = random_array<1>({rows * columns}, 1, 2.0f);
    const auto run = [&](std::vector<float>* gradient) {
      Arena arena(device_);
      Tape tape = Tape::training(device_, arena, {});
      const Var x = tape.output({rows, columns}, DType::f32, true);
      std::copy_n(logits.values().data(), logits.size(), static_cast<float*>(x.value().data));
      double sum = 0;
      for (const View<const float, 1> part : losses(tape, x))
        for (Index i = 0; i < part.size(); ++i) sum += static_cast<double>(kScale) * part.data()[i];
      const View<const float, 1> d = tape.gradient(x).vector<const float>();
      if (gradient) gradient->assign(d.data(), d.data() + d.size());
      return sum;
    };
    std::vector<float> gradient;
    run(&gradient);
    std::vector<double> expected;
    for (float& x : logits.values()) {
      const float saved = x;
      x = saved + kStep;
      const double above = run(nullptr);
      x = saved - kStep;
      expected.push_back((above - run(nullptr)) / (2 * static_cast<double>(kStep)));
      x = saved;
    }
    EXPECT_LT(relative_error(gradient, expected), 2e-3);
  }
  AnyDevice device_ = Cpu{1};
};

TEST_F(LossOps, TokenLoss) {
  const std::vector<std::int32_t> targets{1, -1, 0, 4};
  check(4, 5, [&](Tape& tape, Var x) {
    const View<const float, 1> losses = token_loss(tape, x, whole(targets), 0.25f);
    EXPECT_EQ(losses.data()[1], 0);
    return std::vector{losses};
  });
}

TEST_F(LossOps, FrameLoss) {
  const SparseMatrix keys = random_sparse(4, 6, 2, 1, false);
  const std::vector<std::int32_t> durations{2, 0, -1, 1}, mask{1, 1, 0, 1};
  check(4, 9, [&](Tape& tape, Var x) {
    const FrameLosses losses = frame_loss(tape, x, 6, {keys.view(), whole(durations), whole(mask)}, 0.25f);
    EXPECT_EQ(losses.keys.data()[2], 0);
    EXPECT_EQ(losses.durations.data()[2], 0);
    return std::vector{losses.keys, losses.durations};
  });
  check(4, 6, [&](Tape& tape, Var x) {
    const FrameLosses losses = frame_loss(tape, x, 6, {keys.view(), {}, {}}, 0.25f);
    EXPECT_TRUE(losses.durations.empty());
    return std::vector{losses.keys};
  });
}

// The gradient of the weights as central differences have it, too.
TEST_F(LossOps, FrameLossOfKeysOneAfterAnother) {
  constexpr Index kKeys = 6, kClasses = 3, kHidden = 4;  // none of them near 0, where they have a kink
  const SparseMatrix keys = random_sparse(4, kKeys, 2, 1, false);
  const std::vector<std::int32_t> durations{2, 0, -1, 1}, mask{1, 1, 0, 1};
  auto values = random_array<1>({2 * kKeys * kHidden}, 3, 1.5f);
  Array<float, 1> slab({2 * kKeys * kHidden});
  const auto losses_of = [&](Tape& tape, Var x) {
    const auto weight = [&](Index first) {
      return tape.parameter({values.values().data() + first, {kKeys, kHidden}, DType::f32},
                            {slab.values().data() + first, {kKeys, kHidden}, DType::f32});
    };
    const FrameLosses losses = frame_loss(tape, x, kKeys, {keys.view(), whole(durations), whole(mask)}, 0.25f,
                                          {weight(0), weight(kKeys * kHidden)});
    EXPECT_EQ(losses.keys.data()[2], 0);
    return std::vector{losses.keys, losses.durations};
  };
  check(4, kKeys + kClasses + kHidden, losses_of);

  const auto run = [&] {
    Arena arena(device_);
    Tape tape = Tape::training(device_, arena, {});
    const Var x = tape.output({4, kKeys + kClasses + kHidden}, DType::f32, true);
    const auto logits = random_array<1>({x.shape().size()}, 1, 2.0f);
    std::copy_n(logits.values().data(), logits.size(), static_cast<float*>(x.value().data));
    double sum = 0;
    for (const View<const float, 1> part : losses_of(tape, x))
      for (Index i = 0; i < part.size(); ++i) sum += 0.25 * static_cast<double>(part.data()[i]);
    return sum;
  };
  std::fill(slab.values().begin(), slab.values().end(), 0.0f);
  run();
  const std::vector<float> gradient = slab.values();
  std::vector<double> expected;
  for (float& value : values.values()) {
    const float saved = value;
    value = saved + 1e-2f;
    const double above = run();
    value = saved - 1e-2f;
    expected.push_back((above - run()) / 2e-2);
    value = saved;
  }
  EXPECT_LT(relative_error(gradient, expected), 2e-3);
}

TEST_F(LossOps, LogitsEndInOneLoss) {
  const std::vector<std::int32_t> targets{1, 0};
  Arena arena(device_);
  Tape tape = Tape::training(device_, arena, {});
  Array<float, 2> logits({2, 5});
  const Var x = tape.output({2, 5}, DType::f32, true);
  std::fill_n(static_cast<float*>(x.value().data), 10, 0.0f);
  token_loss(tape, x, whole(targets), 1);
  EXPECT_THROW(token_loss(tape, x, whole(targets), 1), ContractError);
}

TEST(Ops, InferenceNeedsConstantMemory) {
  AnyDevice device = Cpu{1};
  Arena arena(device);
  const auto x = random_array<3>({2, 5, 24}, 1);
  const auto weight = random_array<2>({8, 8}, 2);
  for (int step = 0; step < 3; ++step) {
    Tape tape = Tape::inference(device, arena);
    const Var qkv = tape.constant({const_cast<float*>(x.view().data()), {2, 5, 24}, DType::f32});
    const Var w = tape.parameter({const_cast<float*>(weight.view().data()), {8, 8}, DType::f32}, {});
    linear(tape, attention(tape, qkv, 2, {}, {}), w, {}, Activation::gelu);
    EXPECT_EQ(tape.size(), 0u);
    arena.reset();
  }
  // The two results and the log-sums, each on its own cache lines; scratch is given back.
  const Arena::Mark mark = arena.mark();
  Tape tape = Tape::inference(device, arena);
  const Var qkv = tape.constant({const_cast<float*>(x.view().data()), {2, 5, 24}, DType::f32});
  attention(tape, qkv, 2, {}, {});
  const std::size_t used = arena.mark().used - mark.used;
  EXPECT_LE(used, (2 * 5 * 8 + 2 * 2 * 5) * sizeof(float) + 2 * 64);
}

}  // namespace
}  // namespace polonaise::testing
