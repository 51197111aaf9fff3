#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/compare/findings/words.h"
#include "tools/compare/report/html.h"
#include "tools/compare/report/report_parts.h"
#include "tools/jobs/progress.h"

namespace polonaise::tools {
namespace {

using Cell = HtmlTable::Cell;

std::string kibi(double bytes) {
  return bytes < 1 << 20 ? fmt::format("{:.0f} KiB", bytes / 1024) : fmt::format("{:.1f} MiB", bytes / (1 << 20));
}

// From the least to the greatest of a value that each network of a model has.
struct Span {
  double low = 0, high = 0;

  void take(const std::optional<Spread>& value) {
    if (!value) return;
    low = low == 0 ? value->mean : std::min(low, value->mean);
    high = std::max(high, value->mean);
  }
  Cell cell() const {
    if (low == 0) return {"–", "note"};
    return {low == high ? with_prefix(low) : with_prefix(low) + " to " + with_prefix(high)};
  }
};

bool never_left(const Results& results, const Readings& reading, const std::string& model) {
  return std::ranges::all_of(reading.data.entries, [&](const Reading::Entry& entry) {
    return entry.network.combination().model != model || entry.network.never_left(results.course.unigram);
  });
}

std::vector<Cell> summary_row(const Results& results, const Readings& reading, const std::string& model) {
  Span pace, drawn;
  std::int64_t parameters = 0;
  for (const Network& network : networks_of(results, reading.scope)) {
    if (network.combination().model != model) continue;
    parameters = network.size().parameters;
    pace.take(network.targets_per_second());
    drawn.take(network.sampled_per_second());
  }
  const Reading::Entry* by_data = shown_of(reading.data, model);
  std::string name = fmt::format("<span class=\"s{}\">{}</span>", style_of(model), display_name(model));
  if (by_data != nullptr && never_left(results, reading, model))
    name += "<br><span class=\"note\">never left the unigram</span>";
  return {{name},
          loss_cell(reading.data, by_data, true),
          loss_cell(reading.time, shown_of(reading.time, model), true),
          {format_count(parameters)},
          pace.cell(),
          drawn.cell()};
}

}  // namespace

std::string summary_table(const Results& results) {
  std::string out;
  for (const Readings& reading : readings_of(results)) {
    HtmlTable table;
    table.caption = fmt::format("The best of each architecture{}: {} (events in its windows)",
                                of_scope(results, reading.scope), results.unit);
    table.columns = {
        {"Architecture", "", true},
        {reading.data.entries.empty()
             ? "Equal data"
             : fmt::format("Equal data, {} targets", format_count(std::llround(reading.data.at)))},
        {reading.time.entries.empty() ? "Equal time" : fmt::format("Equal time, {}", format_duration(reading.time.at))},
        {"Parameters"},
        {"Learns, targets/s", "at each length from the shortest to the longest"},
        {"Samples, events/s", "at each length from the shortest to the longest"}};
    for (const std::string& model : models_of(results)) table.rows.push_back(summary_row(results, reading, model));
    const auto counted = [&](const char* name, double loss) {
      table.rows.push_back({{name, "note"},
                            {number(loss), "note"},
                            {number(loss), "note"},
                            {"–", "note"},
                            {"–", "note"},
                            {"–", "note"}});
    };
    counted("counting pairs (bigram)", results.course.bigram);
    counted("counting events (unigram)", results.course.unigram);
    out += table.html();
  }
  return out;
}

std::string combinations_table(const Results& results) {
  HtmlTable table;
  table.caption = fmt::format("Loss of every network, {}{}", results.unit,
                              several_seeds(results) ? ": mean, and least to greatest of the seeds" : "");
  table.columns = {{"Network", "", true},
                   {"Hidden", "units of a layer; for the transformer width and inner width"},
                   {"Parameters"},
                   {"Targets seen", "mean of the seeds"},
                   {"Training, s", "mean of the seeds"},
                   {"At equal data", "among the networks of its size and device"},
                   {"At equal time", "among the networks of its size and device"},
                   {"At its end", fmt::format("on the {} split", split_name(results.course.split))},
                   {"Test", fmt::format("of the model at its end, on the {} split", split_name(results.test.split))}};
  const std::vector<Readings> readings = readings_of(results);
  for (const Network& network : networks_of(results)) {
    const Combination& c = network.combination();
    const Size& size = network.size();
    const auto reading = std::ranges::find(readings, Scope{c.device, c.parameters}, &Readings::scope);
    const auto mean = [&](auto value) -> std::optional<double> {
      const auto spread = network.spread([&](const CombinationResult& run) {
        return run.curve.empty() ? std::nullopt : std::optional(static_cast<double>(value(run)));
      });
      return spread ? std::optional(spread->mean) : std::nullopt;
    };
    const auto count = [](std::optional<double> value) -> Cell {
      return {value ? format_count(std::llround(*value)) : "–"};
    };
    // Its size has a column of its own.
    const std::string device = several_devices(results) ? ", on " + c.device : "";
    table.rows.push_back(
        {{fmt::format("{}, {} events{}", display_name(c.model), c.seq, device) + reserve_of(results, network)},
         {size.feedforward > 0 ? fmt::format("{} / {}", size.hidden, size.feedforward)
                               : fmt::format("{}", size.hidden)},
         {format_count(size.parameters)},
         count(mean([](const CombinationResult& run) { return run.targets; })),
         {number(mean([](const CombinationResult& run) { return run.seconds; }), "{:.1f}")},
         loss_cell(reading->data, reading->data.of(network), false),
         loss_cell(reading->time, reading->time.of(network), false),
         spread_cell(network.end_loss()),
         spread_cell(network.test_loss())});
  }
  const auto counted = [&](const char* name, double course, double test) {
    std::vector<Cell> row(table.columns.size(), Cell{"", "note"});
    row[0] = {name, "note"};
    row[5] = row[6] = row[7] = {number(course), "note"};
    row[8] = {number(test), "note"};
    table.rows.push_back(row);
  };
  counted("bigram", results.course.bigram, results.test.bigram);
  counted("unigram", results.course.unigram, results.test.unigram);
  return table.html();
}

std::string speed_table(const Results& results) {
  HtmlTable table;
  table.caption = several_seeds(results) ? "Training and sampling, means over the seeds" : "Training and sampling";
  table.columns = {
      {"Network", "", true},
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
  for (const Network& network : networks_of(results)) {
    const Combination& combination = network.combination();
    const auto pace = network.targets_per_second();
    if (!pace) continue;
    const DeviceResult* device = results.device(combination.device);
    const double ceiling = device == nullptr ? 0 : device->ceiling;
    const double flops = network.runs.front()->flops_per_target * pace->mean;
    const auto mean = [&](auto value) { return network.spread(value).value_or(Spread{}).mean; };
    const double device_bytes = mean([](const CombinationResult& c) { return static_cast<double>(c.device_bytes); });
    const auto drawn = network.sampled_per_second();
    table.rows.push_back(
        {{title_of(results, combination)},
         {with_prefix(pace->mean)},
         {number(mean([](const CombinationResult& c) { return c.milliseconds_per_step(); }), "{:.2f}")},
         {with_prefix(network.runs.front()->flops_per_target)},
         {with_prefix(flops)},
         {ceiling > 0 ? number(100 * flops / ceiling, "{:.1f} %") : "–"},
         {kibi(4.0 * static_cast<double>(network.size().parameters))},
         {kibi(mean([](const CombinationResult& c) { return static_cast<double>(c.arena_bytes); }))},
         {device_bytes > 0 ? kibi(device_bytes) : "–"},
         {drawn ? with_prefix(drawn->mean) : "–"}});
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

}  // namespace polonaise::tools
