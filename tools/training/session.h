#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "io/files/error.h"
#include "tools/training/run.h"
#include "tools/training/trainer.h"

namespace polonaise::tools {

// Where a session stands: totals of the run, sessions before included.
struct Pace {
  std::int64_t step = 0;
  std::int64_t targets = 0;  // learned from
  double seconds = 0;        // spent in training steps alone: without validations and checkpoints
  double loss = 0;           // of training, since the log's last line
};

// The pace at a run's last checkpoint, whose state is `state`. The log's last line may be some steps older; for their
// time the pace until then stands.
Pace pace_so_far(const Run& run, const TrainingState& state);

struct SessionOptions {
  std::int64_t stop_at = 0;  // end after this step as an interrupt would; 0: never
  bool resumed = false;
  bool quiet = false;
  // For programs that train several runs:
  double seconds = 0;  // how long this session may take, instead of the setup's minutes; 0: those
  std::vector<std::int64_t> validate_at =
      {};                                  // validate after so many targets, ascending, instead of after so many steps
  std::function<LossSum()> validate = {};  // instead of the trainer's own
  std::function<void(const Pace&)> watch = {};  // called about ten times a second, and after the last step
};

struct SessionEnd {
  std::string reason;        // "finished", "interrupted", "time is up", ...
  bool interrupted = false;  // by a signal
  std::string text;          // what there is to say to the user, in lines
};

// The loss or its gradient is no longer finite.
class Diverged : public io::Error {
 public:
  using io::Error::Error;
};

// Trains from `state` until the plan's end, the time limit, the end of patience, a signal (Interrupt); then saves and
// says how to go on. Writes the run's metrics and checkpoints: at every best validation, and at least twice a minute.
// Diverged where the loss is no longer finite: the last checkpoint stays as it is.
SessionEnd train_session(Trainer& trainer, Run& run, TrainingState state, const SessionOptions& options);

}  // namespace polonaise::tools
