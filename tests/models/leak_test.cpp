// No prediction sees its target or anything after it; nor padding, nor another row of the batch.

#include "kernels/base/require.h"
#include "tests/models/support.h"

namespace polonaise::testing {
namespace {

class Leak : public ::testing::TestWithParam<ModelCase> {
 protected:
  const ModelConfig& config() const { return GetParam().config; }
  // Another event in place of each.
  std::vector<Event> changed_events(std::vector<Event> events) const {
    for (Event& event : events) {
      if (config().events.is_tokens())
        event.token = (event.token + 1) % static_cast<std::int32_t>(config().events.vocabulary);
      else if (!event.keys.empty() && event.keys.front() == 0)
        event.keys.erase(event.keys.begin());
      else
        event.keys.insert(event.keys.begin(), 0);
    }
    return events;
  }
  std::vector<float> row_losses(const Batch& batch, Index row) const {
    AnyDevice device = Cpu{1};
    Arena arena(device);
    Tape tape = Tape::inference(device, arena);
    const TargetLosses losses = model_->losses(tape, batch, {0, batch.rows});
    std::vector<float> values;
    const Index targets = batch.targets_per_row == 1 ? 1 : batch.lengths[static_cast<std::size_t>(row)];
    for (Index t = 0; t < targets; ++t) {
      const Index i = losses.arranged.target_index(row, t);
      values.push_back(losses.main.data()[i]);
      if (!losses.durations.empty()) values.push_back(losses.durations.data()[i]);
    }
    return values;
  }

  AnyDevice device_ = Cpu{1};
  std::unique_ptr<Model> model_ = make_model(device_, config(), 3);
};

// A many-to-one model's target is no part of its window.
class CausalLeak : public Leak {};
class BidirectionalLeak : public Leak {};
class FrameLeak : public Leak {};

TEST_P(CausalLeak, NoPredictionSeesItsTargetOrLater) {
  const Index steps = config().sequence;
  const std::vector<Event> events = random_events(config().events, steps, 1);
  const std::vector<Event> others = changed_events(events);
  const std::vector<float> logits = window_logits(*model_, events);
  const auto outputs = static_cast<std::size_t>(config().outputs());
  for (std::size_t t = 0; t < events.size(); ++t) {
    // The prediction after input t has input t + 1 as its target.
    std::vector<Event> changed = events;
    std::copy(others.begin() + static_cast<std::ptrdiff_t>(t) + 1, others.end(),
              changed.begin() + static_cast<std::ptrdiff_t>(t) + 1);
    const std::vector<float> after = window_logits(*model_, changed);
    const auto end = static_cast<std::ptrdiff_t>((t + 1) * outputs);
    EXPECT_TRUE(std::equal(logits.begin(), logits.begin() + end, after.begin())) << "target " << t;
    if (t + 1 == events.size()) break;
    EXPECT_FALSE(std::equal(logits.begin() + end, logits.end(), after.begin() + end)) << "nothing changed after " << t;
  }
}

TEST_P(Leak, EveryPastEventIsSeen) {
  const Index steps = config().sequence;
  const std::vector<Event> events = random_events(config().events, steps, 1);
  const std::vector<Event> others = changed_events(events);
  const auto outputs = static_cast<std::ptrdiff_t>(config().outputs());
  const std::vector<float> logits = window_logits(*model_, events);
  for (std::size_t t = 0; t < events.size(); ++t) {
    std::vector<Event> changed = events;
    changed[t] = others[t];
    const std::vector<float> after = window_logits(*model_, changed);
    EXPECT_FALSE(std::equal(logits.end() - outputs, logits.end(), after.end() - outputs)) << "event " << t;
  }
}

TEST_P(Leak, PaddingAndOtherRowsChangeNothing) {
  const Index steps = config().sequence;
  const std::vector<Event> piece = random_events(config().events, 6, 1);
  const std::vector<Event> other = random_events(config().events, steps + 1, 2);
  const std::span<const Event> events(piece), others(other);
  const auto targets = [&](std::span<const Event> all) { return model_->many_to_one() ? all.last(1) : all.subspan(1); };
  const auto batch_of = [&](Index width, bool alone) {
    OwnedBatch batch(config().events, width, model_->many_to_one() ? 1 : width);
    if (!alone) batch.add_row(others.first(other.size() - 1), targets(others));
    batch.add_row(events.first(5), targets(events));
    return batch;
  };
  const std::vector<float> padded = row_losses(batch_of(steps, false).view(), 1);
  const std::vector<float> alone = row_losses(batch_of(5, true).view(), 0);
  EXPECT_LT(relative_error(padded, to_double(alone)), 1e-6);
}

TEST_P(FrameLeak, FramesOfSilenceAreRead) {
  OwnedBatch batch(config().events, 4, model_->many_to_one() ? 1 : 4);
  std::vector<Event> silence(4);
  if (config().events.duration_classes > 0)
    for (Event& event : silence) event.duration = 0;
  silence.front() = start_event(config().events);
  batch.add_row(silence, std::span(silence).last(model_->many_to_one() ? 1 : 4));
  for (const float loss : row_losses(batch.view(), 0)) EXPECT_TRUE(std::isfinite(loss));
}

TEST_P(BidirectionalLeak, RefusesATargetForEveryStep) {
  OwnedBatch batch(config().events, 4, 4);
  const std::vector<Event> events = random_events(config().events, 5, 1);
  batch.add_row(std::span(events).first(4), std::span(events).last(4));
  Arena arena(device_);
  Tape tape = Tape::inference(device_, arena);
  try {
    model_->losses(tape, batch.view(), {0, 1});
    FAIL() << "it was not refused";
  } catch (const ContractError& error) {
    EXPECT_NE(std::string(error.what()).find("one target for each window"), std::string::npos) << error.what();
  }
}

bool bidirectional(const ModelConfig& config) {
  return config.architecture == Architecture::bilstm;
}
INSTANTIATE_TEST_SUITE_P(Models, Leak, ::testing::ValuesIn(model_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Models, CausalLeak,
                         ::testing::ValuesIn(model_cases([](const ModelConfig& c) { return !bidirectional(c); })),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Models, BidirectionalLeak, ::testing::ValuesIn(model_cases(bidirectional)), case_name);
INSTANTIATE_TEST_SUITE_P(Models, FrameLeak,
                         ::testing::ValuesIn(model_cases([](const ModelConfig& c) { return !c.events.is_tokens(); })),
                         case_name);

}  // namespace
}  // namespace polonaise::testing
