#include "tools/sample/no_copy.h"

#include <gtest/gtest.h>

#include "io/midi/notes.h"
#include "tests/tools/runs.h"
#include "tools/training/run.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

constexpr int kN = 5;

// A scale up and down, which is soon learnt.
Events only_piece(const io::Encoding& encoding) {
  constexpr std::uint8_t kScale[] = {60, 62, 64, 65, 67, 69, 71, 69, 67, 65, 64, 62};
  io::Score score;
  score.ticks_per_quarter = 480;
  for (int i = 0; i < 48; ++i) score.notes.push_back({i * 120, 120, kScale[i % 12], 80, 0, 0, 0});
  io::LossReport report;
  return encoding.encode(score, report);
}

// A run that knows it by heart.
fs::path overfitted_run(const fs::path& folder, const io::Encoding& encoding) {
  fs::create_directories(folder);
  io::Corpus corpus;
  for (const io::Split split : io::kSplits) corpus[split].push_back({"piece", only_piece(encoding)});
  io::write_dataset(folder / "data", corpus, encoding, "{}");
  const ProgramResult result = train({folder / "data",
                                      "-o",
                                      folder / "run",
                                      "--model",
                                      "gru",
                                      "--hidden",
                                      "32",
                                      "--layers",
                                      "1",
                                      "--seq",
                                      "48",

                                      "--steps",
                                      "400",
                                      "--lr",
                                      "0.05",
                                      "--threads",
                                      "1",
                                      "-q",
                                      "--batch",
                                      "4",
                                      "--validate-every",
                                      "400"});
  EXPECT_EQ(result.status, 0) << result.err;
  return folder / "run";
}

// How many drawn events complete an N-gram of the pieces.
int copies(const io::Ngrams& ngrams, const Events& opening, const Generated& drawn) {
  Events whole = opening;
  whole.append(drawn.events.view());
  std::vector<std::int32_t> events;
  for (std::int64_t i = 0; i < whole.size(); ++i) events.push_back(ngrams.event(whole.view(), i));
  int count = 0;
  for (auto i = static_cast<std::size_t>(opening.size()); i < events.size(); ++i)
    count += ngrams.completes(std::span(events).subspan(i + 1 - kN, kN - 1), events[i]);
  return count;
}

class NoCopies : public ::testing::TestWithParam<std::string> {};

TEST_P(NoCopies, AnOverfittedModelCopiesWithoutThemAndNeverWith) {
  const auto encoding = io::make_encoding(GetParam());
  const tools::Run run = tools::Run::open(overfitted_run(fresh_folder(), *encoding));
  AnyDevice device = Cpu{1};
  const std::unique_ptr<Model> model = run.load_model(device, "last");
  const Events piece = only_piece(*encoding);
  const io::Ngrams ngrams({piece.view()}, kN);
  Events opening(piece.kind);
  opening.append(piece.view().slice(0, 10));
  const EventGrammar grammar = encoding->grammar({});
  for (const float temperature : {0.0f, 0.5f}) {
    GenerateOptions options{.steps = 40, .sampling = {.temperature = temperature}, .grammar = &grammar};
    const Generated copied = generate(*model, opening.view(), options);
    EXPECT_GT(copies(ngrams, opening, copied), 20) << "at temperature " << temperature;
    options.veto = [&] { return std::make_unique<NoCopy>(ngrams, opening.view()); };
    const Generated drawn = generate(*model, opening.view(), options);
    EXPECT_EQ(drawn.ending, Ending::steps);
    EXPECT_EQ(drawn.size(), 40);
    EXPECT_EQ(copies(ngrams, opening, drawn), 0) << "at temperature " << temperature;
  }
}

INSTANTIATE_TEST_SUITE_P(Encodings, NoCopies, ::testing::Values("chordvec", "roll88", "perf"),
                         [](const auto& instance) { return instance.param; });

// One key, of which all that can follow it or its silence is known.
TEST(NoCopy, WhereNothingIsLeftToDrawTheToolSaysSo) {
  const fs::path folder = fresh_folder();
  const auto encoding = io::make_encoding("roll88");
  const std::vector<std::uint8_t> key = {39};
  Events piece(EventKind::frames);
  for (const bool sounds : {true, true, false, false, true}) {
    if (sounds) {
      piece.push_frame(key);
    } else {
      piece.push_frame({});
    }
  }
  io::Corpus corpus;
  for (const io::Split split : io::kSplits) corpus[split].push_back({"piece", piece});
  io::write_dataset(folder / "data", corpus, *encoding, "{}");
  ASSERT_EQ(
      train(joined({folder / "data", "-o", folder / "run", "--steps", "2", "--batch", "1"}, small_model("rnn"))).status,
      0);
  io::write_file(folder / "prime.mid", io::write_score(encoding->decode(piece.view())));
  const fs::path out = folder / "out.mid";
  const std::vector<std::string> options = {
      folder / "run", "--prime", folder / "prime.mid", "--range", "C4..C4", "--no-copy", "2", "-q", "-o", out};
  expect_failure(run_program("polonaise-sample", options), 1,
                 "after 0 drawn events nothing may follow under --range C4..C4, --no-copy 2; ask for less");
  EXPECT_FALSE(fs::exists(out));
}

TEST(NoCopy, NeedsTheDatasetAndSaysWhatItCosts) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "perf", "rnn");
  const auto sample = [&](const std::vector<std::string>& more) {
    return run_program("polonaise-sample", joined({run, "--steps", "20", "-o", folder / "out.mid"}, more));
  };
  fs::rename(folder / "data", folder / "moved");
  expect_failure(sample({"--no-copy", "8", "-q"}), 1, "say where it is by --dataset");
  expect_failure(sample({"--no-copy", "1", "-q"}), 2, "give 2 or more");
  const ProgramResult result = sample({"--no-copy", "8", "--dataset", folder / "moved"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(contains(result.err, "a card draws one a launch")) << result.err;
  EXPECT_TRUE(contains(read_text(folder / "out.mid"), "--no-copy 8"));
}

}  // namespace
}  // namespace polonaise::tools
