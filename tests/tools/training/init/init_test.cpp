#include "tools/training/init/init.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>

#include "io/files/safetensors.h"
#include "tests/tools/runs.h"
#include "tools/options/device_option.h"
#include "tools/training/run.h"
#include "tools/training/trainer.h"

// polonaise-train --init, run as a user runs it.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

io::SafeTensors best_model(const fs::path& run) {
  return io::SafeTensors::open(run / "checkpoints/best/model.safetensors");
}

// Parameters of a run of a step that learns nothing: what it began with.
std::vector<std::string> one_still_step(const fs::path& data, const fs::path& run, std::string_view model) {
  return joined({data, "-o", run, "--steps", "1", "--lr", "0"}, small_model(model));
}

struct Copy {
  std::string name;
  std::vector<float> values;
  std::vector<std::int64_t> shape;
};

std::vector<Copy> tensors_of(const fs::path& run) {
  std::vector<Copy> copies;
  const io::SafeTensors file = best_model(run);
  for (const io::TensorView& tensor : file.tensors()) {
    copies.push_back({tensor.name, tensor.read<float>(), tensor.shape});
  }
  return copies;
}

void write_foreign(const fs::path& file, const std::vector<Copy>& tensors) {
  std::vector<io::TensorView> views;
  for (const Copy& copy : tensors) views.push_back(io::tensor_view<float>(copy.name, copy.values, copy.shape));
  io::write_safetensors(file, views);
}

bool same(const fs::path& a, const fs::path& b, const std::string& name) {
  return best_model(a).at(name).read<float>() == best_model(b).at(name).read<float>();
}

class Init : public testing::Test {
 protected:
  void SetUp() override { folder_ = fresh_folder(); }

  // Refused with one line that has these parts, and no run's folder.
  void refused(const std::vector<std::string>& arguments, const std::vector<std::string>& parts, int status = 1) {
    const fs::path run = folder_ / "refused";
    const ProgramResult result = train(joined(arguments, {"-o", run}));
    for (const std::string& part : parts) expect_failure(result, status, part);
    EXPECT_FALSE(fs::exists(run));
  }

  fs::path folder_;
};

TEST_F(Init, ARunsBestCheckpointGoesOnWithTheSameParametersAndLoss) {
  for (const std::string model : {"lstm", "bilstm", "transformer"}) {
    const fs::path own = folder_ / model;
    fs::create_directories(own);
    const fs::path run = small_run(own, "chordvec", model);
    const ProgramResult result = train(joined(one_still_step(own / "data", own / "next", model), {"--init", run}));
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(contains(result.out, "start from " + run.string() + ", its best checkpoint (step 6): ")) << result.out;
    EXPECT_FALSE(contains(result.out, "drawn anew")) << result.out;
    EXPECT_EQ(read_text(run / "checkpoints/best/model.safetensors"),
              read_text(own / "next/checkpoints/best/model.safetensors"));

    // Before the first step.
    const tools::Run opened = tools::Run::open(run);
    TrainOptions options = opened.options();
    options.init = run;
    options.seed = 99;
    const io::Dataset data = io::Dataset::open(own / "data");
    AnyDevice device = device_of("cpu", 1);
    Trainer trainer(data, training_setup(options, data.shape()), device);
    initialise(trainer.model(), options, data.encoding());
    const std::string log = read_text(run / "metrics.jsonl");
    std::istringstream lines(log.substr(log.rfind("{\"type\":\"validation\"")));
    std::string line;
    std::getline(lines, line);
    EXPECT_DOUBLE_EQ(trainer.validate().total(), nlohmann::json::parse(line)["loss"].get<double>());
  }
}

TEST_F(Init, TheLossBeforeTheFirstStepIsShown) {
  const fs::path run = small_run(folder_, "chordvec", "gru");
  std::vector<std::string> arguments = one_still_step(folder_ / "data", folder_ / "next", "gru");
  std::erase(arguments, "-q");
  const ProgramResult result = train(joined(arguments, {"--init", run / "checkpoints/last/model.safetensors"}));
  ASSERT_EQ(result.status, 0) << result.err;
  const std::string log = read_text(run / "metrics.jsonl");
  std::istringstream validation(log.substr(log.rfind("{\"type\":\"validation\"")));
  std::string line;
  std::getline(validation, line);
  const std::string loss = fmt::format("{:.4f} ", nlohmann::json::parse(line)["loss"].get<double>());
  EXPECT_TRUE(contains(result.out, "validation before the first step " + loss)) << result.out << loss;
}

TEST_F(Init, ATorchStateDictNeedsNoMetadataAndNoCore) {
  const fs::path run = small_run(folder_, "chordvec", "lstm");
  const std::vector<Copy> ours = tensors_of(run);
  std::vector<Copy> bare = ours;
  for (Copy& copy : bare) {
    if (copy.name.starts_with("core.")) copy.name.erase(0, 5);
  }
  write_foreign(folder_ / "with.safetensors", ours);
  write_foreign(folder_ / "bare.safetensors", bare);
  for (const std::string name : {"with", "bare"}) {
    const auto options = one_still_step(folder_ / "data", folder_ / name, "lstm");
    const ProgramResult result = train(joined(options, {"--init", folder_ / (name + ".safetensors")}));
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(contains(result.out, "10 parameters taken\n")) << result.out;
    EXPECT_EQ(read_text(run / "checkpoints/best/model.safetensors"),
              read_text(folder_ / name / "checkpoints/best/model.safetensors"));
  }
  // A transformer's names have no core of ours.
  fs::create_directories(folder_ / "t");
  const fs::path transformer = small_run(folder_ / "t", "chordvec", "transformer");
  std::vector<Copy> cored = tensors_of(transformer);
  for (Copy& copy : cored) {
    if (copy.name.starts_with("layers.")) copy.name.insert(0, "core.");
  }
  write_foreign(folder_ / "cored.safetensors", cored);
  const auto options = one_still_step(folder_ / "t/data", folder_ / "t/next", "transformer");
  EXPECT_EQ(train(joined(options, {"--init", folder_ / "cored.safetensors"})).status, 0);
  EXPECT_TRUE(same(transformer, folder_ / "t/next", "layers.1.linear2.weight"));
}

TEST_F(Init, ABodyAloneTakesANewHead) {
  const fs::path run = small_run(folder_, "chordvec", "gru");
  std::vector<Copy> body = tensors_of(run);
  std::erase_if(body, [](const Copy& copy) { return copy.name.starts_with("head."); });
  write_foreign(folder_ / "body.safetensors", body);
  body.push_back({"classifier.weight", {1, 2}, {2}});
  write_foreign(folder_ / "more.safetensors", body);
  const auto options = one_still_step(folder_ / "data", folder_ / "next", "gru");
  refused({folder_ / "data", "--model", "gru", "--hidden", "12", "--init", folder_ / "body.safetensors"},
          {"does not fit --model gru --hidden 12 --layers 2: missing head.weight, head.bias; --init-head new takes the "
           "body alone"});
  refused({folder_ / "data", "--model", "gru", "--hidden", "12", "--init", folder_ / "more.safetensors"},
          {"left over classifier.weight"});
  const ProgramResult result =
      train(joined(options, {"--init", folder_ / "more.safetensors", "--init-head", "new", "--seed", "5"}));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(
      contains(result.out, "8 parameters taken; drawn anew head.weight, head.bias; left over classifier.weight\n"))
      << result.out;
  EXPECT_TRUE(same(run, folder_ / "next", "core.weight_ih_l0"));
  EXPECT_FALSE(same(run, folder_ / "next", "head.weight"));
  // What is drawn anew is what a run of this seed without --init begins with.
  ASSERT_EQ(train(joined(one_still_step(folder_ / "data", folder_ / "drawn", "gru"), {"--seed", "5"})).status, 0);
  EXPECT_TRUE(same(folder_ / "drawn", folder_ / "next", "head.weight"));
}

TEST_F(Init, AnotherEncodingKeepsTheBodyAlone) {
  struct Case {
    std::string model, from, to;
    std::vector<std::string> taken, drawn;
  };
  const std::vector<Case> cases = {
      {"lstm", "chordvec", "roll88", {"core.weight_hh_l0", "core.weight_ih_l1"}, {"core.weight_ih_l0", "head.bias"}},
      {"lstm", "tsd", "perf", {"core.weight_ih_l0", "core.bias_hh_l0"}, {"embedding.weight", "head.weight"}},
      {"bilstm", "perf", "chordvec", {"core.weight_hh_l0_reverse"}, {"core.weight_ih_l0_reverse", "head.weight"}},
      {"gru", "roll88", "perf", {"core.weight_hh_l0"}, {"embedding.weight", "core.weight_ih_l0", "head.weight"}},
      {"transformer", "perf", "roll88", {"layers.0.norm1.weight", "norm.bias"}, {"input.weight", "input.bias"}},
      {"transformer", "roll88", "chordvec", {"layers.1.linear1.weight"}, {"input.weight", "head.weight"}},
  };
  for (const Case& c : cases) {
    const fs::path own = folder_ / (c.model + c.from);
    fs::create_directories(own);
    const fs::path run = small_run(own, c.from, c.model);
    const fs::path other = small_dataset(own / "other", c.to);
    const auto options = joined(one_still_step(other, own / "next", c.model), {"--init", run});
    const ProgramResult kept = train(options);
    expect_failure(kept, 1, "the encoding " + c.from + ", here " + c.to + "; ");
    expect_failure(kept, 1, "--init-head new takes the body alone");
    EXPECT_FALSE(fs::exists(own / "next"));
    const ProgramResult result = train(joined(options, {"--init-head", "new"}));
    ASSERT_EQ(result.status, 0) << result.err;
    ASSERT_EQ(train(one_still_step(other, own / "drawn", c.model)).status, 0);
    const std::string line = result.out.substr(0, result.out.find('\n'));
    for (const std::string& name : c.taken) {
      EXPECT_TRUE(same(run, own / "next", name)) << c.model << c.from << name;
      EXPECT_FALSE(contains(line, name)) << line;
    }
    for (const std::string& name : c.drawn) {
      EXPECT_TRUE(same(own / "drawn", own / "next", name)) << c.model << c.from << name;
      EXPECT_TRUE(contains(line, name)) << line;
    }
  }
}

TEST_F(Init, AnotherEncodingOfTheSameShapeIsAnother) {
  const fs::path run = small_run(folder_, "roll88", "gru");
  const auto coarse = io::make_encoding("roll88", {.steps_per_quarter = 2});
  io::Corpus corpus;
  for (const io::NamedScore& piece : io::synthetic_corpus(4, 3)) {
    io::LossReport losses;
    corpus[io::Split::train].push_back({piece.name, coarse->encode(piece.score, losses)});
  }
  io::write_dataset(folder_ / "coarse", corpus, *coarse, "{}");
  const auto options = joined({folder_ / "coarse", "--steps", "1", "--lr", "0", "--init", run}, small_model("gru"));
  refused(options, {"the encoding roll88, here roll88 with other options"});
  // Its weights file, away from its run, tells nothing of encodings.
  fs::copy_file(run / "checkpoints/best/model.safetensors", folder_ / "moved.safetensors");
  const ProgramResult moved = train(joined(options, {"--init", folder_ / "moved.safetensors", "-o", folder_ / "next"}));
  EXPECT_EQ(moved.status, 0) << moved.err;
}

TEST_F(Init, ListsWhatDoesNotFit) {
  const fs::path run = small_run(folder_, "chordvec", "gru");
  const std::vector<std::string> to = {folder_ / "data", "--init", run, "--hidden", "12", "--model"};
  refused(joined(to, {"lstm"}),
          {"does not fit --model lstm --hidden 12 --layers 2: of another shape core.weight_ih_l0 [36, 107], here [48, "
           "107], ",
           " and 3 more; its tensors are of --model gru --hidden 12 --layers 2."});
  refused(joined(to, {"transformer", "--heads", "2"}),
          {"missing input.weight, input.bias, layers.0.norm1.weight", "left over core.", " more"});
  refused(joined(to, {"gru", "--layers", "1"}),
          {"left over core.bias_hh_l1, core.bias_ih_l1, core.weight_hh_l1, core.weight_ih_l1;"});
  refused(joined(to, {"gru", "--layers", "3"}),
          {"missing core.weight_ih_l2", "its tensors are of --model gru --hidden 12"});
  refused(joined(to, {"gru", "--hidden", "13", "--init-head", "new"}), {"core.weight_hh_l0 [36, 12], here [39, 13]"});
  refused(joined(to, {"gru", "--head", "autoregressive"}), {"missing head.key_in, head.key_out"});
  fs::create_directories(folder_ / "t");
  const fs::path transformer = small_run(folder_ / "t", "chordvec", "transformer");
  refused({folder_ / "data", "--model", "transformer", "--hidden", "12", "--heads", "3", "--init", transformer},
          {"--heads 2, here 3"});
  refused({folder_ / "data", "--model", "transformer", "--hidden", "12", "--heads", "2", "--position", "sinusoidal",
           "--init", transformer, "--init-head", "new"},
          {"--position rotary, here sinusoidal"});
}

TEST_F(Init, RefusesWhatIsNoModel) {
  const fs::path run = small_run(folder_, "chordvec", "rnn");
  const auto with = [&](const fs::path& file) {
    return joined({folder_ / "data", "--init", file}, small_model("rnn"));
  };
  refused(with(folder_ / "none"), {"there is no such file or folder"});
  fs::create_directories(folder_ / "empty");
  refused(with(folder_ / "empty"), {"is neither a run nor a checkpoint"});
  refused(with(folder_ / "data"), {"is a polonaise-dataset file and holds no parameters"});
  refused(with(run / "checkpoints/best/state.safetensors"), {"is a polonaise-state file and holds no parameters"});
  write_text(folder_ / "model.pt", std::string_view("PK\x03\x04 and so on", 14));
  refused(with(folder_ / "model.pt"), {"is what torch.save writes", "safetensors.torch.save_file"});
  write_text(folder_ / "text", "this is no model");
  refused(with(folder_ / "text"), {"not a whole safetensors file"});
  refused(joined({folder_ / "data", "--init-head", "new"}, small_model("rnn")), {"--init-head belongs to --init"}, 2);
}

TEST_F(Init, RefusesDamage) {
  const fs::path run = small_run(folder_, "chordvec", "rnn");
  const fs::path model = folder_ / "model.safetensors";
  const auto with = [&](const fs::path& file) {
    return joined({folder_ / "data", "--init", file}, small_model("rnn"));
  };
  fs::copy_file(run / "checkpoints/best/model.safetensors", model);
  flip_byte(model, -9);
  refused(with(model), {"model.safetensors: damaged: its contents do not have its checksum"});
  cut_file(model, 2000);
  refused(with(model), {"not a whole safetensors file"});
  flip_byte(run / "checkpoints/best/model.safetensors", -9);
  refused(with(run), {"damaged"});

  std::vector<Copy> tensors;
  small_run(folder_ / "", "chordvec", "rnn", {"--overwrite"});
  tensors = tensors_of(run);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    std::vector<Copy> broken = tensors;
    std::ranges::find(broken, "core.bias_hh_l1", &Copy::name)->values[7] = bad;
    write_foreign(folder_ / "broken.safetensors", broken);
    refused(with(folder_ / "broken.safetensors"),
            {std::isnan(bad) ? "core.bias_hh_l1 has nan as its element 7" : "core.bias_hh_l1 has -inf as its"});
  }
}

TEST_F(Init, OtherTypesOfFloatsAreConvertedAndOthersRefused) {
  const fs::path run = small_run(folder_, "chordvec", "rnn");
  const std::vector<Copy> tensors = tensors_of(run);
  std::vector<std::vector<double>> doubles;
  std::vector<std::vector<std::uint16_t>> words;
  std::vector<std::vector<std::int64_t>> whole;
  std::vector<io::TensorView> f64, bf16, i64;
  for (const Copy& copy : tensors) {
    doubles.emplace_back(copy.values.begin(), copy.values.end());
    whole.emplace_back(copy.values.begin(), copy.values.end());
    words.emplace_back();
    for (const float value : copy.values) {
      words.back().push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
    }
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    f64.push_back(io::tensor_view<double>(tensors[i].name, doubles[i], tensors[i].shape));
    i64.push_back(io::tensor_view<std::int64_t>(tensors[i].name, whole[i], tensors[i].shape));
    bf16.push_back(io::tensor_view<std::uint16_t>(tensors[i].name, words[i], tensors[i].shape));
    bf16.back().dtype = io::DType::bf16;
  }
  io::write_safetensors(folder_ / "f64", f64);
  io::write_safetensors(folder_ / "bf16", bf16);
  io::write_safetensors(folder_ / "i64", i64);
  for (const char* name : {"f64", "bf16"}) {
    const fs::path next = folder_ / (std::string(name) + "-run");
    ASSERT_EQ(train(joined(one_still_step(folder_ / "data", next, "rnn"), {"--init", folder_ / name})).status, 0);
    const auto ours = best_model(run).at("core.weight_hh_l1").read<float>();
    const auto theirs = best_model(next).at("core.weight_hh_l1").read<float>();
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_NEAR(theirs[i], ours[i], std::string_view(name) == "f64" ? 0 : std::abs(ours[i]) / 128);
    }
  }
  refused(joined({folder_ / "data", "--init", folder_ / "i64"}, small_model("rnn")),
          {"is I64, and parameters are F32"});
}

TEST_F(Init, AResumedRunDoesWithoutTheFile) {
  const fs::path run = small_run(folder_, "chordvec", "lstm");
  const fs::path file = folder_ / "start.safetensors";
  fs::copy_file(run / "checkpoints/best/model.safetensors", file);
  const auto options =
      joined({folder_ / "data", "--steps", "12", "--dropout", "0.2", "--init", file}, small_model("lstm"));
  ASSERT_EQ(train(joined(options, {"-o", folder_ / "whole"})).status, 0);
  ASSERT_EQ(train(joined(options, {"-o", folder_ / "parts", "--stop-at", "5"})).status, 0);
  fs::remove(file);
  const ProgramResult resumed = train({"--resume", "-o", folder_ / "parts", "-q"});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  expect_same_checkpoint(folder_ / "whole/checkpoints/last", folder_ / "parts/checkpoints/last");
  EXPECT_EQ(read_text(folder_ / "whole/config.toml"), read_text(folder_ / "parts/config.toml"));
  EXPECT_TRUE(contains(read_text(folder_ / "parts/config.toml"), "init = \"" + file.string() + "\""));
  expect_failure(train({"--resume", "-o", folder_ / "parts", "--init", run}), 2, "is not the run's, which is");
  refused(options, {"start.safetensors: there is no such file"});
}

TEST_F(Init, ARunDoesNotBeginFromItself) {
  const fs::path run = small_run(folder_, "chordvec", "lstm");
  const std::string before = read_text(run / "checkpoints/best/model.safetensors");
  for (const fs::path& file : {run, run / "checkpoints/best/model.safetensors"}) {
    expect_failure(train(joined({folder_ / "data", "-o", run, "--overwrite", "--init", file}, small_model("lstm"))), 2,
                   "a run cannot begin from itself");
  }
  EXPECT_EQ(read_text(run / "checkpoints/best/model.safetensors"), before);
}

TEST_F(Init, MomentsBeginAnew) {
  const fs::path run = small_run(folder_, "chordvec", "rnn");
  ASSERT_EQ(train(joined(one_still_step(folder_ / "data", folder_ / "next", "rnn"), {"--init", run})).status, 0);
  const auto state = io::SafeTensors::open(folder_ / "next/checkpoints/last/state.safetensors");
  const auto before = io::SafeTensors::open(run / "checkpoints/last/state.safetensors");
  EXPECT_EQ(state.metadata().at("step"), "1");
  EXPECT_NE(state.at("adamw.m.head.bias").read<float>(), before.at("adamw.m.head.bias").read<float>());
}

}  // namespace
}  // namespace polonaise::tools
