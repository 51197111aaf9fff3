#include "tools/train/session.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "io/error.h"
#include "tools/common/interrupt.h"
#include "tools/common/metrics.h"
#include "tools/common/progress.h"

namespace polonaise::tools {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr double kSecondsBetweenSaves = 30;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

class Session {
 public:
  Session(Trainer& trainer, Run& run, const TrainingState& state, const SessionOptions& options)
      : trainer_(trainer),
        run_(run),
        state_(state),
        options_(options),
        metrics_(run.metrics_file(), options.resumed ? state.step : -1),
        progress_(trainer.planned_steps(), {.quiet = options.quiet, .start = state.step}) {}

  void run() {
    const std::int64_t first = state_.step;
    while (end_.empty()) {
      const io::Cursor before = trainer_.cursor();
      const Trainer::Step step = trainer_.step();
      ++state_.step;
      state_.cursor = trainer_.cursor();
      if (!step.finite()) fail(step);
      state_.interval_nats += step.loss.total();
      state_.interval_targets += step.targets;
      interval_events_ += step.targets;
      ++interval_steps_;
      const bool planned_end = state_.step == trainer_.planned_steps();
      show(step, before.epoch);
      if (state_.step % run_.options().log_every == 0 || planned_end) log(step, before.epoch);
      const std::int64_t every = run_.options().validate_every;
      const bool due = every > 0 ? state_.step % every == 0 : state_.cursor.epoch != before.epoch;
      const bool best = trainer_.has_validation() && (due || planned_end) && validate();
      decide_end(planned_end);
      if (best || !end_.empty() || seconds_since(saved_) >= kSecondsBetweenSaves) save(best);
    }
    finish(state_.step - first);
  }

 private:
  [[noreturn]] void fail(const Trainer::Step& step) const {
    throw io::Error(
        fmt::format("the loss ({}) or its gradient's norm ({}) is not finite at step {}; {} holds what was saved "
                    "before: resume it, "
                    "or begin again with a lower --lr, a --warmup or --clip 1.",
                    step.loss.total() / static_cast<double>(step.targets), step.gradient_norm, state_.step,
                    run_.folder().string()));
  }

  void show(const Trainer::Step& step, std::int64_t epoch) {
    if (!progress_.due()) return;
    const double seconds = seconds_since(interval_);
    progress_.show(state_.step,
                   fmt::format("step {} epoch {} loss {:.4f} norm {:.3f} lr {:.2e} {:.1f} ms {} events/s",
                               format_count(state_.step), epoch + 1, mean_loss(), step.gradient_norm,
                               step.learning_rate, 1000 * seconds / static_cast<double>(interval_steps_),
                               format_count(std::llround(static_cast<double>(interval_events_) / seconds))));
  }

  double mean_loss() const { return state_.interval_nats / static_cast<double>(state_.interval_targets); }

  void log(const Trainer::Step& step, std::int64_t epoch) {
    const double seconds = seconds_since(interval_);
    Json line;
    line["type"] = "train";
    line["step"] = state_.step;
    line["epoch"] = epoch;
    line["loss"] = mean_loss();
    line["gradient_norm"] = step.gradient_norm;
    line["learning_rate"] = step.learning_rate;
    line["ms"] = 1000 * seconds / static_cast<double>(interval_steps_);
    line["events_per_second"] = static_cast<double>(interval_events_) / seconds;
    metrics_.write(line.dump());
    state_.interval_nats = 0;
    state_.interval_targets = 0;
    begin_interval();
  }

  // Whether the loss is the best so far.
  bool validate() {
    const auto begin = Clock::now();
    const LossSum loss = trainer_.validate();
    const bool best = loss.total() < state_.best_loss;
    if (best) {
      state_.best_loss = loss.total();
      state_.best_step = state_.step;
    }
    state_.stale = best ? 0 : state_.stale + 1;
    const io::EventSpec spec = run_.encoding().spec();
    Json line;
    line["type"] = "validation";
    line["step"] = state_.step;
    line["loss"] = loss.total();
    line["unit"] = loss_unit(spec);
    if (spec.has_durations()) {
      line["keys"] = loss.main;
      line["durations"] = loss.duration;
    }
    line["best"] = best;
    metrics_.write(line.dump());
    progress_.note(fmt::format(
        "step {} validation {:.4f} {}{}{}", format_count(state_.step), loss.total(), loss_unit(spec),
        spec.has_durations() ? fmt::format(" (keys {:.4f}, durations {:.4f})", loss.main, loss.duration) : "",
        best ? ", the best so far" : ""));
    interval_ += Clock::now() - begin;  // the pace is that of training
    return best;
  }

  void decide_end(bool planned_end) {
    const TrainOptions& o = run_.options();
    if (planned_end) {
      end_ = "finished";
    } else if (o.patience > 0 && state_.stale >= o.patience) {
      end_ = fmt::format("no better validation in the last {}", state_.stale);
    } else if (interrupt_.requested()) {
      end_ = "interrupted";
    } else if (o.minutes > 0 && progress_.elapsed() >= 60 * o.minutes) {
      end_ = "time is up";
    } else if (options_.stop_at > 0 && state_.step >= options_.stop_at) {
      end_ = "stopped as asked";
    }
  }

  void save(bool best) {
    metrics_.sync();
    run_.save(state_, trainer_.model(), trainer_.optimizer(), best);
    saved_ = Clock::now();
  }

  void finish(std::int64_t steps) {
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
      text += fmt::format("best validation {:.4f} {} at step {}\n", state_.best_loss, loss_unit(run_.encoding().spec()),
                          format_count(state_.best_step));
    }
    text += end_ == "finished" ? fmt::format("saved in {}\n", folder)
                               : fmt::format("saved; to go on: polonaise-train --resume -o {}\n", folder);
    print(text);
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
  Metrics metrics_;
  Progress progress_;
  Clock::time_point saved_ = Clock::now();
  Clock::time_point interval_ = Clock::now();
  std::int64_t interval_events_ = 0, interval_steps_ = 0;  // of this session, for the pace
  std::string end_;                                        // why training ends; empty while it does not
};

}  // namespace

void train_session(Trainer& trainer, Run& run, TrainingState state, const SessionOptions& options) {
  trainer.start(state);
  Session(trainer, run, state, options).run();
}

}  // namespace polonaise::tools
