#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "io/baselines/baselines.h"
#include "tests/tools/runs.h"
#include "tools/training/evaluate.h"
#include "tools/training/run.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

ProgramResult evaluate_program(const std::vector<std::string>& arguments) {
  return run_program("polonaise-evaluate", arguments);
}

nlohmann::json evaluated(const std::vector<std::string>& arguments) {
  const ProgramResult result = evaluate_program(joined(arguments, {"--json"}));
  EXPECT_EQ(result.status, 0) << result.err;
  return nlohmann::json::parse(result.out, nullptr, false);
}

// A model's loss at every event, read in the plainest way: one event at a time, by its decoder.
std::vector<double> decoder_losses(const Model& model, const EventsView& piece) {
  const auto decoder = model.decoder(1);
  std::vector<double> losses;
  std::int32_t id = static_cast<std::int32_t>(model.config().events.vocabulary);
  for (const std::uint16_t token : piece.tokens) {
    const View<const float, 2> logits = decoder->advance({View<const std::int32_t, 1>(&id, {1}), {}});
    double sum = 0;
    for (Index i = 0; i < logits.columns(); ++i) sum += std::exp(static_cast<double>(logits.row(0)[i]));
    losses.push_back(std::log(sum) - static_cast<double>(logits.row(0)[token]));
    id = token;
  }
  return losses;
}

class ScorerTest : public testing::TestWithParam<const char*> {
 protected:
  void load(const std::vector<std::string>& more = {}) {
    const fs::path folder = fresh_folder();
    run_.emplace(tools::Run::open(small_run(folder, "perf", GetParam(), more)));
    data_.emplace(io::Dataset::open(folder / "data"));
    model_ = run_->load_model(device_, "last");
  }
  AnyDevice device_ = open_device("cpu", 2);
  std::optional<tools::Run> run_;
  std::optional<io::Dataset> data_;
  std::unique_ptr<Model> model_;
};

class CarryingScorerTest : public ScorerTest {};
INSTANTIATE_TEST_SUITE_P(Models, CarryingScorerTest, testing::Values("rnn", "lstm", "gru", "slstm"));

TEST_P(CarryingScorerTest, ReadsAPieceAsADecoderDoes) {
  load();
  Scorer scorer(*model_, data_->shape());
  const auto pieces = data_->all(io::Split::train);  // of several lengths, side by side, longer than a chunk
  const auto losses = scorer.score(pieces);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::vector<double> expected = decoder_losses(*model_, pieces[i]);
    ASSERT_EQ(losses[i].main.size(), expected.size());
    for (std::size_t j = 0; j < expected.size(); ++j) EXPECT_NEAR(losses[i].main[j], expected[j], 1e-5);
  }
}

class WindowScorerTest : public ScorerTest {};
INSTANTIATE_TEST_SUITE_P(Models, WindowScorerTest, testing::Values("transformer", "bilstm"));

TEST_P(WindowScorerTest, ReadsTheFirstWindowAsADecoderDoes) {
  load();
  Scorer scorer(*model_, data_->shape());
  const std::int64_t steps = model_->config().sequence;
  std::vector<EventsView> pieces;
  for (const EventsView& piece : data_->all(io::Split::train)) pieces.push_back(piece.slice(0, steps));
  const auto losses = scorer.score(pieces);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::vector<double> expected = decoder_losses(*model_, pieces[i]);
    for (std::size_t j = 0; j < expected.size(); ++j) EXPECT_NEAR(losses[i].main[j], expected[j], 1e-5);
  }
}

TEST_P(WindowScorerTest, ScoresEachEventWithTheContextItPromises) {
  // What stands further back than a window cannot matter; what stands inside it does.
  load();
  Scorer scorer(*model_, data_->shape());
  const std::int64_t steps = model_->config().sequence, stride = 5;
  const EventsView piece = data_->piece(io::Split::train, 0);
  const std::int64_t size = piece.size();
  const auto at = [&](std::int64_t first) {  // the last event's loss, of the piece without its first events
    const std::vector<EventsView> rest = {piece.slice(first, size - first)};
    return scorer.score(rest, {.stride = stride}).front().main.back();
  };
  EXPECT_NEAR(at(0), at(size - 1 - steps), 1e-5);
  EXPECT_NE(at(0), at(size - 4));
}

TEST(Scorer, ManyToOneModelsMayScoreSomeEventsOnly) {
  const fs::path folder = fresh_folder();
  const tools::Run run = tools::Run::open(small_run(folder, "roll88", "bilstm"));
  const io::Dataset data = io::Dataset::open(folder / "data");
  AnyDevice device = open_device("cpu", 1);
  const auto model = run.load_model(device, "last");
  Scorer scorer(*model, data.shape());
  const auto pieces = data.all(io::Split::test);
  const auto all = scorer.score(pieces), some = scorer.score(pieces, {.every = 7});
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    ASSERT_EQ(some[i].main.size(), (all[i].main.size() + 6) / 7);
    for (std::size_t j = 0; j < some[i].main.size(); ++j) EXPECT_NEAR(some[i].main[j], all[i].main[7 * j], 1e-5);
  }
}

TEST(Evaluate, FramesInJson) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "chordvec", "lstm");
  const io::Dataset data = io::Dataset::open(folder / "data");
  const auto train = data.all(io::Split::train), test = data.all(io::Split::test), valid = data.all(io::Split::valid);
  for (const io::Protocol protocol : {io::Protocol::bl2012, io::Protocol::bai2018, io::Protocol::tsbn}) {
    const nlohmann::json result = evaluated({run, "--protocol", std::string(io::protocol_name(protocol))});
    const io::Baselines baselines = io::baselines(train, test, data.shape(), protocol);
    EXPECT_EQ(result["split"], "test");
    EXPECT_EQ(result["protocol"], io::protocol_name(protocol));
    EXPECT_EQ(result["targets"], baselines.targets);
    EXPECT_NEAR(result["nats_per_frame"].get<double>(),
                result["keys"].get<double>() + result["durations"].get<double>(), 1e-9);
    EXPECT_DOUBLE_EQ(result["baselines"]["unigram"], baselines.unigram);
    EXPECT_DOUBLE_EQ(result["baselines"]["bigram"], baselines.bigram);
  }
  EXPECT_EQ(evaluated({run, "--split", "valid"})["targets"], io::baselines(train, valid, data.shape()).targets);
}

TEST(Evaluate, TokensInJson) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "perf", "transformer");
  const nlohmann::json result = evaluated({run});
  const io::Dataset data = io::Dataset::open(folder / "data");
  std::int64_t notes = 0;
  for (const auto& piece : data.all(io::Split::test)) notes += std::ssize(data.encoding().decode(piece).notes);
  EXPECT_EQ(result["targets"], data.events(io::Split::test));
  EXPECT_EQ(result["notes"], notes);
  EXPECT_EQ(result["eval_stride"], 8);
  EXPECT_NEAR(result["nats_per_note"].get<double>() * static_cast<double>(notes),
              result["nats_per_token"].get<double>() * result["targets"].get<double>(), 1e-6);
  // More context for each event, another result.
  EXPECT_NE(evaluated({run, "--eval-stride", "1"})["nats_per_token"], result["nats_per_token"]);
  expect_failure(evaluate_program({run, "--protocol", "bai2018"}), 2, "is for frames");
  expect_failure(evaluate_program({run, "--eval-stride", "17"}), 2, "more than a window of 16");
}

TEST(Evaluate, RefusesAProtocolThatCountsNoFrame) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "roll88", "rnn");
  const auto encoder = io::make_encoding("roll88");
  io::Corpus corpus;
  Events frame(EventKind::frames);
  frame.push_frame(std::vector<std::uint8_t>{40});
  corpus[io::Split::train].push_back({"a", frame});
  corpus[io::Split::test] = {{"b", frame}, {"c", frame}};
  io::write_dataset(folder / "single", corpus, *encoder, "{}");
  const std::vector<std::string> arguments = {run, "--dataset", folder / "single", "--protocol", "bai2018"};
  for (const std::vector<std::string>& form : {arguments, joined(arguments, {"--json"})}) {
    const ProgramResult result = evaluate_program(form);
    expect_failure(result, 1,
                   "no piece of its test split has a second frame, and bai2018 leaves out each piece's first");
    EXPECT_TRUE(result.out.empty()) << result.out;
  }
  EXPECT_EQ(evaluated({run, "--dataset", folder / "single", "--protocol", "tsbn"})["targets"], 2);
}

TEST(Evaluate, PrintsATableWithItsUnit) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "chordvec", "bilstm");
  const ProgramResult result = evaluate_program({run});
  EXPECT_EQ(result.status, 0) << result.err;
  for (const char* part : {"nats per frame", "keys", "durations", "unigram", "bigram", "protocol bl2012",
                           "context: a window of up to 16 events"}) {
    EXPECT_TRUE(contains(result.out, part)) << part << "\n" << result.out;
  }
}

TEST(Evaluate, DoesNotDependOnTheNumberOfThreads) {
  const fs::path folder = fresh_folder();
  for (const std::string model : {"rnn", "lstm", "gru", "bilstm", "slstm", "transformer"}) {
    fs::create_directories(folder / model);
    const fs::path run = small_run(folder / model, "chordvec", model);
    const std::string one = evaluate_program({run, "--json", "--split", "train", "--threads", "1"}).out;
    ASSERT_FALSE(one.empty());
    for (const char* threads : {"2", "3", "8"}) {
      EXPECT_EQ(evaluate_program({run, "--json", "--split", "train", "--threads", threads}).out, one) << model;
    }
  }
}

TEST(Evaluate, AgreesWithTheValidationOfTheRun) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "chordvec", "gru");
  const std::string log = read_text(run / "metrics.jsonl");
  const nlohmann::json line =
      nlohmann::json::parse(log.substr(log.find("{\"type\":\"validation\",\"step\":6"))
                                .substr(0, log.substr(log.find("{\"type\":\"validation\",\"step\":6")).find('\n')));
  EXPECT_NEAR(evaluated({run, "--split", "valid", "--checkpoint", "last"})["nats_per_frame"].get<double>(),
              line["loss"].get<double>(), 1e-9);
}

TEST(Evaluate, RefusesWhatDoesNotFit) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "chordvec", "rnn");
  small_dataset(folder / "perf", "perf");
  expect_failure(evaluate_program({run, "--dataset", folder / "perf"}), 1, "is encoded as perf, and the run");
  expect_failure(evaluate_program({folder}), 1, "is no run: it has no config.toml");
  expect_failure(evaluate_program({folder / "none"}), 1, "there is no such run");
  expect_failure(evaluate_program({run, "--eval-stride", "8"}), 2, "--eval-stride belongs to a transformer, and");
  expect_failure(evaluate_program({run, "--split", "tset"}), 2, "did you mean 'test'?");
  const std::string description = read_text(run / "encoding.json");
  write_text(run / "encoding.json", description.substr(0, 20));
  expect_failure(evaluate_program({run}), 1, "encoding.json");
  write_text(run / "encoding.json", io::make_encoding("perf")->describe());
  expect_failure(evaluate_program({run}), 1, "is encoded as chordvec, and the run");
  write_text(run / "encoding.json", description);
  flip_byte(run / "checkpoints/best/model.safetensors", -9);
  expect_failure(evaluate_program({run}), 1, "model.safetensors: damaged");
  cut_file(folder / "data", 1000);
  expect_failure(evaluate_program({run}), 1, "data");
}

}  // namespace
}  // namespace polonaise::tools
