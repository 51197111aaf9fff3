#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "tools/cli/cli.h"
#include "tools/compare/study/folder.h"
#include "tools/compare/study/options.h"
#include "tools/compare/study/study.h"

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
  Cli cli("polonaise-compare", "trains networks of equal size on the same music and says which is best");
  declare(cli, o);
  cli.flag("--render", render, "only write report.html anew, from what was measured").transient();
  cli.example("polonaise-compare piano.data --budget 10 -o report",
              "five networks at four lengths in ten minutes; then open report/report.html");
  cli.example("polonaise-compare piano.data --models lstm,bilstm --seq 48 --budget 4 -o report", "one question alone");
  cli.example("polonaise-compare piano.data --models lstm,gru --seq 48 --seeds 1,2,3 --budget 9 -o report",
              "each network from three seeds: what differs by no more than they do is called level");
  cli.example(
      "polonaise-compare piano.data --models lstm,gru --seq 48 --parameters 20000,80000,320000 --budget 9 -o report",
      "quality against size");
  cli.example("polonaise-compare piano.data --target-loss 7.5 --budget 20 -o report",
              "also how much data and time a loss of 7.5 takes");
  cli.example("polonaise-compare piano.data --devices cuda --precision bf16 --budget 5 -o report",
              "on a GPU, with activations in bf16");
  cli.example("polonaise-compare --render -o report", "the same report from what was measured");
  cli.memory_remedy("give a smaller --step-targets, or --devices cpu");
  cli.action([&] {
    if (render) {
      for (const Setting& setting : cli.config().settings) {
        cli.refuse_flags({setting.key}, "does not go with --render, which shows what was measured; leave it out");
      }
      return render_study(o.output);
    }
    check(o);
    // What was begun goes on with its own options where none are given, also with those of an older version.
    if (const std::optional<Config> record = ReportFolder::record(o.output)) {
      Config begun = *record;
      // --seed N is another way to say --seeds.
      if (cli.given("seed")) std::erase_if(begun.settings, [](const Setting& s) { return s.key == "seeds"; });
      cli.adopt(begun, o.output.string());
    }
    if (o.dataset.empty()) throw UsageError("DATASET is missing: name what polonaise-prepare made.");
    o.dataset = std::filesystem::absolute(o.dataset).lexically_normal();
    run_study(o, command_line(argc, argv));
  });
  return cli.run(argc, argv);
}

}  // namespace
}  // namespace polonaise::tools

int main(int argc, char** argv) {
  return polonaise::tools::run(argc, argv);
}
