// Steps of whole models, and events of sampling, that a card replays from its records, against the same launched kernel
// by kernel: the same bits, whatever differs from time to time.

#include <cstdlib>

#include "models/transformer_decoder.h"
#include "runtime/training/training.h"
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
      const Shards::Work work{rows, [&](Tape& tape, Shards::Rows part) { return model->prepare(tape, view, part); }};
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
  const bool relative = config.position == PositionEncoding::relative && config.events.is_tokens();
  if (relative || GetParam().name == "lstm_frames") expect_the_same(config, DType::bf16);
}

class RecordedSampling : public Recorded {
 protected:
  struct Drawn {
    std::vector<std::int32_t> tokens;
    std::vector<std::uint8_t> keys;
    std::vector<float> logits;  // after one event more
    std::size_t replays = 0;
  };

  // Two calls of events that a decoder draws by itself.
  static Drawn draw(AnyDevice& device, const Model& model) {
    constexpr Index kEvents = 6;
    const EventShape& events = model.config().events;
    const auto of_a_call = static_cast<std::size_t>(kEvents);
    const Buffer tokens(device, of_a_call * sizeof(std::int32_t)), drawn(device, sizeof(std::int32_t)),
        keys(device, of_a_call * static_cast<std::size_t>(events.keys));
    TransformerDecoder decoder(dynamic_cast<const Transformer&>(model), 1);
    decoder.advance(EventBuffer(events, 1).start());
    Drawn all;
    for (std::uint32_t call = 0; call < 2; ++call) {
      kernels::GenerationDraws draws{.events = kEvents,
                                     .sampling = {.temperature = 1.5f},
                                     .stream = {.seed = 4, .step = 6 * call},
                                     .drawn = {drawn.as<std::int32_t>(), {1}}};
      if (events.outputs() > events.keys) draws.tokens = {tokens.as<std::int32_t>(), {1, kEvents}};
      if (!events.is_tokens()) draws.keys = {keys.as<std::uint8_t>(), {1, kEvents, events.keys}};
      decoder.generate(draws, {});
      const OnHost<std::int32_t, 2> some_tokens(device, draws.tokens);
      const OnHost<std::uint8_t, 3> some_keys(device, draws.keys);
      all.tokens.insert(all.tokens.end(), some_tokens.view().data(), some_tokens.view().data() + draws.tokens.size());
      all.keys.insert(all.keys.end(), some_keys.view().data(), some_keys.view().data() + draws.keys.size());
    }
    all.replays = decoder.replays();
    all.logits = after_start_event(device, decoder, events);
    return all;
  }

  static std::vector<float> after_start_event(AnyDevice& device, Decoder& decoder, const EventShape& events) {
    const OnHost<float, 2> logits(device, decoder.advance(EventBuffer(events, 1).start()));
    return {logits.view().data(), logits.view().data() + logits.view().size()};
  }
};

TEST_P(RecordedSampling, EventsHaveTheBitsOfThoseThatAreNot) {
  ModelConfig config = GetParam().config;
  config.sequence = 5;
  config.layers = 1;
  const auto model = make_model(recording_, config, 3), on_plain = make_model(plain_, config, 3);
  const Drawn expected = draw(plain_, *on_plain), found = draw(recording_, *model);
  EXPECT_EQ(expected.replays, 0u);
  EXPECT_EQ(found.replays, 10u);
  EXPECT_EQ(found.tokens, expected.tokens);
  EXPECT_EQ(found.keys, expected.keys);
  EXPECT_TRUE(same_bits(found.logits, expected.logits));

  // The same context, given event by event.
  const auto by_hand = model->decoder(1);
  EventBuffer event(config.events, 1);
  by_hand->advance(event.start());
  const auto K = static_cast<std::size_t>(config.events.keys);
  for (std::size_t i = 0; i < 12; ++i) {
    if (config.events.is_tokens()) {
      by_hand->advance(event.token(found.tokens[i]));
      continue;
    }
    std::vector<std::uint8_t> sounding;
    kernels::append_nonzero(found.keys.data() + i * K, config.events.keys, sounding);
    by_hand->advance(
        event.frame(sounding, found.tokens.empty() ? std::nullopt : std::optional(class_quarters(found.tokens[i]))));
  }
  EXPECT_TRUE(same_bits(after_start_event(recording_, *by_hand, config.events), expected.logits));
}

INSTANTIATE_TEST_SUITE_P(Models, RecordedSampling, ::testing::ValuesIn(model_cases([](const ModelConfig& config) {
                           if (config.architecture != Architecture::transformer) return false;
                           if (config.events.is_tokens()) return true;
                           const bool rolls = config.events.duration_classes == 0;
                           return config.position == (config.head == Head::autoregressive ? PositionEncoding::learned
                                                      : rolls                             ? PositionEncoding::relative
                                                              : PositionEncoding::sinusoidal);
                         })),
                         case_name);

INSTANTIATE_TEST_SUITE_P(Models, Recorded, ::testing::ValuesIn(model_cases([](const ModelConfig& config) {
                           if (config.events.duration_classes == 0 && !config.events.is_tokens()) return false;
                           if (config.architecture == Architecture::transformer)
                             return config.position == PositionEncoding::relative;
                           return config.architecture == Architecture::lstm ||
                                  (config.architecture == Architecture::bilstm && config.events.is_tokens());
                         })),
                         case_name);

}  // namespace
}  // namespace polonaise::testing
