// A model on a card against the same model on the CPU, which other tests hold to PyTorch: steps with dropout and
// padding, steps of the optimizer, decoders and what they draw.

#include "models/sampling/generate.h"
#include "runtime/training/optimizer.h"
#include "tests/models/support.h"
#include "tests/runtime/steps.h"

namespace polonaise::testing {
namespace {

class OnACard : public ::testing::TestWithParam<ModelCase> {
 protected:
  void SetUp() override {
    const OpenedCuda opened = open_cuda();
    if (!opened.cuda) GTEST_SKIP() << opened.reason;
    card_ = *opened.cuda;
  }

  static std::vector<float> values(const AnyDevice& device, View<const float, 1> view) {
    const OnHost<float, 1> host(device, view);
    return {host.view().data(), host.view().data() + view.size()};
  }

  AnyDevice cpu_ = Cpu{1}, card_;
};

TEST_P(OnACard, TrainingIsThatOfTheCpu) {
  ModelConfig config = GetParam().config;
  config.dropout = config.head_dropout = 0.25f;
  constexpr Index kRows = 11;  // two shards on the CPU
  std::vector<float> weights[2], gradients[2];
  LossSum losses[2];
  for (std::size_t i = 0; i < 2; ++i) {
    AnyDevice& device = i == 0 ? cpu_ : card_;
    const auto model = make_model(device, config, 3);
    Shards shards(model->parameters());
    Optimizer optimizer(model->parameters(), {.weight_decay = 0.1f});
    for (std::uint32_t step = 1; step <= 3; ++step) {
      const OwnedBatch batch = random_batch(*model, kRows, config.sequence - static_cast<Index>(step), step);
      losses[i] += train(shards, device, kRows, {5, step, 0},
                         [&](Tape& tape, Shards::Rows rows) { return model->losses(tape, batch.view(), rows); });
      if (step == 1) gradients[i] = values(device, shards.gradients());
      take_step(optimizer, device, shards.gradients(), 0.01f);
    }
    weights[i] = values(device, model->parameters().values());
  }
  EXPECT_LT(relative_error(gradients[1], to_double(gradients[0])), kFloatTolerance);
  EXPECT_NEAR(losses[1].main, losses[0].main, kFloatTolerance * losses[0].main);
  EXPECT_NEAR(losses[1].duration, losses[0].duration, kFloatTolerance * losses[0].duration);
  // A weight whose gradient is nearly 0 goes by its sign: AdamW's first steps have the size of the learning rate.
  EXPECT_LT(relative_error(weights[1], to_double(weights[0])), 1e-3);
}

TEST_P(OnACard, StepsRepeatToTheBit) {
  ModelConfig config = GetParam().config;
  config.dropout = config.head_dropout = 0.25f;
  const auto model = make_model(card_, config, 3);
  const OwnedBatch batch = random_batch(*model, 5, config.sequence, 1);
  std::vector<float> first;
  for (int run = 0; run < 2; ++run) {
    Shards shards(model->parameters());
    train(shards, card_, 5, {5, 1, 0},
          [&](Tape& tape, Shards::Rows rows) { return model->losses(tape, batch.view(), rows); });
    if (run == 0) first = values(card_, shards.gradients());
    EXPECT_TRUE(same_bits(values(card_, shards.gradients()), first));
  }
}

TEST_P(OnACard, DecodersAgreePastTheTrainedLengthAndAfterReset) {
  const ModelConfig& config = GetParam().config;
  const auto on_cpu = make_model(cpu_, config, 3), on_card = make_model(card_, config, 3);
  const auto cpu = on_cpu->decoder(2), card = on_card->decoder(2);
  for (int run = 0; run < 2; ++run) {
    std::vector<Event> events[] = {random_events(config.events, 2 * config.sequence, 1),
                                   random_events(config.events, 2 * config.sequence, 2)};
    for (auto& stream : events) stream.front() = start_event(config.events);
    for (std::size_t t = 0; t < events[0].size(); ++t) {
      const StreamEvents next(config.events, std::vector{events[0][t], events[1][t]});
      const OnHost<float, 2> logits(card_, card->advance(next.rows()));
      const View<const float, 2> expected = cpu->advance(next.rows());
      const auto flat = [](View<const float, 2> view) {
        return std::vector<float>(view.data(), view.data() + view.size());
      };
      ASSERT_LT(relative_error(flat(logits.view()), to_double(flat(expected))), kFloatTolerance) << "step " << t;
    }
    cpu->reset();
    card->reset();
  }
}

TEST_P(OnACard, DrawsTheSameEvents) {
  const ModelConfig& config = GetParam().config;
  const auto on_cpu = make_model(cpu_, config, 3), on_card = make_model(card_, config, 3);
  const GenerateOptions options{.steps = 20, .sampling = {.temperature = 0.9f, .top_k = 5, .top_p = 0.95f}, .seed = 7};
  const Generated expected = generate(*on_cpu, {}, options), drawn = generate(*on_card, {}, options);
  EXPECT_TRUE(equal(drawn.events.view(), expected.events.view()));
}

class StreamsOnACard : public OnACard {};

// More of them than an emulated card has multiprocessors.
TEST_P(StreamsOnACard, DrawsTheSameStreamsUnderAGrammar) {
  const ModelConfig& config = GetParam().config;
  const auto on_cpu = make_model(cpu_, config, 3), on_card = make_model(card_, config, 3);
  EventGrammar grammar;
  grammar.end = 20;
  grammar.vocabulary = config.events.drawn_classes();
  grammar.states = 1;
  for (std::int32_t v = 0; v < grammar.vocabulary; ++v) {
    grammar.next.push_back(v == 1 ? -1 : 0);
    grammar.ticks.push_back(v + 1);
    grammar.drawable.push_back(1);
  }
  if (!config.events.is_tokens()) grammar.max_keys = 2;
  if (grammar.vocabulary == 0) grammar.frame_ticks = 5;
  const GenerateOptions options{.sampling = {.temperature = 2}, .seed = 8, .grammar = &grammar, .events_per_launch = 7};
  const auto expected = generate_streams(*on_cpu, {}, options, 9), drawn = generate_streams(*on_card, {}, options, 9);
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_TRUE(equal(drawn[i].events.view(), expected[i].events.view()));
    EXPECT_EQ(drawn[i].ending, Ending::grammar);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, OnACard, ::testing::ValuesIn(model_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Models, StreamsOnACard, ::testing::ValuesIn(model_cases([](const ModelConfig& config) {
                           return config.architecture != Architecture::transformer ||
                                  config.position == PositionEncoding::rotary;
                         })),
                         case_name);

}  // namespace
}  // namespace polonaise::testing
