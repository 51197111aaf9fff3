#include "io/metrics/distances.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace polonaise::io {
namespace {

using Value = std::vector<double>;

double distance(const Value& a, const Value& b) {
  double square = 0;
  for (std::size_t i = 0; i < a.size(); ++i) square += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(square);
}

std::optional<double> mean(std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Scott's width; 0 where there is no spread.
double scott(std::span<const double> values) {
  if (values.size() < 2) return 0;
  const double centre = *mean(values), count = static_cast<double>(values.size());
  double square = 0;
  for (const double value : values) square += (value - centre) * (value - centre);
  return std::sqrt(square / (count - 1)) * std::pow(count, -0.2);
}

// A Gaussian kernel density and its logarithm, which is finite however far from all kernels.
class Density {
 public:
  Density(std::span<const double> values, double width) : values_(values), width_(width) {}

  double log(double x) const {
    // Kernels whose exponent is beyond kFar add nothing to one that is within kNear; where all are beyond that, they
    // are taken relative to the nearest.
    constexpr double kNear = 30, kFar = 60;
    double nearest = std::numeric_limits<double>::infinity(), sum = 0;
    for (const double value : values_) {
      const double exponent = exponent_at(x, value);
      nearest = std::min(nearest, exponent);
      if (exponent < kFar) sum += std::exp(-exponent);
    }
    const double scale = static_cast<double>(values_.size()) * width_ * std::sqrt(2 * std::numbers::pi);
    if (nearest < kNear) return std::log(sum / scale);
    sum = 0;
    for (const double value : values_) sum += std::exp(nearest - exponent_at(x, value));
    return std::log(sum / scale) - nearest;
  }

 private:
  double exponent_at(double x, double value) const {
    const double z = (x - value) / width_;
    return z * z / 2;
  }

  std::span<const double> values_;
  double width_;
};

std::vector<const Value*> chosen(std::span<const Value> set) {
  std::vector<const Value*> defined;
  for (const Value& value : set) {
    if (!value.empty()) defined.push_back(&value);
  }
  const std::size_t count = std::min(defined.size(), kMaxDistancePieces);
  std::vector<const Value*> few;
  for (std::size_t i = 0; i < count; ++i) few.push_back(defined[i * defined.size() / count]);
  return few;
}

std::vector<double> intra(const std::vector<const Value*>& set) {
  std::vector<double> distances;
  for (const Value* a : set) {
    for (const Value* b : set) {
      if (a != b) distances.push_back(distance(*a, *b));
    }
  }
  return distances;
}

std::vector<Value> values_of(Metric metric, std::span<const PieceMetrics> pieces) {
  std::vector<Value> values;
  for (const PieceMetrics& piece : pieces) values.emplace_back(piece[metric].begin(), piece[metric].end());
  return values;
}

}  // namespace

std::optional<Divergence> divergence(std::span<const double> intra, std::span<const double> inter) {
  constexpr int kPoints = 1000;
  if (intra.empty() || inter.empty()) return std::nullopt;
  const auto [low_p, high_p] = std::ranges::minmax(intra);
  const auto [low_q, high_q] = std::ranges::minmax(inter);
  const double low = std::min(low_p, low_q), high = std::max(high_p, high_q);
  if (high - low <= 1e-12 * high) return Divergence{0, 1};
  const double scott_p = scott(intra), scott_q = scott(inter);
  const double margin = 4 * std::max({scott_p, scott_q, (high - low) / kPoints});
  const double step = (high - low + 2 * margin) / (kPoints - 1);
  const double width_p = std::max(scott_p, step), width_q = std::max(scott_q, step);
  const Density p(intra, width_p), q(inter, width_q);
  Divergence sum;
  for (int i = 0; i < kPoints; ++i) {
    const double x = low - margin + i * step;
    const double log_p = p.log(x), log_q = q.log(x);
    const double weight = i == 0 || i == kPoints - 1 ? step / 2 : step;  // the trapezoidal rule
    sum.kl += weight * std::exp(log_p) * (log_p - log_q);
    sum.overlap += weight * std::exp(std::min(log_p, log_q));
  }
  return Divergence{std::max(sum.kl, 0.0), std::min(sum.overlap, 1.0)};
}

SetDistance set_distance(std::span<const Value> a, std::span<const Value> b) {
  const auto defined = [](std::span<const Value> set) {
    return std::ranges::count_if(set, [](const Value& value) { return !value.empty(); });
  };
  SetDistance result;
  result.pieces_a = defined(a);
  result.pieces_b = defined(b);
  const std::vector<const Value*> few_a = chosen(a), few_b = chosen(b);
  std::vector<double> across;
  for (const Value* from : few_a) {
    for (const Value* to : few_b) across.push_back(distance(*from, *to));
  }
  const std::vector<double> within_a = intra(few_a), within_b = intra(few_b);
  result.intra_a = mean(within_a);
  result.intra_b = mean(within_b);
  result.inter = mean(across);
  if (const auto from_a = divergence(within_a, across)) {
    result.kl_a = from_a->kl;
    result.overlap_a = from_a->overlap;
  }
  if (const auto from_b = divergence(within_b, across)) {
    result.kl_b = from_b->kl;
    result.overlap_b = from_b->overlap;
  }
  return result;
}

SetDistance set_distance(Metric metric, std::span<const PieceMetrics> a, std::span<const PieceMetrics> b) {
  return set_distance(values_of(metric, a), values_of(metric, b));
}

}  // namespace polonaise::io
