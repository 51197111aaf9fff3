#include "runtime/ops.h"

#include "kernels/position/position.h"
#include "tests/runtime/devices.h"
#include "tests/runtime/gradient_check.h"

namespace polonaise::testing {
namespace {

using kernels::Activation;

// A derived transpose, as a model keeps beside its weight, in memory of the tape.
Tensor transposed(Tape& tape, const Var& weight) {
  const Index rows = weight.shape()[0], columns = weight.shape()[1];
  const std::vector<float> w = fetched(tape, weight.value());
  std::vector<float> out(w.size());
  for (Index r = 0; r < rows; ++r)
    for (Index c = 0; c < columns; ++c)
      out[static_cast<std::size_t>(c * rows + r)] = w[static_cast<std::size_t>(r * columns + c)];
  return {const_cast<float*>(placed(tape, out).data()), {columns, rows}, DType::f32};
}

class Ops : public OnEachDevice {
 protected:
  void check_gradients(const std::vector<Input>& inputs, const Build& build) const {
    testing::check_gradients(device_, inputs, build);
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, Ops, ::testing::ValuesIn(device_names()), device_name);

TEST_P(Ops, Embedding) {
  const std::vector<std::int32_t> ids{3, 0, 3, -1, 2, 4};
  check_gradients({{"table", {5, 4}, true}}, [&](Tape& tape, const std::vector<Var>& in) {
    return std::vector{embedding(tape, placed(tape, ids), in[0], {}, {3, 2, 4})};
  });
  check_gradients({{"table", {5, 4}, true}, {"positions", {3, 4}, true}}, [&](Tape& tape, const std::vector<Var>& in) {
    return std::vector{embedding(tape, placed(tape, ids), in[0], in[1], {2, 3, 4})};
  });
}

TEST_P(Ops, EmbeddingBag) {
  const SparseMatrix x = random_sparse(6, 7, 2.5, 1, true);
  check_gradients({{"weight", {4, 7}, true}, {"bias", {4}, true}, {"positions", {3, 4}, true}},
                  [&](Tape& tape, const std::vector<Var>& in) {
                    const BagWeight weight{in[0], transposed(tape, in[0])};
                    return std::vector{embedding_bag(tape, placed(tape, x), {&weight, 1}, in[1], in[2], {2, 3, 4})};
                  });
}

TEST_P(Ops, EmbeddingBagOfTwoWeightsSideBySide) {
  const SparseMatrix x = random_sparse(6, 7, 2.5, 1, false);
  check_gradients({{"weight", {4, 7}, true}, {"reverse", {4, 7}, true}}, [&](Tape& tape, const std::vector<Var>& in) {
    const BagWeight weights[] = {{in[0], transposed(tape, in[0])}, {in[1], transposed(tape, in[1])}};
    return std::vector{embedding_bag(tape, placed(tape, x), weights, {}, {}, {3, 2, 8})};
  });
}

TEST_P(Ops, EmbeddingBagRefusesABiasForSeveralWeights) {
  const SparseMatrix x = random_sparse(6, 7, 2.5, 1, false);
  EXPECT_THROW(
      check_gradients({{"weight", {4, 7}, true}, {"bias", {4}, true}},
                      [&](Tape& tape, const std::vector<Var>& in) {
                        const BagWeight weight{in[0], transposed(tape, in[0])};
                        const BagWeight weights[] = {weight, weight};
                        return std::vector{embedding_bag(tape, placed(tape, x), weights, in[1], {}, {3, 2, 8})};
                      }),
      ContractError);
}

TEST_P(Ops, Linear) {
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

TEST_P(Ops, LinearSideBySide) {
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
void check_recurrent(const AnyDevice& device, const RecurrentCase& c,
                     const std::function<std::vector<Var>(Tape&, RecurrentResult)>& outputs) {
  const kernels::RecurrentShape shape{.T = 4, .B = 3, .H = 4, .layers = 2, .directions = c.directions, .cell = c.cell};
  const Index G = shape.gates(), H = shape.H, D = shape.directions;
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
  GradientCheck(device, inputs, [&](Tape& tape, const std::vector<Var>& in) {
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
    const View<float, 1> packed = tape.floats(recurrent_packed_size(tape.device(), shape));
    recurrent_pack(tape.device(), shape, weights, packed);
    RecurrentOptions options{.shape = shape, .dropout = c.dropout};
    if (c.ragged) options.lengths = placed(tape, lengths);
    return outputs(tape, recurrent(tape, in[0], layers, packed, options));
  }).run();
}

TEST_P(Ops, Recurrent) {
  for (const Cell cell : {Cell::rnn, Cell::lstm, Cell::gru, Cell::slstm})
    for (const Index directions : {1, 2})
      for (const bool ragged : {false, true}) {
        SCOPED_TRACE("cell " + std::to_string(static_cast<int>(cell)) + ", directions " + std::to_string(directions) +
                     (ragged ? ", ragged" : ""));
        const RecurrentCase c{cell, directions, ragged, ragged ? 0.4f : 0.0f};
        check_recurrent(device_, c, [](Tape&, RecurrentResult r) { return std::vector{r.y, r.hn}; });
        check_recurrent(device_, c, [](Tape&, RecurrentResult r) { return std::vector{r.y}; });
        check_recurrent(device_, c, [](Tape&, RecurrentResult r) { return std::vector{r.hn}; });
      }
}

TEST_P(Ops, LastStates) {
  const kernels::RecurrentShape shape{.T = 4, .B = 3, .H = 4, .layers = 2, .directions = 2};
  check_recurrent(device_, {Cell::lstm, 2, true, 0}, [&](Tape& tape, RecurrentResult r) {
    const Var y = last_states(tape, r.hn, shape);
    EXPECT_EQ(y.shape(), Shape({3, 8}));
    // Row b: where the top layer ends forward, at its last step, and backward, at step 0.
    const std::vector<Index> last{3, 0, 2};
    const OnHost<float, 1> ends(tape.device(), y.value().vector<const float>()),
        steps(tape.device(), r.y.value().vector<const float>());
    for (Index b = 0; b < 3; ++b)
      for (Index j = 0; j < 4; ++j) {
        EXPECT_EQ(ends[b * 8 + j], steps[(last[static_cast<std::size_t>(b)] * 3 + b) * 8 + j]);
        EXPECT_EQ(ends[b * 8 + 4 + j], steps[b * 8 + 4 + j]);
      }
    return std::vector{y};
  });
}

TEST_P(Ops, Attention) {
  constexpr Index kT = 5, kHeads = 2, kD = 4;
  const Input qkv{"qkv", {2, kT, 3 * kHeads * kD}};
  check_gradients({qkv}, [](Tape& tape, const std::vector<Var>& in) {
    return std::vector{attention(tape, in[0], kHeads, {}, {})};
  });
  Array<float, 2> angles({kT, kD});
  Cpu cpu;
  kernels::rotary_angles<float>(cpu, 0, angles.view());
  check_gradients({qkv}, [&](Tape& tape, const std::vector<Var>& in) {
    const View<const float, 2> there(placed(tape, angles.values()).data(), {kT, kD});
    return std::vector{attention(tape, in[0], kHeads, there, {})};
  });
  check_gradients({qkv, {"relative", {kHeads, kT + 1, kD}, true}}, [](Tape& tape, const std::vector<Var>& in) {
    return std::vector{attention(tape, in[0], kHeads, {}, in[1])};
  });
}

TEST_P(Ops, AddLayerNorm) {
  const std::vector<Input> inputs{
      {"x", {2, 3, 5}}, {"residual", {2, 3, 5}}, {"weight", {5}, true}, {"bias", {5}, true}};
  const auto norm = [](Tape& tape, const std::vector<Var>& in) {
    return add_layer_norm(tape, in[0], in[1], in[2], in[3]);
  };
  GradientCheck(device_, inputs, [&](Tape& tape, const std::vector<Var>& in) {
    const NormResult result = norm(tape, in);
    return std::vector{result.sum, result.y};
  }).run();
  GradientCheck(device_, inputs, [&](Tape& tape, const std::vector<Var>& in) {
    return std::vector{norm(tape, in).y};
  }).run();
  GradientCheck(device_, inputs, [&](Tape& tape, const std::vector<Var>& in) {
    return std::vector{norm(tape, in).sum};
  }).run();
}

TEST_P(Ops, AddLayerNormWithoutAResidualNormsXItself) {
  check_gradients({{"x", {2, 3, 5}}, {"weight", {5}, true}, {"bias", {5}, true}},
                  [](Tape& tape, const std::vector<Var>& in) {
                    const NormResult result = add_layer_norm(tape, in[0], {}, in[1], in[2]);
                    EXPECT_EQ(result.sum.value().data, in[0].value().data);
                    return std::vector{result.sum, result.y};
                  });
}

TEST_P(Ops, Dropout) {
  for (const Layout layout : {Layout::time_major, Layout::batch_major})
    check_gradients({{"x", {4, 3, 5}}}, [&](Tape& tape, const std::vector<Var>& in) {
      return std::vector{dropout(tape, in[0], 0.4f, layout)};
    });
}

TEST_P(Ops, DropoutIsTheSameInBothLayoutsAndForAnyShard) {
  Arena arena(device_);
  const auto dropped = [&](Index first_row, Index T, Index B, Layout layout) {
    Tape tape = Tape::training(device_, arena, {.seed = 1, .step = 1, .first_row = first_row});
    const bool time_first = layout == Layout::time_major;
    const Shape shape{time_first ? T : B, time_first ? B : T, 5};
    const auto ones = placed(tape, std::vector<float>(static_cast<std::size_t>(shape.size()), 1.0f));
    const Tensor x{const_cast<float*>(ones.data()), shape, DType::f32};
    return fetched(tape, dropout(tape, tape.constant(x), 0.4f, layout).value());
  };
  const std::vector<float> time_major = dropped(0, 4, 3, Layout::time_major);
  const std::vector<float> batch_major = dropped(0, 4, 3, Layout::batch_major);
  const std::vector<float> last_row = dropped(2, 4, 1, Layout::time_major);
  Index zeros = 0;
  for (std::size_t t = 0; t < 4; ++t)
    for (std::size_t b = 0; b < 3; ++b)
      for (std::size_t i = 0; i < 5; ++i) {
        const float value = time_major[(t * 3 + b) * 5 + i];
        EXPECT_EQ(batch_major[(b * 4 + t) * 5 + i], value);
        if (b == 2) {
          EXPECT_EQ(last_row[t * 5 + i], value);
        }
        zeros += value == 0;
      }
  EXPECT_GT(zeros, 10);
  EXPECT_LT(zeros, 40);
}

TEST_P(Ops, DropoutIsTheIdentityInInference) {
  Arena arena(device_);
  Tape tape = Tape::inference(device_, arena);
  const Var x = tape.output({4, 3, 5}, DType::f32, false);
  EXPECT_EQ(dropout(tape, x, 0.4f, Layout::time_major).value().data, x.value().data);
}

// A loss has written the gradient of its logits: the check is of the loss's own sum.
class LossOps : public OnEachDevice {
 protected:
  using Losses = std::function<std::vector<View<const float, 1>>(Tape&, Var)>;

  void check(Index rows, Index columns, const Losses& losses) {
    constexpr float kStep = 1e-2f;
    auto logits = random_array<1>({rows * columns}, 1, 2.0f).values();
    const auto run = [&](AnyDevice& device, std::vector<float>* gradient) {
      Arena arena(device);
      Tape tape = Tape::training(device, arena, {});
      const Var x = placed_logits(tape, {rows, columns}, logits);
      const double total = sum(tape, losses(tape, x));
      if (gradient) *gradient = fetched(tape, tape.gradient(x));
      return total;
    };
    std::vector<float> gradient;
    const double total = run(device_, &gradient);
    if (!std::holds_alternative<Cpu>(device_)) {
      AnyDevice cpu = Cpu{1};
      std::vector<float> expected;
      EXPECT_NEAR(total, run(cpu, &expected), kFloatTolerance * std::abs(total));
      EXPECT_LT(relative_error(gradient, to_double(expected)), kFloatTolerance);
      return;
    }
    std::vector<double> expected;
    for (float& x : logits) {
      const float saved = x;
      x = saved + kStep;
      const double above = run(device_, nullptr);
      x = saved - kStep;
      expected.push_back((above - run(device_, nullptr)) / (2 * static_cast<double>(kStep)));
      x = saved;
    }
    EXPECT_LT(relative_error(gradient, expected), 2e-3);
  }

  static Var placed_logits(Tape& tape, const Shape& shape, const std::vector<float>& values) {
    const Var x = tape.output(shape, DType::f32, true);
    copy_to_device(tape.device(), x.value().data, values.data(), values.size() * sizeof(float));
    return x;
  }
  static double sum(const Tape& tape, const std::vector<View<const float, 1>>& losses) {
    double total = 0;
    for (const View<const float, 1>& part : losses)
      for (const float loss : fetched(tape, part)) total += static_cast<double>(loss);
    return total;
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, LossOps, ::testing::ValuesIn(device_names()), device_name);

TEST_P(LossOps, TokenLoss) {
  const std::vector<std::int32_t> targets{1, -1, 0, 4};
  check(4, 5, [&](Tape& tape, Var x) {
    const View<const float, 1> losses = token_loss(tape, x, placed(tape, targets));
    EXPECT_EQ(fetched(tape, losses)[1], 0);
    return std::vector{losses};
  });
}

TEST_P(LossOps, FrameLoss) {
  const SparseMatrix keys = random_sparse(4, 6, 2, 1, false);
  const std::vector<std::int32_t> durations{2, 0, -1, 1}, mask{1, 1, 0, 1};
  check(4, 9, [&](Tape& tape, Var x) {
    const FrameLosses losses =
        frame_loss(tape, x, 6, {placed(tape, keys), placed(tape, durations), placed(tape, mask)});
    EXPECT_EQ(fetched(tape, losses.keys)[2], 0);
    EXPECT_EQ(fetched(tape, losses.durations)[2], 0);
    return std::vector{losses.keys, losses.durations};
  });
  check(4, 6, [&](Tape& tape, Var x) {
    const FrameLosses losses = frame_loss(tape, x, 6, {placed(tape, keys), {}, {}});
    EXPECT_TRUE(losses.durations.empty());
    return std::vector{losses.keys};
  });
}

// The gradient of the weights as central differences of the CPU's losses have it, too.
TEST_P(LossOps, FrameLossOfKeysOneAfterAnother) {
  constexpr Index kKeys = 6, kClasses = 3, kHidden = 4;  // none of them near 0, where they have a kink
  const SparseMatrix keys = random_sparse(4, kKeys, 2, 1, false);
  const std::vector<std::int32_t> durations{2, 0, -1, 1}, mask{1, 1, 0, 1};
  auto values = random_array<1>({2 * kKeys * kHidden}, 3, 1.5f).values();
  View<float, 1> slab;  // of the last tape
  const auto losses_of = [&](Tape& tape, Var x) {
    const auto weights = placed(tape, values);
    slab = tape.floats(2 * kKeys * kHidden);
    fill_with(tape.device(), slab.data(), 0, values.size() * sizeof(float));
    const auto weight = [&](Index first) {
      return tape.parameter({const_cast<float*>(weights.data()) + first, {kKeys, kHidden}, DType::f32},
                            {slab.data() + first, {kKeys, kHidden}, DType::f32});
    };
    const FrameLosses losses =
        frame_loss(tape, x, kKeys, {placed(tape, keys), placed(tape, durations), placed(tape, mask)},
                   {weight(0), weight(kKeys * kHidden)});
    EXPECT_EQ(fetched(tape, losses.keys)[2], 0);
    return std::vector{losses.keys, losses.durations};
  };
  check(4, kKeys + kClasses + kHidden, losses_of);

  const auto run = [&](AnyDevice& device, std::vector<float>* gradient) {
    Arena arena(device);
    Tape tape = Tape::training(device, arena, {});
    const Shape shape{4, kKeys + kClasses + kHidden};
    const double total =
        sum(tape, losses_of(tape, placed_logits(tape, shape, random_array<1>({shape.size()}, 1, 2.0f).values())));
    if (gradient) *gradient = fetched<float>(tape, slab);
    return total;
  };
  std::vector<float> gradient;
  run(device_, &gradient);
  AnyDevice cpu = Cpu{1};
  std::vector<double> expected;
  for (float& value : values) {
    const float saved = value;
    value = saved + 1e-2f;
    const double above = run(cpu, nullptr);
    value = saved - 1e-2f;
    expected.push_back((above - run(cpu, nullptr)) / 2e-2);
    value = saved;
  }
  EXPECT_LT(relative_error(gradient, expected), 2e-3);
}

TEST_P(LossOps, LogitsEndInOneLoss) {
  const std::vector<std::int32_t> targets{1, 0};
  Arena arena(device_);
  Tape tape = Tape::training(device_, arena, {});
  const Var x = placed_logits(tape, {2, 5}, std::vector<float>(10));
  token_loss(tape, x, placed(tape, targets));
  EXPECT_THROW(token_loss(tape, x, placed(tape, targets)), ContractError);
}

TEST(OpsOnCpu, InferenceNeedsConstantMemory) {
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
