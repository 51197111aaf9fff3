#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/compare/findings/gap_in_words.h"
#include "tools/compare/findings/words.h"
#include "tools/compare/report/html.h"
#include "tools/compare/report/report_parts.h"
#include "tools/compare/results/time_to_quality.h"
#include "tools/jobs/progress.h"

namespace polonaise::tools {
namespace {

// Losses by model and size at equal data and at equal time, among the networks of all sizes.
std::string sizes_table(const Results& results, const std::string& device) {
  const std::vector<Network> enough = judged(networks_on(results, device));
  HtmlTable table;
  table.columns = {{"Architecture", "", true}};
  std::vector<Reading> readings;
  for (const Axis axis : {Axis::targets, Axis::seconds}) {
    readings.push_back(read_off(enough, axis, results.course.unigram));
    for (const std::int64_t size : results.parameters) {
      table.columns.push_back(
          {fmt::format("{}, equal {}", format_count(size), axis == Axis::targets ? "data" : "time")});
    }
  }
  if (readings.front().entries.empty()) return "";
  table.caption = fmt::format(
      "Quality against size{}: {}, each model’s best length (events in its windows), at {} targets and at {} of "
      "training",
      several_devices(results) ? " on " + device : "", results.unit, format_count(std::llround(readings[0].at)),
      format_duration(readings[1].at));
  for (const std::string& model : models_of(results)) {
    std::vector<HtmlTable::Cell> row = {
        {fmt::format("<span class=\"s{}\">{}</span>", style_of(model), display_name(model))}};
    for (const Reading& reading : readings) {
      for (const std::int64_t size : results.parameters) {
        row.push_back(loss_cell(reading, shown_of(reading, model, size), true));
      }
    }
    table.rows.push_back(std::move(row));
  }
  return table.html();
}

HtmlTable::Cell seconds_cell(const std::optional<Spread>& seconds) {
  return spread_cell(seconds, "{:.1f}");
}

HtmlTable::Cell targets_cell(const std::optional<Spread>& targets) {
  if (!targets) return {"–", "note"};
  std::string text = format_count(std::llround(targets->mean));
  if (targets->runs > 1) {
    text += fmt::format("<br><span class=\"unit\">{}–{}</span>", format_count(std::llround(targets->least)),
                        format_count(std::llround(targets->greatest)));
  }
  return {text};
}

}  // namespace

std::string sizes_part(const Results& results) {
  if (!several_sizes(results)) return "";
  std::string tables;
  for (const DeviceResult& device : results.devices) tables += sizes_table(results, device.name);
  return "<h3>Against size</h3>\n<p>The loss of each model’s best length at each size. Here all sizes are read at the "
         "same data and the same time; where sizes are ranked one by one, each is read as far as its own networks "
         "came. At equal time a larger network has seen less.</p>\n<div class=\"charts\">\n" +
         sizes_charts(results) + "</div>\n" + tables;
}

std::string target_part(const Results& results) {
  if (results.target_loss <= 0) return "";
  HtmlTable table;
  table.caption = fmt::format("Targets and seconds until a loss of {} {}", results.target_loss, results.unit);
  table.columns = {{"Network", "", true},
                   {"Seconds", "of training steps"},
                   {"Targets", "learned from"},
                   {"Seeds that reached it"},
                   {"At its end", "its loss"}};
  for (const TimeToQuality& time : times_to_quality(networks_of(results), results.target_loss)) {
    const bool all = time.seconds.has_value();
    table.rows.push_back({{title_of(results, time.network.combination())},
                          all ? seconds_cell(time.seconds) : HtmlTable::Cell{"not reached", "note"},
                          all ? targets_cell(time.targets) : HtmlTable::Cell{"not reached", "note"},
                          {fmt::format("{} of {}", time.reached, time.network.runs.size())},
                          spread_cell(time.network.end_loss())});
  }
  return "<h3>Time to quality</h3>\n<p>How much data and how much training it takes until the held-out loss is first "
         "as "
         "low as that, between two measurements on a line over the logarithm. “Not reached” stands where a seed did "
         "not come so far within its time.</p>\n" +
         table.html();
}

std::string gap_text(const Results& results) {
  const std::string words = gap_in_words(results);
  return words.empty() ? "" : "<p>" + escape_html(words) + "</p>\n";
}

}  // namespace polonaise::tools
