#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tools/cli/cli.h"
#include "tools/options/train_options.h"

namespace polonaise::tools {

// What polonaise-compare was asked for.
struct CompareOptions {
  std::filesystem::path dataset;
  std::filesystem::path output;
  std::filesystem::path reference;  // the Polonaise's score; may be empty
  std::vector<std::string> models = {"rnn", "lstm", "gru", "bilstm", "transformer"};  // the 2023 study's, and gru
  std::vector<int> lengths = {24, 48, 64, 200};
  std::vector<std::string> devices = {"cpu"};
  double minutes = 10;
  std::vector<std::int64_t> parameters = {80'000};
  std::vector<std::uint64_t> seed, seeds;  // --seed and --seeds: one of them, or neither for seed 1
  double target_loss = 0;                  // 0: none
  int layers = 2;
  std::int64_t step_targets = 512;
  Rule optimizer = Rule::adamw;
  double lr = 0;  // 0: default_learning_rate() of each network
  std::int64_t warmup = 50;
  Decay schedule = Decay::inverse_sqrt;
  Start start = Start::counts;
  std::string precision = "float";
  std::int64_t sample_steps = 200;
  double temperature = 1;
  int threads = 0;
  bool quiet = false;

  // The seeds that either option names.
  std::vector<std::uint64_t> all_seeds() const;
};

// Declares DATASET and all options above, in groups.
void declare(Cli& cli, CompareOptions& options);

// Throws UsageError where options are given that do not go together.
void check(const CompareOptions& options);

// The options as a comparison's folder records them: --seed as --seeds, so that equal comparisons have equal records.
Config record_of(CompareOptions options);
// A record that was read, as this version writes it: options that an older version did not have are there with the
// value that it worked by. `origin` names it in errors.
Config record_of(const Config& read, std::string_view origin);

}  // namespace polonaise::tools
