#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "tools/compare/results/network.h"
#include "tools/compare/results/results.h"

namespace polonaise::tools {

enum class Axis { targets, seconds };

// A curve's loss at a place between its first point and its last: on a line between the two neighbours over the
// logarithm of the axis. None outside.
std::optional<double> loss_at(const std::vector<CurvePoint>& curve, Axis axis, double at);

// The losses of several networks at one place of the axis, their seeds' together. A network of which no seed had left
// the unigram by there has no rank at that place; these come last, and the others in order of their means, the lowest
// first. A network of which one run has no point so early is left out.
struct Reading {
  double at = 0;
  struct Entry {
    Network network;
    Spread loss;
    bool ranked = true;
  };
  std::vector<Entry> entries;

  // Best network of a model, of those that have a rank; null where there is none.
  const Entry* best_of(std::string_view model) const;
  // Best network of a model at one size.
  const Entry* best_of(std::string_view model, std::int64_t parameters) const;
  const Entry* of(const Network& network) const;
  // Whether an entry is the best, or level with it.
  bool leads(const Entry& entry) const;
};

// At the greatest place that every run of all of them reached; without entries where there are no networks. `unigram`
// is what counting single events achieves on the same held-out events.
Reading read_off(const std::vector<Network>& networks, Axis axis, double unigram);

// A network's course: a run's own points, or, of several runs, their losses at the places of the first one's points as
// far as all of them reached.
struct CoursePoint {
  double at = 0;
  Spread loss;
};
std::vector<CoursePoint> course_of(const Network& network, Axis axis);

// Two models against each other at each length that both were judged at, each time at the greatest place both reached.
// There is no duel with what never left the unigram, nor where neither had left it yet.
struct Duel {
  struct Round {
    int seq = 0;
    double at = 0;
    Spread first, second;  // losses
  };
  std::vector<Round> rounds;

  int wins() const;    // of the first; level rounds are nobody's
  int losses() const;  // of the second
};
Duel duel(const std::vector<Network>& networks, std::string_view first, std::string_view second, Axis axis,
          double unigram);

}  // namespace polonaise::tools
