// A head that starts from what counting knows.

#include "models/start.h"

#include "tests/models/support.h"

namespace polonaise::testing {
namespace {

class HeadBias : public ::testing::TestWithParam<ModelCase> {
 protected:
  HeadBias() : model_(make_model(device_, GetParam().config, 3)) {
    const EventShape& events = GetParam().config.events;
    const Index likelihoods = events.is_tokens() ? events.vocabulary : events.keys;
    for (Index i = 0; i < events.outputs(); ++i) {
      const double share = (1.0 + static_cast<double>(i % 5)) / (i < likelihoods && !events.is_tokens() ? 12 : 40);
      logits_.push_back(
          static_cast<float>(i < likelihoods && !events.is_tokens() ? std::log(share / (1 - share)) : std::log(share)));
    }
  }

  std::span<float> parameter(const std::string& name) {
    for (const Parameters::Entry& entry : model_->parameters().entries())
      if (entry.name == name)
        return {model_->parameters().values().data() + entry.offset, static_cast<std::size_t>(entry.shape.size())};
    return {};
  }

  AnyDevice device_ = Cpu{1};
  std::unique_ptr<Model> model_;
  std::vector<float> logits_;
};

TEST_P(HeadBias, IsWhatTheHeadPredictsWithoutAState) {
  std::ranges::fill(parameter("head.weight"), 0.0f);
  std::ranges::fill(parameter("head.key_out"), 0.0f);
  const auto hidden = parameter("head.bias").subspan(logits_.size());
  const std::vector<float> before(hidden.begin(), hidden.end());
  model_->set_head_bias(logits_);
  const std::vector<Event> events = random_events(GetParam().config.events, 4, 1);
  const std::vector<float> predicted = window_logits(*model_, events);
  const std::size_t outputs = logits_.size() + hidden.size();
  for (std::size_t i = 0; i < predicted.size(); i += outputs)
    for (std::size_t k = 0; k < logits_.size(); ++k) EXPECT_EQ(predicted[i + k], logits_[k]);
  EXPECT_TRUE(std::ranges::equal(hidden, before));
}

INSTANTIATE_TEST_SUITE_P(Models, HeadBias, ::testing::ValuesIn(model_cases()), case_name);

// All chains of keys are gone through: how often each key sounds where the state says nothing.
TEST(HeadBiasOfAnAutoregressiveHead, MakesUpForTheHiddenUnits) {
  constexpr std::size_t kKeys = 8;
  ModelConfig config;
  config.events = frame_events(kKeys, 0);
  config.head = Head::autoregressive;
  config.head_hidden = 64;
  config.hidden = 4;
  AnyDevice device = Cpu{1};
  const auto model = make_model(device, config, 1);
  const auto parameter = [&](const std::string& name) {
    for (const Parameters::Entry& entry : model->parameters().entries())
      if (entry.name == name) return model->parameters().values().data() + entry.offset;
    return static_cast<float*>(nullptr);
  };
  std::vector<float> logits;
  for (std::size_t k = 0; k < kKeys; ++k) logits.push_back(-3.0f + 0.4f * static_cast<float>(k));
  const auto error = [&] {
    double worst = 0;
    const float *bias = parameter("head.bias"), *in = parameter("head.key_in"), *out = parameter("head.key_out");
    std::vector<double> sounds(kKeys);
    for (unsigned chain = 0; chain < 1u << kKeys; ++chain) {
      std::vector<double> h(bias + kKeys, bias + kKeys + 64);
      double probability = 1;
      for (std::size_t k = 0; k < kKeys; ++k) {
        double z = bias[k];
        for (std::size_t i = 0; i < 64; ++i) z += std::max(0.0, h[i]) * out[k * 64 + i];
        const bool on = (chain >> k & 1) != 0;
        probability *= 1 / (1 + std::exp(on ? -z : z));
        if (on)
          for (std::size_t i = 0; i < 64; ++i) h[i] += in[k * 64 + i];
      }
      for (std::size_t k = 0; k < kKeys; ++k)
        if (chain >> k & 1) sounds[k] += probability;
    }
    for (std::size_t k = 0; k < kKeys; ++k)
      worst = std::max(worst, std::abs(sounds[k] - 1 / (1 + std::exp(-static_cast<double>(logits[k])))));
    return worst;
  };
  model->set_head_bias(logits);
  EXPECT_LT(error(), 1e-3);
  std::ranges::copy(logits, parameter("head.bias"));
  EXPECT_GT(error(), 2e-3);  // what it makes up for
}

TEST(LengthAt, IsTheValueThatAShareOfTheLengthsLiesBelow) {
  const std::vector<float> values = {1, 2, 4}, log_shares = {std::log(0.5f), std::log(0.25f), std::log(0.25f)};
  EXPECT_NEAR(length_at(0, values, log_shares), 0, 1e-6);
  EXPECT_NEAR(length_at(0.25, values, log_shares), 0.75, 1e-6);  // half way to 1.5, where the next class begins
  EXPECT_NEAR(length_at(0.5, values, log_shares), 1.5, 1e-6);
  EXPECT_NEAR(length_at(0.75, values, log_shares), 3, 1e-6);
  EXPECT_NEAR(length_at(1, values, log_shares), 5, 1e-5);
}

// Everything but the head's bias and the length's thresholds is as it was drawn, and the thresholds lie among the
// lengths.
TEST(StartFromCounts, OfRecurrentNetworksSpreadsThresholdsOverTheLengths) {
  ModelConfig config;
  config.architecture = Architecture::bilstm;
  config.hidden = 6;
  config.events = frame_events(4, 3);
  AnyDevice device = Cpu{1};
  const auto drawn = make_model(device, config, 3), started = make_model(device, config, 3);
  const std::vector<float> logits = {-1, -2, -3, -4, std::log(0.2f), std::log(0.6f), std::log(0.2f)};
  started->start_from(logits);
  int thresholds = 0;
  for (const Parameters::Entry& entry : drawn->parameters().entries()) {
    const float *before = drawn->parameters().values().data() + entry.offset,
                *after = started->parameters().values().data() + entry.offset;
    const bool weight = entry.name.starts_with("core.weight_ih_l0"), bias = entry.name.starts_with("core.bias_ih_l0");
    for (Index i = 0; i < entry.shape.size(); ++i) {
      if (entry.name == "head.bias") {
        EXPECT_EQ(after[i], logits[static_cast<std::size_t>(i)]);
      } else if (weight && i % 5 == 4 && i / 5 % 3 == 0) {
        ++thresholds;
        EXPECT_EQ(std::abs(after[i]), 8);
      } else if (bias && i % 3 == 0) {
        EXPECT_LT(std::abs(after[i]), 8 * 2.5f + 1);
      } else {
        EXPECT_EQ(after[i], before[i]) << entry.name;
      }
    }
  }
  EXPECT_EQ(thresholds, 2 * 4 * 6 / 3);
}

}  // namespace
}  // namespace polonaise::testing
