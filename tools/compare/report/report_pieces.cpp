#include <fmt/format.h>

#include <algorithm>

#include "tools/compare/findings/words.h"
#include "tools/compare/report/html.h"
#include "tools/compare/report/report_parts.h"
#include "tools/compare/results/shown_metrics.h"

namespace polonaise::tools {
namespace {

using Cell = HtmlTable::Cell;

// A model's samples, or the held-out pieces.
struct Group {
  std::string name;
  std::vector<const Figures*> figures;
  bool real = false;

  std::optional<double> mean(std::string_view metric) const {
    double sum = 0;
    int count = 0;
    for (const Figures* f : figures) {
      if (const auto value = f->metric(metric)) {
        sum += *value;
        ++count;
      }
    }
    return count == 0 ? std::nullopt : std::optional(sum / count);
  }
};

std::vector<Group> groups_of(const Results& results) {
  std::vector<Group> groups;
  for (const std::string& model : models_of(results)) {
    Group group{display_name(model), {}};
    for (const CombinationResult& c : results.combinations) {
      if (c.combination.model != model) continue;
      for (const PieceOfMusic& piece : c.samples) {
        if (piece.figures) group.figures.push_back(&*piece.figures);
      }
    }
    if (!group.figures.empty()) groups.push_back(std::move(group));
  }
  Group human{"held-out pieces", {}, true};
  for (const auto& [name, figures] : results.human) human.figures.push_back(&figures);
  if (!human.figures.empty()) groups.push_back(std::move(human));
  for (const OpeningResult& opening : results.openings) {
    if (opening.key == "polonaise" && opening.real && opening.real->figures) {
      groups.push_back({"Polonaise Op. 53", {&*opening.real->figures}, true});
    }
  }
  return groups;
}

}  // namespace

std::string metrics_table(const Results& results) {
  HtmlTable table;
  table.caption =
      fmt::format("Metrics{}, means over pieces", results.without_opening ? " of what follows the opening" : "");
  table.columns = {{"Pieces", "", true}, {"Number"}, {"Notes"}};
  for (const ShownMetric& metric : shown_metrics())
    table.columns.push_back({std::string(metric.title), std::string(metric.name)});
  for (const Group& group : groups_of(results)) {
    double notes = 0;
    for (const Figures* f : group.figures) notes += static_cast<double>(f->notes);
    std::vector<Cell> row = {{escape_html(group.name)},
                             {fmt::format("{}", group.figures.size())},
                             {number(notes / static_cast<double>(group.figures.size()), "{:.0f}")}};
    for (const ShownMetric& metric : shown_metrics()) row.push_back({number(group.mean(metric.name), metric.digits)});
    if (group.real) {
      for (Cell& cell : row) cell.css_class = "note";
    }
    table.rows.push_back(std::move(row));
  }
  return table.html();
}

std::string overlaps_table(const Results& results) {
  if (results.overlaps.empty()) return "";
  HtmlTable table;
  table.caption = fmt::format("{} model’s samples and the held-out pieces as two sets: overlap, 0 to 1",
                              results.without_opening ? "What follows the opening in each" : "Each");
  table.columns = {{"Architecture", "", true}};
  for (const ShownMetric& metric : shown_metrics())
    table.columns.push_back({std::string(metric.title), std::string(metric.name)});
  for (const std::string& model : models_of(results)) {
    const auto found = std::ranges::find(results.overlaps, model, &SetOverlap::model);
    if (found == results.overlaps.end()) continue;
    std::vector<Cell> row = {{display_name(model)}};
    for (const ShownMetric& metric : shown_metrics()) {
      const auto value = std::ranges::find(found->overlap, metric.name, &std::pair<std::string, double>::first);
      row.push_back({number(value == found->overlap.end() ? std::nullopt : std::optional(value->second), "{:.2f}")});
    }
    table.rows.push_back(std::move(row));
  }
  return table.html();
}

std::string novelty_table(const Results& results) {
  HtmlTable table;
  table.caption =
      fmt::format("Runs of notes{} found in training pieces", results.without_opening ? " after the opening" : "");
  table.columns = {{"Pieces", "", true},
                   {"Longest run, mean"},
                   {"Longest run"},
                   {"Exact", "the longest run in the same key and rhythm"},
                   {"In runs of 8"},
                   {"of 12"},
                   {"of 16"},
                   {"of 24"},
                   {"The longest is from", "", true}};
  for (const Group& group : groups_of(results)) {
    const Figures* worst = group.figures.front();
    double longest = 0;
    std::int64_t exact = 0;
    std::vector<double> share(4, 0.0);
    const auto count = static_cast<double>(group.figures.size());
    for (const Figures* f : group.figures) {
      if (f->transposed.longest > worst->transposed.longest) worst = f;
      longest += static_cast<double>(f->transposed.longest) / count;
      exact = std::max(exact, f->exact.longest);
      for (std::size_t i = 0; i < std::min(share.size(), f->transposed.share.size()); ++i) {
        share[i] += f->transposed.share[i] / count;
      }
    }
    const CopiedRun& run = worst->transposed;
    std::vector<Cell> row = {{escape_html(group.name)},
                             {number(longest, "{:.1f}")},
                             {fmt::format("{}", run.longest)},
                             {fmt::format("{}", exact)}};
    for (const double part : share) row.push_back({number(100 * part, "{:.1f} %")});
    row.push_back({run.source.empty() ? "–" : fmt::format("{}, bar {}", escape_html(run.source), run.source_bar)});
    if (group.real) {
      for (Cell& cell : row) cell.css_class = "note";
    }
    table.rows.push_back(std::move(row));
  }
  return table.html();
}

}  // namespace polonaise::tools
