#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tools/compare/report/chart.h"

// What tools/recipes/learning.sh measured, and its charts.
namespace polonaise::tools {

// A validation: a row of results.tsv. `way` is how the network was started and trained, "before" as it was earlier.
struct LearningRow {
  std::string way, set, model;
  int window = 0, seed = 0, step = 0;
  double nats = 0;
};

// What counting achieves on a set: a row of baselines.tsv.
struct LearningBaseline {
  double unigram = 0, bigram = 0;
};

struct Learning {
  std::filesystem::path results_file, baselines_file;  // where it was read
  std::vector<LearningRow> rows;
  std::map<std::string, LearningBaseline> baselines;  // by set
};

// Throws io::Error for what cannot be read, naming file and line.
Learning read_learning(const std::filesystem::path& results, const std::filesystem::path& baselines);

// Validation losses of one set and window against steps: a line for each network of `way`, the mean over its seeds with
// whiskers from least to greatest, and a dashed one for each of the way "before". Throws io::Error where there are
// none, or no baselines, and says what there is.
Chart learning_chart(const Learning& learning, const std::string& set, int window, const std::string& way = "now");

// learning_chart() as a file, with what its dashes mean.
std::string learning_chart_file(const Learning& learning, const std::string& set, int window,
                                const std::string& way = "now");

}  // namespace polonaise::tools
