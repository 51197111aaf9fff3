#include <filesystem>
#include <string>
#include <string_view>

#include "tools/common/cli.h"
#include "tools/compare/study.h"

namespace polonaise::tools {
namespace {

// The command as a shell would take it again.
std::string command_line(int argc, char** argv) {
  std::string line = "polonaise-compare";
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool plain = !word.empty() && word.find_first_of(" \t\n'\"\\$&;|<>()*?#`") == std::string::npos;
    line += plain ? " " + word : " '" + word + "'";
  }
  return line;
}

int run(int argc, char** argv) {
  CompareOptions o;
  bool render = false;
  Cli cli("polonaise-compare", "trains networks of one size on the same music and says which is best");
  cli.positional("DATASET", o.dataset, "the dataset that polonaise-prepare made");
  cli.option("-o,--output", o.output, "the report's folder; called again with the same options it goes on there")
      .placeholder("REPORT")
      .required()
      .transient();
  cli.flag("--render", render, "only write report.html anew, from what was measured").transient();

  cli.group("What is compared");
  cli.option("--models", o.models, "networks").choices({"rnn", "lstm", "gru", "bilstm", "transformer"});
  cli.option("--seq", o.lengths, "events in a training window: each model is trained at each").range(1, 65536);
  cli.option("--devices", o.devices, "cpu, cuda, cuda:N: each model is trained on each").placeholder("DEVICE");
  cli.option("--budget", o.minutes,
             "minutes for all: four fifths in equal shares to train each combination, one fifth to sample and measure")
      .range(0, 1e6);

  cli.group("One recipe for all");
  cli.option("--parameters", o.parameters, "of each model; widths are chosen to come as near as they can")
      .range(100, 1e9);
  cli.option("--layers", o.layers, "layers").range(1, 64);
  cli.option("--step-targets", o.step_targets, "events learned from in a step, so that equal data is equal steps")
      .range(1, 65536);
  cli.option("--lr", o.lr, "learning rate, after 20 steps of warm-up").range(0, 100);
  cli.option("--seed", o.seed, "of initial weights, order of the data and samples");

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
  cli.example("polonaise-compare piano.data --budget 10 -o report",
              "five networks at four lengths in ten minutes; then open report/report.html");
  cli.example("polonaise-compare piano.data --models lstm,bilstm --seq 48 --budget 4 -o report", "one question alone");
  cli.example("polonaise-compare --render -o report", "the same report from what was measured");
  cli.memory_remedy("give a smaller --step-targets, or --devices cpu");
  cli.action([&] {
    if (render) {
      for (const Setting& setting : cli.config().settings) {
        cli.refuse_flags({setting.key}, "does not go with --render, which shows what was measured; leave it out");
      }
      return render_study(o.output);
    }
    if (o.dataset.empty()) throw UsageError("DATASET is missing: name what polonaise-prepare made.");
    o.dataset = std::filesystem::absolute(o.dataset).lexically_normal();
    run_study(o, cli.config(), command_line(argc, argv));
  });
  return cli.run(argc, argv);
}

}  // namespace
}  // namespace polonaise::tools

int main(int argc, char** argv) {
  return polonaise::tools::run(argc, argv);
}
