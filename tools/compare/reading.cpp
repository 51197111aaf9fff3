#include "tools/compare/reading.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace polonaise::tools {
namespace {

double place(const CurvePoint& point, Axis axis) {
  return axis == Axis::targets ? static_cast<double>(point.targets) : point.seconds;
}

double reached(const CombinationResult& result, Axis axis) {
  return result.curve.empty() ? 0 : place(result.curve.back(), axis);
}

}  // namespace

std::optional<double> loss_at(const std::vector<CurvePoint>& curve, Axis axis, double at) {
  const auto after = std::ranges::find_if(curve, [&](const CurvePoint& point) { return place(point, axis) >= at; });
  if (after == curve.end()) return std::nullopt;
  const double right = place(*after, axis);
  if (right == at) return after->loss;
  if (after == curve.begin()) return std::nullopt;
  const CurvePoint& before = *(after - 1);
  const double left = place(before, axis);
  if (!(left > 0)) return std::nullopt;
  const double share = std::log(at / left) / std::log(right / left);
  return before.loss + share * (after->loss - before.loss);
}

const Reading::Entry* Reading::best_of(std::string_view model) const {
  for (const Entry& entry : entries) {
    if (entry.combination->combination.model == model) return &entry;
  }
  return nullptr;
}

const Reading::Entry* Reading::of(const CombinationResult& combination) const {
  const auto found = std::ranges::find(entries, &combination, &Entry::combination);
  return found == entries.end() ? nullptr : &*found;
}

Reading read_off(const std::vector<const CombinationResult*>& combinations, Axis axis) {
  Reading reading;
  if (combinations.empty()) return reading;
  reading.at = std::numeric_limits<double>::max();
  for (const CombinationResult* c : combinations) reading.at = std::min(reading.at, reached(*c, axis));
  for (const CombinationResult* c : combinations) {
    if (const auto loss = loss_at(c->curve, axis, reading.at)) reading.entries.push_back({c, *loss});
  }
  std::ranges::stable_sort(reading.entries, {}, &Reading::Entry::loss);
  return reading;
}

std::vector<const CombinationResult*> judged(const Results& results, std::string_view device) {
  std::vector<const CombinationResult*> judged;
  for (const CombinationResult& c : results.combinations) {
    if (c.judged() && c.combination.device == device && !c.curve.empty()) judged.push_back(&c);
  }
  return judged;
}

int Duel::wins() const {
  return static_cast<int>(
      std::ranges::count_if(rounds, [](const Round& r) { return r.first < r.second && !level(r.first, r.second); }));
}

int Duel::losses() const {
  return static_cast<int>(
      std::ranges::count_if(rounds, [](const Round& r) { return r.second < r.first && !level(r.first, r.second); }));
}

Duel duel(const Results& results, std::string_view device, std::string_view first, std::string_view second, Axis axis) {
  Duel duel;
  const auto all = judged(results, device);
  for (const CombinationResult* a : all) {
    if (a->combination.model != first) continue;
    for (const CombinationResult* b : all) {
      if (b->combination.model != second || b->combination.seq != a->combination.seq) continue;
      const Reading reading = read_off({a, b}, axis);
      if (reading.entries.size() < 2) continue;
      duel.rounds.push_back({a->combination.seq, reading.at, reading.of(*a)->loss, reading.of(*b)->loss});
    }
  }
  return duel;
}

bool level(double a, double b) {
  return std::abs(a - b) <= kLevel * std::min(std::abs(a), std::abs(b));
}

}  // namespace polonaise::tools
