#include "io/metrics/structure.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "io/metrics/pitched.h"

namespace polonaise::io {
namespace {

constexpr std::size_t kSmoothing = 4;
constexpr double kKept = 0.15;
constexpr float kPenalty = -2;
constexpr double kFrame = 0.5;  // seconds
constexpr std::size_t kMaxFrames = 640, kMaxFramesOfLong = 160;

// Unit vectors; silence points nowhere in particular.
std::array<float, 12> unit(const PitchClasses& weights) {
  double square = 0;
  for (const double weight : weights) square += weight * weight;
  std::array<float, 12> direction;
  for (std::size_t i = 0; i < 12; ++i) {
    direction[i] = static_cast<float>(square > 0 ? weights[i] / std::sqrt(square) : std::sqrt(1.0 / 12));
  }
  return direction;
}

std::vector<float> cosines(std::span<const PitchClasses> chroma) {
  std::vector<std::array<float, 12>> units;
  for (const PitchClasses& frame : chroma) units.push_back(unit(frame));
  std::vector<float> entries;
  entries.reserve(units.size() * units.size());
  for (const auto& a : units) {
    for (const auto& b : units) {
      float sum = 0;
      for (std::size_t i = 0; i < 12; ++i) sum += a[i] * b[i];
      entries.push_back(std::min(sum, 1.0f));
    }
  }
  return entries;
}

struct Frames {
  std::vector<PitchClasses> chroma;
  double seconds;  // of a frame
};

Frames frames_of(std::span<const Note> notes, const TempoMap& tempos, double begin, double end, std::size_t most) {
  const auto wanted = static_cast<std::size_t>(std::min((end - begin) / kFrame, 1e6));
  Frames frames;
  const std::size_t count = std::clamp<std::size_t>(wanted, 1, most);
  // In a piece of few frames, what is left after the last whole one is left out.
  frames.seconds = wanted > most ? (end - begin) / static_cast<double>(most) : kFrame;
  std::vector<double> edges;
  for (std::size_t i = 0; i <= count; ++i) edges.push_back(begin + static_cast<double>(i) * frames.seconds);
  PitchClassBins bins(std::move(edges));
  for (const Note& note : notes) bins.add(tempos.seconds(note.onset), tempos.seconds(note.end()), note.pitch);
  frames.chroma = bins.finish();
  return frames;
}

// The greatest fitness of segments of `shortest` to `longest` seconds.
std::optional<double> greatest(const SelfSimilarity& likeness, double frame, double shortest, double longest) {
  const double size = static_cast<double>(likeness.size());
  const double from = std::max(std::ceil(shortest / frame), 1.0), to = std::min(std::floor(longest / frame), size);
  if (from > to) return std::nullopt;
  double best = 0;
  for (auto length = static_cast<std::size_t>(from); length <= static_cast<std::size_t>(to); ++length) {
    for (std::size_t first = 0; first + length <= likeness.size(); ++first) {
      best = std::max(best, fitness(likeness, first, length));
    }
  }
  return best;
}

}  // namespace

SelfSimilarity::SelfSimilarity(std::span<const PitchClasses> chroma) : size_(chroma.size()) {
  const std::vector<float> raw = cosines(chroma);
  entries_.resize(raw.size());
  for (std::size_t row = 0; row < size_; ++row) {
    for (std::size_t column = 0; column < size_; ++column) {
      const std::size_t count = std::min({kSmoothing, size_ - row, size_ - column});
      float sum = 0;
      for (std::size_t i = 0; i < count; ++i) sum += raw[(row + i) * size_ + column + i];
      entries_[row * size_ + column] = sum / static_cast<float>(count);
    }
  }
  if (entries_.empty()) return;
  std::vector<float> ranked = entries_;
  const auto kept = static_cast<std::size_t>(kKept * static_cast<double>(ranked.size()));
  const auto at = ranked.begin() + static_cast<std::ptrdiff_t>(kept);
  std::nth_element(ranked.begin(), at, ranked.end(), std::greater<>{});
  constexpr float kSame = 1 - 1e-5f;
  const float threshold = *at;
  for (float& entry : entries_) {
    if (entry >= kSame) {
      entry = 1;
    } else {
      entry = entry > threshold ? (entry - threshold) / (1 - threshold) : kPenalty;
    }
  }
  for (std::size_t i = 0; i < size_; ++i) entries_[i * size_ + i] = 1;
}

double fitness(const SelfSimilarity& likeness, std::size_t first, std::size_t length) {
  // score[n][m]: the best family that ends in row n; at m = 0 between paths, else its last entry is (n, first + m - 1).
  const std::size_t rows = likeness.size(), width = length + 1;
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  std::vector<float> score(rows * width, kNever);
  score[0] = 0;
  score[1] = likeness.row(0)[first];
  for (std::size_t n = 1; n < rows; ++n) {
    float* row = &score[n * width];
    const float* one_up = row - width;
    const float* two_up = n > 1 ? one_up - width : one_up;
    const float* entries = likeness.row(n) + first;
    row[0] = std::max(one_up[0], one_up[length]);
    row[1] = row[0] + entries[0];
    if (length > 1) row[2] = entries[1] + std::max(one_up[1], n > 1 ? two_up[1] : kNever);
    for (std::size_t m = 3; m < width; ++m) {
      row[m] = entries[m - 1] + std::max(std::max(one_up[m - 1], one_up[m - 2]), two_up[m - 1]);
    }
  }

  // Back along the best family, counting its entries and the rows that each path covers.
  const auto at = [&](std::size_t n, std::size_t m) { return score[n * width + m]; };
  const auto ends_path = [&](std::size_t n) { return at(n, length) >= at(n, 0); };
  std::size_t entries = 0, covered = 0, n = rows - 1;
  const double total = std::max(at(n, 0), at(n, length));
  for (bool more = true; more;) {
    if (ends_path(n)) {
      const std::size_t last = n;
      std::size_t m = length;
      for (++entries; m > 1; ++entries) {
        const float diagonal = at(n - 1, m - 1), right = m > 2 ? at(n - 1, m - 2) : kNever;
        const float down = n > 1 ? at(n - 2, m - 1) : kNever;
        const bool is_down = down > diagonal && down > right, is_right = !is_down && right > diagonal;
        n -= is_down ? 2 : 1;
        m -= is_right ? 2 : 1;
      }
      covered += last - n + 1;
    }
    more = n > 0;
    if (more) --n;
  }
  const double gained_score = (total - static_cast<double>(length)) / static_cast<double>(entries);
  const double gained_coverage =
      (static_cast<double>(covered) - static_cast<double>(length)) / static_cast<double>(rows);
  if (!(gained_score > 0 && gained_coverage > 0)) return 0;
  return 2 * gained_score * gained_coverage / (gained_score + gained_coverage);
}

Structure structure(std::span<const Note> notes, const TempoMap& tempos) {
  if (notes.empty()) return {};
  const double begin = tempos.seconds(notes.front().onset), end = tempos.seconds(last_end(notes));
  if (end - begin < 3) return {};
  Structure result;
  const Frames fine = frames_of(notes, tempos, begin, end, kMaxFrames);
  const SelfSimilarity likeness(fine.chroma);
  result.from_3_to_8 = greatest(likeness, fine.seconds, 3, 8);
  result.from_8_to_15 = greatest(likeness, fine.seconds, 8, 15);
  if (end - begin >= 15) {
    const Frames coarse = frames_of(notes, tempos, begin, end, kMaxFramesOfLong);
    result.from_15 =
        greatest(SelfSimilarity(coarse.chroma), coarse.seconds, 15, std::numeric_limits<double>::infinity());
  }
  return result;
}

}  // namespace polonaise::io
