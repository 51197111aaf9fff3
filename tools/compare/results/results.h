#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/compare/results/plan.h"
#include "tools/compare/results/sizing.h"

// What a comparison measured: the content of results.json, and all that the report is made of besides the pieces of
// music that it names. Numbers are finite throughout; what could not be measured is absent.
namespace polonaise::tools {

struct CurvePoint {
  std::int64_t targets = 0;  // learned from
  double seconds = 0;        // spent in training steps
  double loss = 0;           // on held-out events, nats per event
};

// The longest run of notes that a training piece holds as well (io/copies/novelty.h).
struct CopiedRun {
  std::int64_t longest = 0;  // notes
  std::string source;        // the training piece; empty where nothing was found
  std::int64_t source_bar = 0;
  std::int64_t bar = 0;
  std::vector<double> share;  // of notes in runs of at least kNoveltyThresholds
};

// What one piece of music is like.
struct Figures {
  std::int64_t notes = 0;
  std::vector<std::pair<std::string, double>> metrics;  // by name, those that are defined for the piece
  CopiedRun exact, transposed;

  std::optional<double> metric(std::string_view name) const;
};

// A piece of music in the report's folder.
struct PieceOfMusic {
  std::string opening;  // key of the opening it begins with
  std::string file;     // below the report's folder
  std::int64_t events = 0;
  std::optional<Figures> figures;
};

enum class Stage { planned, trained, sampled, failed };
// "planned"; and back, none for another name.
std::string_view name_of(Stage stage);
std::optional<Stage> stage_of(std::string_view name);

struct CombinationResult {
  Combination combination;
  Size size = {};
  Stage stage = Stage::planned;
  std::string failure = {};  // failed: why
  // Training; from `trained` on.
  std::int64_t steps = 0, targets = 0;
  double seconds = 0;
  double learning_rate = 0;  // 0: that of all
  double flops_per_target = 0;
  std::int64_t arena_bytes = 0;
  std::int64_t device_bytes = 0;  // of the device's memory, that training took; 0: unknown
  std::vector<CurvePoint> curve = {};
  // From `sampled` on.
  double test_loss = 0;
  double sampled_per_second = 0;           // events; 0 where no samples were drawn
  std::vector<PieceOfMusic> samples = {};  // of the first seed's models

  bool judged() const { return (stage == Stage::trained || stage == Stage::sampled) && targets >= kLeastTargets; }
  double targets_per_second() const { return seconds > 0 ? static_cast<double>(targets) / seconds : 0; }
  double milliseconds_per_step() const { return steps > 0 ? 1000 * seconds / static_cast<double>(steps) : 0; }
  double flops_per_second() const { return flops_per_target * targets_per_second(); }
};

struct DeviceResult {
  std::string name;
  std::string description;
  double ceiling = 0;  // FLOP/s of a matrix product; 0: not measured yet
};

// How far a model's samples are, as a set, from the real pieces that are held out (io/metrics/distances.h).
struct SetOverlap {
  std::string model;
  std::vector<std::pair<std::string, double>> overlap;  // by metric, 0..1
};

struct HeldOutResult {
  std::string split;
  std::int64_t pieces = 0, events = 0;
  double unigram = 0, bigram = 0;
};

struct OpeningResult {
  std::string key, title;
  double seconds = 0;
  std::optional<PieceOfMusic> real;
};

struct Results {
  std::string command;
  std::string version;
  std::string date;
  std::string processor;
  std::vector<std::string> libraries;  // lines
  int threads = 0;
  std::int64_t peak_resident_bytes = 0;  // of the process that measured most, while it trained and sampled; 0: unknown
  std::string dataset, checksum, encoding;
  std::string unit;                                                                   // "nats per frame"
  std::vector<std::pair<std::string, std::pair<std::int64_t, std::int64_t>>> splits;  // pieces and events
  double minutes = 0;
  double training_seconds = 0;
  std::vector<std::int64_t> parameters;  // wanted of each model
  std::vector<std::uint64_t> seeds;
  double target_loss = 0;  // 0: none
  std::int64_t step_targets = 0;
  double learning_rate = 0;  // of all; 0: each network has its own
  std::int64_t warmup = 0;
  std::string optimizer = "adamw";
  std::string schedule, start;
  std::string precision = "float";
  double temperature = 0;
  HeldOutResult course, test;
  std::vector<DeviceResult> devices;
  std::vector<OpeningResult> openings;
  std::vector<CombinationResult> combinations;
  std::vector<std::pair<std::string, Figures>> human;  // held-out pieces as they are, as much as of a sample, by name
  std::vector<SetOverlap> overlaps;
  bool without_opening = false;  // figures and overlaps are of what follows the openings, not of whole pieces
  bool complete = false;

  const DeviceResult* device(std::string_view name) const;
};

// results.json; `conclusion` is what the report's first paragraphs say. What seeds measured of a network is there in
// numbers, too, though it follows from the rest.
std::string to_json(const Results& results, std::string_view conclusion);
// Reads this format and the one before, whose comparisons had one seed and one size. Throws io::Error, naming `origin`,
// for what to_json() did not write.
Results from_json(std::string_view text, std::string_view origin);

}  // namespace polonaise::tools
