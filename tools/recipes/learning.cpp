#include "tools/recipes/learning.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <set>
#include <string_view>

#include "io/files/error.h"
#include "io/files/file.h"
#include "models/config.h"
#include "tools/compare/findings/words.h"
#include "tools/compare/report/chart_file.h"
#include "tools/compare/report/report_parts.h"
#include "tools/compare/results/spread.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBefore = "before";
// Before it learned anything a network may be far above what counting achieves, and nothing else would be seen.
constexpr double kMostOfUnigram = 1.15;
// Steps beyond the last, where the rules' labels stand.
constexpr double kRoomForRules = 1.45;

// A file's lines, cut at tabs.
class Table {
 public:
  explicit Table(fs::path file, std::size_t columns, std::string_view names) : file_(std::move(file)) {
    const std::string content = io::read_text(file_);
    std::string_view text = content;
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(line.size() + 1, text.size()));
      rows_.push_back(fields_of(line));
      if (rows_.back().size() == columns) continue;
      throw io::Error(fmt::format("line {} of {} has {} columns, not {}: {}; name a file of tools/recipes/learning.sh.",
                                  rows_.size(), file_.string(), rows_.back().size(), columns, names));
    }
  }

  std::size_t rows() const { return rows_.size(); }
  const std::string& text(std::size_t row, std::size_t column) const { return rows_[row][column]; }

  template <class T>
  T number(std::size_t row, std::size_t column) const {
    const std::string& field = text(row, column);
    T value{};
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    const bool whole = error == std::errc() && end == field.data() + field.size();
    if (whole && std::isfinite(static_cast<double>(value))) return value;
    throw io::Error(fmt::format("line {} of {} has \"{}\" in column {}, which is no number there; mend or remove it.",
                                row + 1, file_.string(), field, column + 1));
  }

 private:
  static std::vector<std::string> fields_of(std::string_view line) {
    std::vector<std::string> fields;
    for (std::size_t tab = line.find('\t'); tab != std::string_view::npos; tab = line.find('\t')) {
      fields.emplace_back(line.substr(0, tab));
      line.remove_prefix(tab + 1);
    }
    fields.emplace_back(line);
    return fields;
  }

  fs::path file_;
  std::vector<std::vector<std::string>> rows_;
};

// Refuses what `file` does not have: "a.tsv has no set waltz, but jsb and midi".
template <class T>
void require_one_of(const std::set<T>& there, const T& wanted, const fs::path& file, const std::string& kind) {
  if (there.contains(wanted)) return;
  if (there.empty()) {
    throw io::Error(fmt::format("{} is empty; let tools/recipes/learning.sh train something first.", file.string()));
  }
  std::vector<std::string> names;
  for (const T& one : there) names.push_back(fmt::format("{}", one));
  throw io::Error(fmt::format("{} has no {} {}, but {}; name one of those.", file.string(), kind, wanted,
                              joined(std::move(names))));
}

// A network's line, empty where nothing was measured.
ChartSeries series_of(const std::vector<LearningRow>& rows, std::string_view way, std::string_view model) {
  std::map<int, std::vector<double>> losses;  // by step
  std::set<int> seeds;
  for (const LearningRow& row : rows) {
    if (row.way != way || row.model != model) continue;
    losses[row.step].push_back(row.nats);
    seeds.insert(row.seed);
  }
  ChartSeries series{display_name(model), style_of(model), {}};
  for (const auto& [step, values] : losses) {
    const Spread spread = spread_of(values).value();
    series.points.emplace_back(step, spread.mean);
    if (seeds.size() > 1) series.whiskers.emplace_back(spread.least, spread.greatest);
  }
  return series;
}

// Rows of one set and window.
std::vector<LearningRow> rows_of(const Learning& learning, const std::string& set, int window) {
  std::set<std::string> sets;
  std::set<int> windows;
  std::vector<LearningRow> rows;
  for (const LearningRow& row : learning.rows) {
    sets.insert(row.set);
    if (row.set != set) continue;
    windows.insert(row.window);
    if (row.window == window) rows.push_back(row);
  }
  require_one_of(sets, set, learning.results_file, "set");
  require_one_of(windows, window, learning.results_file, fmt::format("rows of {} with windows of", set));
  return rows;
}

}  // namespace

Learning read_learning(const fs::path& results, const fs::path& baselines) {
  Learning learning;
  learning.results_file = results;
  learning.baselines_file = baselines;
  const Table rows(results, 10, "way, set, model, window, seed, step, targets, seconds, nats, nats of lengths");
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    learning.rows.push_back({rows.text(i, 0), rows.text(i, 1), rows.text(i, 2), rows.number<int>(i, 3),
                             rows.number<int>(i, 4), rows.number<int>(i, 5), rows.number<double>(i, 8)});
  }
  const Table sets(baselines, 3, "set, unigram, bigram");
  for (std::size_t i = 0; i < sets.rows(); ++i) {
    learning.baselines[sets.text(i, 0)] = {sets.number<double>(i, 1), sets.number<double>(i, 2)};
  }
  return learning;
}

Chart learning_chart(const Learning& learning, const std::string& set, int window, const std::string& way) {
  const std::vector<LearningRow> rows = rows_of(learning, set, window);
  std::set<std::string> ways;
  for (const LearningRow& row : rows) ways.insert(row.way);
  require_one_of(ways, way, learning.results_file,
                 fmt::format("rows of {} with windows of {} and the way", set, window));
  std::set<std::string> counted;
  for (const auto& [name, baseline] : learning.baselines) counted.insert(name);
  require_one_of(counted, set, learning.baselines_file, "set");
  const LearningBaseline& baseline = learning.baselines.at(set);

  Chart chart;
  chart.title = fmt::format("{}, windows of {} events", set, window);
  chart.x_label = "step";
  chart.y_label = "validation loss, nats";
  chart.log_x = true;
  chart.across = {{baseline.unigram, "unigram"}, {baseline.bigram, "bigram"}};
  for (const std::string& model : names_of<Architecture>()) {
    ChartSeries series = series_of(rows, way, model);
    if (!series.points.empty()) chart.series.push_back(std::move(series));
  }
  for (const std::string& model : names_of<Architecture>()) {
    ChartSeries series = series_of(rows, kBefore, model);
    series.name += " before";
    series.dashed = true;
    if (way != kBefore && !series.points.empty()) chart.series.push_back(std::move(series));
  }
  chart.x_range = x_range_of({chart});
  chart.x_range.second *= kRoomForRules;
  chart.y_range = y_range_of({chart});
  chart.y_range.second = std::min(chart.y_range.second, kMostOfUnigram * baseline.unigram);
  return chart;
}

std::string learning_chart_file(const Learning& learning, const std::string& set, int window, const std::string& way) {
  const Chart chart = learning_chart(learning, set, window, way);
  const bool dashes = std::ranges::any_of(chart.series, &ChartSeries::dashed);
  return chart_file(chart, dashes ? "started as before" : "");
}

}  // namespace polonaise::tools
