#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>

#include "io/data/batches.h"
#include "models/model.h"
#include "runtime/training/optimizer.h"

// What a checkpoint holds, in two safetensors files, each with a checksum over all of it. Readers throw io::Error,
// naming the file, for one that is missing, cut, changed by a byte, or of another model.
namespace polonaise::tools {

// The parameters alone, named and laid out as in a torch.nn state dict.
void write_model(const std::filesystem::path& file, const Model& model);
void read_model(const std::filesystem::path& file, Model& model);

// Where training stands: with the parameters, all that a resumed run needs to go on bit for bit.
struct TrainingState {
  std::int64_t step = 0;
  io::Cursor cursor;         // of the batch that comes next
  std::string dataset;       // its checksum
  double interval_nats = 0;  // losses since the last line of the log ...
  std::int64_t interval_targets = 0;
  double best_loss = std::numeric_limits<double>::infinity();  // of validation ...
  std::int64_t best_step = -1;                                 // and the step it was reached at; -1: none yet
  std::int64_t stale = 0;                                      // validations since
};

// The state and the optimizer's moments. Where the optimizer keeps an average of the parameters, the model's file has
// that average, and the parameters themselves are in this one.
void write_state(const std::filesystem::path& file, const TrainingState& state, const Parameters& parameters,
                 const Optimizer& optimizer);
// Also sets the optimizer's step. Comes after read_model: what that has read becomes the average where there is one.
TrainingState read_state(const std::filesystem::path& file, Parameters& parameters, Optimizer& optimizer);

}  // namespace polonaise::tools
