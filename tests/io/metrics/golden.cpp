#include "tests/io/metrics/golden.h"

#include <fstream>
#include <nlohmann/json.hpp>

namespace polonaise::io {
namespace {

nlohmann::json read_golden() {
  std::ifstream file(POLONAISE_SOURCE_DIR "/tests/io/metrics/golden/golden.json");
  return nlohmann::json::parse(file);
}

std::map<std::string, std::optional<double>> values_of(const nlohmann::json& object) {
  std::map<std::string, std::optional<double>> values;
  for (const auto& [name, value] : object.items()) {
    values[name] = value.is_null() ? std::nullopt : std::optional(value.get<double>());
  }
  return values;
}

Score score_of(const nlohmann::json& piece) {
  Score score;
  score.ticks_per_quarter = piece.at("ticks_per_quarter");
  score.time_signatures = {{0, piece.at("meter")[0], piece.at("meter")[1]}};
  for (const nlohmann::json& note : piece.at("notes")) {
    score.notes.push_back({.onset = note[0],
                           .duration = note[1],
                           .pitch = note[2],
                           .velocity = 64,
                           .channel = note[3],
                           .track = static_cast<std::uint16_t>(1 + note[3].get<int>())});
  }
  return score;
}

}  // namespace

std::vector<GoldenPiece> golden_pieces() {
  std::vector<GoldenPiece> pieces;
  const nlohmann::json golden = read_golden();
  for (const nlohmann::json& piece : golden.at("pieces")) {
    pieces.push_back(
        {piece.at("name"), score_of(piece), values_of(piece.at("muspy")), values_of(piece.at("pypianoroll"))});
  }
  return pieces;
}

std::vector<GoldenDensities> golden_densities() {
  std::vector<GoldenDensities> all;
  const nlohmann::json golden = read_golden();
  for (const nlohmann::json& lists : golden.at("densities")) {
    all.push_back({lists.at("intra"), lists.at("inter"), lists.at("kl"), lists.at("overlap")});
  }
  return all;
}

}  // namespace polonaise::io
