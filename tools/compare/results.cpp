#include "tools/compare/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/error.h"

namespace polonaise::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr std::pair<Stage, std::string_view> kStages[] = {
    {Stage::planned, "planned"}, {Stage::trained, "trained"}, {Stage::sampled, "sampled"}, {Stage::failed, "failed"}};

std::string_view name_of(Stage stage) {
  return std::ranges::find(kStages, stage, &std::pair<Stage, std::string_view>::first)->second;
}

Json named(const std::vector<std::pair<std::string, double>>& values) {
  Json object = Json::object();
  for (const auto& [name, value] : values) object[name] = value;
  return object;
}

std::vector<std::pair<std::string, double>> named(const Json& object) {
  std::vector<std::pair<std::string, double>> values;
  for (const auto& [name, value] : object.items()) values.emplace_back(name, value.get<double>());
  return values;
}

Json json_of(const CopiedRun& run) {
  return {{"longest", run.longest},
          {"source", run.source},
          {"source_bar", run.source_bar},
          {"bar", run.bar},
          {"share", run.share}};
}

CopiedRun copied_run(const Json& json) {
  return {json.at("longest"), json.at("source"), json.at("source_bar"), json.at("bar"),
          json.at("share").get<std::vector<double>>()};
}

void add(Json& json, const Figures& figures) {
  json["notes"] = figures.notes;
  json["metrics"] = named(figures.metrics);
  json["novelty"] = {{"exact", json_of(figures.exact)}, {"transposed", json_of(figures.transposed)}};
}

Figures figures_of(const Json& json) {
  const Json& novelty = json.at("novelty");
  return {json.at("notes"), named(json.at("metrics")), copied_run(novelty.at("exact")),
          copied_run(novelty.at("transposed"))};
}

Json json_of(const PieceOfMusic& piece) {
  Json json = {{"opening", piece.opening}, {"file", piece.file}, {"events", piece.events}};
  if (piece.figures) add(json, *piece.figures);
  return json;
}

PieceOfMusic piece_of_music(const Json& json) {
  PieceOfMusic piece{json.at("opening"), json.at("file"), json.at("events"), {}};
  if (json.contains("metrics")) piece.figures = figures_of(json);
  return piece;
}

Json json_of(const HeldOutResult& held_out) {
  return {{"split", held_out.split},
          {"pieces", held_out.pieces},
          {"events", held_out.events},
          {"unigram", held_out.unigram},
          {"bigram", held_out.bigram}};
}

HeldOutResult held_out_result(const Json& json) {
  return {json.at("split"), json.at("pieces"), json.at("events"), json.at("unigram"), json.at("bigram")};
}

Json json_of(const CombinationResult& c, double ceiling) {
  Json json = {{"name", c.combination.name()},   {"model", c.combination.model},      {"seq", c.combination.seq},
               {"device", c.combination.device}, {"hidden", c.size.hidden},           {"layers", c.size.layers},
               {"heads", c.size.heads},          {"feedforward", c.size.feedforward}, {"parameters", c.size.parameters},
               {"stage", name_of(c.stage)}};
  if (c.stage == Stage::failed) json["failure"] = c.failure;
  if (c.stage == Stage::planned || c.stage == Stage::failed) return json;
  json["too_little_to_judge"] = !c.judged();
  json["steps"] = c.steps;
  json["targets"] = c.targets;
  json["seconds"] = c.seconds;
  json["targets_per_second"] = c.targets_per_second();
  json["ms_per_step"] = c.milliseconds_per_step();
  json["flops_per_target"] = c.flops_per_target;
  json["flops_per_second"] = c.flops_per_second();
  if (ceiling > 0) json["share_of_ceiling"] = c.flops_per_second() / ceiling;
  json["parameter_bytes"] = 4 * c.size.parameters;
  json["arena_bytes"] = c.arena_bytes;
  json["device_bytes"] = c.device_bytes;
  Json curve = Json::array();
  for (const CurvePoint& p : c.curve)
    curve.push_back({{"targets", p.targets}, {"seconds", p.seconds}, {"loss", p.loss}});
  json["curve"] = curve;
  if (c.stage != Stage::sampled) return json;
  json["test_loss"] = c.test_loss;
  json["sampled_per_second"] = c.sampled_per_second;
  json["samples"] = Json::array();
  for (const PieceOfMusic& piece : c.samples) json["samples"].push_back(json_of(piece));
  return json;
}

CombinationResult combination_result(const Json& json) {
  CombinationResult c;
  c.combination = {json.at("model"), json.at("seq"), json.at("device")};
  c.size = {json.at("hidden"), json.at("layers"), json.at("heads"), json.at("feedforward"), json.at("parameters")};
  const auto stage = json.at("stage").get<std::string>();
  const auto known = std::ranges::find(kStages, stage, &std::pair<Stage, std::string_view>::second);
  if (known == std::end(kStages)) throw io::Error("");
  c.stage = known->first;
  if (c.stage == Stage::failed) c.failure = json.at("failure");
  if (c.stage == Stage::planned || c.stage == Stage::failed) return c;
  c.steps = json.at("steps");
  c.targets = json.at("targets");
  c.seconds = json.at("seconds");
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
  if (json.at("format") != kFormat) throw io::Error("");
  Results r;
  r.complete = json.at("complete");
  const Json& settings = json.at("settings");
  r.command = settings.at("command");
  r.minutes = settings.at("budget_minutes");
  r.training_seconds = settings.at("training_seconds");
  r.parameters = settings.at("parameters");
  r.step_targets = settings.at("step_targets");
  r.learning_rate = settings.at("learning_rate");
  r.temperature = settings.at("temperature");
  r.seed = settings.at("seed");
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
  for (const Json& c : json.at("combinations")) r.combinations.push_back(combination_result(c));
  for (const Json& h : json.at("human")) r.human.emplace_back(h.at("name").get<std::string>(), figures_of(h));
  r.without_opening = json.value("figures_without_opening", false);
  for (const Json& o : json.at("overlaps")) r.overlaps.push_back({o.at("model"), named(o.at("overlap"))});
  return r;
}

}  // namespace

std::optional<double> Figures::metric(std::string_view name) const {
  for (const auto& [known, value] : metrics) {
    if (known == name) return value;
  }
  return std::nullopt;
}

CombinationResult* Results::find(const Combination& combination) {
  const auto found = std::ranges::find(combinations, combination, &CombinationResult::combination);
  return found == combinations.end() ? nullptr : &*found;
}

const DeviceResult* Results::device(std::string_view name) const {
  const auto found = std::ranges::find(devices, name, &DeviceResult::name);
  return found == devices.end() ? nullptr : &*found;
}

std::string to_json(const Results& r, std::string_view conclusion) {
  Json json;
  json["format"] = kFormat;
  json["complete"] = r.complete;
  json["conclusion"] = conclusion;
  json["settings"] = {{"command", r.command},
                      {"budget_minutes", r.minutes},
                      {"training_seconds", r.training_seconds},
                      {"parameters", r.parameters},
                      {"step_targets", r.step_targets},
                      {"learning_rate", r.learning_rate},
                      {"temperature", r.temperature},
                      {"seed", r.seed}};
  Json devices = Json::array();
  for (const DeviceResult& d : r.devices) {
    devices.push_back({{"name", d.name}, {"description", d.description}, {"ceiling_flops_per_second", d.ceiling}});
  }
  json["environment"] = {{"version", r.version},
                         {"date", r.date},
                         {"processor", r.processor},
                         {"threads", r.threads},
                         {"peak_resident_bytes", r.peak_resident_bytes},
                         {"libraries", r.libraries},
                         {"devices", devices}};
  Json splits = Json::object();
  for (const auto& [name, size] : r.splits) splits[name] = {{"pieces", size.first}, {"events", size.second}};
  json["dataset"] = {
      {"file", r.dataset}, {"checksum", r.checksum}, {"encoding", r.encoding}, {"unit", r.unit}, {"splits", splits}};
  json["held_out"] = json_of(r.course);
  json["test"] = json_of(r.test);
  json["openings"] = Json::array();
  for (const OpeningResult& o : r.openings) {
    Json opening = {{"key", o.key}, {"title", o.title}, {"seconds", o.seconds}};
    if (o.real) opening["real"] = json_of(*o.real);
    json["openings"].push_back(opening);
  }
  json["combinations"] = Json::array();
  for (const CombinationResult& c : r.combinations) {
    const DeviceResult* device = r.device(c.combination.device);
    json["combinations"].push_back(json_of(c, device == nullptr ? 0 : device->ceiling));
  }
  json["figures_without_opening"] = r.without_opening;
  json["human"] = Json::array();
  for (const auto& [name, figures] : r.human) {
    Json piece = {{"name", name}};
    add(piece, figures);
    json["human"].push_back(piece);
  }
  json["overlaps"] = Json::array();
  for (const SetOverlap& o : r.overlaps) {
    json["overlaps"].push_back({{"model", o.model}, {"overlap", named(o.overlap)}});
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

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
