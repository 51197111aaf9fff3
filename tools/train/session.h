#pragma once

#include <cstdint>

#include "tools/common/run.h"
#include "tools/common/trainer.h"

namespace polonaise::tools {

struct SessionOptions {
  std::int64_t stop_at = 0;  // end after this step as an interrupt would; 0: never
  bool resumed = false;
  bool quiet = false;
};

// Trains from `state` until the plan's end, the time limit, the end of patience, SIGINT or SIGTERM; then saves and says
// how to go on. Writes the run's metrics and checkpoints: at every best validation, and at least twice a minute.
// io::Error where the loss is no longer finite: the last checkpoint stays as it is.
void train_session(Trainer& trainer, Run& run, TrainingState state, const SessionOptions& options);

}  // namespace polonaise::tools
