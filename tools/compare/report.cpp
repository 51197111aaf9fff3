#include "tools/compare/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "tools/common/progress.h"
#include "tools/compare/conclusion.h"
#include "tools/compare/html.h"
#include "tools/compare/page.h"
#include "tools/compare/report_parts.h"

namespace polonaise::tools {
namespace {

std::string heading(const Results& results) {
  constexpr std::string_view kNumbers[] = {"No", "One", "Two", "Three", "Four", "Five"};
  const std::size_t count = models_of(results).size();
  return fmt::format("{} network{}, one size, the same music", kNumbers[std::min(count, std::size(kNumbers) - 1)],
                     count == 1 ? "" : "s");
}

std::string facts(const Results& results) {
  std::int64_t pieces = 0;
  for (const auto& [name, size] : results.splits) pieces += size.first;
  return fmt::format("{} · about {} parameters each · {} of training each · {} as {} · {}",
                     counted(std::ssize(results.combinations), "combination"), format_count(results.parameters),
                     format_duration(results.training_seconds), counted(pieces, "piece"), escape_html(results.encoding),
                     escape_html(results.date));
}

std::string ceilings(const Results& results) {
  std::string text = "A target is an event learned from. ";
  for (const DeviceResult& device : results.devices) {
    if (device.ceiling <= 0) continue;
    text += fmt::format("The ceiling of {} ({}) is {}FLOP/s, measured with a product of two 1024 × 1024 matrices. ",
                        escape_html(device.name), escape_html(device.description), with_prefix(device.ceiling));
  }
  return text;
}

std::string held_out_text(const HeldOutResult& held_out) {
  return fmt::format("{}, the beginnings of {} of the {} split", counted(held_out.events, "event"),
                     counted(held_out.pieces, "piece"), escape_html(held_out.split));
}

std::string method(const Results& results) {
  std::vector<std::string> items = {
      fmt::format("Sizes: widths are chosen so that every model has as nearly {} parameters as it can; counts within "
                  "5 % of each other are called equal. All have {}.",
                  format_count(results.parameters),
                  counted(results.combinations.empty() ? 0 : results.combinations.front().size.layers, "layer")),
      fmt::format(
          "Recipe: AdamW at a constant rate of {} after 20 steps of warm-up, gradient norm clipped at 1, no dropout, "
          "seed {}; the same for all, tuned for none.",
          results.learning_rate, results.seed),
      fmt::format(
          "Steps: about {} targets in each, whatever the length of the windows, so that equal data is equally "
          "many steps. The bidirectional LSTM reads a window of the past and predicts the one event after it: a loss "
          "at every step of a bidirectional pass would see its own targets.",
          format_count(results.step_targets)),
      fmt::format("Time: {} minutes in all; four fifths in equal shares for training, held-out losses along the way "
                  "included; seconds on the axes are those of training steps alone.",
                  results.minutes),
      fmt::format(
          "Held-out loss: measured at 4,000 targets and each time √2 times as many, on {}. Readings between two "
          "measurements lie on a line over the logarithm. Equal data is the most targets, equal time the most "
          "seconds, that every combination reached which saw at least {} targets; others are left out.",
          held_out_text(results.course), format_count(kLeastTargets)),
      fmt::format("Test loss: of the model as it was at the end, on {}.", held_out_text(results.test)),
      "FLOP: products with weights and of attention, two for each multiplication and addition, and twice as much again "
      "for "
      "the gradients (once where the input is data); the bidirectional LSTM reads a whole window for each target.",
      fmt::format("Samples: temperature {}, one for each opening.", results.temperature)};
  std::string out = "<ul class=\"method\">";
  for (const std::string& item : items) out += "<li>" + item + "</li>\n";
  return out + "</ul>";
}

std::string environment(const Results& results) {
  std::string out = "<dl>";
  const auto row = [&](const char* name, const std::string& value) {
    if (!value.empty()) out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, value);
  };
  row("Command", "<code>" + escape_html(results.command) + "</code>");
  row("Version", escape_html(results.version));
  row("Processor", fmt::format("{}, {}", escape_html(results.processor), counted(results.threads, "thread")));
  for (const DeviceResult& device : results.devices) row("Device", escape_html(device.description));
  for (const std::string& line : results.libraries) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos || line.starts_with("devices")) continue;
    row("Libraries", escape_html(line.substr(colon + 2)));
  }
  row("Data", escape_html(results.dataset));
  row("Checksum", "<code>" + escape_html(results.checksum) + "</code>");
  std::vector<std::string> splits;
  for (const auto& [name, size] : results.splits) {
    splits.push_back(
        fmt::format("{}: {}, {}", escape_html(name), counted(size.first, "piece"), counted(size.second, "event")));
  }
  row("Pieces", fmt::format("{}", fmt::join(splits, "; ")));
  row("Begun", escape_html(results.date));
  return out + "</dl>";
}

}  // namespace

int style_of(std::string_view model) {
  constexpr std::string_view kModels[] = {"rnn", "lstm", "gru", "bilstm", "transformer"};
  return static_cast<int>(std::ranges::find(kModels, model) - kModels) % 5;
}

std::string title_of(const Results& results, const CombinationResult& c) {
  return fmt::format("{}, {} events{}", display_name(c.combination.model), c.combination.seq,
                     results.devices.size() > 1 ? ", " + c.combination.device : "");
}

std::vector<std::string> models_of(const Results& results) {
  std::vector<std::string> models;
  for (const CombinationResult& c : results.combinations) {
    if (std::ranges::find(models, c.combination.model) == models.end()) models.push_back(c.combination.model);
  }
  return models;
}

std::vector<int> lengths_of(const Results& results) {
  std::vector<int> lengths;
  for (const CombinationResult& c : results.combinations) {
    if (std::ranges::find(lengths, c.combination.seq) == lengths.end()) lengths.push_back(c.combination.seq);
  }
  return lengths;
}

std::vector<Readings> readings_of(const Results& results) {
  std::vector<Readings> readings;
  for (const DeviceResult& device : results.devices) {
    const auto all = judged(results, device.name);
    readings.push_back({device.name, read_off(all, Axis::targets), read_off(all, Axis::seconds)});
  }
  return readings;
}

std::string report_html(const Results& results, const std::filesystem::path& folder) {
  const MusicParts music = music_parts(results, folder);
  return fill(page_html(), {{"title", "Polonaise: " + heading(results)},
                            {"style", std::string(page_css())},
                            {"heading", heading(results)},
                            {"facts", facts(results)},
                            {"conclusion", escape_html(conclusion(results))},
                            {"reservations", escape_html(reservations(results))},
                            {"summary", summary_table(results)},
                            {"unit", results.unit},
                            {"legend", legend(results)},
                            {"data_charts", data_charts(results)},
                            {"time_charts", time_charts(results)},
                            {"combinations", combinations_table(results)},
                            {"ceilings", ceilings(results)},
                            {"speed_charts", speed_charts(results)},
                            {"speed_table", speed_table(results)},
                            {"memory", memory_text(results)},
                            {"samples", music.html},
                            {"metrics", metrics_table(results)},
                            {"overlaps", overlaps_table(results)},
                            {"novelty", novelty_table(results)},
                            {"method", method(results)},
                            {"environment", environment(results)},
                            {"pieces", music.json},
                            {"script", std::string(page_js())}});
}

}  // namespace polonaise::tools
