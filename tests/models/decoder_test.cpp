// Decoders against the windowed forward pass: within the trained length, and far past it.

#include <malloc.h>

#include <cmath>

#include "tests/models/support.h"

namespace polonaise::testing {
namespace {

class DecoderOf : public ::testing::TestWithParam<ModelCase> {
 protected:
  const ModelConfig& config() const { return GetParam().config; }
  // The start event and what follows it.
  std::vector<Event> piece(Index count, std::uint64_t seed) const {
    std::vector<Event> events = random_events(config().events, count, seed);
    events.front() = start_event(config().events);
    return events;
  }

  AnyDevice device_ = Cpu{1};
  std::unique_ptr<Model> model_ = make_model(device_, config(), 3);
};

// The window's prediction after its last event.
std::vector<double> last_logits(const Model& model, std::span<const Event> window) {
  const std::vector<float> logits = window_logits(model, window);
  return {logits.end() - model.config().outputs(), logits.end()};
}

TEST_P(DecoderOf, AgreesWithTheWindowWithinTheTrainedLength) {
  const std::vector<Event> events = piece(config().sequence, 1);
  const auto decoder = model_->decoder(1);
  for (std::size_t t = 0; t < events.size(); ++t)
    EXPECT_LT(relative_error(advance(*decoder, config().events, events[t]),
                             last_logits(*model_, std::span(events).first(t + 1))),
              kFloatTolerance)
        << "step " << t;
}

TEST_P(DecoderOf, StreamsAreIndependentAndStartAgainAfterReset) {
  const Index steps = 2 * config().sequence;
  const std::vector<Event> pieces[] = {piece(steps, 1), piece(steps, 2), piece(steps, 3)};
  const auto together = model_->decoder(3);
  for (std::size_t t = 0; t < 3; ++t)
    together->advance(StreamEvents(config().events, std::vector{pieces[2][t], pieces[1][t], pieces[0][t]}).rows());
  together->reset();

  std::unique_ptr<Decoder> alone[3];
  for (auto& decoder : alone) decoder = model_->decoder(1);
  for (std::size_t t = 0; t < static_cast<std::size_t>(steps); ++t) {
    const View<const float, 2> logits =
        together->advance(StreamEvents(config().events, std::vector{pieces[0][t], pieces[1][t], pieces[2][t]}).rows());
    for (Index row = 0; row < 3; ++row) {
      const auto i = static_cast<std::size_t>(row);
      const std::vector<float> expected = advance(*alone[i], config().events, pieces[i][t]);
      EXPECT_LT(
          relative_error(std::vector<float>(logits.row(row), logits.row(row) + logits.columns()), to_double(expected)),
          kFloatTolerance)
          << "step " << t << ", row " << row;
    }
  }
}

// What stands for the context of a prediction, by the rule of each decoder.
std::vector<Event> context_after(const ModelCase& model, std::vector<Event> context, const Event& event) {
  const ModelConfig& config = model.config;
  const auto T = static_cast<std::size_t>(config.sequence);
  const auto keep = [&](std::size_t count) {
    context.erase(context.begin(), context.end() - static_cast<std::ptrdiff_t>(count));
  };
  // Added positions end with their table: the newest half is then encoded again from position 0.
  if (model.added_positions() && context.size() == T) keep(T / 2);
  context.push_back(event);
  // A ring drops its oldest entry, a window its first event. A recurrent state forgets nothing.
  const bool window = config.architecture == Architecture::bilstm || config.architecture == Architecture::transformer;
  if (window && context.size() > T) keep(T);
  return context;
}

// One layer: in a ring, an entry of a deeper layer still knows what its layer below saw and has since dropped, which no
// window over the last T events reproduces.
TEST_P(DecoderOf, GoesOnPastTheTrainedLength) {
  ModelCase one_layer = GetParam();
  one_layer.config.layers = 1;
  const auto model = make_model(device_, one_layer.config, 3);
  const std::vector<Event> events = piece(5 * config().sequence, 1);
  const auto decoder = model->decoder(1);
  std::vector<Event> context;
  for (std::size_t t = 0; t < events.size(); ++t) {
    context = context_after(one_layer, std::move(context), events[t]);
    EXPECT_LT(relative_error(advance(*decoder, config().events, events[t]), last_logits(*model, context)),
              kFloatTolerance)
        << "step " << t;
  }
}

TEST_P(DecoderOf, StaysFiniteAndKeepsItsMemory) {
  const Index warm = 5 * config().sequence, steps = 500;
  const std::vector<Event> events = piece(steps, 1);
  const auto decoder = model_->decoder(2);
  std::size_t before = 0;
  for (std::size_t t = 0; t < events.size(); ++t) {
    const View<const float, 2> logits =
        decoder->advance(StreamEvents(config().events, std::vector{events[t], events[t]}).rows());
    for (Index i = 0; i < logits.size(); ++i) ASSERT_TRUE(std::isfinite(logits.data()[i])) << "step " << t;
    if (t + 1 == static_cast<std::size_t>(warm)) before = mallinfo2().uordblks;
  }
  // Frames of a history differ in size; one state a step would be four times this.
  const std::size_t slack = static_cast<std::size_t>(steps - warm) * static_cast<std::size_t>(config().hidden);
  EXPECT_LE(mallinfo2().uordblks, before + slack);
}

INSTANTIATE_TEST_SUITE_P(Models, DecoderOf, ::testing::ValuesIn(model_cases()), case_name);

}  // namespace
}  // namespace polonaise::testing
