#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/compare/findings/words.h"
#include "tools/compare/report/html.h"
#include "tools/compare/report/report_parts.h"
#include "tools/jobs/progress.h"

namespace polonaise::tools {
namespace {

std::string held_out_text(const HeldOutResult& held_out) {
  return fmt::format("{}, the beginnings of {} of the {} split", counted(held_out.events, "event"),
                     counted(held_out.pieces, "piece"), escape_html(split_name(held_out.split)));
}

std::string precision_text(const Results& results) {
  if (results.precision == "float") return "float";
  return fmt::format(
      "{} while training, in which the losses along the way are measured too; test losses and samples in "
      "float",
      results.precision);
}

std::string start_text(const Results& results) {
  if (results.start == "torch") return "those of PyTorch’s layers";
  return "those of PyTorch’s layers, but for the head’s bias, which begins with the unigram of the training split, and "
         "some thresholds on the length of a chord";
}

std::string seeds_method(const Results& results) {
  const std::string of = "of initial weights, order of the data and samples";
  if (!several_seeds(results)) {
    return fmt::format(
        "Seed: {}, {}. One seed shows no spread: how far another would come out from it is unknown. "
        "Losses within {} % of each other are called level.",
        results.seeds.front(), of, 100 * kLevel);
  }
  return fmt::format(
      "Seeds: {}, {}. Losses are read for each seed at the same place, the furthest that every run reached, and stand "
      "as their mean with the least and the greatest. Two are called level where these ranges overlap, or where "
      "the means are within {} % of each other; marked in the tables are the best and what is "
      "level with it.",
      seeds_text(results), of, 100 * kLevel);
}

// Learning rate of all networks, or that each has its own.
std::string rate_text(const Results& results) {
  if (results.learning_rate > 0) return fmt::format("{}, the same for all, tuned for none", results.learning_rate);
  std::vector<std::string> rates;
  for (const std::string& model : models_of(results)) {
    for (const CombinationResult& c : results.combinations) {
      if (c.combination.model != model || c.learning_rate == 0) continue;
      rates.push_back(fmt::format("{} for the {}", c.learning_rate, display_name(model)));
      break;
    }
  }
  return fmt::format("what polonaise-train gives each network where it is not told: {}", fmt::join(rates, ", "));
}

}  // namespace

std::string method_part(const Results& results) {
  std::vector<std::string> items = {
      fmt::format("Sizes: widths are chosen so that every model has as nearly {} parameters as it can; counts within "
                  "5 % of each other are called equal. All have {}.",
                  all_sizes(results),
                  counted(results.combinations.empty() ? 0 : results.combinations.front().size.layers, "layer")),
      fmt::format(
          "Recipe: {} at a rate that {} after {} steps of warm-up, gradient norm clipped at 1, no dropout. The rate "
          "of AdamW is {}. Initial values: {}. Precision: {}.",
          results.optimizer == "muon" ? "Muon for the matrices between hidden units and AdamW for the rest," : "AdamW",
          results.schedule == "inverse-sqrt" ? "falls with the root of the steps" : "stays as it is", results.warmup,
          rate_text(results), start_text(results), precision_text(results)),
      seeds_method(results),
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
          "seconds, that every combination of a device and a size reached; networks of which one saw fewer than {} "
          "targets "
          "are left out.",
          held_out_text(results.course), format_count(kLeastTargets)),
      fmt::format(
          "The unigram: a network whose loss was at no measurement more than {:.0f} % below that of counting how "
          "often each event occurs is said never to have left the unigram, and has no rank; none has one at equal data "
          "or "
          "equal time that had not left it until there. Of several seeds one is enough.",
          100 * kLeftUnigram),
      fmt::format("Test loss: of the model as it was at the end, on {}.", held_out_text(results.test)),
      "FLOP: products with weights and of attention, two for each multiplication and addition, and twice as much again "
      "for "
      "the gradients (once where the input is data); the bidirectional LSTM reads a whole window for each target.",
      fmt::format("Samples: temperature {}, one for each opening.", results.temperature)};
  std::string out = "<ul class=\"method\">";
  for (const std::string& item : items) out += "<li>" + item + "</li>\n";
  return out + "</ul>";
}

std::string environment_part(const Results& results) {
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

}  // namespace polonaise::tools
