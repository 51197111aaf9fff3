#pragma once

#include <filesystem>
#include <string>

#include "io/encodings/encoding.h"
#include "models/model.h"
#include "tools/options/train_options.h"

// --init: a new run's parameters from a trained model, ours or another program's.
namespace polonaise::tools {

// Throws UsageError where --init names something inside `run`, the folder of the run that is to be made, which may
// replace it.
void refuse_own(const TrainOptions& options, const std::filesystem::path& run);

// Gives `model`, fresh from its seed, the parameters that options.init holds, and returns lines that say what was
// taken, what was drawn anew and what was left over; nothing, and no line, without --init. Throws io::Error, with the
// model as it was, for a file that does not fit: whose model is another than the options make or whose events are of
// another encoding than `encoding` (where that is known, which it is of a run), or whose numbers are not all finite.
std::string initialise(Model& model, const TrainOptions& options, const io::Encoding& encoding);

}  // namespace polonaise::tools
