#include <nlohmann/json.hpp>

#include "tools/compare/results/network.h"
#include "tools/compare/results/reading.h"
#include "tools/compare/results/results.h"
#include "tools/compare/results/time_to_quality.h"

namespace polonaise::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 2;

Json named(const std::vector<std::pair<std::string, double>>& values) {
  Json object = Json::object();
  for (const auto& [name, value] : values) object[name] = value;
  return object;
}

Json json_of(const CopiedRun& run) {
  return {{"longest", run.longest},
          {"source", run.source},
          {"source_bar", run.source_bar},
          {"bar", run.bar},
          {"share", run.share}};
}

void add(Json& json, const Figures& figures) {
  json["notes"] = figures.notes;
  json["metrics"] = named(figures.metrics);
  json["novelty"] = {{"exact", json_of(figures.exact)}, {"transposed", json_of(figures.transposed)}};
}

Json json_of(const PieceOfMusic& piece) {
  Json json = {{"opening", piece.opening}, {"file", piece.file}, {"events", piece.events}};
  if (piece.figures) add(json, *piece.figures);
  return json;
}

Json json_of(const HeldOutResult& held_out) {
  return {{"split", held_out.split},
          {"pieces", held_out.pieces},
          {"events", held_out.events},
          {"unigram", held_out.unigram},
          {"bigram", held_out.bigram}};
}

Json json_of(const CombinationResult& c, const Results& r) {
  const DeviceResult* device = r.device(c.combination.device);
  const double ceiling = device == nullptr ? 0 : device->ceiling;
  Json json = {{"name", c.combination.name},      {"model", c.combination.model},
               {"seq", c.combination.seq},        {"device", c.combination.device},
               {"seed", c.combination.seed},      {"parameters_wanted", c.combination.parameters},
               {"hidden", c.size.hidden},         {"layers", c.size.layers},
               {"heads", c.size.heads},           {"feedforward", c.size.feedforward},
               {"parameters", c.size.parameters}, {"stage", name_of(c.stage)}};
  if (c.stage == Stage::failed) json["failure"] = c.failure;
  if (c.stage == Stage::planned || c.stage == Stage::failed) return json;
  json["too_little_to_judge"] = !c.judged();
  if (c.judged()) json["never_left_unigram"] = never_left(c, r.course.unigram);
  if (const auto place = r.target_loss > 0 ? first_reached(c.curve, r.target_loss) : std::nullopt) {
    json["target_reached"] = {{"targets", place->targets}, {"seconds", place->seconds}};
  }
  json["steps"] = c.steps;
  json["targets"] = c.targets;
  json["seconds"] = c.seconds;
  if (c.learning_rate > 0) json["learning_rate"] = c.learning_rate;
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

Json json_of(const Spread& spread) {
  return {{"mean", spread.mean}, {"least", spread.least}, {"greatest", spread.greatest}};
}

void add(Json& json, const char* key, const std::optional<Spread>& spread) {
  if (spread) json[key] = json_of(*spread);
}

void add(Json& json, const char* key, const Reading& reading, const Network& network) {
  const Reading::Entry* entry = reading.of(network);
  if (entry == nullptr) return;
  json[key] = {{"at", reading.at},
               {"loss", json_of(entry->loss)},
               {"ranked", entry->ranked},
               {"best_or_level_with_it", reading.leads(*entry)}};
}

// What the seeds of a network measured together.
Json json_of(const Network& network, const Reading& data, const Reading& time, const Results& r) {
  const Combination& c = network.combination();
  Json json = {{"model", c.model},
               {"seq", c.seq},
               {"device", c.device},
               {"parameters_wanted", c.parameters},
               {"seeds", network.runs.size()},
               {"judged", network.judged()}};
  if (network.judged()) json["never_left_unigram"] = network.never_left(r.course.unigram);
  add(json, "at_equal_data", data, network);
  add(json, "at_equal_time", time, network);
  add(json, "end_loss", network.end_loss());
  add(json, "test_loss", network.test_loss());
  add(json, "targets_per_second", network.targets_per_second());
  if (r.target_loss <= 0) return json;
  const TimeToQuality reached = times_to_quality({network}, r.target_loss).front();
  json["reached_target"] = reached.reached;
  add(json, "targets_to_target", reached.targets);
  add(json, "seconds_to_target", reached.seconds);
  return json;
}

Json networks_json(const Results& r) {
  Json networks = Json::array();
  for (const Scope& scope : scopes_of(r)) {
    const std::vector<Network> all = networks_of(r, scope);
    const Reading data = read_off(judged(all), Axis::targets, r.course.unigram);
    const Reading time = read_off(judged(all), Axis::seconds, r.course.unigram);
    for (const Network& network : all) networks.push_back(json_of(network, data, time, r));
  }
  return networks;
}

}  // namespace

std::string to_json(const Results& r, std::string_view conclusion) {
  Json json;
  json["format"] = kFormat;
  json["complete"] = r.complete;
  json["conclusion"] = conclusion;
  json["settings"] = {{"command", r.command},
                      {"budget_minutes", r.minutes},
                      {"training_seconds", r.training_seconds},
                      {"parameters", r.parameters},
                      {"seeds", r.seeds},
                      {"step_targets", r.step_targets},
                      {"learning_rate", r.learning_rate},
                      {"warmup", r.warmup},
                      {"optimizer", r.optimizer},
                      {"schedule", r.schedule},
                      {"start", r.start},
                      {"precision", r.precision},
                      {"temperature", r.temperature}};
  if (r.target_loss > 0) json["settings"]["target_loss"] = r.target_loss;
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
    json["combinations"].push_back(json_of(c, r));
  }
  json["networks"] = networks_json(r);
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

}  // namespace polonaise::tools
