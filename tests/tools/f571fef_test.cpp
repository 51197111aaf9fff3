#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "io/files/safetensors.h"
#include "io/midi/notes.h"
#include "tests/tools/runs.h"

// Files of commit f571fef, made by the script beside them (tests/tools/f571fef/make.sh): whatever changes since, they
// load, go on and sound as they did then.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = POLONAISE_SOURCE_DIR "/tests/tools/f571fef";

struct OldRun {
  std::string name;
  double resumed_loss = 0;  // of validation at its end
};

std::vector<OldRun> old_runs() {
  std::vector<OldRun> runs;
  std::istringstream lines(read_text(kFolder / "resumed.tsv"));
  for (OldRun run; lines >> run.name >> run.resumed_loss;) runs.push_back(run);
  return runs;
}

// The dataset of a run: the longest name of one that its own begins with.
fs::path dataset_of(const std::string& run) {
  fs::path best;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".data" || !run.starts_with(entry.path().stem().string() + "-")) continue;
    if (entry.path().string().size() > best.string().size()) best = entry.path();
  }
  return best;
}

class RunOfF571fef : public ::testing::TestWithParam<OldRun> {};

TEST_P(RunOfF571fef, GoesOnToTheSameLoss) {
  const fs::path run = fresh_folder() / "run";
  fs::copy(kFolder / GetParam().name, run, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const ProgramResult result = train({"--resume", dataset_of(GetParam().name), "-o", run, "-q"});
  ASSERT_EQ(result.status, 0) << result.err;
  double loss = 0;
  std::istringstream lines(read_text(run / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    if (json["type"] == "validation") loss = json["loss"];
  }
  EXPECT_NEAR(loss, GetParam().resumed_loss, 1e-4 * GetParam().resumed_loss);
}

TEST_P(RunOfF571fef, SamplesTheSameNotes) {
  const fs::path sample = fresh_folder() / "sample.mid";
  const ProgramResult result =
      run_program("polonaise-sample", {kFolder / GetParam().name, "--steps", "40", "--seed", "7", "-q", "-o", sample});
  ASSERT_EQ(result.status, 0) << result.err;
  io::Warnings warnings;
  const io::Score now = io::read_score(sample, warnings);
  const io::Score then = io::read_score(kFolder / (GetParam().name + ".mid"), warnings);
  EXPECT_FALSE(then.notes.empty());
  EXPECT_TRUE(now.notes == then.notes);
}

INSTANTIATE_TEST_SUITE_P(Old, RunOfF571fef, ::testing::ValuesIn(old_runs()), [](const auto& test) {
  std::string name = test.param.name;
  std::ranges::replace(name, '-', '_');
  return name;
});

struct OldStart {
  std::string data, model;
  std::vector<std::string> more;
};

class StartOfF571fef : public ::testing::TestWithParam<OldStart> {};

TEST_P(StartOfF571fef, TorchDrawsTheSameBits) {
  const auto& [data, model, more] = GetParam();
  const fs::path run = fresh_folder() / "run";
  const ProgramResult result =
      train(joined({kFolder / (data + ".data"), "--model", model, "--hidden", "4", "--seq", "12", "--seed", "5",
                    "--steps", "1", "--lr", "0", "--start", "torch", "-q", "-o", run},
                   more));
  ASSERT_EQ(result.status, 0) << result.err;
  const io::SafeTensors now = io::SafeTensors::open(run / "checkpoints/last/model.safetensors");
  const io::SafeTensors then = io::SafeTensors::open(kFolder / ("start-" + data + "-" + model + ".safetensors"));
  ASSERT_EQ(now.tensors().size(), then.tensors().size());
  for (const io::TensorView& tensor : then.tensors())
    EXPECT_EQ(now.at(tensor.name).read<float>(), tensor.read<float>()) << tensor.name;
}

INSTANTIATE_TEST_SUITE_P(
    Old, StartOfF571fef,
    ::testing::Values(OldStart{"chordvec", "rnn", {}}, OldStart{"chordvec", "gru", {}},
                      OldStart{"chordvec", "bilstm", {}},
                      OldStart{"chordvec", "lstm", {"--head", "autoregressive", "--head-hidden", "5"}},
                      OldStart{"chordvec", "transformer", {"--heads", "2", "--position", "relative"}},
                      OldStart{"perf", "lstm", {}},
                      OldStart{"perf", "transformer", {"--heads", "2", "--position", "learned"}}),
    [](const auto& test) { return test.param.data + "_" + test.param.model; });

}  // namespace
}  // namespace polonaise::tools
