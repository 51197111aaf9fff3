#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "io/baselines/protocol.h"
#include "io/data/dataset.h"
#include "io/files/error.h"
#include "tools/cli/cli.h"
#include "tools/cli/table.h"
#include "tools/jobs/progress.h"
#include "tools/options/device_option.h"
#include "tools/training/course.h"
#include "tools/training/evaluate.h"
#include "tools/training/run.h"
#include "tools/training/split_gap.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  fs::path run;
  fs::path dataset;
  std::string split = "test";
  std::string protocol = "bl2012";
  std::string checkpoint = "best";
  int stride = 0;
  std::string device = "auto";
  int threads = 0;
  std::string precision = "float";
  bool json = false;
};

io::Split split_of(std::string_view name) {
  for (const io::Split split : io::kSplits) {
    if (io::split_name(split) == name) return split;
  }
  throw UsageError(fmt::format("--split: '{}' is no split.", name));
}

// How much of a piece the model sees before what it predicts.
std::string context(const Model& model, std::int64_t stride) {
  const Index steps = model.config().sequence;
  if (model.carries_state()) return "all of the piece before each event";
  if (model.many_to_one()) return fmt::format("a window of up to {} events before each event", steps);
  return fmt::format("windows of {} events, one every {}", steps, stride);
}

struct Subject {
  const Run& run;
  const io::Dataset& data;
  const Model& model;
  std::string dataset;
  std::int64_t step;
  std::int64_t stride;
};

std::string as_json(const Arguments& a, const Subject& s, const Evaluation& e) {
  const bool tokens = s.data.shape().kind == EventKind::tokens;
  const std::string unit = tokens ? "nats_per_token" : "nats_per_frame";
  nlohmann::ordered_json object;
  object["run"] = a.run.string();
  object["checkpoint"] = a.checkpoint;
  object["step"] = s.step;
  object["dataset"] = s.dataset;
  object["split"] = a.split;
  object["protocol"] = a.protocol;
  if (!s.model.carries_state() && !s.model.many_to_one()) object["eval_stride"] = s.stride;
  object["pieces"] = e.pieces;
  object["targets"] = e.targets;
  object[unit] = e.nats;
  if (s.data.shape().has_durations()) {
    object["keys"] = e.nats - e.durations;
    object["durations"] = e.durations;
  }
  nlohmann::ordered_json counted;
  counted["unigram"] = e.baselines.unigram;
  counted["bigram"] = e.baselines.bigram;
  if (tokens) {
    object["notes"] = e.notes;
    object["nats_per_note"] = e.per_note(e.nats);
  }
  object["baselines"] = counted;
  return object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string as_text(const Arguments& a, const Subject& s, const Evaluation& e) {
  const EventShape& shape = s.data.shape();
  const bool tokens = shape.kind == EventKind::tokens;
  std::string text = fmt::format("{}, checkpoint {} (step {})\n", a.run.string(), a.checkpoint, format_count(s.step));
  text += fmt::format("{} split of {}: {}, {}\n", a.split, s.dataset, counted(e.pieces, "piece"),
                      counted(e.targets, tokens ? "token" : "frame"));
  if (!tokens) text += fmt::format("protocol {}\n", a.protocol);
  text += fmt::format("context: {}\n\n", context(s.model, s.stride));

  std::vector<Table::Column> columns = {{"", Table::Align::left}, {std::string(loss_unit(shape))}};
  if (shape.has_durations()) columns.insert(columns.end(), {{"keys"}, {"durations"}});
  if (tokens) columns.push_back({"nats per note"});
  Table table(columns);
  const auto row = [&](const std::string& name, double nats, double durations) {
    std::vector<std::string> cells = {name, fmt::format("{:.4f}", nats)};
    if (shape.has_durations()) {
      cells.push_back(fmt::format("{:.4f}", nats - durations));
      cells.push_back(fmt::format("{:.4f}", durations));
    }
    if (tokens) cells.push_back(fmt::format("{:.4f}", e.per_note(nats)));
    table.row(cells);
  };
  row(std::string(name_of(s.run.options().model)), e.nats, e.durations);
  row("bigram", e.baselines.bigram, e.baselines.bigram_durations);
  row("unigram", e.baselines.unigram, e.baselines.unigram_durations);
  return text + table.text();
}

// Whether any event of the split counts by the protocol.
bool has_targets(const io::Dataset& data, io::Split split, io::Protocol protocol) {
  const std::vector<EventsView> pieces = data.all(split);
  return std::ranges::any_of(pieces, [&](const EventsView& piece) {
    return piece.size() > static_cast<std::int64_t>(io::uncounted_events(protocol));
  });
}

// Why the test's loss is another than the run's validation had, where the music is the reason. Validation is scored
// anew, by the same protocol, only where the run's log shows that it is far from the test.
std::string gap_text(const Arguments& a, const Subject& s, Scorer& scorer, const Evaluation& test) {
  std::error_code ignored;
  if (a.split != "test" || !fs::equivalent(s.dataset, s.run.options().dataset, ignored)) return "";
  const std::vector<Course::Point> log = read_course(s.run.metrics_file()).validation;
  const auto point = std::ranges::find(log, s.step, &Course::Point::step);
  if (point == log.end() || !far_apart(point->loss, test.nats)) return "";
  if (!has_targets(s.data, io::Split::valid, test.protocol)) return "";
  return explain_gap(evaluate(scorer, s.data, io::Split::valid, test.protocol, s.stride), test,
                     loss_unit(s.data.shape()));
}

void evaluate_run(const Cli& cli, const Arguments& a) {
  const Run run = Run::open(a.run);
  if (run.options().model != Architecture::transformer) {
    cli.refuse_flags({"eval-stride"}, fmt::format("belongs to a transformer, and {} is a run of {}; leave it out",
                                                  a.run.string(), name_of(run.options().model)));
  }
  const fs::path file = a.dataset.empty() ? run.options().dataset : a.dataset;
  const io::Dataset data = io::Dataset::open(file);
  run.check_encoding(data.encoding(), file);
  if (data.shape().kind == EventKind::tokens && a.protocol != "bl2012") {
    throw UsageError(
        fmt::format("--protocol {} is for frames; {} has tokens, of which each counts.", a.protocol, file.string()));
  }
  const io::Split split = split_of(a.split);
  if (data.events(split) == 0) {
    throw io::Error(fmt::format("{}: its {} split is empty; choose another --split.", file.string(), a.split));
  }
  const io::Protocol protocol = io::protocol_from_name(a.protocol);
  if (!has_targets(data, split, protocol)) {
    throw io::Error(
        fmt::format("{}: no piece of its {} split has a second frame, and {} leaves out each piece's first; "
                    "choose another --protocol or --split.",
                    file.string(), a.split, a.protocol));
  }
  AnyDevice device = device_of(a.device, a.threads);
  const DType activations = set_precision(device, a.precision);
  const std::unique_ptr<Model> model = run.load_model(device, a.checkpoint, activations);
  const Index steps = model->config().sequence;
  if (a.stride > steps) {
    throw UsageError(fmt::format("--eval-stride {} is more than a window of {} events.", a.stride, steps));
  }
  Scorer scorer(*model, data.shape());
  const Subject subject{
      run, data, *model, file.string(), run.step_of(a.checkpoint), a.stride > 0 ? a.stride : default_stride(steps)};
  const Evaluation result = evaluate(scorer, data, split, protocol, subject.stride);
  print(a.json ? as_json(a, subject, result) : as_text(a, subject, result) + gap_text(a, subject, scorer, result));
}

int run(int argc, char** argv) {
  Arguments a;
  Cli cli("polonaise-evaluate", "measures how well a trained model predicts music it has not seen");
  cli.positional("RUN", a.run, "the run's folder").required();
  cli.option("--split", a.split, "which pieces").choices({"train", "valid", "test"});
  cli.option("--protocol", a.protocol,
             "which frames count and how they are averaged: bl2012 all of them; bai2018 all but each piece's first; "
             "tsbn the mean over pieces of each piece's mean")
      .choices(io::protocol_names());
  cli.option("--checkpoint", a.checkpoint, "best by validation, or last").choices({"best", "last"});
  cli.option("--dataset", a.dataset, "other data of the same encoding than the run's").placeholder("FILE");
  cli.option("--eval-stride", a.stride,
             "a transformer's windows overlap: events between them, 0 for half a window; each event is scored once, "
             "with at least --seq less this many before it where there are so many")
      .range(0, 65536);
  cli.flag("--json", a.json, "print one JSON object");
  declare_device(cli, a.device, a.threads);
  declare_precision(cli, a.precision);
  cli.example("polonaise-evaluate run", "nats per event on the test split, beside what counting achieves");
  cli.example("polonaise-evaluate run --protocol bai2018 --json", "one cell of the piano-roll benchmark");
  cli.memory_remedy("use --device cpu");
  cli.action([&] { evaluate_run(cli, a); });
  return cli.run(argc, argv);
}

}  // namespace
}  // namespace polonaise::tools

int main(int argc, char** argv) {
  return polonaise::tools::run(argc, argv);
}
