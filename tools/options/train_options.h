#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "models/config.h"
#include "runtime/training/optimizer.h"
#include "tools/cli/cli.h"

namespace polonaise::tools {

enum class Start { counts, torch };  // the initial values of parameters
enum class InitHead {
  keep,  // all parts of a model come from the file of --init
  fresh  // the head stays as it was drawn, and so does each parameter that reads events for which the file has no match
};

// Names as on the command line.
std::string name_of(Rule);
std::string name_of(Start);

// The configuration of a run: the options of polonaise-train, and what RUN/config.toml says to all that read the run.
struct TrainOptions {
  std::filesystem::path dataset;

  Architecture model = Architecture::lstm;
  int hidden = 64;
  int layers = 2;
  int seq = 48;
  double dropout = 0;
  int heads = 4;
  int feedforward = 0;  // 0: four times hidden
  PositionEncoding position = PositionEncoding::rotary;
  Head head = Head::bernoulli;
  int head_hidden = 128;
  double head_dropout = 0;
  Start start = Start::counts;

  std::filesystem::path init;  // none: parameters are drawn from the seed
  InitHead init_head = InitHead::keep;

  int batch = 64;
  int accumulate = 1;
  int stride = 0;           // bilstm: 0 for a quarter of seq
  std::int64_t epochs = 0;  // neither epochs, steps nor minutes: 30 epochs
  std::int64_t steps = 0;
  double minutes = 0;
  int patience = 0;
  std::uint64_t seed = 1;

  Rule optimizer = Rule::adamw;
  double lr = 0.02;  // of an lstm; derive() sets that of the model
  double muon_lr = 0.02;
  std::int64_t warmup = 50;
  Decay schedule = Decay::cosine;
  double lr_floor = 0.1;
  double weight_decay = 0;
  std::vector<double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double clip = 1;
  double ema = 0;
  bool overfit_batch = false;

  std::int64_t log_every = 10;
  std::int64_t validate_every = 0;  // 0: after each epoch
  std::int64_t keep_last = 1;
  std::string device = "auto";
  int threads = 0;
  std::string precision = "float";
};

// The least share of the learning rate where it falls with the root of the steps, for which no end is known.
inline constexpr double kOpenEndedFloor = 0.02;

// Declares DATASET and all options above, in groups.
void declare(Cli& cli, TrainOptions& options);

// Sets what was not given and follows from other options.
void derive(const Cli& cli, TrainOptions& options);
// The learning rate that a model of this architecture learns well with from the start, as measured in docs/learning.md:
// steps of few targets want a lower one in recurrent networks.
double default_learning_rate(const TrainOptions& options);

// What `run`, a run's configuration, means today: options that it does not have, as they came later, get the value that
// the program worked by before it had them.
Config completed(Config run);

// The options that `config`, a run's, holds; `origin` names it in errors. What environment and flags say has no part.
TrainOptions options_of(const Config& config, std::string_view origin);
// The options as a run's configuration.
Config config_of(TrainOptions options);

// Throws UsageError where options are given that do not go together.
void check(const TrainOptions& options);

// Throws UsageError where a flag sets an option that the model has no use for, as heads of an LSTM.
void refuse_unused(const Cli& cli, const TrainOptions& options);

// Throws UsageError, naming the option, where one that belongs to the run is given with another value than the run's:
// all but how long to train, how often to log and validate, where the data lie, and what to compute on.
void refuse_changes(const Cli& cli, const Config& run);

}  // namespace polonaise::tools
