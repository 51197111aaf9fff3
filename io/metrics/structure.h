#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "io/metrics/pitch_classes.h"
#include "io/midi/score.h"
#include "io/midi/tempo_map.h"

// How strongly a piece repeats itself: Müller's fitness of segments (Müller, Grosche and Jiang, "A segment-based
// fitness measure for capturing repetitive structures of music recordings", ISMIR 2011), on chroma from notes instead
// of sound.
namespace polonaise::io {

// Frame by frame likeness, row-major: cosines of chroma vectors (a silent frame is a uniform one), averaged over 4
// frames forward along the diagonal (fewer at the end); of all entries those greater than 85 % of them scaled
// from threshold..1 to 0..1, the others -2; the diagonal 1, and entries of 1 kept however many. Repetitions in another
// key or tempo do not count as such.
class SelfSimilarity {
 public:
  explicit SelfSimilarity(std::span<const PitchClasses> chroma);
  // From a matrix of size * size: for tests.
  SelfSimilarity(std::size_t size, std::vector<float> entries) : size_(size), entries_(std::move(entries)) {}

  std::size_t size() const { return size_; }
  const float* row(std::size_t frame) const { return &entries_[frame * size_]; }

 private:
  std::size_t size_;
  std::vector<float> entries_;
};

// Fitness of the segment of `length` frames from `first` on: the harmonic mean of normalised score and coverage of the
// path family over the segment that has the greatest score, steps (1,1), (1,2) and (2,1):
//   score     (sum of the family's entries - length) / number of its entries
//   coverage  (frames of the family's images - length) / frames of the piece
// 0 where either is 0: the segment repeats nowhere. Below 1.
double fitness(const SelfSimilarity& likeness, std::size_t first, std::size_t length);

// Structureness indicators (Wu and Yang, ISMIR 2020): the greatest fitness of segments of 3 to 8, of 8 to 15, and of
// 15 and more seconds, in frames of half a second from the first onset to the last end. None where the piece is shorter
// than the shortest of them. A piece of more than 640 frames (160 for the long segments) has as many longer ones: time
// and memory have a bound, and where a frame is longer than the segments asked for there is no indicator.
struct Structure {
  std::optional<double> from_3_to_8;
  std::optional<double> from_8_to_15;
  std::optional<double> from_15;
};
Structure structure(std::span<const Note> notes, const TempoMap& tempos);

}  // namespace polonaise::io
