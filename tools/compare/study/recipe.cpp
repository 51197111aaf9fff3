#include "tools/compare/study/recipe.h"

#include <algorithm>

namespace polonaise::tools {

TrainOptions train_options(const CompareOptions& options, const CombinationResult& result, double seconds) {
  TrainOptions o;
  o.dataset = options.dataset;
  o.model = architecture_of(result.combination.model);
  o.seq = result.combination.seq;
  o.device = result.combination.device;
  o.seed = result.combination.seed;
  o.hidden = result.size.hidden;
  o.layers = result.size.layers;
  if (result.size.heads > 0) {
    o.heads = result.size.heads;
    o.feedforward = result.size.feedforward;
  }
  const std::int64_t per_row = o.model == Architecture::bilstm ? 1 : o.seq;
  o.batch = static_cast<int>(std::clamp<std::int64_t>((options.step_targets + per_row / 2) / per_row, 1, 65536));
  o.minutes = seconds / 60;
  o.optimizer = options.optimizer;
  o.warmup = options.warmup;
  o.schedule = options.schedule;
  if (o.schedule == Decay::inverse_sqrt) o.lr_floor = kOpenEndedFloor;
  o.start = options.start;
  o.lr = options.lr > 0 ? options.lr : default_learning_rate(o);
  o.precision = options.precision;
  o.threads = options.threads;
  return o;
}

}  // namespace polonaise::tools
