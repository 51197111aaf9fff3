#include "tools/compare/results/reading.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace polonaise::tools {
namespace {

double place(const CurvePoint& point, Axis axis) {
  return axis == Axis::targets ? static_cast<double>(point.targets) : point.seconds;
}

// How far every run came.
double reached(const Network& network, Axis axis) {
  double least = std::numeric_limits<double>::max();
  for (const CombinationResult* run : network.runs) {
    least = std::min(least, run->curve.empty() ? 0 : place(run->curve.back(), axis));
  }
  return least;
}

// Whether a run's loss was below the unigram's by more than the margin, at a measurement up to a place or there.
bool left_by(const CombinationResult& run, Axis axis, double at, double unigram) {
  const auto there = loss_at(run.curve, axis, at);
  return (there && !above_unigram(*there, unigram)) || std::ranges::any_of(run.curve, [&](const CurvePoint& point) {
           return place(point, axis) <= at && !above_unigram(point.loss, unigram);
         });
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
    if (entry.ranked && entry.network.combination().model == model) return &entry;
  }
  return nullptr;
}

const Reading::Entry* Reading::best_of(std::string_view model, std::int64_t parameters) const {
  for (const Entry& entry : entries) {
    const Combination& combination = entry.network.combination();
    if (entry.ranked && combination.model == model && combination.parameters == parameters) return &entry;
  }
  return nullptr;
}

const Reading::Entry* Reading::of(const Network& network) const {
  const auto same = [&](const Entry& entry) { return entry.network.runs.front() == network.runs.front(); };
  const auto found = std::ranges::find_if(entries, same);
  return found == entries.end() ? nullptr : &*found;
}

bool Reading::leads(const Entry& entry) const {
  return entry.ranked && (&entry == entries.data() || level(entries.front().loss, entry.loss));
}

Reading read_off(const std::vector<Network>& networks, Axis axis, double unigram) {
  Reading reading;
  if (networks.empty()) return reading;
  reading.at = std::numeric_limits<double>::max();
  for (const Network& network : networks) reading.at = std::min(reading.at, reached(network, axis));
  for (const Network& network : networks) {
    const auto loss =
        network.spread([&](const CombinationResult& run) { return loss_at(run.curve, axis, reading.at); });
    const bool left = std::ranges::any_of(
        network.runs, [&](const CombinationResult* run) { return left_by(*run, axis, reading.at, unigram); });
    if (loss) reading.entries.push_back({network, *loss, left});
  }
  std::ranges::stable_sort(reading.entries, [](const Reading::Entry& a, const Reading::Entry& b) {
    return a.ranked != b.ranked ? a.ranked : a.loss.mean < b.loss.mean;
  });
  return reading;
}

std::vector<CoursePoint> course_of(const Network& network, Axis axis) {
  std::vector<double> places;
  const double end = reached(network, axis);
  for (const CurvePoint& point : network.runs.front()->curve) {
    if (place(point, axis) < end) places.push_back(place(point, axis));
  }
  places.push_back(end);
  std::vector<CoursePoint> course;
  for (const double at : places) {
    const auto loss = network.spread([&](const CombinationResult& run) { return loss_at(run.curve, axis, at); });
    if (loss) course.push_back({at, *loss});
  }
  return course;
}

int Duel::wins() const {
  return static_cast<int>(std::ranges::count_if(
      rounds, [](const Round& r) { return r.first.mean < r.second.mean && !level(r.first, r.second); }));
}

int Duel::losses() const {
  return static_cast<int>(std::ranges::count_if(
      rounds, [](const Round& r) { return r.second.mean < r.first.mean && !level(r.first, r.second); }));
}

Duel duel(const std::vector<Network>& networks, std::string_view first, std::string_view second, Axis axis,
          double unigram) {
  Duel duel;
  for (const Network& a : networks) {
    if (a.combination().model != first || a.never_left(unigram)) continue;
    for (const Network& b : networks) {
      if (b.combination().model != second || b.combination().seq != a.combination().seq) continue;
      if (b.never_left(unigram)) continue;
      const Reading reading = read_off({a, b}, axis, unigram);
      if (reading.entries.size() < 2 || !reading.entries.front().ranked) continue;
      duel.rounds.push_back({a.combination().seq, reading.at, reading.of(a)->loss, reading.of(b)->loss});
    }
  }
  return duel;
}

}  // namespace polonaise::tools
