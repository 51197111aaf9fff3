#include "tools/compare/study/judge.h"

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "io/copies/novelty.h"
#include "io/metrics/distances.h"
#include "io/metrics/metrics.h"
#include "io/midi/notes.h"
#include "tools/compare/study/held_out.h"
#include "tools/compare/study/openings.h"

namespace polonaise::tools {
namespace {

// Held-out pieces that serve as yardstick, at most.
constexpr std::int64_t kMostHuman = 24;

CopiedRun copied_run(const io::Copied& copied) {
  return {copied.longest, copied.source, copied.source_bar, copied.bar, {copied.share.begin(), copied.share.end()}};
}

struct Measured {
  io::PieceMetrics metrics;
  Figures figures;
};

Measured measure(const io::NoveltyIndex& training, const io::Score& score) {
  Measured measured{io::measure(score), {}};
  measured.figures.notes = measured.metrics.notes;
  for (const io::MetricInfo& info : io::metric_table()) {
    if (info.size != 1) continue;
    if (const auto value = measured.metrics.scalar(info.metric)) {
      measured.figures.metrics.emplace_back(info.name, *value);
    }
  }
  const io::PieceNovelty novelty = training.compare(score);
  measured.figures.exact = copied_run(novelty.exact);
  measured.figures.transposed = copied_run(novelty.transposed);
  return measured;
}

// Index of the training pieces; one that is there in several keys enters as the one that was not moved, or the first.
io::NoveltyIndex index_of(const io::Dataset& data) {
  std::map<std::string, std::int64_t> chosen;
  for (std::int64_t i = 0; i < data.pieces(io::Split::train); ++i) {
    const std::string& name = data.name(io::Split::train, i);
    const std::string base = base_name(name);
    const auto [known, added] = chosen.emplace(base, i);
    if (!added && name == base) known->second = i;
  }
  io::NoveltyIndex index;
  for (const auto& [base, i] : chosen) index.add(base, data.encoding().decode(data.piece(io::Split::train, i)));
  return index;
}

}  // namespace

std::string base_name(std::string_view name) {
  static const std::regex moved("( [+-][0-9]+)?( x[0-9.e+-]+)?$");
  return std::regex_replace(std::string(name), moved, "", std::regex_constants::format_first_only);
}

void judge(const io::Dataset& data, const std::filesystem::path& folder, std::int64_t opening, std::int64_t steps,
           Results& results) {
  const io::NoveltyIndex training = index_of(data);
  const auto score_of = [&](const PieceOfMusic& piece) {
    io::Warnings warnings;
    return io::read_score(folder / piece.file, warnings);
  };
  results.without_opening = true;
  for (const CombinationResult& c : results.combinations) {
    for (const PieceOfMusic& sample : c.samples) {
      results.without_opening = results.without_opening && score_of(sample).continuation;
    }
  }
  const auto measured_of = [&](io::Score score) {
    if (!results.without_opening) score.continuation.reset();
    return measure(training, score);
  };
  const auto measure_file = [&](PieceOfMusic& piece) {
    Measured measured = measured_of(score_of(piece));
    piece.figures = std::move(measured.figures);
    return std::move(measured.metrics);
  };
  for (OpeningResult& from : results.openings) {
    if (from.real) measure_file(*from.real);
  }
  std::map<std::string, std::vector<io::PieceMetrics>> by_model;
  for (CombinationResult& c : results.combinations) {
    for (PieceOfMusic& sample : c.samples) by_model[c.combination.model].push_back(measure_file(sample));
  }
  std::vector<io::PieceMetrics> human;
  results.human.clear();
  const io::Split split = split_or(data, io::Split::test, io::Split::valid);
  for (std::int64_t i = 0; i < std::min(data.pieces(split), kMostHuman); ++i) {
    Measured measured = measured_of(beginning(data.encoding(), data.piece(split, i), opening, steps));
    results.human.emplace_back(data.name(split, i), std::move(measured.figures));
    human.push_back(std::move(measured.metrics));
  }
  results.overlaps.clear();
  for (const auto& [model, pieces] : by_model) {
    SetOverlap overlap{model, {}};
    for (const io::MetricInfo& info : io::metric_table()) {
      const io::SetDistance distance = io::set_distance(info.metric, human, pieces);
      if (distance.overlap_a) overlap.overlap.emplace_back(info.name, *distance.overlap_a);
    }
    results.overlaps.push_back(std::move(overlap));
  }
}

}  // namespace polonaise::tools
