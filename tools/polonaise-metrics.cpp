#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/baselines/random_notes.h"
#include "io/data/continuation.h"
#include "io/data/dataset.h"
#include "io/files/error.h"
#include "tools/cli/cli.h"
#include "tools/jobs/message.h"
#include "tools/jobs/parallel_jobs.h"
#include "tools/jobs/progress.h"
#include "tools/metrics/metrics_report.h"
#include "tools/metrics/pieces.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kProgram = "polonaise-metrics";

struct Arguments {
  std::vector<fs::path> folders;
  fs::path against;
  fs::path training;
  std::string compat = "none";
  bool json = false;
  bool csv = false;
  bool all_pieces = false;
  ReadOptions read;
};

MeasuredSet measured(Pieces pieces, const ReadOptions& options) {
  MeasuredSet set{std::move(pieces), {}, {}, {}};
  set.metrics.resize(set.pieces.scores.size());
  for_each_piece(set.metrics.size(), options, fmt::format("measuring {}", set.pieces.label),
                 [&](std::size_t i) { set.metrics[i] = io::measure(set.pieces.scores[i].score); });
  return set;
}

// Chance's pieces of the sizes of these.
Pieces random_pieces(const Pieces& like) {
  Pieces random{"random notes", like.scores, {}};
  for (std::size_t i = 0; i < random.scores.size(); ++i)
    random.scores[i].score = io::random_notes(like.scores[i].score, i);
  return random;
}

void add_distances(Report& report, const ReadOptions& options) {
  std::array<std::vector<io::PieceMetrics>, 2> halves;
  const std::vector<io::PieceMetrics>& against = report.against->metrics;
  for (std::size_t i = 0; i < against.size(); ++i) halves[i % 2].push_back(against[i]);
  const MeasuredSet random = measured(random_pieces(report.against->pieces), options);
  report.distances.resize(io::kMetricCount);
  report.random.resize(io::kMetricCount);
  // Two pieces in each half, or there is no distance within.
  if (against.size() >= 4) report.real.resize(io::kMetricCount);
  parallel_for(io::kMetricCount, options.jobs, [&](std::size_t i) {
    const auto metric = static_cast<io::Metric>(i);
    report.distances[i] = io::set_distance(metric, report.set.metrics, against);
    report.random[i] = io::set_distance(metric, random.metrics, against);
    if (!report.real.empty()) report.real[i] = io::set_distance(metric, halves[0], halves[1]);
  });
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_midi(const fs::path& file) {
  std::array<char, 4> begin{};
  std::ifstream(file, std::ios::binary).read(begin.data(), begin.size());
  return std::string_view(begin.data(), begin.size()) == "MThd";
}

bool is_same(const fs::path& a, const fs::path& b) {
  std::error_code ignored;
  return fs::equivalent(a, b, ignored);
}

// Takes the scores.
io::NoveltyIndex index_of(Pieces& training, bool quiet) {
  io::NoveltyIndex index;
  Progress progress(std::ssize(training.scores), {.quiet = quiet});
  for (std::size_t i = 0; i < training.scores.size(); ++i) {
    index.add(training.scores[i].name, std::exchange(training.scores[i].score, {}));
    if (progress.due()) progress.show(static_cast<std::int64_t>(i) + 1, "indexing " + training.label);
  }
  return index;
}

// Files of a training folder that were left out.
std::vector<std::string> add_novelty(Report& report, const Arguments& a) {
  report.training = a.training.string();
  std::optional<io::Dataset> data;
  Pieces training;
  if (is_folder(a.training)) {
    ReadOptions all = a.read;
    all.whole = true;
    training = read_pieces(std::array{a.training}, all);
  } else {
    if (is_midi(a.training)) {
      throw io::Error(fmt::format("{}: --training takes a dataset or a folder of MIDI files; name the file's folder.",
                                  a.training.string()));
    }
    data = io::Dataset::open(a.training);
    if (data->events(io::Split::train) == 0) {
      throw io::Error(
          fmt::format("{}: its train split is empty; name a dataset with training pieces.", a.training.string()));
    }
    training = decoded_pieces(*data, io::Split::train, report.training, a.read);
    if (data->events(io::Split::test) > 0) {
      const std::string label = fmt::format("test split of {}", report.training);
      report.held_out = MeasuredSet{decoded_pieces(*data, io::Split::test, label, a.read), {}, {}, {}};
    }
  }
  // What was trained on is no base line.
  if (!report.held_out && report.against && !is_same(a.against, a.training)) {
    report.held_out = MeasuredSet{report.against->pieces, {}, {}, {}};
  }

  const io::NoveltyIndex index = index_of(training, a.read.quiet);
  report.training_pieces = index.pieces();
  report.training_notes = index.notes();
  const auto compared = [&](const Pieces& pieces) {
    std::vector<io::PieceNovelty> novelty(pieces.scores.size());
    for_each_piece(novelty.size(), a.read, "comparing with " + report.training, [&](std::size_t i) {
      const io::Score& score = pieces.scores[i].score;
      // What a dataset's encoding keeps is what a model trained on it could have copied.
      novelty[i] = index.compare(data ? io::as_kept(data->encoding(), score) : score);
    });
    return novelty;
  };
  report.set.novelty = compared(report.set.pieces);
  if (report.held_out) {
    report.held_out->novelty = compared(report.held_out->pieces);
    report.random_novelty = compared(random_pieces(report.held_out->pieces));
  }
  return training.skipped;
}

void measure_folders(const Arguments& a) {
  if (a.folders.empty()) throw UsageError("DIR is missing: name a folder with MIDI files.");
  if (a.json && a.csv) throw UsageError("--json and --csv are two forms; choose one.");

  Report report;
  report.set = measured(read_pieces(a.folders, a.read), a.read);
  std::vector<std::string> skipped = report.set.pieces.skipped;
  const auto add_skipped = [&](const std::vector<std::string>& more) {
    skipped.insert(skipped.end(), more.begin(), more.end());
  };
  if (a.compat != "none") {
    report.compat = a.compat;
    for (const io::NamedScore& piece : report.set.pieces.scores) {
      const io::Score measured_part = io::without_opening(piece.score);
      report.set.compat.push_back(a.compat == "muspy" ? io::muspy_metrics(measured_part)
                                                      : io::pypianoroll_metrics(measured_part));
    }
  }
  if (!a.against.empty()) {
    report.against = measured(read_pieces(std::array{a.against}, a.read), a.read);
    add_skipped(report.against->pieces.skipped);
    add_distances(report, a.read);
  }
  if (!a.training.empty()) add_skipped(add_novelty(report, a));

  print(a.json ? as_json(report) : a.csv ? as_csv(report) : as_text(report, a.all_pieces));
  if (skipped.empty()) return;
  for (const std::string& reason : skipped) write_message(fmt::format("{}: skipped: {}\n", kProgram, reason));
  throw io::Error(fmt::format(
      "{} of the files could not be read and measured and are missing from the report; remove or mend them.",
      skipped.size()));
}

int run(int argc, char** argv) {
  Arguments a;
  Cli cli(std::string(kProgram), "measures pieces, how far they are from others, and whether they were copied");
  cli.positional("DIR", a.folders,
                 "folders searched for .mid, .midi and .kar files, also compressed ones (.mid.gz), with all folders "
                 "below; or single files");
  cli.option("--against", a.against, "pieces to compare the set with: distances in every metric").placeholder("DIR");
  cli.option(
         "--training", a.training,
         "what the model was trained on, a dataset (its train split) or a folder of MIDI files: reports the longest "
         "runs of notes copied from it; the base line is the dataset's test split or else --against")
      .placeholder("DATASET|DIR");
  cli.option("--compat", a.compat, "also the values that another package gives, with its faults")
      .choices({"none", "muspy", "pypianoroll"});

  cli.flag("--whole", a.read.whole,
           "measure all of a sample: without it one with a marker \"continuation\", as polonaise-sample writes where "
           "drawing begins, is measured from there on, and what it was given is not counted as copied");

  cli.group("Output");
  cli.flag("--json", a.json, "print one JSON object, all pieces in it");
  cli.flag("--csv", a.csv, "print a line for each piece");
  cli.flag("--pieces", a.all_pieces, "show every piece in tables, not only what they come to");
  cli.flag("-q,--quiet", a.read.quiet, "show no progress");

  cli.group("");
  cli.flag("--strict", a.read.strict, "fail at the first file that is broken, instead of leaving it out");
  cli.option("--jobs", a.read.jobs, "threads, 0 for one on each processor").range(0, 1024);

  cli.example("polonaise-metrics samples --against ~/midi", "how far samples are from the music they should resemble");
  cli.example("polonaise-metrics samples --training piano.data", "whether a model copied what it was trained on");
  cli.example("polonaise-metrics samples --whole", "samples with the openings that they go on from");
  cli.example("polonaise-metrics samples --csv > samples.csv", "a table for a spreadsheet");
  cli.epilogue(definitions_text());
  cli.action([&] { measure_folders(a); });
  return cli.run(argc, argv);
}

}  // namespace
}  // namespace polonaise::tools

int main(int argc, char** argv) {
  return polonaise::tools::run(argc, argv);
}
