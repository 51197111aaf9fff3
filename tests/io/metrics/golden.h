#pragma once

#include <fstream>
#include <nlohmann/json.hpp>

#include "io/score.h"

namespace polonaise::io {

// What make_golden.py wrote; its head says what that is.
inline nlohmann::json read_golden() {
  std::ifstream file(POLONAISE_SOURCE_DIR "/tests/io/metrics/golden/golden.json");
  return nlohmann::json::parse(file);
}

// The piece as the script wrote it to a MIDI file: a track for each channel, the first one without notes.
inline Score golden_score(const nlohmann::json& piece) {
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

}  // namespace polonaise::io
