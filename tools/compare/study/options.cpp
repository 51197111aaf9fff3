#include "tools/compare/study/options.h"

#include "tools/options/device_option.h"

namespace polonaise::tools {

std::vector<std::uint64_t> CompareOptions::all_seeds() const {
  if (!seeds.empty()) return seeds;
  return seed.empty() ? std::vector<std::uint64_t>{1} : seed;
}

void declare(Cli& cli, CompareOptions& o) {
  cli.positional("DATASET", o.dataset, "the dataset that polonaise-prepare made");
  cli.option("-o,--output", o.output,
             "the report's folder; called again with the same options, or none but this, it goes on there")
      .placeholder("REPORT")
      .required()
      .transient();

  cli.group("What is compared");
  cli.option("--models", o.models, "networks; slstm only where it is named").choices(names_of<Architecture>());
  cli.option("--seq", o.lengths, "events in a training window: each model is trained at each").range(1, 65536);
  cli.option(
         "--parameters", o.parameters,
         "parameters of each model, whose width is chosen to come as near as it can; several for quality against size")
      .range(100, 1e9);
  cli.option(
      "--seeds", o.seeds,
      "seeds of initial weights, order of the data and samples: all is trained from each, and means stand beside the "
      "least and the greatest (1)");
  cli.option("--seed", o.seed, "one seed in place of --seeds");
  cli.option("--devices", o.devices, "cpu, cuda, cuda:N: each model is trained on each").placeholder("DEVICE");
  cli.option("--budget", o.minutes,
             "minutes for all: four fifths in equal shares to train each combination, one fifth to sample and measure")
      .range(0, 1e6);
  cli.option("--target-loss", o.target_loss,
             "also say how many targets and seconds it takes to reach this loss on held-out events; 0 for none")
      .range(0, 1e6);

  cli.group("Recipe");
  cli.option("--layers", o.layers, "layers").range(1, 64);
  cli.option("--step-targets", o.step_targets, "events learned from in a step, so that equal data is equal steps")
      .range(1, 65536);
  cli.choice("--optimizer", o.optimizer, {name_of(Rule::adamw), name_of(Rule::muon)},
             "the optimizer, as polonaise-train has it");
  cli.option("--lr", o.lr,
             "learning rate of all networks; 0 for what polonaise-train gives each of them where it is not told")
      .range(0, 100);
  cli.option("--warmup", o.warmup, "steps over which the learning rate rises").range(0, 4e9);
  cli.choice("--schedule", o.schedule, decay_names(),
             "how the learning rate goes on after the warm-up: with the root of the steps, or not at all")
      .choices({"inverse-sqrt", "constant"});
  cli.choice("--start", o.start, {name_of(Start::counts), name_of(Start::torch)},
             "initial values, as polonaise-train has them");
  declare_precision(cli, o.precision);

  cli.group("Samples");
  cli.option("--reference", o.reference,
             "the whole Polonaise Op. 53, to show beside how the models go on from its opening; without it these stand "
             "alone")
      .placeholder("FILE.mid");
  cli.option("--steps", o.sample_steps, "events to draw after an opening").range(1, 1e6);
  cli.option("--temperature", o.temperature, "below 1 more regular, above 1 wilder").range(0, 100);

  cli.group("");
  cli.option("--threads", o.threads, "threads of the CPU, 0 for one on each processor").range(0, 1024);
  cli.flag("-q,--quiet", o.quiet, "show no progress").transient();
}

void check(const CompareOptions& o) {
  if (!o.seed.empty() && !o.seeds.empty()) {
    throw UsageError("--seed and --seeds are two ways to say one thing; give one.");
  }
  if (o.seed.size() > 1) throw UsageError("--seed takes one seed; give several as --seeds.");
}

Config record_of(CompareOptions options) {
  options.seeds = options.all_seeds();
  options.seed.clear();
  Cli cli("polonaise-compare", "");
  declare(cli, options);
  Config record = cli.config();
  std::erase_if(record.settings, [](const Setting& setting) { return setting.key == "seed"; });
  return record;
}

Config record_of(const Config& read, std::string_view origin) {
  CompareOptions options;
  options.warmup = 20;
  options.schedule = Decay::constant;
  options.start = Start::torch;
  Cli cli("polonaise-compare", "");
  declare(cli, options);
  cli.adopt(read, origin);
  return record_of(std::move(options));
}

}  // namespace polonaise::tools
