#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace polonaise::tools {

// What has seen fewer targets than this is too little to judge.
inline constexpr std::int64_t kLeastTargets = 20'000;

// Share of the budget for training; the rest is for what comes after it.
inline constexpr double kTrainingShare = 0.8;

// One network at one size, one length of training windows, one device, one seed.
struct Combination {
  std::string model;
  int seq = 0;
  std::string device;           // cpu, cuda, cuda:N
  std::int64_t parameters = 0;  // asked for
  std::uint64_t seed = 1;
  // Name of its run's folder: "lstm-48-cpu", with what else tells it from the others, "lstm-48-cpu-80000-seed2".
  std::string name = {};

  friend bool operator==(const Combination&, const Combination&) = default;
};

struct PlanOptions {
  std::vector<std::string> models;
  std::vector<int> lengths;
  std::vector<std::string> devices;
  double minutes = 10;
  std::vector<std::int64_t> parameters = {80'000};
  std::vector<std::uint64_t> seeds = {1};
};

// Who gets how much of the budget: equal shares.
struct Plan {
  // By seed, so that what happens to the machine meanwhile befalls all alike; then by device, size, length and model.
  std::vector<Combination> combinations;
  double training_seconds = 0;       // of one combination, held-out losses along its course included
  double after_seconds = 0;          // of one combination: held-out loss, samples, metrics
  std::int64_t held_out_events = 0;  // that a held-out loss is measured on: as many as the time allows

  double total_seconds() const { return static_cast<double>(combinations.size()) * (training_seconds + after_seconds); }
};

// Throws UsageError for lists that are empty or name something twice, and for a budget that is too small to measure a
// pace in; the sentence says what the least is.
Plan make_plan(const PlanOptions& options);

// Counts of targets at which the held-out loss is measured: 4000, and from there each sqrt(2) times the one before.
std::vector<std::int64_t> course_marks();

}  // namespace polonaise::tools
