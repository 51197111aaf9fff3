#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/metrics/metrics.h"

namespace polonaise::io {

// How far one set of pieces is from another in one metric, after Yang and Lerch, "On the evaluation of generative
// models in music" (Neural Computing and Applications 32, 2020). Values of a metric are compared by Euclidean distance:
//   intra   from each piece of a set to each other of the same set (each pair in both directions, as mgeval counts)
//   inter   from each piece of one set to each of the other
// Both lists of distances become densities by Gaussian kernels of Scott's width, sd * n^(-1/5), sd of n - 1. Then
//   kl       the integral of p log(p / q), p = intra and q = inter: nats, 0 where they agree
//   overlap  the integral of min(p, q): 0..1
// on one grid of 1000 points that holds both with four widths to either side. mgeval evaluates p and q on two different
// grids and integrates the overlap from min to max only.
struct SetDistance {
  std::int64_t pieces_a = 0;  // with a defined value
  std::int64_t pieces_b = 0;
  std::optional<double> intra_a, intra_b, inter;  // mean distances; none where there is no pair
  std::optional<double> kl_a, overlap_a;          // intra of A against inter; none where there is no pair
  std::optional<double> kl_b, overlap_b;          // intra of B against inter
};

// At most this many pieces of each set are compared, evenly spaced, so that the pairs stay countable.
inline constexpr std::size_t kMaxDistancePieces = 128;

// `a` and `b` hold values of one size; empty ones (undefined) are passed over.
SetDistance set_distance(std::span<const std::vector<double>> a, std::span<const std::vector<double>> b);
SetDistance set_distance(Metric metric, std::span<const PieceMetrics> a, std::span<const PieceMetrics> b);

// The two lists' comparison alone: values of 0 and more. Where all distances of both are one number they agree (kl 0,
// overlap 1); no kernel is narrower than a step of the grid. None where a list is empty.
struct Divergence {
  double kl = 0;
  double overlap = 0;
};
std::optional<Divergence> divergence(std::span<const double> intra, std::span<const double> inter);

}  // namespace polonaise::io
