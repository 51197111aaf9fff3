// Steps of whole models that a card replays from its records, against the same steps launched kernel by kernel: the
// same bits, whatever differs from batch to batch.

#include <cstdlib>

#include "runtime/training.h"
#include "tests/models/support.h"

namespace polonaise::testing {
namespace {

class Recorded : public ::testing::TestWithParam<ModelCase> {
 protected:
  void SetUp() override {
    const OpenedCuda opened = open_cuda();
    if (!opened.cuda) GTEST_SKIP() << opened.reason;
    recording_ = *opened.cuda;
    ::setenv("POLONAISE_SYNC", "1", 1);  // which turns records off
    plain_ = *open_cuda().cuda;
    ::unsetenv("POLONAISE_SYNC");
  }

  struct Result {
    std::vector<double> losses, norms;
    std::vector<float> weights;
    std::size_t replays = 0;
  };

  // Steps on batches of other events each: most alike, one as small as an epoch's last may be, one of shorter windows.
  static Result train(AnyDevice& device, const ModelConfig& config, DType activations) {
    const auto model = make_model(device, config, 3, activations);
    Optimizer optimizer(model->parameters(), {.schedule = {.base = 1e-2f, .warmup = 3}, .weight_decay = 0.1f});
    Training training(model->parameters(), optimizer, 5);
    Result result;
    for (std::uint64_t step = 1; step <= 9; ++step) {
      const Index rows = step == 4 ? 1 : 2, steps = config.sequence - (step == 5 ? 2 : 0);
      const OwnedBatch batch = random_batch(*model, rows, steps, 10 * step);
      const Batch view = batch.view();
      const Training::Batch work{rows, [&](Tape& tape, Shards::Rows part) { return model->prepare(tape, view, part); }};
      training.step({&work, 1}, rows * view.targets_per_row);
    }
    for (const Training::Report& report : training.reports()) {
      result.losses.push_back(report.loss.total());
      result.norms.push_back(report.gradient_norm);
    }
    const OnHost<float, 1> weights(device, View<const float, 1>(model->parameters().values()));
    result.weights.assign(weights.view().data(), weights.view().data() + weights.view().size());
    result.replays = training.replays();
    return result;
  }

  void expect_the_same(const ModelConfig& config, DType activations) {
    const Result expected = train(plain_, config, activations), found = train(recording_, config, activations);
    EXPECT_EQ(expected.replays, 0u);
    EXPECT_GE(found.replays, 1u);
    EXPECT_EQ(found.losses, expected.losses);
    EXPECT_EQ(found.norms, expected.norms);
    EXPECT_TRUE(same_bits(found.weights, expected.weights));
  }

  AnyDevice recording_, plain_;
};

TEST_P(Recorded, StepsHaveTheBitsOfThoseThatAreNot) {
  ModelConfig config = GetParam().config;
  config.dropout = 0.25f;
  config.sequence = 5;
  expect_the_same(config, DType::f32);
  // What bf16 adds, two models have between them.
  const bool relative = config.position == PositionEncoding::relative && config.events.tokens;
  if (relative || GetParam().name == "lstm_frames") expect_the_same(config, DType::bf16);
}

INSTANTIATE_TEST_SUITE_P(Models, Recorded, ::testing::ValuesIn(model_cases([](const ModelConfig& config) {
                           if (config.events.duration_classes() == 0 && !config.events.tokens) return false;
                           if (config.architecture == Architecture::transformer)
                             return config.position == PositionEncoding::relative;
                           return config.architecture == Architecture::lstm ||
                                  (config.architecture == Architecture::bilstm && config.events.tokens);
                         })),
                         case_name);

}  // namespace
}  // namespace polonaise::testing
