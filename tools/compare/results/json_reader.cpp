#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "io/files/error.h"
#include "tools/compare/results/results.h"

namespace polonaise::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 2;
constexpr int kFormatOfOneSeed = 1;

template <class T>
std::vector<T> one_or_more(const Json& json) {
  auto values = json.is_array() ? json.get<std::vector<T>>() : std::vector<T>{json.get<T>()};
  if (values.empty()) throw io::Error("an empty list");
  return values;
}

std::vector<std::pair<std::string, double>> named(const Json& object) {
  std::vector<std::pair<std::string, double>> values;
  for (const auto& [name, value] : object.items()) values.emplace_back(name, value.get<double>());
  return values;
}

CopiedRun copied_run(const Json& json) {
  return {json.at("longest"), json.at("source"), json.at("source_bar"), json.at("bar"),
          json.at("share").get<std::vector<double>>()};
}

Figures figures_of(const Json& json) {
  const Json& novelty = json.at("novelty");
  return {json.at("notes"), named(json.at("metrics")), copied_run(novelty.at("exact")),
          copied_run(novelty.at("transposed"))};
}

PieceOfMusic piece_of_music(const Json& json) {
  PieceOfMusic piece{json.at("opening"), json.at("file"), json.at("events"), {}};
  if (json.contains("metrics")) piece.figures = figures_of(json);
  return piece;
}

HeldOutResult held_out_result(const Json& json) {
  return {json.at("split"), json.at("pieces"), json.at("events"), json.at("unigram"), json.at("bigram")};
}

// A comparison without seeds and sizes of each had one of both.
CombinationResult combination_result(const Json& json, const Results& of) {
  CombinationResult c;
  c.combination = {json.at("model"),
                   json.at("seq"),
                   json.at("device"),
                   json.value("parameters_wanted", of.parameters.front()),
                   json.value("seed", of.seeds.front()),
                   json.at("name")};
  c.size = {json.at("hidden"), json.at("layers"), json.at("heads"), json.at("feedforward"), json.at("parameters")};
  c.stage = stage_of(json.at("stage").get<std::string>()).value();
  if (c.stage == Stage::failed) c.failure = json.at("failure");
  if (c.stage == Stage::planned || c.stage == Stage::failed) return c;
  c.steps = json.at("steps");
  c.targets = json.at("targets");
  c.seconds = json.at("seconds");
  c.learning_rate = json.value("learning_rate", 0.0);
  c.flops_per_target = json.at("flops_per_target");
  c.arena_bytes = json.at("arena_bytes");
  c.device_bytes = json.value("device_bytes", std::int64_t{0});
  for (const Json& p : json.at("curve")) c.curve.push_back({p.at("targets"), p.at("seconds"), p.at("loss")});
  if (c.stage != Stage::sampled) return c;
  c.test_loss = json.at("test_loss");
  c.sampled_per_second = json.at("sampled_per_second");
  for (const Json& piece : json.at("samples")) c.samples.push_back(piece_of_music(piece));
  return c;
}

Results results_of(const Json& json) {
  const int format = json.at("format");
  if (format != kFormat && format != kFormatOfOneSeed) throw io::Error("another format");
  Results r;
  r.complete = json.at("complete");
  const Json& settings = json.at("settings");
  r.command = settings.at("command");
  r.minutes = settings.at("budget_minutes");
  r.training_seconds = settings.at("training_seconds");
  r.parameters = one_or_more<std::int64_t>(settings.at("parameters"));
  r.seeds = one_or_more<std::uint64_t>(settings.at(format == kFormatOfOneSeed ? "seed" : "seeds"));
  r.target_loss = settings.value("target_loss", 0.0);
  r.step_targets = settings.at("step_targets");
  r.learning_rate = settings.at("learning_rate");
  r.warmup = settings.value("warmup", std::int64_t{20});
  r.optimizer = settings.value("optimizer", "adamw");
  r.schedule = settings.value("schedule", "constant");
  r.start = settings.value("start", "torch");
  r.precision = settings.value("precision", "float");
  r.temperature = settings.at("temperature");
  const Json& environment = json.at("environment");
  r.version = environment.at("version");
  r.date = environment.at("date");
  r.processor = environment.at("processor");
  r.threads = environment.at("threads");
  r.peak_resident_bytes = environment.value("peak_resident_bytes", std::int64_t{0});
  r.libraries = environment.at("libraries").get<std::vector<std::string>>();
  for (const Json& d : environment.at("devices")) {
    r.devices.push_back({d.at("name"), d.at("description"), d.at("ceiling_flops_per_second")});
  }
  const Json& data = json.at("dataset");
  r.dataset = data.at("file");
  r.checksum = data.at("checksum");
  r.encoding = data.at("encoding");
  r.unit = data.at("unit");
  for (const auto& [name, split] : data.at("splits").items()) {
    r.splits.push_back({name, {split.at("pieces"), split.at("events")}});
  }
  r.course = held_out_result(json.at("held_out"));
  r.test = held_out_result(json.at("test"));
  for (const Json& o : json.at("openings")) {
    OpeningResult opening{o.at("key"), o.at("title"), o.at("seconds"), {}};
    if (o.contains("real")) opening.real = piece_of_music(o.at("real"));
    r.openings.push_back(std::move(opening));
  }
  for (const Json& c : json.at("combinations")) r.combinations.push_back(combination_result(c, r));
  for (const Json& h : json.at("human")) r.human.emplace_back(h.at("name").get<std::string>(), figures_of(h));
  r.without_opening = json.value("figures_without_opening", false);
  for (const Json& o : json.at("overlaps")) r.overlaps.push_back({o.at("model"), named(o.at("overlap"))});
  return r;
}

}  // namespace

Results from_json(std::string_view text, std::string_view origin) {
  try {
    return results_of(Json::parse(text));
  } catch (const std::exception&) {
    throw io::Error(fmt::format(
        "{}: is not what this version of polonaise-compare writes; remove the report's folder or name another.",
        origin));
  }
}

}  // namespace polonaise::tools
