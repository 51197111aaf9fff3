// Performances as 388 tokens (Oore, Simon, Dieleman, Eck and Simonyan, "This Time with Feeling", 2018; order and
// numbering are note-seq's PerformanceOneHotEncoding):
//      0..127   note on, pitch 0..127, at the velocity last set
//    128..255   note off, pitch 0..127
//    256..355   time moves on by 1..100 steps of 10 ms
//    356..387   velocity 1..4, 5..8, ..., 125..127 for the notes that follow
//
// and, where asked for (EncodingOptions::tokens), behind them in this order:
//    pedal         sustain pedal down, up. Lengths are then those of the keys.
//    tempo         io/encodings/parts/controls.h: where the quarters of the file lie; notes keep their time
//    articulation  io/encodings/parts/articulation.h: for the notes that follow. Offs then stand at notated ends.
//
// Encoding folds the sustain pedal into lengths, takes time from the score's tempos, and rounds it to 10 ms; a note
// lasts one step at least. At one step tempo and pedal stand before offs and these before ons, offs in the order in
// which their notes began, ons by pitch; articulation and velocity stand before the note they change for. A key struck
// while it sounds ends first. Stretches of more than a minute without change are shortened to that. Decoding ignores an
// off of a key that is silent, and ends a key that is struck again; keys still down at the end sound to the end. Ticks
// are milliseconds (500 to a quarter at 120 quarters a minute), or 1/960 quarter where there are tempos; velocities are
// the middle of their range; before any it is 64, before any articulation legato, before any tempo 120.

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "io/encodings/parts/articulation.h"
#include "io/encodings/parts/controls.h"
#include "io/encodings/parts/grid_notes.h"
#include "io/encodings/parts/rules.h"
#include "io/encodings/parts/tokens.h"
#include "io/encodings/registry.h"
#include "io/files/error.h"
#include "io/midi/notes.h"
#include "io/midi/tempo_map.h"

namespace polonaise::io {
namespace {

constexpr int kKeys = 128;
constexpr int kNoteOff = kKeys;
constexpr int kShift = 256;
constexpr int kMaxShift = 100;
constexpr int kVelocity = kShift + kMaxShift;
constexpr int kOwnVocabulary = kVelocity + kVelocities;
constexpr std::int64_t kStepsPerSecond = 100;
constexpr std::int64_t kTicksPerQuarter = 500;
constexpr std::int64_t kTicksPerStep = 10;
constexpr std::int64_t kTempoTicksPerQuarter = 960;  // finer than a step at any tempo
constexpr std::int64_t kLongestStretch = 6000;       // steps

// Everything that a piece's tokens say, in steps.
struct Steps {
  std::vector<GridNote> notes;
  std::vector<int> articulations;  // of each note
  std::vector<PedalChange> pedals;
  std::vector<TempoChange> tempos;
};

class Reader {
 public:
  explicit Reader(const AddedTokens& added) : added_(added) { sounding_.fill(-1); }

  void read(int token) {
    if (token < kNoteOff) {
      strike(static_cast<std::size_t>(token));
    } else if (token < kShift) {
      end_note(static_cast<std::size_t>(token - kNoteOff), now_);
    } else if (token < kVelocity) {
      now_ += token - kShift + 1;
    } else if (token < kOwnVocabulary) {
      velocity_ = bin_velocity(token - kVelocity);
    } else if (added_.pedal.contains(token)) {
      const bool down = token == added_.pedal.first;
      const bool held = !steps_.pedals.empty() && steps_.pedals.back().down;
      if (down != held) steps_.pedals.push_back({now_, down});
    } else if (added_.tempo.contains(token)) {
      if (!steps_.tempos.empty() && steps_.tempos.back().time == now_) steps_.tempos.pop_back();
      steps_.tempos.push_back({now_, token - added_.tempo.first});
    } else if (added_.articulation.contains(token)) {
      articulation_ = token - added_.articulation.first;
    }
  }

  std::int64_t now() const { return now_; }
  bool struck_now() const { return struck_ == now_; }

  Steps finish() {
    for (std::size_t pitch = 0; pitch < sounding_.size(); ++pitch) {
      if (sounding_[pitch] < 0) continue;
      const bool just_struck = steps_.notes[static_cast<std::size_t>(sounding_[pitch])].on == now_;
      end_note(pitch, just_struck ? now_ + 1 : now_);
    }
    std::erase_if(steps_.notes, [](const GridNote& note) { return note.length() == 0; });
    return std::move(steps_);
  }

 private:
  void strike(std::size_t pitch) {
    end_note(pitch, now_);
    struck_ = now_;
    sounding_[pitch] = std::ssize(steps_.notes);
    steps_.notes.push_back({now_, now_, static_cast<std::uint8_t>(pitch), velocity_});
    steps_.articulations.push_back(articulation_);
  }

  // A note that would end where it began stays silent.
  void end_note(std::size_t pitch, std::int64_t at) {
    if (sounding_[pitch] >= 0) {
      const auto index = static_cast<std::size_t>(sounding_[pitch]);
      GridNote& note = steps_.notes[index];
      if (at > note.on) note.off = note.on + sounding_length(at - note.on, steps_.articulations[index]);
    }
    sounding_[pitch] = -1;
  }

  const AddedTokens& added_;
  Steps steps_;
  std::array<std::ptrdiff_t, kKeys> sounding_;
  std::int64_t now_ = 0;
  std::int64_t struck_ = -1;  // when a key last was
  std::uint8_t velocity_ = kFirstVelocity;
  int articulation_ = kLegato;
};

class Perf final : public Encoding {
 public:
  explicit Perf(const EncodingOptions& options) : added_(kOwnVocabulary, options) {}

  std::string name() const override { return "perf"; }

  EventShape shape() const override { return token_spec(added_.vocabulary); }

  std::string describe() const override {
    nlohmann::ordered_json table = {
        {"encoding", name()},
        {"version", 1},
        {"vocabulary", added_.vocabulary},
        {"tokens",
         {{{"first", 0}, {"count", kNoteOff}, {"meaning", "note on"}, {"first_pitch", 0}},
          {{"first", kNoteOff}, {"count", kShift - kNoteOff}, {"meaning", "note off"}, {"first_pitch", 0}},
          {{"first", kShift}, {"count", kMaxShift}, {"meaning", "time shift"}, {"step_ms", 10}},
          {{"first", kVelocity}, {"count", kVelocities}, {"meaning", "velocity"}, {"range", kVelocityRange}}}}};
    added_.describe(table);
    return sealed(table.dump());
  }

  Events encode(const Score& score, LossReport& report) const override {
    Score sounding = score;
    if (!added_.pedal) apply_pedal(sounding);
    const TempoMap map(sounding);
    const auto to_grid = [&](std::int64_t tick) { return std::llround(map.seconds(tick) * kStepsPerSecond); };
    Steps steps;
    steps.notes = one_note_a_key(grid_notes(sounding, 0, kKeys - 1, to_grid, report), report);
    if (steps.notes.empty()) return Events(EventKind::tokens);
    const std::int64_t start = start_at_zero(steps.notes);
    const std::int64_t end = last_end(steps.notes);
    if (added_.pedal) steps.pedals = pedal_changes(sounding, to_grid, start, end, report);
    if (added_.tempo) steps.tempos = tempo_changes(sounding, to_grid, start, end, report);
    std::vector<std::int64_t*> times = times_of(steps.notes);
    for (PedalChange& change : steps.pedals) times.push_back(&change.time);
    for (TempoChange& change : steps.tempos) times.push_back(&change.time);
    shorten_empty_stretches(std::move(times), kLongestStretch, report);
    steps.articulations.assign(steps.notes.size(), kLegato);
    if (added_.articulation) {
      steps.articulations = articulate(steps.notes, kLongestStretch, std::identity(), report);
    }
    return tokens_of(steps);
  }

  Score decode(const EventsView& events) const override {
    Reader reader(added_);
    for (const std::uint16_t token : events.tokens) reader.read(token);
    const Steps steps = reader.finish();
    Score score;
    score.ticks_per_quarter = added_.tempo ? kTempoTicksPerQuarter : kTicksPerQuarter;
    score.tempos = tempos_of(steps.tempos);
    const TempoMap map(score);
    for (const GridNote& note : steps.notes) {
      const std::int64_t on = to_ticks(map, note.on);
      score.notes.push_back({on, to_ticks(map, note.off) - on, note.pitch, note.velocity, 0, 0, 0});
    }
    for (const PedalChange& change : steps.pedals) score.pedals.push_back({to_ticks(map, change.time), 0, change.down});
    std::ranges::sort(score.notes, {}, [](const Note& n) { return std::tuple(n.onset, n.pitch); });
    return score;
  }

  // Tempos that follow may move what lies at their own time, so all are read.
  Standing standing(const EventsView& events, std::int64_t count) const override {
    Reader reader(added_);
    std::int64_t now = 0;
    bool struck = false;
    for (std::int64_t i = 0; i < events.size(); ++i) {
      reader.read(events.tokens[static_cast<std::size_t>(i)]);
      if (i >= count) continue;
      now = reader.now();
      struck = reader.struck_now();
    }
    Score tempos;
    tempos.ticks_per_quarter = kTempoTicksPerQuarter;
    tempos.tempos = tempos_of(reader.finish().tempos);
    return {to_ticks(TempoMap(tempos), now), struck};
  }

  // The clock counts steps. At one step tempo, pedal, offs and ons come in this order, and articulation and velocity
  // before an on.
  EventGrammar grammar(const GrammarOptions& options) const override {
    check_grammar_options(options, 0, kKeys - 1, name());
    if (options.bars > 0) throw Error("\"perf\" counts seconds and knows no bars; ask for a length in seconds");
    enum State { kOpen, kTimed, kLifted, kEnding, kStruck, kArticulated, kSet, kStates };
    Rules rules(added_.vocabulary, kStates);
    rules.allow(kOpen, added_.tempo.first, added_.tempo.count, kTimed);
    if (added_.pedal) {
      for (const int state : {kOpen, kTimed, kLifted}) rules.allow(state, added_.pedal.first, 1, kEnding);
      for (const int state : {kOpen, kTimed}) rules.allow(state, added_.pedal.first + 1, 1, kLifted);
    }
    for (const int state : {kOpen, kTimed, kLifted, kEnding}) rules.allow(state, kNoteOff, kKeys, kEnding);
    for (const int state : {kOpen, kTimed, kLifted, kEnding, kStruck}) {
      rules.allow_shifts(state, kShift, kMaxShift, kOpen);
      rules.allow(state, added_.articulation.first, added_.articulation.count, kArticulated);
    }
    for (int state = 0; state < kStates; ++state) {
      rules.allow(state, 0, kKeys, kStruck);
      if (state != kSet) rules.allow(state, kVelocity, kVelocities, kSet);
    }
    rules.forbid_keys(options, 0, kKeys, 0);

    // Counter 0 is the notes that sound; one less than all keys that may sound leaves one that is silent.
    const auto keys = static_cast<int>(std::ranges::count(allowed_keys(options, 0, kKeys - 1), 1));
    rules.add_counter(options.max_polyphony > 0 ? std::min(options.max_polyphony, keys) : keys);
    for (int key = 0; key < kKeys; ++key) {
      const int counter = rules.add_counter(1);
      rules.change(key, {0, 1, 0});
      rules.change(key, {counter, 1, 0});
      rules.change(kNoteOff + key, {0, -1, 0});
      rules.change(kNoteOff + key, {counter, -1, 0});
    }
    for (int i = 0; i < kVelocities; ++i) rules.change(kVelocity + i, {0, 1, -1});
    for (int i = 0; i < added_.articulation.count; ++i) rules.change(added_.articulation.first + i, {0, 1, -1});
    if (added_.pedal) {
      const int down = rules.add_counter(1);
      rules.change(added_.pedal.first, {down, 1, 0});
      rules.change(added_.pedal.first + 1, {down, -1, 0});
    }
    rules.grammar().end = clock_end(options, kStepsPerSecond / 2);
    return rules.finish();
  }

 private:
  static double seconds(std::int64_t step) { return static_cast<double>(step) / kStepsPerSecond; }

  std::int64_t to_ticks(const TempoMap& map, std::int64_t step) const {
    return added_.tempo ? map.tick(seconds(step)) : step * kTicksPerStep;
  }

  // Each at the tick nearest to its step, by the tempos before it.
  static std::vector<Tempo> tempos_of(const std::vector<TempoChange>& changes) {
    std::vector<Tempo> tempos = {{0, class_microseconds(kFirstTempo)}};
    double since = 0;
    for (const TempoChange& change : changes) {
      const Tempo last = tempos.back();
      const double seconds_per_tick = last.microseconds_per_quarter * 1e-6 / kTempoTicksPerQuarter;
      const std::int64_t ticks = std::llround((seconds(change.time) - since) / seconds_per_tick);
      if (ticks == 0) tempos.pop_back();
      tempos.push_back({last.tick + ticks, class_microseconds(change.tempo)});
      since += static_cast<double>(ticks) * seconds_per_tick;
    }
    return tempos;
  }

  Events tokens_of(const Steps& steps) const {
    // Of one time: tempo, pedal (in its own order), offs, ons.
    enum Kind { kTempo, kPedal, kOff, kOn };
    struct Change {
      std::int64_t time;
      Kind kind;
      std::size_t index;
    };
    std::vector<Change> changes;
    changes.reserve(2 * steps.notes.size() + steps.pedals.size() + steps.tempos.size());
    for (std::size_t i = 0; i < steps.notes.size(); ++i) {
      changes.push_back({steps.notes[i].on, kOn, i});
      changes.push_back({steps.notes[i].off, kOff, i});
    }
    for (std::size_t i = 0; i < steps.pedals.size(); ++i) changes.push_back({steps.pedals[i].time, kPedal, i});
    for (std::size_t i = 0; i < steps.tempos.size(); ++i) changes.push_back({steps.tempos[i].time, kTempo, i});
    std::ranges::sort(changes, {}, [](const Change& c) { return std::tuple(c.time, c.kind, c.index); });

    Events events(EventKind::tokens);
    std::int64_t now = 0;
    int bin = -1;
    int articulation = -1;
    for (const auto& [time, kind, index] : changes) {
      for (std::int64_t left = time - now; left > 0; left -= kMaxShift) {
        events.push_token(kShift - 1 + static_cast<int>(std::min<std::int64_t>(left, kMaxShift)));
      }
      now = time;
      if (kind == kTempo) {
        events.push_token(added_.tempo.first + steps.tempos[index].tempo);
      } else if (kind == kPedal) {
        events.push_token(added_.pedal.first + (steps.pedals[index].down ? 0 : 1));
      } else if (kind == kOff) {
        events.push_token(kNoteOff + steps.notes[index].pitch);
      } else {
        const GridNote& note = steps.notes[index];
        if (added_.articulation && std::exchange(articulation, steps.articulations[index]) != articulation) {
          events.push_token(added_.articulation.first + articulation);
        }
        if (std::exchange(bin, velocity_bin(note.velocity)) != bin) events.push_token(kVelocity + bin);
        events.push_token(note.pitch);
      }
    }
    return events;
  }

  AddedTokens added_;
};

}  // namespace

std::unique_ptr<const Encoding> make_perf(const EncodingOptions& options) {
  return std::make_unique<Perf>(options);
}

}  // namespace polonaise::io
