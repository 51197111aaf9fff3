#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>

#include "io/files/safetensors.h"
#include "tests/tools/runs.h"
#include "tools/cli/toml.h"

// The program polonaise-train, run as a user runs it.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

std::vector<nlohmann::json> metrics(const fs::path& run) {
  std::vector<nlohmann::json> lines;
  std::istringstream text(read_text(run / "metrics.jsonl"));
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

// What was measured, without the pace and the ends of sessions.
std::string course(const fs::path& run) {
  std::string text;
  for (nlohmann::json line : metrics(run)) {
    if (line["type"] == "end") continue;
    line.erase("ms");
    line.erase("seconds");
    line.erase("events_per_second");
    text += line.dump() + "\n";
  }
  return text;
}

TEST(Train, ResumedEqualsUninterrupted) {
  // 6 pieces of about 95 events in windows of 16, batches of 9: four or five steps an epoch, so 10 lies inside one and
  // epochs end on both sides; dropout draws random numbers; the log's interval does not divide 10.
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "chordvec");
  for (const std::string model : {"lstm", "transformer"}) {
    const fs::path whole = folder / (model + "-whole"), parts = folder / (model + "-parts");
    const auto options =
        joined({data, "--steps", "20", "--dropout", "0.3", "--warmup", "5", "--log-every", "3"}, small_model(model));
    ASSERT_EQ(train(joined(options, {"-o", whole})).status, 0);
    ASSERT_EQ(train(joined(options, {"-o", parts, "--stop-at", "10"})).status, 0);
    EXPECT_FALSE(fs::exists(parts / "checkpoints" / "step_20"));
    const ProgramResult resumed = train({"--resume", "-o", parts, "-q"});
    ASSERT_EQ(resumed.status, 0) << resumed.err;
    expect_same_checkpoint(whole / "checkpoints/last", parts / "checkpoints/last");
    expect_same_checkpoint(whole / "checkpoints/best", parts / "checkpoints/best");
    EXPECT_EQ(course(whole), course(parts));
    EXPECT_EQ(read_text(whole / "config.toml"), read_text(parts / "config.toml"));
  }
}

TEST(Train, ResumesFromTheLastCheckpointAfterACrash) {
  // A crash leaves lines beyond the checkpoint, the last one cut short, and an unfinished folder.
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "perf");
  const auto options = joined({data, "--steps", "12", "--log-every", "1"}, small_model("gru"));
  ASSERT_EQ(train(joined(options, {"-o", folder / "whole"})).status, 0);
  ASSERT_EQ(train(joined(options, {"-o", folder / "crashed", "--stop-at", "5"})).status, 0);
  std::ofstream(folder / "crashed/metrics.jsonl", std::ios::app)
      << "{\"type\":\"train\",\"step\":6,\"loss\":1}\n{\"type\":\"tr";
  fs::create_directories(folder / "crashed/checkpoints/.saving");
  fs::create_directories(folder / "crashed/checkpoints/step_9");
  ASSERT_EQ(train({"--resume", "-o", folder / "crashed", "-q"}).status, 0);
  EXPECT_EQ(course(folder / "whole"), course(folder / "crashed"));
  expect_same_checkpoint(folder / "whole/checkpoints/last", folder / "crashed/checkpoints/last");
  EXPECT_FALSE(fs::exists(folder / "crashed/checkpoints/.saving"));
  EXPECT_FALSE(fs::exists(folder / "crashed/checkpoints/step_9"));
}

TEST(Train, DoesNotDependOnTheNumberOfThreads) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "chordvec");
  for (const std::string model : {"rnn", "lstm", "gru", "bilstm", "transformer"}) {
    const auto run = [&](int threads) { return folder / (model + std::to_string(threads)); };
    for (const int threads : {1, 2, 3, 8}) {
      const ProgramResult result =
          train(joined(small_model(model), {data, "--steps", "5", "--batch", "33", "--dropout", "0.2", "--threads",
                                            std::to_string(threads), "-o", run(threads)}));
      ASSERT_EQ(result.status, 0) << result.err;
      expect_same_checkpoint(run(1) / "checkpoints/last", run(threads) / "checkpoints/last");
      EXPECT_EQ(course(run(1)), course(run(threads)));
    }
  }
}

TEST(Train, AnAutoregressiveHeadBelongsToTheRun) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88");
  const auto options =
      joined({data, "--steps", "9", "--head", "autoregressive", "--head-hidden", "6", "--head-dropout", "0.2"},
             small_model("lstm"));
  ASSERT_EQ(train(joined(options, {"-o", folder / "whole", "--threads", "1"})).status, 0);
  ASSERT_EQ(train(joined(options, {"-o", folder / "parts", "--threads", "3", "--stop-at", "4"})).status, 0);
  ASSERT_EQ(train({"--resume", "-o", folder / "parts", "-q"}).status, 0);
  expect_same_checkpoint(folder / "whole/checkpoints/last", folder / "parts/checkpoints/last");
  const io::SafeTensors model = io::SafeTensors::open(folder / "whole/checkpoints/last/model.safetensors");
  EXPECT_EQ(model.at("head.key_in").shape, (std::vector<std::int64_t>{88, 6}));
  EXPECT_EQ(model.at("head.key_out").shape, (std::vector<std::int64_t>{88, 6}));
  EXPECT_EQ(model.at("head.weight").shape, (std::vector<std::int64_t>{88 + 6, 12}));
  expect_failure(train({"--resume", "-o", folder / "parts", "--head", "bernoulli"}), 2,
                 "--head bernoulli is not the run's, which is autoregressive");
}

TEST(Train, ARunOfBeforeThereWereHeadsIsBernoulli) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "roll88", "gru");
  std::string config;
  std::istringstream lines(read_text(run / "config.toml"));
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("head")) config += line + "\n";
  ASSERT_NE(config, read_text(run / "config.toml"));
  write_text(run / "config.toml", config);
  const ProgramResult result = train({"--resume", "-o", run, "--steps", "8", "-q"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(contains(read_text(run / "config.toml"), "head = \"bernoulli\""));
}

// Trains once without a stop and once with one at a step, as FOLDER/whole and FOLDER/parts: both end in the same bits.
void expect_resumed_equals_whole(const fs::path& folder, const std::vector<std::string>& options, const char* stop) {
  ASSERT_EQ(train(joined(options, {"-o", folder / "whole"})).status, 0);
  ASSERT_EQ(train(joined(options, {"-o", folder / "parts", "--stop-at", stop})).status, 0);
  ASSERT_EQ(train({"--resume", "-o", folder / "parts", "-q"}).status, 0);
  expect_same_checkpoint(folder / "whole/checkpoints/last", folder / "parts/checkpoints/last");
  EXPECT_EQ(course(folder / "whole"), course(folder / "parts"));
}

TEST(Train, ResumedEqualsUninterruptedWithAnAverageOfTheParameters) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "chordvec");
  const auto options = joined({data, "--steps", "20", "--ema", "0.9", "--schedule", "wsd", "--betas", "0.8,0.95",
                               "--eps", "1e-6", "--lr-floor", "0.2", "--warmup", "3", "--log-every", "3"},
                              small_model("gru"));
  expect_resumed_equals_whole(folder, options, "10");
}

TEST(Train, ResumedEqualsUninterruptedByMuon) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "chordvec");
  const auto options =
      joined({data, "--steps", "12", "--optimizer", "muon", "--weight-decay", "0.1", "--log-every", "3"},
             small_model("transformer"));
  expect_resumed_equals_whole(folder, options, "7");
  const ProgramResult other = train({"--resume", "-o", folder / "parts", "--optimizer", "adamw", "--steps", "20"});
  EXPECT_EQ(other.status, 2);
  EXPECT_TRUE(contains(other.err, "--optimizer adamw is not the run's, which is muon")) << other.err;
}

TEST(Train, AnAverageIsWhatIsSavedAndValidated) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88");
  const auto options = joined({data, "--steps", "12", "--lr", "0.02"}, small_model("rnn"));
  ASSERT_EQ(train(joined(options, {"-o", folder / "plain"})).status, 0);
  ASSERT_EQ(train(joined(options, {"-o", folder / "ema", "--ema", "0.99"})).status, 0);
  const auto tensor = [&](const char* run, const char* file, const char* name) {
    return io::SafeTensors::open(folder / run / "checkpoints/last" / file).at(name).read<float>();
  };
  const auto plain = tensor("plain", "model.safetensors", "head.bias");
  EXPECT_EQ(tensor("ema", "state.safetensors", "trained.head.bias"), plain);
  EXPECT_NE(tensor("ema", "model.safetensors", "head.bias"), plain);
  EXPECT_NE(metrics(folder / "plain").back(), metrics(folder / "ema").back());
  const ProgramResult result = run_program("polonaise-evaluate", {folder / "ema", "--split", "valid", "--json"});
  double validated = 0;
  for (const auto& line : metrics(folder / "ema"))
    if (line["type"] == "validation") validated = line["loss"];
  EXPECT_NEAR(nlohmann::json::parse(result.out)["nats_per_frame"], validated, 1e-5);
}

TEST(Train, KeepsAsManyCheckpointsAsAskedFor) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88");
  const fs::path run = folder / "run";
  auto options = joined({data, "--steps", "12", "--keep-last", "3", "-o", run}, small_model("rnn"));
  ASSERT_EQ(train(joined(options, {"--stop-at", "2"})).status, 0);
  for (const char* stop : {"4", "6", "8", "10"})
    ASSERT_EQ(train({"--resume", "-o", run, "--stop-at", stop, "-q"}).status, 0);
  std::vector<std::string> kept;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints"))
    if (!entry.is_symlink()) kept.push_back(entry.path().filename());
  for (const char* step : {"step_6", "step_8", "step_10"})
    EXPECT_TRUE(std::ranges::find(kept, step) != kept.end()) << step;
  EXPECT_LE(kept.size(), 4u);  // the best may be older
  ASSERT_EQ(train({"--resume", "-o", run, "--keep-last", "1", "-q"}).status, 0);
  EXPECT_FALSE(fs::exists(run / "checkpoints/step_8"));
  EXPECT_TRUE(fs::exists(run / "checkpoints/step_12"));
}

TEST(Train, OneBatchIsLearnedByHeart) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "tsd");
  const auto options = joined({data, "--overfit-batch", "--steps", "150", "--lr", "0.02", "--batch", "2", "--log-every",
                               "50", "--hidden", "32"},
                              {"--model", "gru", "--seq", "16", "-q"});
  ASSERT_EQ(train(joined(options, {"-o", folder / "whole"})).status, 0);
  ASSERT_EQ(train(joined(options, {"-o", folder / "parts", "--stop-at", "70"})).status, 0);
  ASSERT_EQ(train({"--resume", "-o", folder / "parts", "-q"}).status, 0);
  expect_same_checkpoint(folder / "whole/checkpoints/last", folder / "parts/checkpoints/last");
  double loss = 1e9;
  for (const auto& line : metrics(folder / "whole"))
    if (line["type"] == "train") loss = line["loss"];
  EXPECT_LT(loss, 0.1);
}

TEST(Train, AStartFromCountsIsTheUnigramWithoutAStep) {
  const fs::path folder = fresh_folder();
  for (const std::string encoding : {"chordvec", "roll88", "remi"}) {
    const fs::path data = small_dataset(folder / encoding, encoding);
    const auto evaluated = [&](const std::string& start) {
      const fs::path run = folder / (encoding + "-" + start);
      EXPECT_EQ(
          train(joined({data, "--steps", "1", "--lr", "0", "--start", start, "-o", run}, small_model("lstm"))).status,
          0);
      return nlohmann::json::parse(run_program("polonaise-evaluate", {run, "--json"}).out);
    };
    const char* unit = encoding == "remi" ? "nats_per_token" : "nats_per_frame";
    const auto counts = evaluated("counts"), torch = evaluated("torch");
    const double unigram = counts["baselines"]["unigram"];
    EXPECT_NEAR(counts[unit], unigram, 0.03 * unigram) << encoding;  // what the drawn head.weight adds
    EXPECT_GT(torch[unit], 1.05 * unigram) << encoding;
  }
}

TEST(Train, AFolderIsTheSameWithASlashAfterIt) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88");
  const auto options = joined({data, "--steps", "2"}, small_model("rnn"));
  ASSERT_EQ(train(joined(options, {"-o", folder / "first"})).status, 0);
  const std::string init = (folder / "first").string();
  ASSERT_EQ(train(joined(options, {"--init", init, "-o", folder / "run"})).status, 0);
  const ProgramResult result = train({"--resume", "--init", init + "/", "--steps", "4", "-o", folder / "run", "-q"});
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST(Train, AccumulatedBatchesAreOneGreatBatch) {
  // The same windows in one batch of 18 or two of 9: the same sums up to their order.
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88");
  const auto options = joined(small_model("lstm"), {data, "--steps", "1", "--log-every", "1", "--dropout", "0.5"});
  ASSERT_EQ(train(joined(options, {"--batch", "18", "-o", folder / "great"})).status, 0);
  ASSERT_EQ(train(joined(options, {"--batch", "9", "--accumulate", "2", "-o", folder / "two"})).status, 0);
  const auto great = metrics(folder / "great").front(), two = metrics(folder / "two").front();
  EXPECT_NEAR(great["loss"], two["loss"], 1e-5);
  EXPECT_NEAR(great["gradient_norm"], two["gradient_norm"], 1e-5);
}

TEST(Train, InterruptedSavesAndSaysHowToGoOn) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88");
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const fs::path run = folder / std::to_string(signal);
    const auto arguments = joined(small_model("rnn"), {data, "--steps", "100000000", "--log-every", "1",
                                                       "--validate-every", "1000000000", "-o", run});
    const auto interrupt = [&](pid_t program) {
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
      std::error_code absent;
      while (!(fs::file_size(run / "metrics.jsonl", absent) > 0 && !absent) && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      kill(program, signal);
    };
    const ProgramResult result = run_program("polonaise-train", arguments, {.started = interrupt});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(contains(result.out, "interrupted at step ")) << result.out;
    EXPECT_TRUE(contains(result.out, "polonaise-train --resume -o " + run.string())) << result.out;
    const std::int64_t step = metrics(run).back()["step"];
    EXPECT_TRUE(fs::exists(run / "checkpoints/last/model.safetensors"));
    const ProgramResult resumed = train({"--resume", "-o", run, "--steps", std::to_string(step + 2), "-q"});
    EXPECT_EQ(resumed.status, 0) << resumed.err;
    EXPECT_EQ(metrics(run).back()["step"], step + 2);
  }
}

TEST(Train, KeepsTheBestAndTheLastCheckpoint) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "chordvec", "lstm", {"--validate-every", "2", "--lr", "0.02"});
  double best = 1e9;
  std::int64_t best_step = 0;
  for (const auto& line : metrics(run)) {
    if (line["type"] != "validation") continue;
    EXPECT_EQ(line["unit"], "nats per frame");
    EXPECT_NEAR(line["loss"].get<double>(), line["keys"].get<double>() + line["durations"].get<double>(), 1e-9);
    EXPECT_EQ(line["best"].get<bool>(), line["loss"] < best);
    if (line["best"]) {
      best = line["loss"];
      best_step = line["step"];
    }
  }
  EXPECT_EQ(fs::read_symlink(run / "checkpoints/last"), "step_6");
  EXPECT_EQ(fs::read_symlink(run / "checkpoints/best"), "step_" + std::to_string(best_step));
  const auto file = io::SafeTensors::open(run / "checkpoints/last/model.safetensors");
  EXPECT_EQ(file.at("core.weight_hh_l1").shape, (std::vector<std::int64_t>{48, 12}));
  EXPECT_GT(metrics(run).back()["arena_bytes"], 0);
}

TEST(Train, StopsWithThePatienceOrTheTime) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88");
  const auto options = joined(small_model("rnn"), {data, "--validate-every", "1"});
  const ProgramResult patient =
      train(joined(options, {"--steps", "400", "--lr", "0", "--patience", "3", "-o", folder / "a"}));
  EXPECT_EQ(patient.status, 0) << patient.err;
  EXPECT_TRUE(contains(patient.out, "no better validation in the last 3 at step 4 ")) << patient.out;
  const ProgramResult resumed = train({"--resume", "-o", folder / "a"});
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_TRUE(contains(resumed.out, "ended at step 4: no better validation in the last 3; a larger --patience, or 0,"))
      << resumed.out;
  EXPECT_EQ(train({"--resume", "-o", folder / "a", "--patience", "4", "--stop-at", "5", "-q"}).status, 0);
  EXPECT_TRUE(fs::exists(folder / "a/checkpoints/step_5"));
  const ProgramResult timed = train(joined(options, {"--minutes", "0.005", "-o", folder / "b"}));
  EXPECT_EQ(timed.status, 0) << timed.err;
  EXPECT_TRUE(contains(timed.out, "time is up at step ")) << timed.out;
}

TEST(Train, ItsConfigurationMakesTheSameRun) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "perf", "transformer", {"--position", "relative", "--dropout", "0.1"});
  const ProgramResult again = train({"--config", run / "config.toml", "-o", folder / "again", "-q"});
  ASSERT_EQ(again.status, 0) << again.err;
  expect_same_checkpoint(run / "checkpoints/last", folder / "again/checkpoints/last");
}

TEST(Train, RefusesAFolderThatExists) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "roll88", "rnn");
  const std::string before = read_text(run / "checkpoints/last/model.safetensors");
  const auto options = joined(small_model("rnn"), {folder / "data", "--steps", "2", "-o", run});
  expect_failure(train(options), 1, "exists; give --resume to go on with it, --overwrite to replace it");
  EXPECT_EQ(read_text(run / "checkpoints/last/model.safetensors"), before);
  ASSERT_EQ(train(joined(options, {"--overwrite"})).status, 0);
  EXPECT_EQ(fs::read_symlink(run / "checkpoints/last"), "step_2");
  fs::create_directories(folder / "other");
  write_text(folder / "other/thesis.txt", "the only copy");
  expect_failure(train(joined(small_model("rnn"), {folder / "data", "-o", folder / "other", "--overwrite"})), 1,
                 "is not a run that --overwrite may replace");
  EXPECT_EQ(read_text(folder / "other/thesis.txt"), "the only copy");
}

TEST(Train, RefusesAChangedOptionByName) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "roll88", "rnn");
  expect_failure(train({"--resume", "-o", run, "--hidden", "13"}), 2, "--hidden 13 is not the run's, which is 12");
  expect_failure(train({"--resume", "-o", run, "--model", "lstm"}), 2, "--model lstm is not the run's, which is rnn");
  expect_failure(train({"--resume", "-o", run, "--seed", "2"}), 2, "--seed 2");
  const ProgramResult more = train({"--resume", "-o", run, "--hidden", "12", "--steps", "8", "--threads", "1", "-q"});
  EXPECT_EQ(more.status, 0) << more.err;
  EXPECT_EQ(fs::read_symlink(run / "checkpoints/last"), "step_8");
  EXPECT_EQ(*load_config(run / "config.toml").find("steps")->items.begin(), "8");
  EXPECT_TRUE(contains(train({"--resume", "-o", run}).out, "nothing to do"));
}

TEST(Train, RefusesFlagsThatTheModelHasNoUseFor) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "chordvec");
  const auto refused = [&](const std::vector<std::string>& flags, std::string_view part) {
    expect_failure(train(joined({data, "-o", folder / "no"}, flags)), 2, part);
  };
  refused({"--model", "lstm", "--heads", "8"},
          "--heads belongs to --model transformer, and --model is lstm; leave it out.");
  refused({"--model", "bilstm", "--position", "learned"}, "--position belongs to --model transformer");
  refused({"--feedforward", "8"}, "--feedforward belongs to --model transformer");
  refused({"--model", "transformer", "--stride", "3"}, "--stride belongs to --model bilstm");
  refused({"--head-hidden", "6"}, "--head-hidden belongs to --head autoregressive, and --head is bernoulli");
  EXPECT_FALSE(fs::exists(folder / "no"));

  // A configuration has all options, and the environment may be meant for another call.
  const fs::path run = folder / "run";
  ASSERT_EQ(train(joined({data, "-o", run, "--steps", "2"}, small_model("lstm"))).status, 0);
  EXPECT_TRUE(contains(read_text(run / "config.toml"), "heads = "));
  const ProgramResult again =
      run_program("polonaise-train", {data, "-o", folder / "again", "-q", "--config", run / "config.toml"},
                  {.environment = {{"POLONAISE_POSITION", "learned"}}});
  EXPECT_EQ(again.status, 0) << again.err;
  expect_failure(train({"--resume", "-o", run, "--steps", "4", "--heads", "4"}), 2, "--heads belongs to");
  const fs::path attending = folder / "attending";
  ASSERT_EQ(train(joined({data, "-o", attending, "--steps", "2"}, small_model("transformer"))).status, 0);
  const ProgramResult on = train({"--resume", "-o", attending, "--steps", "4", "--heads", "2", "-q"});
  EXPECT_EQ(on.status, 0) << on.err;
}

TEST(Train, RefusesOtherDataOnResume) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "roll88", "rnn");
  small_dataset(folder / "perf", "perf");
  small_dataset(folder / "shorter", "roll88", 50);
  expect_failure(train({folder / "perf", "--resume", "-o", run, "--steps", "9"}), 1, "is encoded as perf, and the run");
  expect_failure(train({folder / "shorter", "--resume", "-o", run, "--steps", "9"}), 1, "is not the dataset that");
}

TEST(Train, RefusesDamagedFilesByName) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "chordvec", "gru");
  for (const char* name : {"model.safetensors", "state.safetensors"}) {
    const fs::path file = run / "checkpoints/last" / name;
    const std::string whole = read_text(file);
    for (const std::size_t length : {std::size_t{0}, std::size_t{7}, whole.size() / 2, whole.size() - 1}) {
      cut_file(file, length);
      expect_failure(train({"--resume", "-o", run, "--steps", "9"}), 1, name);
      write_text(file, whole);
    }
    for (const std::ptrdiff_t at : {std::ptrdiff_t{3}, std::ptrdiff_t{40}, std::ptrdiff_t{-200}, std::ptrdiff_t{-1}}) {
      flip_byte(file, at);
      expect_failure(train({"--resume", "-o", run, "--steps", "9"}), 1, name);
      write_text(file, whole);
    }
  }
  flip_byte(folder / "data", -50);
  expect_failure(train({"--resume", "-o", run, "--steps", "9"}), 1, "damaged dataset");
}

TEST(Train, RefusesWhatCannotBe) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88");
  expect_failure(train({data, "-o", folder / "run", "--model", "lsmt"}), 2, "did you mean 'lstm'?");
  expect_failure(train({data, "-o", folder / "run", "--epochs", "2", "--steps", "3"}), 2, "--epochs and --steps");
  expect_failure(train({data, "-o", folder / "run", "--model", "transformer", "--heads", "7"}), 2,
                 "--model transformer --hidden 64 --heads 7 --position rotary: hidden must be a multiple of heads.");
  fs::create_directories(folder / "tokens");
  expect_failure(
      train({small_dataset(folder / "tokens/data", "perf"), "-o", folder / "run", "--head", "autoregressive"}), 2,
      "an autoregressive head predicts the keys of a frame, and the dataset's events are tokens");
  expect_failure(train({data, "-o", folder / "run", "--precision", "fp16"}), 2, "--precision");
  for (const char* precision : {"tf32", "bf16"})
    expect_failure(train({data, "-o", folder / "run", "--device", "cpu", "--precision", precision}), 1,
                   std::string(precision) + " needs --device cuda: use --precision float on a CPU");
  expect_failure(train({"-o", folder / "run"}), 2, "DATASET is missing");
  expect_failure(train({"--resume", "-o", folder / "none"}), 1, "there is no such run");
  expect_failure(train({folder / "none", "-o", folder / "run"}), 1, "none");
  write_text(folder / "file", "");
  expect_failure(train({data, "-o", folder / "file/run", "-q"}), 1, "file is no folder; name another");
  expect_failure(train({data, "-o", folder / "missing/run", "-q"}), 1, "missing does not exist; create it first");
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(Train, AFullDiskStopsItAndKeepsTheCheckpoint) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "roll88", "rnn", {"--schedule", "constant"});
  const std::string before = read_text(run / "checkpoints/last/state.safetensors");
  fs::remove(run / "metrics.jsonl");
  fs::create_symlink("/dev/full", run / "metrics.jsonl");
  expect_failure(train({"--resume", "-o", run, "--steps", "9", "-q"}), 1, "No space left on device");
  EXPECT_EQ(read_text(run / "checkpoints/last/state.safetensors"), before);
}

TEST(Train, ALossThatIsNotFiniteStopsItAndKeepsTheCheckpoint) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88");
  const fs::path run = folder / "run";
  const auto options = joined(small_model("transformer"), {data, "--steps", "200", "--clip", "0", "--lr", "100",
                                                           "--warmup", "0", "--weight-decay", "100", "-o", run});
  ASSERT_EQ(train(joined(options, {"--stop-at", "1"})).status, 0);
  const std::string before = read_text(run / "checkpoints/last/state.safetensors");
  expect_failure(train({"--resume", "-o", run, "-q"}), 1, "is not finite at step ");
  EXPECT_EQ(read_text(run / "checkpoints/last/state.safetensors"), before);
}

}  // namespace
}  // namespace polonaise::tools
