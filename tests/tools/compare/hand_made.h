#pragma once

#include <string>
#include <vector>

#include "tools/compare/results/results.h"

// Results as a comparison might have measured them.
namespace polonaise::tools {

// A model whose loss falls from 10 nats by `fall` with each doubling of the targets, from 5,000 to `targets`, at
// `per_second` targets a second.
inline CombinationResult trained(const std::string& model, int seq, std::int64_t targets, double fall,
                                 double per_second, std::int64_t parameters = 80'000, std::uint64_t seed = 1) {
  CombinationResult c;
  c.combination = {model, seq, "cpu", 80'000, seed, model + "-" + std::to_string(seq) + "-cpu"};
  c.size = {.hidden = 64, .layers = 2, .parameters = parameters};
  c.stage = Stage::sampled;
  double loss = 10;
  for (std::int64_t at = 5'000; at <= targets; at *= 2, loss -= fall) {
    c.curve.push_back({at, static_cast<double>(at) / per_second, loss});
  }
  c.targets = c.curve.back().targets;
  c.seconds = c.curve.back().seconds;
  c.steps = c.targets / 500;
  c.flops_per_target = 1e5;
  c.arena_bytes = 1 << 20;
  c.device_bytes = 3 << 20;
  c.test_loss = c.curve.back().loss + 0.1;
  c.sampled_per_second = 1000;
  return c;
}

// The same from seeds 1, 2, ...: with each seed the loss falls by another of `falls`.
inline std::vector<CombinationResult> seeded(const std::string& model, int seq, std::int64_t targets,
                                             const std::vector<double>& falls, double per_second) {
  std::vector<CombinationResult> runs;
  for (const double fall : falls) {
    runs.push_back(trained(model, seq, targets, fall, per_second, 80'000, runs.size() + 1));
  }
  return runs;
}

inline Results hand_made(std::vector<CombinationResult> combinations) {
  Results r;
  r.command = "polonaise-compare piano.data -o report";
  r.version = "0.1.0 (commit 0123abc)";
  r.date = "2026-11-25 10:20 UTC";
  r.processor = "a processor";
  r.libraries = {"libraries: one, two"};
  r.threads = 2;
  r.dataset = "/music/piano.data";
  r.checksum = "0123456789abcdef";
  r.encoding = "chordvec";
  r.unit = "nats per frame";
  r.splits = {{"train", {8, 9000}}, {"valid", {1, 800}}, {"test", {1, 700}}};
  r.minutes = 10;
  r.training_seconds = 24;
  r.parameters = {80'000};
  r.seeds = {1};
  r.step_targets = 512;
  r.learning_rate = 3e-3;
  r.temperature = 1;
  r.course = {"valid", 1, 800, 9.5, 8.5};
  r.test = {"test", 1, 700, 9.4, 8.4};
  r.devices = {{"cpu", "cpu, 2 threads, AVX2", 1e11}};
  r.combinations = std::move(combinations);
  r.complete = true;
  return r;
}

// Of networks that were each trained from as many seeds.
inline Results with_seeds(const std::vector<std::vector<CombinationResult>>& networks) {
  std::vector<CombinationResult> all;
  for (std::size_t seed = 0; seed < networks.front().size(); ++seed) {
    for (const auto& runs : networks) all.push_back(runs[seed]);
  }
  Results r = hand_made(std::move(all));
  r.seeds.clear();
  for (std::size_t seed = 0; seed < networks.front().size(); ++seed) r.seeds.push_back(seed + 1);
  return r;
}

}  // namespace polonaise::tools
