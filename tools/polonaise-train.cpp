#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "io/data/dataset.h"
#include "io/files/error.h"
#include "tools/cli/cli.h"
#include "tools/cli/table.h"
#include "tools/jobs/message.h"
#include "tools/jobs/progress.h"
#include "tools/options/device_option.h"
#include "tools/options/train_options.h"
#include "tools/training/evaluate.h"
#include "tools/training/init/init.h"
#include "tools/training/run.h"
#include "tools/training/session.h"
#include "tools/training/trainer.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  TrainOptions options;
  fs::path run;
  bool resume = false;
  bool overwrite = false;
  bool quiet = false;
  std::int64_t stop_at = 0;
};

// ", cosine to 0.1 of it": what the learning rate does after the warm-up.
std::string course_of_rate(const TrainOptions& o, bool has_end) {
  if (o.schedule == Decay::constant || (!has_end && o.schedule != Decay::inverse_sqrt)) return ", constant";
  return fmt::format(", {} to {} of it", name_of(o.schedule), o.lr_floor);
}

std::string header(const Arguments& a, const io::Dataset& data, Trainer& trainer, const AnyDevice& device) {
  const TrainOptions& o = a.options;
  Table table({{"", Table::Align::left}, {"", Table::Align::left}});
  std::string model = fmt::format("{}, {} of {}", name_of(o.model), counted(o.layers, "layer"), o.hidden);
  if (o.model == Architecture::transformer)
    model += fmt::format(", {} heads, {} positions", o.heads, name_of(o.position));
  if (o.head == Head::autoregressive)
    model += fmt::format(", keys one after another by {} hidden units", o.head_hidden);
  table.row({"model", model});
  std::int64_t parameters = 0;
  for (const Parameters::Entry& entry : trainer.model().parameters().entries()) parameters += entry.shape.size();
  table.row({"parameters", format_count(parameters)});
  table.row({"device", describe(device)});
  table.row({"precision", o.precision});
  table.row({"data", fmt::format("{} ({})", o.dataset.string(), data.encoding().name())});
  for (const io::Split split : io::kSplits) {
    table.row({fmt::format("  {}", io::split_name(split)),
               fmt::format("{}, {}", counted(data.pieces(split), "piece"), counted(data.events(split), "event"))});
  }
  table.row({"batch", fmt::format("{} windows of {} events{}", o.batch, o.seq,
                                  o.accumulate > 1 ? fmt::format(", {} batches a step", o.accumulate) : "")});
  const std::int64_t batches = trainer.batches_in_epoch();
  table.row({"epoch", fmt::format("{} {}, {}", format_count(batches), batches == 1 ? "batch" : "batches",
                                  counted(trainer.targets_in_epoch(), "target"))});
  const std::int64_t steps = trainer.planned_steps();
  table.row({"steps", steps > 0 ? format_count(steps) : fmt::format("as many as {} minutes allow", o.minutes)});
  table.row({"learning rate", fmt::format("{}{}{}", o.lr, o.warmup > 0 ? fmt::format(", warm-up {}", o.warmup) : "",
                                          course_of_rate(o, steps > 0))});
  table.row({"dropout", fmt::format("{}", o.dropout)});
  table.row({"seed", fmt::format("{}", o.seed)});
  table.row({"run", a.run.string()});
  return table.text();
}

// Files are kept by their absolute names, folders without a slash at the end.
void make_absolute(fs::path& file) {
  if (file.empty()) return;
  file = fs::absolute(file).lexically_normal();
  if (!file.has_filename() && file.has_relative_path()) file = file.parent_path();
}

io::Dataset open_dataset(TrainOptions& options) {
  make_absolute(options.dataset);
  return io::Dataset::open(options.dataset);
}

// What --init gave the model, in lines.
std::string initialised(Trainer& trainer, const Arguments& a, const io::Dataset& data) {
  std::string text = initialise(trainer.model(), a.options, data.encoding());
  if (!text.empty() && !a.quiet && trainer.has_validation()) {
    text += fmt::format("validation before the first step {:.4f} {}\n", trainer.validate().total(),
                        loss_unit(data.shape()));
  }
  return text;
}

void begin(const Cli& cli, Arguments& a) {
  check(a.options);
  refuse_unused(cli, a.options);
  if (a.options.dataset.empty()) throw UsageError("DATASET is missing: name what polonaise-prepare made.");
  const io::Dataset data = open_dataset(a.options);
  make_absolute(a.options.init);
  refuse_own(a.options, a.run);
  TrainingSetup setup = training_setup(a.options, data.shape());
  // derive() knows of --steps alone: how many an epoch has only the dataset tells.
  if (!cli.given("warmup")) a.options.warmup = setup.optimizer.schedule.warmup = short_warmup(data, setup);
  AnyDevice device = device_of(a.options.device, a.options.threads);
  Trainer trainer(data, setup, device);
  const std::string start = initialised(trainer, a, data);
  Run run = Run::create(a.run, cli.config(), data.encoding(), a.overwrite);
  if (!a.quiet) print(header(a, data, trainer, device));
  print(start);
  TrainingState state;
  state.dataset = data.checksum();
  print(train_session(trainer, run, state, {.stop_at = a.stop_at, .quiet = a.quiet}).text);
}

// Completes the options of a run that goes on by those it has; another end replaces the run's, in whatever way that was
// given.
void take_up_options(Cli& cli, Arguments& a, const Run& run) {
  make_absolute(a.options.init);
  Config saved = completed(run.config());
  refuse_changes(cli, saved);
  if (cli.given("epochs") || cli.given("steps") || cli.given("minutes")) {
    std::erase_if(saved.settings, [](const Setting& setting) {
      return setting.key == "epochs" || setting.key == "steps" || setting.key == "minutes";
    });
  }
  cli.adopt(saved, (a.run / "config.toml").string());
  refuse_unused(cli, a.options);
}

// Says so where the learning rate of a resumed run, which was set up as `old`, is not what its old end had planned.
void tell_new_rate(const TrainingSetup& old, const Trainer& trainer, std::int64_t step) {
  const std::int64_t old_end = old.planned_steps(trainer.batches_in_epoch()), new_end = trainer.planned_steps();
  const auto next_rate = [&](Schedule schedule, std::int64_t total) {
    schedule.total = static_cast<long>(total);
    return fmt::format("{:.2e}", schedule.at(static_cast<long>(step) + 1));
  };
  const Schedule& now = trainer.setup().optimizer.schedule;
  const std::string before = next_rate(old.optimizer.schedule, old_end), after = next_rate(now, new_end);
  if (before == after) return;
  const auto end = [](std::int64_t steps) { return steps > 0 ? fmt::format("step {}", format_count(steps)) : "none"; };
  write_message(fmt::format(
      "polonaise-train: the end was {} and is now {}: by --schedule {} the learning rate goes on at {}, and not at {}\n",
      end(old_end), end(new_end), name_of(now.decay), after, before));
}

// Why a run that stands at `state` does not go on, as a line; empty where it does.
std::string nothing_left(const Trainer& trainer, const TrainingState& state) {
  if (trainer.planned_steps() > 0 && state.step >= trainer.planned_steps()) {
    return fmt::format("finished at step {}: nothing to do; more --steps or --epochs would train on\n",
                       format_count(state.step));
  }
  const std::int64_t patience = trainer.setup().patience;
  if (patience == 0 || state.stale < patience) return "";
  return fmt::format(
      "ended at step {}: no better validation in the last {}; a larger --patience, or 0, would train on\n",
      format_count(state.step), state.stale);
}

void resume(Cli& cli, Arguments& a) {
  check(a.options);
  Run run = Run::open(a.run);
  const TrainOptions old = run.options();
  take_up_options(cli, a, run);
  const io::Dataset data = open_dataset(a.options);
  run.check_encoding(data.encoding(), a.options.dataset);
  AnyDevice device = device_of(a.options.device, a.options.threads);
  Trainer trainer(data, training_setup(a.options, data.shape()), device);
  const TrainingState state = run.resume(trainer.model(), trainer.optimizer());
  if (state.dataset != data.checksum()) {
    throw io::Error(fmt::format("{}: is not the dataset that {} was trained on; give that one, or begin a new run.",
                                a.options.dataset.string(), a.run.string()));
  }
  run.set_config(cli.config());
  tell_new_rate(training_setup(old, data.shape()), trainer, state.step);
  if (!a.quiet) print(header(a, data, trainer, device));
  const std::string why = nothing_left(trainer, state);
  print(!why.empty()
            ? why
            : train_session(trainer, run, state, {.stop_at = a.stop_at, .resumed = true, .quiet = a.quiet}).text);
}

int run(int argc, char** argv) {
  Arguments a;
  Cli cli("polonaise-train", "trains a model that predicts the next event of a piece");
  declare(cli, a.options);
  cli.option("-o,--output", a.run, "the run's folder: configuration, metrics and checkpoints")
      .placeholder("RUN")
      .required()
      .transient();
  cli.flag("--resume", a.resume, "go on with a run, exactly as if it had never stopped").transient();
  cli.flag("--overwrite", a.overwrite, "replace an existing run").transient();
  cli.option("--stop-at", a.stop_at, "save and stop after this step, as Ctrl-C does; the plan stays as it is")
      .range(0, 4e9)
      .transient();
  cli.flag("-q,--quiet", a.quiet, "show no progress").transient();

  cli.example("polonaise-train piano.data --model lstm --hidden 64 --layers 2 --epochs 30 -o run",
              "Ctrl-C saves and stops; the best model by validation is kept beside the last");
  cli.example("polonaise-train --resume -o run", "goes on where it stopped");
  cli.example(
      "polonaise-train perf.data --model transformer --hidden 128 --layers 4 --seq 256 --lr 5e-4 --warmup 200 "
      "--dropout 0.1 -o run",
      "a small transformer");
  cli.example("polonaise-train other.data --config run/config.toml -o run-2", "the same options on other data");
  cli.example("polonaise-train other.data --config run-2/config.toml --init run-2 -o run-3",
              "goes on with what another run has learned");
  cli.example("polonaise-train tokens.data --config run-2/config.toml --init run-2 --init-head new -o run-4",
              "the same with music of another encoding, which needs a new head");
  cli.memory_remedy("give a smaller --batch, or --device cpu");
  cli.derive([&] { derive(cli, a.options); });
  cli.action([&] {
    if (a.resume && a.overwrite) throw UsageError("--resume and --overwrite contradict each other; give one.");
    if (a.resume) return resume(cli, a);
    begin(cli, a);
  });
  return cli.run(argc, argv);
}

}  // namespace
}  // namespace polonaise::tools

int main(int argc, char** argv) {
  return polonaise::tools::run(argc, argv);
}
