#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/common/progress.h"
#include "tools/compare/conclusion.h"
#include "tools/compare/html.h"
#include "tools/compare/judge.h"
#include "tools/compare/report_parts.h"

namespace polonaise::tools {
namespace {

using Cell = HtmlTable::Cell;

bool several_devices(const Results& results) {
  return results.devices.size() > 1;
}

Cell loss_cell(const Reading& reading, const Reading::Entry* entry, bool with_length) {
  if (entry == nullptr) return {"–", "note"};
  const bool best = entry == reading.entries.data();
  std::string text = number(entry->loss);
  if (with_length) text += fmt::format(" <span class=\"unit\">({})</span>", entry->combination->combination.seq);
  return {text, best ? "best" : ""};
}

std::string kibi(double bytes) {
  return bytes < 1 << 20 ? fmt::format("{:.0f} KiB", bytes / 1024) : fmt::format("{:.1f} MiB", bytes / (1 << 20));
}

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

// Why a combination has no part in the conclusion, beneath its name.
std::string not_judged(const CombinationResult& c) {
  if (c.judged()) return "";
  const char* why = c.stage == Stage::failed    ? "its loss did not stay finite"
                    : c.stage == Stage::planned ? "to come"
                                                : "too little to judge";
  return fmt::format("<br><span class=\"note\">{}</span>", why);
}

}  // namespace

std::string summary_table(const Results& results) {
  std::string out;
  for (const Readings& reading : readings_of(results)) {
    HtmlTable table;
    table.caption = fmt::format("The best of each architecture{}: {} (events in its windows)",
                                several_devices(results) ? " on " + reading.device : "", results.unit);
    table.columns = {
        {"Architecture", "", true},
        {reading.data.entries.empty()
             ? "Equal data"
             : fmt::format("Equal data, {} targets", format_count(std::llround(reading.data.at)))},
        {reading.time.entries.empty() ? "Equal time" : fmt::format("Equal time, {}", format_duration(reading.time.at))},
        {"Parameters"},
        {"Learns, targets/s", "at each length from the shortest to the longest"},
        {"Samples, events/s", "at each length from the shortest to the longest"}};
    for (const std::string& model : models_of(results)) {
      double slow = 0, fast = 0, draws_slow = 0, draws_fast = 0;
      std::int64_t parameters = 0;
      for (const CombinationResult& c : results.combinations) {
        if (c.combination.model != model || c.combination.device != reading.device) continue;
        parameters = c.size.parameters;
        const auto take = [](double value, double& least, double& most) {
          if (value <= 0) return;
          least = least == 0 ? value : std::min(least, value);
          most = std::max(most, value);
        };
        take(c.targets_per_second(), slow, fast);
        take(c.sampled_per_second, draws_slow, draws_fast);
      }
      const auto span = [](double low, double high) -> Cell {
        if (low == 0) return {"–", "note"};
        if (low == high) return {with_prefix(low)};
        return {with_prefix(low) + " to " + with_prefix(high)};
      };
      table.rows.push_back({{fmt::format("<span class=\"s{}\">{}</span>", style_of(model), display_name(model))},
                            loss_cell(reading.data, reading.data.best_of(model), true),
                            loss_cell(reading.time, reading.time.best_of(model), true),
                            {format_count(parameters)},
                            span(slow, fast),
                            span(draws_slow, draws_fast)});
    }
    table.rows.push_back({{"counting pairs (bigram)", "note"},
                          {number(results.course.bigram), "note"},
                          {number(results.course.bigram), "note"},
                          {"–", "note"},
                          {"–", "note"},
                          {"–", "note"}});
    out += table.html();
  }
  return out;
}

std::string combinations_table(const Results& results) {
  HtmlTable table;
  table.caption = fmt::format("Loss of every combination, {}", results.unit);
  table.columns = {{"Combination", "", true},
                   {"Hidden", "units of a layer; for the transformer width and inner width"},
                   {"Parameters"},
                   {"Targets seen"},
                   {"Steps"},
                   {"Training, s"},
                   {"At equal data"},
                   {"At equal time"},
                   {"At its end"},
                   {"Test split", "of the model at its end, on other pieces"}};
  const std::vector<Readings> readings = readings_of(results);
  for (const CombinationResult& c : results.combinations) {
    const auto reading = std::ranges::find(readings, c.combination.device, &Readings::device);
    const bool trained = !c.curve.empty();
    table.rows.push_back({{title_of(results, c) + not_judged(c)},
                          {c.size.feedforward > 0 ? fmt::format("{} / {}", c.size.hidden, c.size.feedforward)
                                                  : fmt::format("{}", c.size.hidden)},
                          {format_count(c.size.parameters)},
                          {trained ? format_count(c.targets) : "–"},
                          {trained ? format_count(c.steps) : "–"},
                          {number(trained ? std::optional(c.seconds) : std::nullopt, "{:.1f}")},
                          loss_cell(reading->data, reading->data.of(c), false),
                          loss_cell(reading->time, reading->time.of(c), false),
                          {number(trained ? std::optional(c.curve.back().loss) : std::nullopt)},
                          {number(c.stage == Stage::sampled ? std::optional(c.test_loss) : std::nullopt)}});
  }
  const auto counted = [&](const char* name, double course, double test) {
    std::vector<Cell> row(table.columns.size(), Cell{"", "note"});
    row[0] = {name, "note"};
    row[6] = row[7] = row[8] = {number(course), "note"};
    row[9] = {number(test), "note"};
    table.rows.push_back(row);
  };
  counted("bigram", results.course.bigram, results.test.bigram);
  counted("unigram", results.course.unigram, results.test.unigram);
  return table.html();
}

std::string speed_table(const Results& results) {
  HtmlTable table;
  table.caption = "Training and sampling";
  table.columns = {
      {"Combination", "", true},
      {"Targets/s"},
      {"ms a step"},
      {"FLOP a target", "by formula: see the method"},
      {"FLOP/s"},
      {"Of the ceiling", "of the matrix product's FLOP/s"},
      {"Parameters", "memory, at 4 bytes each"},
      {"Arenas", "most memory that the steps and validations held at once, besides parameters and optimizer"},
      {"On the device",
       "what training holds of its memory: parameters and what is derived from them, moments, "
       "gradients and arenas"},
      {"Sampled events/s"}};
  for (const CombinationResult& c : results.combinations) {
    if (c.curve.empty()) continue;
    const DeviceResult* device = results.device(c.combination.device);
    const double ceiling = device == nullptr ? 0 : device->ceiling;
    table.rows.push_back({{title_of(results, c)},
                          {with_prefix(c.targets_per_second())},
                          {number(c.milliseconds_per_step(), "{:.2f}")},
                          {with_prefix(c.flops_per_target)},
                          {with_prefix(c.flops_per_second())},
                          {ceiling > 0 ? number(100 * c.flops_per_second() / ceiling, "{:.1f} %") : "–"},
                          {kibi(4.0 * static_cast<double>(c.size.parameters))},
                          {kibi(static_cast<double>(c.arena_bytes))},
                          {c.device_bytes > 0 ? kibi(static_cast<double>(c.device_bytes)) : "–"},
                          {c.stage == Stage::sampled ? with_prefix(c.sampled_per_second) : "–"}});
  }
  return table.html();
}

std::string memory_text(const Results& results) {
  std::string text =
      "Memory of the parameters alone is 4 bytes for each; arenas are what the steps and validations of a combination "
      "held at once besides parameters and optimizer, at most.";
  if (results.peak_resident_bytes > 0) {
    text += fmt::format(
        " The whole process, with program, data and all it had trained by then, held at most {} of the machine’s "
        "memory "
        "(peak resident set); what lies on a card is not in that, but in the table’s column “On the device”.",
        kibi(static_cast<double>(results.peak_resident_bytes)));
  }
  return text;
}

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
