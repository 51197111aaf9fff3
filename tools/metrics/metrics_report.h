#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/copies/novelty.h"
#include "io/metrics/compat.h"
#include "io/metrics/distances.h"
#include "io/metrics/metrics.h"
#include "tools/metrics/pieces.h"

namespace polonaise::tools {

// A set of pieces with what was measured of each; vectors have an element for each piece or none at all.
struct MeasuredSet {
  Pieces pieces;
  std::vector<io::PieceMetrics> metrics;
  std::vector<std::vector<io::CompatValue>> compat;
  std::vector<io::PieceNovelty> novelty;
};

// All that polonaise-metrics has to say.
struct Report {
  MeasuredSet set;
  std::string compat;  // the package whose values set.compat holds

  std::optional<MeasuredSet> against;
  std::vector<io::SetDistance> distances;  // of `set` (a) and `against` (b), by metric
  // Distances of every second piece of `against` (a) from the others (b): how far apart sets of one kind are.
  std::vector<io::SetDistance> real;
  // Distances of random notes, as many and as long as the pieces of `against` (a), from these (b): how far chance is.
  std::vector<io::SetDistance> random;

  std::string training;  // empty where novelty was not asked for
  std::int64_t training_pieces = 0;
  std::int64_t training_notes = 0;
  std::optional<MeasuredSet> held_out;           // the base line of novelty: pieces that are known to be no copies
  std::vector<io::PieceNovelty> random_novelty;  // of random notes, as many and as long as held_out's
};

// The mean of defined values and their standard deviation (of n - 1), minimum, maximum; all none where there is no
// value, `deviation` where there is but one.
struct Summary {
  std::int64_t pieces = 0;
  std::optional<double> mean, deviation, least, most;
};
Summary summarise(const std::vector<std::optional<double>>& values);
Summary summarise(const std::vector<io::PieceMetrics>& pieces, io::Metric metric);

// Tables. With `all_pieces` a row for each piece, else only for the set, and for the pieces with the longest runs.
std::string as_text(const Report& report, bool all_pieces);
// One JSON object on a line; null where a value is undefined.
std::string as_json(const Report& report);
// A line for each piece of the set and a headline; empty fields where a value is undefined. Metrics of one number only,
// and last the bar with which measuring begins where that is not the piece's first.
std::string as_csv(const Report& report);
// The table of definitions.
std::string definitions_text();

}  // namespace polonaise::tools
