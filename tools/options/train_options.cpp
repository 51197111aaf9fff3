#include "tools/options/train_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "tools/cli/value.h"
#include "tools/options/device_option.h"

namespace polonaise::tools {
namespace {

constexpr std::string_view kChangeable[] = {"dataset",        "epochs",    "steps",  "minutes", "patience", "log-every",
                                            "validate-every", "keep-last", "device", "threads", "precision"};

std::string text_of(const Value& value) {
  std::string text = value.toml();
  std::erase(text, '"');
  return text;
}

}  // namespace

std::string name_of(Rule rule) {
  return rule == Rule::adamw ? "adamw" : "muon";
}

std::string name_of(Start start) {
  return start == Start::counts ? "counts" : "torch";
}

void declare(Cli& cli, TrainOptions& o) {
  cli.positional("DATASET", o.dataset, "the dataset that polonaise-prepare made");

  cli.group("Model");
  cli.choice("--model", o.model, names_of<Architecture>(), "which network");
  cli.option("--hidden", o.hidden, "units of a layer and direction; the transformer's width").range(1, 8192);
  cli.option("--layers", o.layers, "layers").range(1, 64);
  cli.option("--seq", o.seq, "events in a training window; the longest context of bilstm and transformer")
      .range(1, 65536);
  cli.option("--dropout", o.dropout, "share of activations dropped between layers while training").range(0, 0.95);
  cli.option("--heads", o.heads, "attention heads (transformer)").range(1, 8192);
  cli.option("--feedforward", o.feedforward, "inner width, 0 for four times hidden (transformer)").range(0, 65536);
  cli.choice("--position", o.position, names_of<PositionEncoding>(), "position encoding (transformer)");
  cli.choice("--head", o.head, names_of<Head>(),
             "how a frame's keys are predicted: bernoulli each by itself, autoregressive one after another, given the "
             "keys below (not for tokens)");
  cli.option("--head-hidden", o.head_hidden, "hidden units of an autoregressive head").range(1, 8192);
  cli.option("--head-dropout", o.head_dropout, "share of the activations that the head reads dropped while training")
      .range(0, 0.95);

  cli.group("Start");
  cli.choice(
      "--start", o.start, {name_of(Start::counts), name_of(Start::torch)},
      "initial values: counts, those of torch but for the head's bias, which predicts each event as often as the "
      "training split has it, and some units that tell a chord's length; torch, those of PyTorch's layers");
  cli.option(
         "--init", o.init,
         "parameters to begin with: a run, whose best checkpoint is taken, or a safetensors file of PyTorch's names "
         "(docs/weights.md)")
      .placeholder("FILE");
  cli.choice("--init-head", o.init_head, {"keep", "new"},
             "of --init, keep the head and what reads the events too, which only fits music of the same encoding, or "
             "draw the head anew and, where the encoding is another, what reads the events");

  cli.group("Training");
  cli.option("--batch", o.batch, "windows in a batch (the batch size)").range(1, 65536);
  cli.option("--accumulate", o.accumulate, "batches in a step: their gradients are accumulated").range(1, 65536);
  cli.option("--stride", o.stride, "events from one training window to the next (bilstm), 0 for a quarter of --seq")
      .range(0, 65536);
  cli.option("--epochs", o.epochs, "passes through the training data (30 where no end is given)").range(0, 1e9);
  cli.option("--steps", o.steps, "steps, instead of epochs").range(0, 4e9);
  cli.option("--minutes", o.minutes, "stop after this time, or at the planned end if that comes first; 0 for no limit")
      .range(0, 1e7);
  cli.option("--patience", o.patience, "stop after this many validations without improvement; 0 for never")
      .range(0, 1e9);
  cli.option("--seed", o.seed, "seed of the initial weights, the order of the data and dropout");
  cli.choice(
      "--optimizer", o.optimizer, {name_of(Rule::adamw), name_of(Rule::muon)},
      "the optimizer; muon takes the matrices between hidden units, which then learn in fewer, slower steps, and leaves "
      "the rest to adamw");
  cli.option("--lr", o.lr, "learning rate, reached after the warm-up")
      .range(0, 100)
      .derived(
          "lstm, gru, bilstm, slstm 0.02, rnn 0.01, transformer 0.005; recurrent ones half of it where a step has fewer "
          "than 1024 targets");
  cli.option("--muon-lr", o.muon_lr, "Muon's learning rate, which warms up and falls as --lr does").range(0, 100);
  cli.option("--warmup", o.warmup, "steps over which the learning rate rises")
      .range(0, 4e9)
      .derived("50, a third of all steps at most");
  cli.choice(
         "--schedule", o.schedule, decay_names(),
         "how the learning rate goes on after the warm-up: cosine and linear fall to --lr-floor at the end, wsd falls "
         "over the last fifth only, inverse-sqrt falls with the root of the steps; without an end in steps or epochs "
         "cosine, linear and wsd stay constant")
      .derived("cosine; inverse-sqrt where --minutes alone ends it");
  cli.option("--lr-floor", o.lr_floor, "the lowest learning rate of the schedule, as a fraction of --lr")
      .range(0, 1)
      .derived("0.1; 0.02 of inverse-sqrt");
  cli.option("--weight-decay", o.weight_decay,
             "decoupled weight decay: a step multiplies matrices by 1 - learning rate * X")
      .range(0, 100);
  cli.option("--betas", o.betas, "decay of AdamW's first and second moment").placeholder("B1,B2").range(0, 1);
  cli.option("--eps", o.eps, "added to the root of AdamW's second moment").range(0, 1);
  cli.option("--clip", o.clip, "the gradient's norm is clipped to this; 0 for no clipping").range(0, 1e9);
  cli.option(
         "--ema", o.ema,
         "decay of a moving average of the parameters, such as 0.999; the average is then validated, saved and sampled; "
         "0 for none")
      .range(0, 1);
  cli.flag("--overfit-batch", o.overfit_batch,
           "train on the first batch only: if its loss does not fall to almost nothing, something is wrong");

  cli.group("Course");
  cli.option("--log-every", o.log_every, "steps between lines of metrics.jsonl").range(1, 4e9);
  cli.option("--validate-every", o.validate_every, "steps between validations, 0 for after each epoch").range(0, 4e9);
  cli.option("--keep-last", o.keep_last, "how many of the newest checkpoints are kept, besides the best").range(1, 1e6);
  declare_device(cli, o.device, o.threads);
  declare_precision(cli, o.precision);
  cli.group("");
}

void derive(const Cli& cli, TrainOptions& o) {
  if (!cli.given("lr")) o.lr = default_learning_rate(o);
  const bool has_end = o.steps > 0 || o.epochs > 0 || o.minutes == 0;
  if (!cli.given("schedule") && !has_end) o.schedule = Decay::inverse_sqrt;
  if (!cli.given("lr-floor") && o.schedule == Decay::inverse_sqrt) o.lr_floor = kOpenEndedFloor;
  if (!cli.given("warmup") && o.steps > 0) o.warmup = std::min(o.warmup, o.steps / 3);
}

double default_learning_rate(const TrainOptions& o) {
  constexpr double kManyTargets = 1024;
  if (o.model == Architecture::transformer) return 0.005;
  const double per_row = o.model == Architecture::bilstm ? 1 : o.seq;
  const double rate = o.model == Architecture::rnn ? 0.01 : 0.02;
  return per_row * o.batch * o.accumulate < kManyTargets ? rate / 2 : rate;
}

Config completed(Config run) {
  const Setting before[] = {{"start", to_value<std::string>("torch")},
                            {"optimizer", to_value<std::string>("adamw")},
                            {"schedule", to_value<std::string>("cosine")},
                            {"lr-floor", to_value(0.1)},
                            {"betas", to_value(std::vector<double>{0.9, 0.999})},
                            {"eps", to_value(1e-8)},
                            {"ema", to_value(0.0)},
                            {"overfit-batch", to_value(false)},
                            {"keep-last", to_value<std::int64_t>(1)}};
  for (const Setting& setting : before)
    if (run.find(setting.key) == nullptr) run.settings.push_back(setting);
  return run;
}

TrainOptions options_of(const Config& config, std::string_view origin) {
  TrainOptions options;
  Cli cli("polonaise-train", "");
  declare(cli, options);
  cli.adopt(completed(config), origin);
  return options;
}

Config config_of(TrainOptions options) {
  Cli cli("polonaise-train", "");
  declare(cli, options);
  return cli.config();
}

void check(const TrainOptions& o) {
  if (o.epochs > 0 && o.steps > 0) throw UsageError("--epochs and --steps are two ways to say one thing; give one.");
  const auto is_one = [](double decay) { return static_cast<float>(decay) >= 1; };  // what a step computes with
  if (o.betas.size() != 2 || std::ranges::any_of(o.betas, is_one)) {
    throw UsageError(fmt::format("--betas {}: two numbers below 1 are wanted, as 0.9,0.999.", fmt::join(o.betas, ",")));
  }
  if (static_cast<float>(o.eps) == 0) {
    throw UsageError(fmt::format("--eps {}: where gradients are 0 a step would be 0 / 0; give more, as 1e-8.", o.eps));
  }
  if (is_one(o.ema)) {
    throw UsageError(fmt::format("--ema {}: the average would never move; give less, as 0.999, or 0 for none.", o.ema));
  }
}

void refuse_unused(const Cli& cli, const TrainOptions& o) {
  const auto belongs_to = [](std::string_view owner, std::string_view option, std::string_view value) {
    return fmt::format("belongs to {}, and {} is {}; leave it out", owner, option, value);
  };
  if (o.model != Architecture::transformer) {
    cli.refuse_flags({"heads", "feedforward", "position"},
                     belongs_to("--model transformer", "--model", name_of(o.model)));
  }
  if (o.init.empty()) cli.refuse_flags({"init-head"}, "belongs to --init FILE, and there is none; leave it out");
  if (o.optimizer != Rule::muon) {
    cli.refuse_flags({"muon-lr"}, belongs_to("--optimizer muon", "--optimizer", name_of(o.optimizer)));
  }
  if (o.model != Architecture::bilstm) {
    cli.refuse_flags({"stride"}, belongs_to("--model bilstm", "--model", name_of(o.model)));
  }
  if (o.head != Head::autoregressive) {
    cli.refuse_flags({"head-hidden"}, belongs_to("--head autoregressive", "--head", name_of(o.head)));
  }
}

void refuse_changes(const Cli& cli, const Config& run) {
  const Config now = cli.config();
  for (const Setting& setting : now.settings) {
    if (std::ranges::find(kChangeable, setting.key) != std::end(kChangeable) || !cli.given(setting.key)) continue;
    const Value* saved = run.find(setting.key);
    if (saved != nullptr && *saved == setting.value) continue;
    throw UsageError(fmt::format("--{} {} is not the run's, which is {}; leave it out to resume, or begin a new run.",
                                 setting.key, text_of(setting.value), saved ? text_of(*saved) : "unset"));
  }
}

}  // namespace polonaise::tools
