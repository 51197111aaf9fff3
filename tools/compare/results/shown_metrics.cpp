#include "tools/compare/results/shown_metrics.h"

namespace polonaise::tools {

const std::vector<ShownMetric>& shown_metrics() {
  static const std::vector<ShownMetric> metrics = {
      {"pitch_range", "Pitch range", "{:.0f}"},
      {"pitch_class_entropy", "Pitch-class entropy", "{:.2f}"},
      {"scale_consistency", "In one scale", "{:.2f}"},
      {"polyphony", "Keys at once", "{:.2f}"},
      {"mean_distinct_ioi", "Between onsets, s", "{:.2f}"},
      {"empty_beat_rate", "Empty beats", "{:.2f}"},
      {"groove_pairs", "Groove", "{:.2f}"},
      {"structure_short", "Structure", "{:.2f}"},
  };
  return metrics;
}

}  // namespace polonaise::tools
