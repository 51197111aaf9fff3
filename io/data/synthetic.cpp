#include "io/data/synthetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <initializer_list>
#include <tuple>

#include "io/files/splitmix64.h"

namespace polonaise::io {
namespace {

constexpr std::int64_t kQuarter = 480;
constexpr int kBarsInPeriod = 8;

// Scale degrees count from 0 = tonic, across octaves: degree 7 is the tonic above.
class Key {
 public:
  Key(int tonic, bool minor) : tonic_(tonic), minor_(minor) {}

  int pitch(int degree, bool raised_leading_tone) const {
    constexpr std::array<int, 7> kMajor = {0, 2, 4, 5, 7, 9, 11};
    constexpr std::array<int, 7> kMinor = {0, 2, 3, 5, 7, 8, 10};
    const int octave = degree >= 0 ? degree / 7 : (degree - 6) / 7;
    const int step = degree - 7 * octave;
    const int raised = minor_ && raised_leading_tone && step == 6 ? 1 : 0;
    return tonic_ + 12 * octave + (minor_ ? kMinor : kMajor)[static_cast<std::size_t>(step)] + raised;
  }

 private:
  int tonic_;  // its lowest pitch in use
  bool minor_;
};

// Four chords to a phrase of four bars, as scale degrees of their roots.
using Phrase = std::array<int, 4>;
constexpr std::array<Phrase, 5> kOpenPhrases = {
    {{0, 5, 1, 4}, {0, 3, 0, 4}, {0, 2, 3, 4}, {0, 4, 5, 4}, {5, 3, 1, 4}}};  // end in a half cadence
constexpr std::array<Phrase, 5> kClosedPhrases = {
    {{0, 3, 4, 0}, {5, 1, 4, 0}, {0, 1, 4, 0}, {3, 0, 4, 0}, {3, 1, 4, 0}}};  // end in a full cadence

// Lengths of a beat's notes, in twelfths of a quarter.
using Rhythm = std::vector<int>;
const Rhythm& rhythm(std::uint64_t which) {
  static const std::array<Rhythm, 6> kRhythms = {{{12}, {6, 6}, {9, 3}, {3, 3, 6}, {4, 4, 4}, {3, 3, 3, 3}}};
  return kRhythms[which];
}

class Composer {
 public:
  explicit Composer(Random random)
      : random_(random),
        minor_(random_.below(2) == 1),
        beats_(2 + static_cast<int>(random_.below(3))),
        key_(43 + static_cast<int>(random_.below(12)), minor_),
        figure_(random_.below(5)),
        plainness_(1 + random_.below(3)),
        tempo_(static_cast<std::uint32_t>(60'000'000 / (66 + random_.below(80)))) {}

  Score compose() {
    score_.ticks_per_quarter = kQuarter;
    score_.time_signatures = {{0, static_cast<std::uint8_t>(beats_), 4}};
    score_.tempos = {{0, tempo_}};
    // A theme, the theme again, something else, and the theme to end: periods of one seed are the same music.
    const std::uint64_t theme = random_.next();
    const std::uint64_t contrast = random_.next();
    for (const std::uint64_t seed : {theme, theme, contrast, theme}) period(seed);
    finish();
    std::ranges::sort(score_.notes, {}, [](const Note& n) { return std::tuple(n.onset, n.pitch, n.track); });
    return std::move(score_);
  }

 private:
  std::int64_t bar_ticks() const { return beats_ * kQuarter; }

  void period(std::uint64_t seed) {
    random_ = Random(seed);
    const Phrase& open = kOpenPhrases[random_.below(kOpenPhrases.size())];
    const Phrase& closed = kClosedPhrases[random_.below(kClosedPhrases.size())];
    melody_ = 14 + static_cast<int>(random_.below(5));
    for (int bar = 0; bar < kBarsInPeriod; ++bar) {
      const int root = bar < 4 ? open[static_cast<std::size_t>(bar)] : closed[static_cast<std::size_t>(bar - 4)];
      // A phrase swells to its middle.
      loudness_ = 66 + 5 * std::min(bar % 4 + 1, 4 - bar % 4) + (bar >= 4 ? 4 : 0);
      const bool cadence = bar % 4 == 3;
      right_hand(root, cadence);
      left_hand(root, cadence);
      now_ += bar_ticks();
    }
  }

  void right_hand(int root, bool cadence) {
    std::int64_t at = now_;
    for (int beat = 0; beat < beats_; ++beat) {
      if (cadence && beat > 0) continue;
      melody_ = nearest_chord_degree(root, melody_);
      if (cadence) {
        note(at, bar_ticks(), melody_, root == 4, loudness_ + 6, 0);
        return;
      }
      const Rhythm& lengths = rhythm(random_.below(6) / plainness_);
      for (std::size_t i = 0; i < lengths.size(); ++i) {
        if (i > 0) melody_ += random_.below(2) == 0 ? 1 : -1;
        melody_ = std::clamp(melody_, 10, 24);
        const std::int64_t ticks = lengths[i] * kQuarter / 12;
        note(at, ticks, melody_, root == 4, loudness_ + (i == 0 ? 10 : 4), 0);
        at += ticks;
      }
      melody_ += static_cast<int>(random_.below(5)) - 2;
    }
  }

  void left_hand(int root, bool cadence) {
    const int bass = root > 4 ? root - 7 : root;
    const std::array<int, 4> chord = {bass, bass + 2, bass + 4, bass + 7};
    const auto play = [&](std::int64_t at, std::int64_t length, std::initializer_list<std::size_t> members) {
      for (const std::size_t member : members) note(now_ + at, length, chord[member], root == 4, loudness_ - 12, 1);
    };
    if (cadence) return play(0, bar_ticks(), {0, 1, 2});
    constexpr std::int64_t kEighth = kQuarter / 2;
    for (int beat = 0; beat < beats_; ++beat) {
      const std::int64_t at = beat * kQuarter;
      const bool odd = beat % 2 == 1;
      switch (figure_) {
        case 0:  // a chord a bar
          if (beat == 0) play(0, bar_ticks(), {0, 1, 2});
          break;
        case 1:  // bass, then chords
          if (beat == 0) {
            play(at, kQuarter, {0});
          } else {
            play(at, kEighth, {1, 2, 3});
          }
          break;
        case 2:  // Alberti: low, high, middle, high
          play(at, kEighth, {std::size_t{odd ? 1U : 0U}});
          play(at + kEighth, kEighth, {2});
          break;
        case 3:  // broken upwards
          play(at, kEighth, {std::size_t{odd ? 2U : 0U}});
          play(at + kEighth, kEighth, {std::size_t{odd ? 3U : 1U}});
          break;
        default:  // octaves and fifths
          if (odd) {
            play(at, kQuarter, {2});
          } else {
            play(at, kQuarter, {0, 3});
          }
      }
    }
  }

  // The degree of the triad on `root` that lies nearest, the lower of two.
  static int nearest_chord_degree(int root, int degree) {
    int best = degree;
    int distance = 7;
    for (int candidate = degree - 3; candidate <= degree + 3; ++candidate) {
      const int above_root = ((candidate - root) % 7 + 7) % 7;
      const bool in_triad = above_root == 0 || above_root == 2 || above_root == 4;
      if (in_triad && std::abs(candidate - degree) < distance) {
        best = candidate;
        distance = std::abs(candidate - degree);
      }
    }
    return best;
  }

  void note(std::int64_t at, std::int64_t length, int degree, bool dominant, int velocity, int track) {
    const auto pitch = static_cast<std::uint8_t>(std::clamp(key_.pitch(degree, dominant), 21, 108));
    score_.notes.push_back({at, length, pitch, static_cast<std::uint8_t>(std::clamp(velocity, 20, 120)),
                            static_cast<std::uint8_t>(track), 0, static_cast<std::uint16_t>(track)});
  }

  // The last two bars slow down.
  void finish() {
    for (int beat = 0; beat < 2 * beats_; ++beat) {
      const double slower = 1 + 0.06 * (beat + 1);
      score_.tempos.push_back(
          {now_ - 2 * bar_ticks() + beat * kQuarter, static_cast<std::uint32_t>(std::lround(tempo_ * slower))});
    }
  }

  Random random_;
  bool minor_;
  int beats_;
  Key key_;
  std::uint64_t figure_;
  std::uint64_t plainness_;  // 1 uses all rhythms, 3 only the plainest
  std::uint32_t tempo_;      // microseconds a quarter
  Score score_;
  std::int64_t now_ = 0;
  int melody_ = 14;  // degree
  int loudness_ = 70;
};

}  // namespace

std::vector<NamedScore> synthetic_corpus(int count, std::uint64_t seed) {
  std::vector<NamedScore> corpus;
  for (int i = 0; i < count; ++i) {
    corpus.push_back(
        {fmt::format("rule-{:04}", i + 1), Composer(Random(seed, static_cast<std::uint64_t>(i))).compose()});
  }
  return corpus;
}

}  // namespace polonaise::io
