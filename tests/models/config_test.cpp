#include "models/config.h"

#include <functional>
#include <stdexcept>

#include "tests/models/support.h"

namespace polonaise::testing {
namespace {

std::string complaint(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(Config, NamesGoBothWays) {
  for (const std::string& name : names_of<Architecture>()) EXPECT_EQ(name_of(architecture_of(name)), name);
  for (const std::string& name : names_of<PositionEncoding>()) EXPECT_EQ(name_of(position_encoding_of(name)), name);
  for (const std::string& name : names_of<Head>()) EXPECT_EQ(name_of(head_of(name)), name);
  EXPECT_EQ(names_of<Architecture>(),
            (std::vector<std::string>{"rnn", "lstm", "gru", "bilstm", "transformer", "slstm"}));
}

TEST(Config, AnUnknownNameIsAnsweredWithThoseThereAre) {
  EXPECT_EQ(complaint([] { architecture_of("lstn"); }),
            "unknown model 'lstn': use one of rnn, lstm, gru, bilstm, transformer, slstm");
  EXPECT_EQ(complaint([] { position_encoding_of(""); }),
            "unknown position encoding '': use one of sinusoidal, learned, rotary, relative");
  EXPECT_EQ(complaint([] { head_of("nade"); }), "unknown head 'nade': use one of bernoulli, autoregressive");
}

TEST(Config, EveryCaseOfTheTestsIsValid) {
  for (const ModelCase& c : model_cases()) EXPECT_NO_THROW(validate(c.config)) << c.name;
}

TEST(Config, SizesOutOfRangeAreRefusedByName) {
  const auto refusal = [](const std::function<void(ModelConfig&)>& change) {
    ModelConfig config;
    config.architecture = Architecture::transformer;
    config.events = token_events(11);
    change(config);
    return complaint([&] { validate(config); });
  };
  EXPECT_EQ(refusal([](ModelConfig&) {}), "");
  EXPECT_EQ(refusal([](ModelConfig& c) { c.hidden = 0; }), "hidden must be in 1..8192");
  EXPECT_EQ(refusal([](ModelConfig& c) { c.layers = 65; }), "layers must be in 1..64");
  EXPECT_EQ(refusal([](ModelConfig& c) { c.sequence = 0; }), "the sequence length must be in 1..65536");
  EXPECT_EQ(refusal([](ModelConfig& c) { c.dropout = 1; }), "dropout must be at least 0 and below 1");
  EXPECT_EQ(refusal([](ModelConfig& c) { c.events.vocabulary = 0; }), "the dataset's events have no outputs");
  EXPECT_EQ(refusal([](ModelConfig& c) { c.head_dropout = 1; }), "the head's dropout must be at least 0 and below 1");
  EXPECT_EQ(refusal([](ModelConfig& c) { c.head = Head::autoregressive; }),
            "an autoregressive head predicts the keys of a frame, and the dataset's events are tokens: use the head "
            "bernoulli, which tokens ignore");
  EXPECT_EQ(
      refusal([](ModelConfig& c) { c.events = frame_events(9, 0), c.head = Head::autoregressive, c.head_hidden = 0; }),
      "the head's hidden units must be in 1..8192");
  EXPECT_EQ(refusal([](ModelConfig& c) { c.heads = 5; }), "hidden must be a multiple of heads");
  EXPECT_EQ(refusal([](ModelConfig& c) { c.hidden = 1024, c.heads = 2; }),
            "a head may have 256 dimensions at most: use more heads");
  EXPECT_EQ(refusal([](ModelConfig& c) { c.hidden = 12, c.heads = 4; }),
            "rotary positions need an even head dimension: change hidden, heads or the position encoding");
  EXPECT_EQ(refusal([](ModelConfig& c) { c.hidden = 15, c.heads = 3, c.position = PositionEncoding::sinusoidal; }),
            "sinusoidal positions need an even hidden");
}

TEST(Config, WhatOnlyATransformerNeedsDoesNotBindTheOthers) {
  ModelConfig config;
  config.events = token_events(11);
  config.hidden = 63;
  EXPECT_NO_THROW(validate(config));
}

}  // namespace
}  // namespace polonaise::testing
