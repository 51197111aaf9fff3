// The study's chords: which keys begin together, and one length for all of them.
//
// Keys            chordvec: pitch - 21 for 21..126, so C4, A4 are columns 39, 48. chordvec-literal: pitch - 22 for
//                 22..127, so C4, A4 are columns 38, 47 and A0 (which the study's formula sends to column -1) is lost.
// A chord         notes that begin within less than 1/48 quarter of its first one; a doubled pitch counts once.
// Its length      chordvec: that of its longest note, but at most the time to the next chord, since a decoder can only
//                 move on by it: uncut, a held bass note would delay all that follows. What is then left until the next
//                 chord is a rest, a frame without keys; less than 1/48 quarter is added to the chord instead (many
//                 files end notes a tick early). chordvec-literal: that of its longest note, and no rests, as in the
//                 study: chords follow one another for as long as each lasts, whatever the piece did.
// Lengths         multiples of 1/480 quarter in [1/48, 16] quarters.
// Decoding        plays each frame for its length at velocity 80, one after another.
//
// A step is representable where all its notes begin on one tick, have one length, and end when the next chord begins
// (chordvec, which has rests: or before), within 0.06 quarter.

#include <algorithm>
#include <bitset>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "io/encodings/parts/grid_notes.h"
#include "io/encodings/parts/rules.h"
#include "io/encodings/registry.h"

namespace polonaise::io {
namespace {

constexpr int kKeys = 106;
constexpr std::int64_t kQuarter = 480;
constexpr std::int64_t kShortest = kQuarter / 48;
constexpr std::int64_t kLongest = 16 * kQuarter;
constexpr std::int64_t kTolerance = 6 * kQuarter / 100;
constexpr std::uint8_t kVelocity = 80;

using Chord = std::span<const GridNote>;

// From the chord's beginning to its last note's end.
std::int64_t sounding(Chord chord) {
  return std::ranges::max(chord, {}, &GridNote::off).off - chord.front().on;
}

class ChordVec final : public Encoding {
 public:
  explicit ChordVec(bool literal) : literal_(literal), low_(literal ? 22 : 21) {}

  std::string name() const override { return literal_ ? "chordvec-literal" : "chordvec"; }

  EventShape shape() const override {
    return {EventKind::frames,   0,         kKeys,
            kDurationClassCount, kKeys + 1, literal_ ? DurationInput::quarters : DurationInput::log2_one_plus};
  }

  std::string describe() const override {
    const nlohmann::ordered_json table = {
        {"encoding", name()},
        {"version", 1},
        {"width", kKeys + 1},
        {"columns",
         {{{"first", 0}, {"count", kKeys}, {"meaning", "keys that begin together"}, {"first_pitch", low_}},
          {{"first", kKeys}, {"count", 1}, {"meaning", literal_ ? "quarters" : "log2(1 + quarters)"}}}},
        {"duration_classes_per_48th_quarter", kDurationClasses},
        {"chord_window_quarters", "< 1/48"},
        {"rests", !literal_}};
    return sealed(table.dump());
  }

  Events encode(const Score& score, LossReport& report) const override {
    const auto to_grid = [&](std::int64_t tick) { return rescale(tick, score.ticks_per_quarter, kQuarter); };
    std::vector<GridNote> notes = grid_notes(score, low_, low_ + kKeys - 1, to_grid, report);
    start_at_zero(notes);
    Events events(EventKind::frames);
    Losses losses;
    for (std::size_t begin = 0; begin < notes.size();) {
      std::size_t end = begin + 1;
      while (end < notes.size() && notes[end].on - notes[begin].on < kShortest) ++end;
      std::optional<std::int64_t> gap;
      if (end < notes.size()) gap = notes[end].on - notes[begin].on;
      encode_chord(Chord(notes).subspan(begin, end - begin), gap, events, losses);
      begin = end;
    }
    losses.add_to(report);
    return events;
  }

  Score decode(const EventsView& events) const override {
    std::vector<Note> notes;
    notes.reserve(events.keys.size());
    std::int64_t now = 0;
    for (std::int64_t i = 0; i < events.size(); ++i) {
      const std::int64_t length = length_of(events, i);
      for (const std::uint8_t key : events.frame(i)) {
        notes.push_back({now, length, static_cast<std::uint8_t>(low_ + key), kVelocity, 0, 0, 0});
      }
      now += length;
    }
    return piano_score(kQuarter, std::move(notes));
  }

  Standing standing(const EventsView& events, std::int64_t count) const override {
    Standing after;
    for (std::int64_t i = 0; i < count; ++i) after.tick += length_of(events, i);
    return after;
  }

  // The clock counts 1/48 quarters, the unit of the duration classes.
  EventGrammar grammar(const GrammarOptions& options) const override {
    check_grammar_options(options, low_, low_ + kKeys - 1, name());
    Rules rules(kDurationClassCount, 1);
    for (int c = 0; c < kDurationClassCount; ++c) {
      rules.allow_timed(0, c, 0, kDurationClasses[static_cast<std::size_t>(c)]);
    }
    EventGrammar& grammar = rules.grammar();
    grammar.ticks_per_quarter = 48;
    grammar.end = clock_end(options, grammar.ticks_per_quarter);
    grammar.key_drawable = allowed_keys(options, low_, low_ + kKeys - 1);
    grammar.max_keys = options.max_polyphony;
    return rules.finish();
  }

 private:
  static std::int64_t length_of(const EventsView& events, std::int64_t frame) {
    const float quarters = events.quarters[static_cast<std::size_t>(frame)];
    return std::clamp(std::int64_t{std::lround(quarters * kQuarter)}, kShortest, kLongest);
  }

  struct Losses {
    std::int64_t steps = 0;
    std::int64_t representable = 0;
    std::int64_t doubled = 0;
    std::int64_t moved = 0;
    std::int64_t cut = 0;
    std::int64_t evened = 0;
    std::int64_t delaying = 0;
    std::int64_t rests = 0;
    std::int64_t shortened = 0;

    void add_to(LossReport& report) const {
      report.steps += steps;
      report.representable_steps += representable;
      count_loss(report, "doubled notes merged", doubled);
      count_loss(report, "notes moved to their chord's beginning", moved);
      count_loss(report, "notes cut at the next chord", cut);
      count_loss(report, "notes given their chord's length", evened);
      count_loss(report, "chords that delay the next", delaying);
      count_loss(report, "rests dropped", rests);
      count_loss(report, "chords and rests over 16 quarters shortened", shortened);
    }
  };

  // `gap` is the time to the next chord, where there is one.
  void encode_chord(Chord chord, std::optional<std::int64_t> gap, Events& events, Losses& losses) const {
    std::bitset<kKeys> keys;
    for (const GridNote& note : chord) keys.set(static_cast<std::size_t>(note.pitch - low_));
    std::int64_t length = std::max(sounding(chord), kShortest);
    std::int64_t rest = 0;
    if (gap && !literal_) {
      length = std::min(length, *gap);
      rest = *gap - length;
      if (rest < kShortest) length += std::exchange(rest, 0);
    }
    losses.doubled += static_cast<std::int64_t>(chord.size() - keys.count());
    count_losses(chord, gap, length, losses);
    push(keys, length, events, losses);
    if (rest > 0) push({}, rest, events, losses);
  }

  void count_losses(Chord chord, std::optional<std::int64_t> gap, std::int64_t length, Losses& losses) const {
    const std::int64_t on = chord.front().on;
    const std::int64_t longest = sounding(chord);
    bool even = true;
    for (const GridNote& note : chord) {
      const bool moved = note.on != on;
      const bool cut = gap && !literal_ && note.off - on > *gap;
      const bool evened = !cut && std::abs(note.length() - length) > kTolerance;
      losses.moved += moved;
      losses.cut += cut;
      losses.evened += evened;
      even = even && !moved && std::abs(note.length() - longest) <= kTolerance;
    }
    const std::int64_t late = gap ? longest - *gap : 0;
    if (literal_) {
      losses.delaying += late > kTolerance;
      losses.rests += late < -kTolerance;
    }
    ++losses.steps;
    losses.representable += even && late <= kTolerance && (!literal_ || late >= -kTolerance);
  }

  static void push(const std::bitset<kKeys>& keys, std::int64_t length, Events& events, Losses& losses) {
    std::array<std::uint8_t, kKeys> ascending{};
    std::size_t count = 0;
    for (std::size_t key = 0; key < kKeys; ++key) {
      if (keys[key]) ascending[count++] = static_cast<std::uint8_t>(key);
    }
    losses.shortened += length > kLongest;
    events.push_frame(std::span(ascending).first(count),
                      static_cast<float>(std::min(length, kLongest)) / static_cast<float>(kQuarter));
  }

  bool literal_;
  int low_;
};

}  // namespace

std::unique_ptr<const Encoding> make_chordvec(bool literal) {
  return std::make_unique<ChordVec>(literal);
}

}  // namespace polonaise::io
