#include "tools/training/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/jobs/clock.h"
#include "tools/jobs/interrupt.h"
#include "tools/jobs/progress.h"
#include "tools/training/course.h"
#include "tools/training/metrics_log.h"

namespace polonaise::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kSecondsBetweenSaves = 30;
constexpr double kSecondsBetweenReports = 0.1;

class Session {
 public:
  Session(Trainer& trainer, Run& run, const TrainingState& state, const SessionOptions& options)
      : trainer_(trainer),
        run_(run),
        state_(state),
        options_(options),
        metrics_(run.metrics_file(), options.resumed ? state.step : -1),
        progress_(trainer.planned_steps(), {.quiet = options.quiet, .start = state.step}) {
    if (options.resumed) take_up_pace();
  }

  SessionEnd run() {
    const std::int64_t first = state_.step;
    while (end_.empty()) {
      const io::Cursor before = trainer_.cursor();
      const auto begin = Clock::now();
      targets_ += trainer_.step();
      seconds_ += seconds_since(begin);
      ++state_.step;
      state_.cursor = trainer_.cursor();
      const bool planned_end = state_.step == trainer_.planned_steps();
      if (seconds_since(settled_) >= kSecondsBetweenReports) settle();
      if (progress_.due()) show(before.epoch);
      if (state_.step % trainer_.setup().log_every == 0 || planned_end) log(before.epoch);
      const bool due = validation_due(before.epoch);
      const bool best = can_validate() && (due || planned_end) && validate();
      decide_end(planned_end);
      if (best || !end_.empty() || seconds_since(saved_) >= kSecondsBetweenSaves) save(best);
    }
    return finish(state_.step - first);
  }

 private:
  // Takes what the steps so far have reported. Who reads of these steps, or saves what they did, calls it first: until
  // then a card's steps run ahead of the host.
  void settle() {
    const auto begin = Clock::now();
    const std::vector<Training::Report> reports = trainer_.reports();
    settled_ = Clock::now();
    seconds_ += seconds_since(begin);
    for (const Training::Report& step : reports) {
      if (!step.finite()) fail(step);
      state_.interval_nats += step.loss.total();
      state_.interval_targets += step.targets;
      interval_events_ += step.targets;
      ++interval_steps_;
      last_ = step;
    }
    if (options_.watch && !reports.empty()) options_.watch({state_.step, targets_, seconds_, mean_loss()});
  }

  [[noreturn]] void fail(const Training::Report& step) const {
    throw Diverged(fmt::format(
        "the loss ({}) or its gradient's norm ({}) is not finite at step {}; {} holds what was saved before: resume it, "
        "or begin again with a lower --lr, a --warmup or --clip 1.",
        step.loss.total() / static_cast<double>(step.targets), step.gradient_norm, step.step, run_.folder().string()));
  }

  void take_up_pace() {
    const Pace pace = pace_so_far(run_, state_);
    targets_ = pace.targets;
    seconds_ = pace.seconds;
    const auto& marks = options_.validate_at;
    next_validation_ = static_cast<std::size_t>(std::ranges::upper_bound(marks, targets_) - marks.begin());
  }

  bool can_validate() const { return options_.validate || trainer_.has_validation(); }

  bool validation_due(std::int64_t epoch_before) {
    if (options_.validate_at.empty()) {
      const std::int64_t every = trainer_.setup().validate_every;
      return every > 0 ? state_.step % every == 0 : state_.cursor.epoch != epoch_before;
    }
    bool due = false;
    for (; next_validation_ < options_.validate_at.size(); ++next_validation_, due = true) {
      if (options_.validate_at[next_validation_] > targets_) break;
    }
    return due;
  }

  void show(std::int64_t epoch) {
    settle();
    const double seconds = seconds_since(interval_);
    progress_.show(state_.step,
                   fmt::format("step {} epoch {} loss {:.4f} norm {:.3f} lr {:.2e} {:.1f} ms {} events/s",
                               format_count(state_.step), epoch + 1, mean_loss(), last_.gradient_norm,
                               last_.learning_rate, 1000 * seconds / static_cast<double>(interval_steps_),
                               format_count(std::llround(static_cast<double>(interval_events_) / seconds))));
  }

  double mean_loss() const { return state_.interval_nats / static_cast<double>(state_.interval_targets); }

  void log(std::int64_t epoch) {
    settle();
    const double seconds = seconds_since(interval_);
    Json line;
    line["type"] = "train";
    line["step"] = state_.step;
    line["epoch"] = epoch;
    line["targets"] = targets_;
    line["seconds"] = seconds_;
    line["loss"] = mean_loss();
    line["gradient_norm"] = last_.gradient_norm;
    line["learning_rate"] = last_.learning_rate;
    line["ms"] = 1000 * seconds / static_cast<double>(interval_steps_);
    line["events_per_second"] = static_cast<double>(interval_events_) / seconds;
    metrics_.write(line.dump());
    state_.interval_nats = 0;
    state_.interval_targets = 0;
    begin_interval();
  }

  // Whether the loss is the best so far.
  bool validate() {
    settle();
    const auto begin = Clock::now();
    const LossSum loss = [&] {
      const Optimizer::Averaged averaged(trainer_.optimizer());
      return options_.validate ? options_.validate() : trainer_.validate();
    }();
    const bool best = loss.total() < state_.best_loss;
    if (best) {
      state_.best_loss = loss.total();
      state_.best_step = state_.step;
    }
    state_.stale = best ? 0 : state_.stale + 1;
    const EventShape shape = run_.encoding().shape();
    Json line;
    line["type"] = "validation";
    line["step"] = state_.step;
    line["targets"] = targets_;
    line["seconds"] = seconds_;
    line["loss"] = loss.total();
    line["unit"] = loss_unit(shape);
    if (shape.has_durations()) {
      line["keys"] = loss.main;
      line["durations"] = loss.duration;
    }
    line["best"] = best;
    metrics_.write(line.dump());
    progress_.note(fmt::format(
        "step {} validation {:.4f} {}{}{}", format_count(state_.step), loss.total(), loss_unit(shape),
        shape.has_durations() ? fmt::format(" (keys {:.4f}, durations {:.4f})", loss.main, loss.duration) : "",
        best ? ", the best so far" : ""));
    interval_ += Clock::now() - begin;  // the pace is that of training
    return best;
  }

  void decide_end(bool planned_end) {
    const TrainingSetup& setup = trainer_.setup();
    const double limit = options_.seconds > 0 ? options_.seconds : 60 * setup.minutes;
    if (planned_end) {
      end_ = "finished";
    } else if (setup.patience > 0 && state_.stale >= setup.patience) {
      end_ = fmt::format("no better validation in the last {}", state_.stale);
    } else if (interrupt_.requested()) {
      end_ = "interrupted";
    } else if (limit > 0 && progress_.elapsed() >= limit) {
      end_ = "time is up";
    } else if (options_.stop_at > 0 && state_.step >= options_.stop_at) {
      end_ = "stopped as asked";
    }
  }

  void save(bool best) {
    settle();
    metrics_.sync();
    run_.save(state_, trainer_.model(), trainer_.optimizer(), best);
    saved_ = Clock::now();
  }

  SessionEnd finish(std::int64_t steps) {
    Json line;
    line["type"] = "end";
    line["step"] = state_.step;
    line["reason"] = end_;
    line["steps"] = steps;
    line["seconds"] = progress_.elapsed();
    line["arena_bytes"] = trainer_.arena_high_water();
    metrics_.write(line.dump());
    const std::string folder = run_.folder().string();
    std::string text =
        fmt::format("{} at step {} after {}; most memory of a step {:.1f} MiB\n", end_, format_count(state_.step),
                    format_duration(progress_.elapsed()), static_cast<double>(trainer_.arena_high_water()) / (1 << 20));
    if (state_.best_step >= 0) {
      text += fmt::format("best validation {:.4f} {} at step {}\n", state_.best_loss,
                          loss_unit(run_.encoding().shape()), format_count(state_.best_step));
    }
    text += end_ == "finished" ? fmt::format("saved in {}\n", folder)
                               : fmt::format("saved; to go on: polonaise-train --resume -o {}\n", folder);
    return {end_, end_ == "interrupted", text};
  }

  void begin_interval() {
    interval_ = Clock::now();
    interval_events_ = 0;
    interval_steps_ = 0;
  }

  Trainer& trainer_;
  Run& run_;
  TrainingState state_;
  const SessionOptions options_;
  Interrupt interrupt_;
  MetricsLog metrics_;
  Progress progress_;
  Clock::time_point saved_ = Clock::now();
  Clock::time_point settled_ = Clock::now();
  Clock::time_point interval_ = Clock::now();
  Training::Report last_;
  std::int64_t interval_events_ = 0, interval_steps_ = 0;  // of this session, for the pace
  std::int64_t targets_ = 0;                               // of the run ...
  double seconds_ = 0;                                     // and the time its steps took
  std::size_t next_validation_ = 0;                        // of validate_at
  std::string end_;                                        // why training ends; empty while it does not
};

}  // namespace

Pace pace_so_far(const Run& run, const TrainingState& state) {
  const Course course = read_course(run.metrics_file());
  Pace pace{state.step, state.interval_targets, 0, 0};
  if (course.training.empty()) return pace;
  const Course::Point& last = course.training.back();
  pace.targets += last.targets;
  pace.seconds = last.seconds * static_cast<double>(pace.targets) / static_cast<double>(last.targets);
  return pace;
}

SessionEnd train_session(Trainer& trainer, Run& run, TrainingState state, const SessionOptions& options) {
  trainer.start(state);
  return Session(trainer, run, state, options).run();
}

}  // namespace polonaise::tools
