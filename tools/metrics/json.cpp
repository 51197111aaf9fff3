#include <nlohmann/json.hpp>

#include "io/midi/meter.h"
#include "io/midi/tempo_map.h"
#include "tools/metrics/metrics_report.h"

namespace polonaise::tools {
namespace {

using Json = nlohmann::ordered_json;

Json number(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json metrics_json(const io::PieceMetrics& piece) {
  Json object = Json::object();
  for (const io::MetricInfo& info : io::metric_table()) {
    const auto values = piece[info.metric];
    Json& entry = object[std::string(info.name)];
    if (info.size == 1) {
      entry = number(piece.scalar(info.metric));
    } else if (!values.empty()) {
      entry = std::vector<double>(values.begin(), values.end());
    }
  }
  return object;
}

Json copied_json(const io::Copied& copied) {
  Json object;
  object["longest"] = copied.longest;
  object["whole"] = copied.whole;
  const bool found = copied.longest > 0;
  object["source"] = found ? Json(copied.source) : Json(nullptr);
  object["source_bar"] = found ? Json(copied.source_bar) : Json(nullptr);
  object["bar"] = found ? Json(copied.bar) : Json(nullptr);
  object["share"] = copied.share;
  object["histogram"] = copied.histogram;
  return object;
}

Json novelty_json(const io::PieceNovelty& novelty) {
  return {
      {"notes", novelty.notes}, {"transposed", copied_json(novelty.transposed)}, {"exact", copied_json(novelty.exact)}};
}

Json summary_json(const Summary& summary) {
  return {{"pieces", summary.pieces},
          {"mean", number(summary.mean)},
          {"sd", number(summary.deviation)},
          {"min", number(summary.least)},
          {"max", number(summary.most)}};
}

// Where measuring begins; null: with the piece.
Json start_json(const io::Score& score) {
  if (!score.continuation) return nullptr;
  return {{"marker", io::kContinuationMarker},
          {"bar", io::Meter(score).bar(*score.continuation) + 1},
          {"seconds", io::TempoMap(score).seconds(*score.continuation)}};
}

Json set_json(const MeasuredSet& set) {
  Json object;
  object["path"] = set.pieces.label;
  object["skipped"] = set.pieces.skipped;
  object["measured_from_marker"] = continuations(set.pieces);
  Json summaries = Json::object();
  for (const io::MetricInfo& info : io::metric_table()) {
    if (info.size != 1 || set.metrics.empty()) continue;
    summaries[std::string(info.name)] = summary_json(summarise(set.metrics, info.metric));
  }
  if (!summaries.empty()) object["summary"] = summaries;
  object["pieces"] = Json::array();
  for (std::size_t i = 0; i < set.pieces.scores.size(); ++i) {
    Json piece;
    piece["name"] = set.pieces.scores[i].name;
    piece["measured_from"] = start_json(set.pieces.scores[i].score);
    if (!set.metrics.empty()) {
      piece["notes"] = set.metrics[i].notes;
      piece["metrics"] = metrics_json(set.metrics[i]);
    }
    if (!set.compat.empty()) {
      for (const auto& [name, value] : set.compat[i]) piece["compat"][std::string(name)] = number(value);
    }
    if (!set.novelty.empty()) piece["novelty"] = novelty_json(set.novelty[i]);
    object["pieces"].push_back(std::move(piece));
  }
  return object;
}

Json distances_json(const std::vector<io::SetDistance>& distances) {
  Json object = Json::object();
  for (const io::MetricInfo& info : io::metric_table()) {
    const io::SetDistance& distance = distances[static_cast<std::size_t>(info.metric)];
    object[std::string(info.name)] = {{"pieces_a", distance.pieces_a},           {"pieces_b", distance.pieces_b},
                                      {"intra_a", number(distance.intra_a)},     {"intra_b", number(distance.intra_b)},
                                      {"inter", number(distance.inter)},         {"kl_a", number(distance.kl_a)},
                                      {"overlap_a", number(distance.overlap_a)}, {"kl_b", number(distance.kl_b)},
                                      {"overlap_b", number(distance.overlap_b)}};
  }
  return object;
}

}  // namespace

std::string as_json(const Report& report) {
  Json object;
  object["set"] = set_json(report.set);
  if (!report.compat.empty()) object["compat"] = report.compat;
  if (report.against) {
    object["against"] = set_json(*report.against);
    object["distances"] = distances_json(report.distances);
    if (!report.real.empty()) object["real_halves"] = distances_json(report.real);
    object["random_notes"] = distances_json(report.random);
  }
  if (!report.training.empty()) {
    object["novelty"] = {{"training", report.training},
                         {"pieces", report.training_pieces},
                         {"notes", report.training_notes},
                         {"share_of_runs_from", io::kNoveltyThresholds},
                         {"histogram_edges", io::kNoveltyEdges}};
    object["novelty"]["held_out"] = report.held_out ? set_json(*report.held_out) : Json(nullptr);
    Json random = Json::array();
    for (const io::PieceNovelty& piece : report.random_novelty) random.push_back(novelty_json(piece));
    object["novelty"]["random_notes"] = report.held_out ? random : Json(nullptr);
  }
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace polonaise::tools
