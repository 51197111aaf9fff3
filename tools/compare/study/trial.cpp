#include "tools/compare/study/trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "io/data/continuation.h"
#include "io/files/file.h"
#include "io/midi/notes.h"
#include "models/sampling/generate.h"
#include "tools/cli/cli.h"
#include "tools/compare/study/flops.h"
#include "tools/compare/study/recipe.h"
#include "tools/jobs/clock.h"
#include "tools/jobs/interrupt.h"
#include "tools/jobs/progress.h"
#include "tools/training/course.h"
#include "tools/training/session.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

fs::path run_folder(const TrialSettings& settings, const Combination& combination) {
  return settings.options.output / "runs" / combination.name;
}

// The run as it was left; a new one where there is none, or none that has a checkpoint.
Run open_run(const TrialSettings& settings, const CombinationResult& result, double seconds, bool& resumed) {
  const fs::path folder = run_folder(settings, result.combination);
  resumed = fs::is_symlink(folder / "checkpoints" / "last");
  if (resumed) return Run::open(folder);
  fs::remove_all(folder);
  return Run::create(folder, config_of(train_options(settings.options, result, seconds)), settings.data.encoding(),
                     false);
}

void take_course(const Run& run, const Pace& pace, double last_loss, CombinationResult& result) {
  result.curve.clear();
  for (const Course::Point& point : read_course(run.metrics_file()).validation) {
    if (point.targets < pace.targets) result.curve.push_back({point.targets, point.seconds, point.loss});
  }
  result.curve.push_back({pace.targets, pace.seconds, last_loss});
  result.learning_rate = run.options().lr;
  result.steps = pace.step;
  result.targets = pace.targets;
  result.seconds = pace.seconds;
}

// As progress names it: "lstm on 48 events", and by its run's folder where that says more.
std::string name_of(const Combination& c) {
  const std::string short_name = fmt::format("{} on {} events", c.model, c.seq);
  return c.name == fmt::format("{}-{}-cpu", c.model, c.seq) ? short_name : c.name;
}

std::string sample_file(const Combination& combination, const Opening& opening) {
  return fmt::format("samples/{}-{}.mid", combination.name, opening.key);
}

// What was measured until then says nothing.
void fail(CombinationResult& result, std::string why) {
  result = {.combination = result.combination, .size = result.size, .stage = Stage::failed, .failure = std::move(why)};
}

}  // namespace

double entries_per_frame(const io::Dataset& data) {
  if (data.shape().kind == EventKind::tokens) return 0;
  std::int64_t entries = 0, frames = 0;
  for (const EventsView& piece : data.all(io::Split::train)) {
    if (piece.empty()) continue;
    entries += piece.rows.back() - piece.rows.front();
    frames += piece.size();
  }
  const double lengths = data.shape().has_durations() ? 1 : 0;
  return frames == 0 ? 0 : lengths + static_cast<double>(entries) / static_cast<double>(frames);
}

Outcome train_combination(const TrialSettings& settings, AnyDevice& device, double seconds, CombinationResult& result,
                          const Watch& watch) {
  const auto begin = Clock::now();
  bool resumed = false;
  Run run = open_run(settings, result, seconds, resumed);
  Trainer trainer(settings.data, training_setup(run.options(), settings.data.shape()), device);
  TrainingState state;
  state.dataset = settings.data.checksum();
  Pace pace;
  if (resumed) {
    state = run.resume(trainer.model(), trainer.optimizer());
    pace = pace_so_far(run, state);
  }
  const std::string name = name_of(result.combination);
  Scorer scorer(trainer.model(), settings.data.shape());
  const auto validate = [&] { return LossSum{mean_loss(scorer, settings.course), 0}; };
  const double left = seconds - pace.seconds;
  if (left > 0) {
    SessionOptions options{.resumed = resumed, .quiet = true, .seconds = left, .validate_at = course_marks()};
    options.validate = validate;
    options.watch = [&](const Pace& now) {
      pace = now;
      if (!watch.due()) return;
      watch.show(seconds_since(begin),
                 fmt::format("{}: {} targets, loss {:.3f}", name, format_count(now.targets), now.loss));
    };
    try {
      if (train_session(trainer, run, state, options).interrupted) return Outcome::interrupted;
    } catch (const Diverged& error) {
      fail(result, error.what());
      return Outcome::done;
    }
  }
  const double loss = validate().total();
  if (!std::isfinite(loss)) {
    fail(result, "its loss on held-out events is not finite.");
    return Outcome::done;
  }
  take_course(run, pace, loss, result);
  result.flops_per_target = training_flops_per_target(trainer.model().config(), settings.entries);
  result.arena_bytes = static_cast<std::int64_t>(trainer.arena_high_water());
  result.device_bytes = static_cast<std::int64_t>(trainer.memory());
  result.stage = Stage::trained;
  return Outcome::done;
}

Outcome sample_combination(const TrialSettings& settings, AnyDevice& device, double seconds, CombinationResult& result,
                           const Watch& watch) {
  const auto begin = Clock::now();
  const Interrupt interrupt;
  const Run run = Run::open(run_folder(settings, result.combination));
  set_precision(device, "float");
  const std::unique_ptr<Model> model = run.load_model(device, "last");
  const EventShape shape = settings.data.shape();
  const std::string name = name_of(result.combination);
  if (watch.due()) watch.show(seconds_since(begin), name + ": held-out loss");
  Scorer scorer(*model, shape);
  result.test_loss = mean_loss(scorer, settings.test);
  if (!std::isfinite(result.test_loss)) {
    fail(result, "its loss on the test events is not finite.");
    return Outcome::done;
  }
  result.samples.clear();
  const bool first_seed = result.combination.seed == settings.options.all_seeds().front();
  const std::span<const Opening> openings(settings.openings.begin(), first_seed ? settings.openings.size() : 0);
  std::int64_t drawn_events = 0;
  double drawing = 0;
  for (std::size_t i = 0; i < openings.size(); ++i) {
    if (interrupt.requested()) return Outcome::interrupted;
    const Opening& opening = openings[i];
    // Each has an even part of what is left.
    const double until = seconds_since(begin) +
                         std::max(0.05, seconds - seconds_since(begin)) / static_cast<double>(openings.size() - i);
    GenerateOptions options{.steps = settings.options.sample_steps, .seed = run.options().seed};
    options.sampling.temperature = static_cast<float>(settings.options.temperature);
    options.stream = static_cast<Index>(i);
    const auto start = Clock::now();
    const Generated drawn = generate(*model, opening.events.view(), options, [&](Index events) {
      if (watch.due()) watch.show(seconds_since(begin), fmt::format("{}: sample, {} events", name, events));
      return seconds_since(begin) < until && !interrupt.requested();
    });
    drawing += seconds_since(start);
    drawn_events += opening.events.size() + drawn.size();
    Events events = opening.events;
    events.append(drawn.events.view());
    const std::string file = sample_file(result.combination, opening);
    const std::string provenance = fmt::format(
        "polonaise-compare run={} step={} seed={} sample={} steps={} temperature={}", result.combination.name,
        run.step_of("last"), run.options().seed, i + 1, drawn.size(), settings.options.temperature);
    const io::Score score = io::decode_continuation(settings.data.encoding(), events.view(), opening.events.size());
    io::write_file(settings.options.output / file, io::write_score(score, provenance));
    result.samples.push_back({opening.key, file, events.size(), {}});
  }
  if (interrupt.requested()) return Outcome::interrupted;
  result.sampled_per_second = drawing > 0 ? static_cast<double>(drawn_events) / drawing : 0;
  result.stage = Stage::sampled;
  return Outcome::done;
}

}  // namespace polonaise::tools
