#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/midi/score.h"

// What golden/make_golden.py wrote; its head says what that is.
namespace polonaise::io {

struct GoldenPiece {
  std::string name;
  Score score;  // a track for each channel, the first one without notes
  std::map<std::string, std::optional<double>> muspy, pypianoroll;
};
std::vector<GoldenPiece> golden_pieces();

struct GoldenDensities {
  std::vector<double> intra, inter;
  double kl = 0;
  double overlap = 0;
};
std::vector<GoldenDensities> golden_densities();

}  // namespace polonaise::io
