// Notes in bars (Huang and Yang, "Pop Music Transformer", 2020): where a bar begins and what its meter is, then at each
// position the notes that begin there.
//      0..87    pitch 21..108, the piano's keys
//     88..119   velocity 1..4, 5..8, ..., 125..127
//    120..239   length, one of the 120 of io/encodings/parts/lengths.h
//    240..261   a bar begins, of one of the 22 meters of io/encodings/parts/bars.h
//    262..549   position 0..287, in 1/48 quarter from the bar's beginning
//
// A piece is bars; a bar is its token and any number of a position with notes, ascending; a note is pitch, velocity,
// length, at one position by pitch. Encoding folds the sustain pedal into lengths and rounds time to 1/48 quarter; a
// length becomes the nearest one that ends before its key is struck again. The first bar is that of the first note.
// Bars without a beginning are left out that begin 64 quarters and more after the last bar with one.
// Decoding takes what stands before any bar as in a bar of 4/4, a position as a time from its bar's beginning even
// where the bar is over, and else does as tsd: a piece whose last token is a bar or a position ends there, with all
// notes.

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "io/encodings/parts/bars.h"
#include "io/encodings/parts/grid_notes.h"
#include "io/encodings/parts/lengths.h"
#include "io/encodings/parts/rules.h"
#include "io/encodings/parts/written_notes.h"
#include "io/encodings/registry.h"
#include "io/files/error.h"
#include "io/midi/notes.h"

namespace polonaise::io {
namespace {

constexpr int kBar = kAfterNoteTokens;
constexpr int kPosition = kBar + kMeters;
constexpr int kVocabulary = kPosition + kLongestBar;
constexpr std::int64_t kTicksPerStep = 10;
constexpr std::int64_t kLongestStretch = 64 * kGridPerQuarter;

struct Bar {
  std::int64_t start = 0;
  int meter = 0;
  std::int64_t end() const { return start + meter_of(meter).length(); }
};

// Time as tokens move it on.
struct Clock {
  Bar bar;
  std::int64_t now = 0;
  bool begun = false;

  void read(int token) {
    if (kBar <= token && token < kPosition) {
      bar = {begun ? bar.end() : 0, token - kBar};
      now = bar.start;
    } else if (kPosition <= token && token < kVocabulary) {
      now = bar.start + token - kPosition;
    }
    begun = true;
  }
};

// States of the grammar: 0 before any bar, then for each length of bar one after its token and one at each position.
class BarStates {
 public:
  BarStates() {
    for (int meter = 0; meter < kMeters; ++meter) {
      const int length = meter_of(meter).length();
      int& first = first_[static_cast<std::size_t>(length)];
      if (first != 0) continue;
      first = count_;
      count_ += 1 + length;
      lengths_.push_back(length);
    }
  }
  int count() const { return count_; }
  const std::vector<int>& lengths() const { return lengths_; }
  int bar(int length) const { return first_[static_cast<std::size_t>(length)]; }
  int position(int length, int position) const { return bar(length) + 1 + position; }

 private:
  std::array<int, kLongestBar + 1> first_{};
  std::vector<int> lengths_;
  int count_ = 1;
};

class Remi final : public Encoding {
 public:
  std::string name() const override { return "remi"; }

  EventShape shape() const override { return token_spec(kVocabulary); }

  std::string describe() const override {
    std::vector<std::string> meters;
    for (const TokenMeter& meter : kMeterTable)
      meters.push_back(fmt::format("{}/{}", meter.numerator, meter.denominator));
    const nlohmann::ordered_json table = {
        {"encoding", name()},
        {"version", 1},
        {"vocabulary", kVocabulary},
        {"tokens",
         {{{"first", kPitchToken}, {"count", kWrittenKeys}, {"meaning", "pitch"}, {"first_pitch", kLowestWritten}},
          {{"first", kVelocityToken}, {"count", kVelocities}, {"meaning", "velocity"}, {"range", kVelocityRange}},
          {{"first", kLengthToken}, {"count", kLengths}, {"meaning", "length"}},
          {{"first", kBar}, {"count", kMeters}, {"meaning", "bar"}},
          {{"first", kPosition}, {"count", kLongestBar}, {"meaning", "position"}, {"step", "1/48 quarter"}}}},
        {"lengths_per_48th_quarter", kLengthTable},
        {"meters", meters}};
    return sealed(table.dump());
  }

  Events encode(const Score& score, LossReport& report) const override {
    Score sounding = score;
    apply_pedal(sounding);
    const auto to_grid = [&](std::int64_t tick) { return rescale(tick, score.ticks_per_quarter, kGridPerQuarter); };
    std::vector<GridNote> notes =
        grid_notes(sounding, kLowestWritten, kLowestWritten + kWrittenKeys - 1, to_grid, report);
    if (notes.empty()) return Events(EventKind::tokens);
    count_moved(score, report);
    const std::vector<Bar> bars = lay_out(notes, Bars(score), report);
    std::ranges::sort(notes, {}, [](const GridNote& n) { return std::tuple(n.on, n.pitch, n.off, n.velocity); });
    notes = one_note_a_key(notes, report);
    round_lengths(notes, report);

    Events events(EventKind::tokens);
    auto note = notes.begin();
    for (const Bar& bar : bars) {
      events.push_token(kBar + bar.meter);
      std::int64_t position = -1;
      for (; note != notes.end() && note->on < bar.end(); ++note) {
        if (note->on - bar.start != position) {
          position = note->on - bar.start;
          events.push_token(kPosition + static_cast<int>(position));
        }
        events.push_token(kPitchToken + note->pitch - kLowestWritten);
        events.push_token(kVelocityToken + velocity_bin(note->velocity));
        events.push_token(kLengthToken + nearest_length(note->length()));
      }
    }
    return events;
  }

  Score decode(const EventsView& events) const override {
    NoteReader reader;
    std::vector<TimeSignature> signatures;
    Clock clock;
    bool moved = false;
    for (const int token : events.tokens) {
      clock.read(token);
      moved = token >= kBar;
      const TokenMeter meter = meter_of(clock.bar.meter);
      const TimeSignature signature = {clock.bar.start * kTicksPerStep, static_cast<std::uint8_t>(meter.numerator),
                                       static_cast<std::uint8_t>(meter.denominator)};
      if (signatures.empty() || signatures.back().numerator != signature.numerator ||
          signatures.back().denominator != signature.denominator) {
        signatures.push_back(signature);
      }
      reader.read(token, clock.now);
    }
    Score score = grid_score(reader.finish(clock.now, moved), kTicksPerStep * kGridPerQuarter, kTicksPerStep);
    score.time_signatures = std::move(signatures);
    return score;
  }

  Standing standing(const EventsView& events, std::int64_t count) const override {
    Clock clock;
    std::int64_t struck = -1;
    for (const int token : events.tokens.first(static_cast<std::size_t>(count))) {
      clock.read(token);
      if (token < kVelocityToken) struck = clock.now;
    }
    return {clock.now * kTicksPerStep, struck == clock.now};
  }

  // The clock counts 1/48 quarters. In a bar positions ascend and a note has one before it.
  EventGrammar grammar(const GrammarOptions& options) const override {
    check_grammar_options(options, kLowestWritten, kLowestWritten + kWrittenKeys - 1, name());
    if (options.bars != std::floor(options.bars)) {
      throw Error(fmt::format("\"remi\" counts whole bars; {:g} are none", options.bars));
    }
    const BarStates states;
    Rules rules(kVocabulary, states.count());
    const auto allow_bars = [&](int state, int left) {
      for (int meter = 0; meter < kMeters; ++meter) {
        rules.allow_timed(state, kBar + meter, states.bar(meter_of(meter).length()), left);
      }
    };
    allow_bars(0, 0);
    for (const int length : states.lengths()) {
      for (int from = -1; from < length; ++from) {
        const int state = states.position(length, from);
        allow_bars(state, length - std::max(from, 0));
        for (int to = from + 1; to < length; ++to) {
          rules.allow_timed(state, kPosition + to, states.position(length, to), to - std::max(from, 0));
        }
        if (from >= 0) rules.allow(state, 0, kAfterNoteTokens, state);
      }
    }
    add_note_rules(rules, options, {});
    if (options.bars > 0) {
      // The bar after the last one closes it.
      const int bars = rules.add_counter(static_cast<int>(options.bars) + 1);
      for (int meter = 0; meter < kMeters; ++meter) rules.change(kBar + meter, {bars, 1, 0});
      rules.grammar().end_counter = bars;
    } else {
      rules.grammar().end = clock_end(options, kGridPerQuarter);
    }
    return rules.finish();
  }

 private:
  // Moves the notes, which are sorted by beginning, to their bars' times, and returns the bars from the first note's to
  // the last's.
  static std::vector<Bar> lay_out(std::vector<GridNote>& notes, const Bars& places, LossReport& report) {
    std::vector<Bar> bars;
    std::int64_t last = 0;  // in the score, of `bars`
    std::int64_t left_out = 0;
    std::int64_t rewritten = 0;
    for (GridNote& note : notes) {
      const auto [bar, position] = places.place(note.on);
      if (bars.empty()) {
        bars.push_back({0, places.meter(bar)});
        last = bar;
      }
      const std::int64_t stretch_end = bars.back().start + kLongestStretch;
      while (last < bar) {
        if (bars.back().end() >= stretch_end && last + 1 < bar) {
          ++left_out;
          last = bar - 1;
        }
        bars.push_back({bars.back().end(), places.meter(++last)});
      }
      const std::int64_t length = note.length();
      note.on = bars.back().start + position;
      note.off = note.on + length;
    }
    rewritten = places.rewritten();
    count_loss(report, "long stretches without change shortened", left_out);
    count_loss(report, "time signatures written as others", rewritten);
    return bars;
  }
};

}  // namespace

std::unique_ptr<const Encoding> make_remi() {
  return std::make_unique<Remi>();
}

}  // namespace polonaise::io
