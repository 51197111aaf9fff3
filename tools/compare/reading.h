#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/compare/results.h"

namespace polonaise::tools {

enum class Axis { targets, seconds };

// A curve's loss at a place between its first point and its last: on a line between the two neighbours over the
// logarithm of the axis. None outside.
std::optional<double> loss_at(const std::vector<CurvePoint>& curve, Axis axis, double at);

// The losses of several combinations at one place of the axis, the lowest first; those without a point so early are
// left out.
struct Reading {
  double at = 0;
  struct Entry {
    const CombinationResult* combination = nullptr;
    double loss = 0;
  };
  std::vector<Entry> entries;

  const Entry* best_of(std::string_view model) const;
  const Entry* of(const CombinationResult& combination) const;
};

// At the greatest place that all of them reached; without entries where there are no combinations.
Reading read_off(const std::vector<const CombinationResult*>& combinations, Axis axis);

// The combinations of a device that saw enough to be judged.
std::vector<const CombinationResult*> judged(const Results& results, std::string_view device);

// Two models against each other at each length that both were judged at, each time at the greatest place both reached.
struct Duel {
  struct Round {
    int seq = 0;
    double at = 0;
    double first = 0, second = 0;  // losses
  };
  std::vector<Round> rounds;

  int wins() const;    // of the first, by more than kLevel
  int losses() const;  // of the second
};
Duel duel(const Results& results, std::string_view device, std::string_view first, std::string_view second, Axis axis);

// Losses that are no further apart than this share of the lower are level: one run of each says no more.
inline constexpr double kLevel = 0.005;
bool level(double a, double b);

}  // namespace polonaise::tools
