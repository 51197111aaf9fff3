// Notes with explicit lengths, and the time between them (time shift, duration), in quarters: no meter is needed, and
// no note can be left hanging.
//      0..87    pitch 21..108, the piano's keys
//     88..119   velocity 1..4, 5..8, ..., 125..127
//    120..239   length, one of the 120 of io/encodings/parts/lengths.h
//    240..359   time moves on by one of these lengths
// and, where asked for (EncodingOptions::tokens), behind them in this order:
//    pedal         sustain pedal down, up. Lengths are then those of the keys.
//    tempo         io/encodings/parts/controls.h; without it a piece plays at 120 quarters a minute
//    articulation  io/encodings/parts/articulation.h; lengths are then notated ones
//
// A note is pitch, velocity, articulation if there are such, length. Encoding folds the sustain pedal into lengths and
// rounds time to 1/48 quarter; a length becomes the nearest one that ends before its key is struck again. At one time
// tempo and pedal stand before notes, these by pitch. A time between is as few shifts as their longest first makes it;
// stretches of more than 64 quarters in which nothing begins are shortened to that. Decoding makes a note where its
// length is and drops one that has none, takes the last velocity (64 before any) and articulation (legato) for a note
// without, and ends a key that is struck again; a piece whose last token is a time shift ends there, with all notes.

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/encodings/parts/articulation.h"
#include "io/encodings/parts/controls.h"
#include "io/encodings/parts/grid_notes.h"
#include "io/encodings/parts/lengths.h"
#include "io/encodings/parts/rules.h"
#include "io/encodings/parts/tokens.h"
#include "io/encodings/parts/written_notes.h"
#include "io/encodings/registry.h"
#include "io/files/error.h"
#include "io/midi/notes.h"

namespace polonaise::io {
namespace {

constexpr int kShift = kAfterNoteTokens;
constexpr int kOwnVocabulary = kShift + kLengths;
constexpr std::int64_t kTicksPerStep = 10;
constexpr std::int64_t kLongestStretch = 64 * kGridPerQuarter;

std::int64_t writable(std::int64_t length) {
  return length_of(nearest_length(length));
}

class Tsd final : public Encoding {
 public:
  explicit Tsd(const EncodingOptions& options) : added_(kOwnVocabulary, options) {}

  std::string name() const override { return "tsd"; }

  EventShape shape() const override { return token_spec(added_.vocabulary); }

  std::string describe() const override {
    nlohmann::ordered_json table = {
        {"encoding", name()},
        {"version", 1},
        {"vocabulary", added_.vocabulary},
        {"tokens",
         {{{"first", kPitchToken}, {"count", kWrittenKeys}, {"meaning", "pitch"}, {"first_pitch", kLowestWritten}},
          {{"first", kVelocityToken}, {"count", kVelocities}, {"meaning", "velocity"}, {"range", kVelocityRange}},
          {{"first", kLengthToken}, {"count", kLengths}, {"meaning", "length"}},
          {{"first", kShift}, {"count", kLengths}, {"meaning", "time shift"}}}},
        {"lengths_per_48th_quarter", kLengthTable}};
    added_.describe(table);
    return sealed(table.dump());
  }

  Events encode(const Score& score, LossReport& report) const override {
    Score sounding = score;
    if (!added_.pedal) apply_pedal(sounding);
    const auto to_grid = [&](std::int64_t tick) { return rescale(tick, score.ticks_per_quarter, kGridPerQuarter); };
    std::vector<GridNote> notes = one_note_a_key(
        grid_notes(sounding, kLowestWritten, kLowestWritten + kWrittenKeys - 1, to_grid, report), report);
    if (notes.empty()) return Events(EventKind::tokens);
    count_moved(score, report);
    const std::int64_t start = start_at_zero(notes);
    round_lengths(notes, report);
    std::vector<PedalChange> pedals;
    std::vector<TempoChange> tempos;
    if (added_.pedal) pedals = pedal_changes(sounding, to_grid, start, last_end(notes), report);
    if (added_.tempo) tempos = tempo_changes(sounding, to_grid, start, last_end(notes), report);
    shorten(notes, pedals, tempos, report);
    std::vector<int> articulations(notes.size(), kLegato);
    if (added_.articulation) articulations = articulate(notes, kLongestLength, writable, report);
    return tokens_of(notes, articulations, pedals, tempos);
  }

  Score decode(const EventsView& events) const override {
    NoteReader reader;
    Score controls;
    std::int64_t now = 0;
    bool moved = false;
    for (const int token : events.tokens) {
      moved = false;
      if (reader.read(token, now)) continue;
      if (token < kOwnVocabulary) {
        now += length_of(token - kShift);
        moved = true;
      } else if (added_.pedal.contains(token)) {
        const bool down = token == added_.pedal.first;
        const bool held = !controls.pedals.empty() && controls.pedals.back().down;
        if (down != held) controls.pedals.push_back({now * kTicksPerStep, 0, down});
      } else if (added_.tempo.contains(token)) {
        std::vector<Tempo>& tempos = controls.tempos;
        if (!tempos.empty() && tempos.back().tick == now * kTicksPerStep) tempos.pop_back();
        tempos.push_back({now * kTicksPerStep, class_microseconds(token - added_.tempo.first)});
      } else if (added_.articulation.contains(token)) {
        reader.articulation = token - added_.articulation.first;
      }
    }
    Score score = grid_score(reader.finish(now, moved), kTicksPerStep * kGridPerQuarter, kTicksPerStep);
    if (!controls.tempos.empty()) score.tempos = std::move(controls.tempos);
    score.pedals = std::move(controls.pedals);
    return score;
  }

  Standing standing(const EventsView& events, std::int64_t count) const override {
    std::int64_t now = 0, struck = -1;
    for (const int token : events.tokens.first(static_cast<std::size_t>(count))) {
      if (token < kVelocityToken) {
        struck = now;
      } else if (kShift <= token && token < kOwnVocabulary) {
        now += length_of(token - kShift);
      }
    }
    return {now * kTicksPerStep, struck == now};
  }

  // The clock counts 1/48 quarters. At one time tempo, pedal and notes come in this order, notes by pitch.
  EventGrammar grammar(const GrammarOptions& options) const override {
    check_grammar_options(options, kLowestWritten, kLowestWritten + kWrittenKeys - 1, name());
    if (options.seconds > 0 && added_.tempo) {
      throw Error("\"tsd\" with tempo tokens counts quarters and cannot be held to seconds; ask for a length in bars");
    }
    enum State { kOpen, kTimed, kLifted, kPedalled, kPitch };
    Rules rules(added_.vocabulary, kPitch + kWrittenKeys);
    for (int state = 0; state < kPitch + kWrittenKeys; ++state) {
      for (int key = 0; key < kLengths; ++key) {
        rules.allow_timed(state, kShift + key, kOpen, length_of(key));
      }
      for (int key = std::max(state - kPitch + 1, 0); key < kWrittenKeys; ++key) {
        rules.allow(state, kPitchToken + key, 1, kPitch + key);
      }
      if (state < kPitch) continue;
      rules.allow(state, kVelocityToken, kVelocities, state);
      rules.allow(state, added_.articulation.first, added_.articulation.count, state);
      rules.allow(state, kLengthToken, kLengths, state);
    }
    rules.allow(kOpen, added_.tempo.first, added_.tempo.count, kTimed);
    if (added_.pedal) {
      for (const int state : {kOpen, kTimed, kLifted}) rules.allow(state, added_.pedal.first, 1, kPedalled);
      for (const int state : {kOpen, kTimed}) rules.allow(state, added_.pedal.first + 1, 1, kLifted);
    }
    add_note_rules(rules, options, added_.articulation);
    if (added_.pedal) {
      const int down = rules.add_counter(1);
      rules.change(added_.pedal.first, {down, 1, 0});
      rules.change(added_.pedal.first + 1, {down, -1, 0});
    }
    rules.grammar().end = clock_end(options, kGridPerQuarter);
    return rules.finish();
  }

 private:
  static void shorten(std::vector<GridNote>& notes, std::vector<PedalChange>& pedals, std::vector<TempoChange>& tempos,
                      LossReport& report) {
    std::vector<std::int64_t> lengths;
    std::vector<std::int64_t*> times;
    for (GridNote& note : notes) {
      lengths.push_back(note.length());
      times.push_back(&note.on);
    }
    for (PedalChange& change : pedals) times.push_back(&change.time);
    for (TempoChange& change : tempos) times.push_back(&change.time);
    shorten_empty_stretches(std::move(times), kLongestStretch, report);
    for (std::size_t i = 0; i < notes.size(); ++i) notes[i].off = notes[i].on + lengths[i];
  }

  Events tokens_of(const std::vector<GridNote>& notes, const std::vector<int>& articulations,
                   const std::vector<PedalChange>& pedals, const std::vector<TempoChange>& tempos) const {
    Events events(EventKind::tokens);
    std::int64_t now = 0;
    const auto move_to = [&](std::int64_t time) {
      while (now < time) {
        const int shift = length_within(time - now);
        events.push_token(kShift + shift);
        now += length_of(shift);
      }
    };
    auto pedal = pedals.begin();
    auto tempo = tempos.begin();
    const auto controls_until = [&](std::int64_t time) {
      while ((tempo != tempos.end() && tempo->time <= time) || (pedal != pedals.end() && pedal->time <= time)) {
        if (tempo != tempos.end() && (pedal == pedals.end() || tempo->time <= pedal->time)) {
          move_to(tempo->time);
          events.push_token(added_.tempo.first + tempo++->tempo);
        } else {
          move_to(pedal->time);
          events.push_token(added_.pedal.first + (pedal++->down ? 0 : 1));
        }
      }
    };
    for (std::size_t i = 0; i < notes.size(); ++i) {
      const GridNote& note = notes[i];
      controls_until(note.on);
      move_to(note.on);
      events.push_token(kPitchToken + note.pitch - kLowestWritten);
      events.push_token(kVelocityToken + velocity_bin(note.velocity));
      if (added_.articulation) events.push_token(added_.articulation.first + articulations[i]);
      events.push_token(kLengthToken + nearest_length(note.length()));
    }
    controls_until(std::numeric_limits<std::int64_t>::max());
    return events;
  }

  AddedTokens added_;
};

}  // namespace

std::unique_ptr<const Encoding> make_tsd(const EncodingOptions& options) {
  return std::make_unique<Tsd>(options);
}

}  // namespace polonaise::io
