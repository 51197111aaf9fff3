#pragma once

#include <functional>
#include <string>
#include <vector>

#include "io/data/dataset.h"
#include "runtime/device/device.h"
#include "tools/compare/results/results.h"
#include "tools/compare/study/held_out.h"
#include "tools/compare/study/openings.h"
#include "tools/compare/study/options.h"

namespace polonaise::tools {

// What all combinations of a comparison have in common.
struct TrialSettings {
  const CompareOptions& options;
  const io::Dataset& data;
  const HeldOut& course;  // whose loss is followed while training
  const HeldOut& test;
  const std::vector<Opening>& openings;
  double entries = 0;  // of a frame, on average
};

enum class Outcome { done, interrupted };

// Told of progress, where it is due: the seconds that this call has used, and what it is doing.
struct Watch {
  std::function<bool()> due;
  std::function<void(double seconds, const std::string& text)> show;
};

// Trains a combination for what is left of `seconds` in REPORT/runs/NAME, an ordinary run, and fills in what training
// measured: stage `trained`, or `failed` where its loss did not stay finite. Interrupted, it has saved the run, and
// goes on when called again.
Outcome train_combination(const TrialSettings& settings, AnyDevice& device, double seconds, CombinationResult& result,
                          const Watch& watch);

// Test loss of a trained combination and, of the first seed's, samples, within about `seconds` (samples may come out
// shorter), in float whatever the precision of training: stage `sampled`. One sample of each network and opening is as
// much as a reader listens to; other seeds' would take the time of longer ones.
Outcome sample_combination(const TrialSettings& settings, AnyDevice& device, double seconds, CombinationResult& result,
                           const Watch& watch);

// Entries of an average frame of the training split; 0 for tokens.
double entries_per_frame(const io::Dataset& data);

}  // namespace polonaise::tools
