#include <array>
#include <charconv>
#include <filesystem>
#include <string>
#include <vector>

#include "io/files/file.h"
#include "tools/cli/cli.h"
#include "tools/cli/files.h"
#include "tools/recipes/learning.h"

namespace polonaise::tools {
namespace {

int window_of(const std::string& text) {
  int window = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), window);
  if (error == std::errc() && end == text.data() + text.size()) return window;
  throw UsageError("WINDOW is " + text + ", which is no number of events.");
}

// `arguments`: results, baselines, set, window.
void draw(const std::vector<std::string>& arguments, const std::string& way, const std::filesystem::path& output) {
  if (arguments.size() != 4) throw UsageError("name results.tsv, baselines.tsv, a set and a window, in this order.");
  const std::filesystem::path results = arguments[0], baselines = arguments[1];
  const int window = window_of(arguments[3]);
  check_output(output, std::array{results, baselines});
  const Learning learning = read_learning(results, baselines);
  io::write_file(output, learning_chart_file(learning, arguments[2], window, way));
}

}  // namespace
}  // namespace polonaise::tools

// The charts of tools/recipes/learning.sh.
int main(int argc, char** argv) {
  std::vector<std::string> arguments;
  std::string way = "now";
  std::filesystem::path output;
  polonaise::tools::Cli cli("learning-chart", "draws how networks learned, as tools/recipes/learning.sh measured it");
  cli.positional("FILE FILE SET WINDOW", arguments, "results.tsv, baselines.tsv, a set of music, events in a window")
      .required();
  cli.option("--way", way, "the way of the solid lines; dashed ones are the way \"before\"").placeholder("TEXT");
  cli.option("-o,--output", output, "the SVG file to write").placeholder("FILE").required();
  cli.example("learning-chart results.tsv baselines.tsv jsb 48 -o jsb.svg", "the curves of one set");
  cli.action([&] { polonaise::tools::draw(arguments, way, output); });
  return cli.run(argc, argv);
}
