// Performances as 388 tokens (Oore, Simon, Dieleman, Eck and Simonyan, "This Time with Feeling", 2018; order and
// numbering are note-seq's PerformanceOneHotEncoding):
//      0..127   note on, pitch 0..127, at the velocity last set
//    128..255   note off, pitch 0..127
//    256..355   time moves on by 1..100 steps of 10 ms
//    356..387   velocity 1..4, 5..8, ..., 125..127 for the notes that follow
//
// Encoding folds the sustain pedal into lengths, takes time from the score's tempos, and rounds it to 10 ms; a note
// lasts one step at least. At one step offs stand before ons, offs in the order in which their notes began, ons by
// pitch; a velocity stands before the note it changes for. A key struck while it sounds ends first. Stretches of more
// than a minute without change are shortened to that. Decoding ignores an off of a key that is silent, and ends a key
// that is struck again; keys still down at the end sound to the end. Ticks are milliseconds (500 to a quarter at 120
// quarters a minute); velocities are the middle of their range; before any velocity it is 64.

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "io/encodings/grid.h"
#include "io/encodings/registry.h"
#include "io/encodings/rules.h"
#include "io/error.h"
#include "io/notes.h"
#include "io/tempo_map.h"

namespace polonaise::io {
namespace {

constexpr int kKeys = 128;
constexpr int kNoteOff = kKeys;
constexpr int kShift = 256;
constexpr int kMaxShift = 100;
constexpr int kVelocity = kShift + kMaxShift;
constexpr int kVelocities = 32;
constexpr int kVelocityRange = 4;
constexpr int kVocabulary = kVelocity + kVelocities;
constexpr double kStepsPerSecond = 100;
constexpr std::int64_t kTicksPerQuarter = 500;
constexpr std::int64_t kTicksPerStep = 10;
constexpr std::int64_t kLongestStretch = 6000;  // steps
constexpr int kFirstVelocity = 64;

int velocity_bin(int velocity) {
  return (std::clamp(velocity, 1, 127) - 1) / kVelocityRange;
}
int bin_velocity(int bin) {
  return std::min(1 + bin * kVelocityRange + kVelocityRange / 2, 127);
}

// One note a key at a time: doubled notes become one, a note ends where its key is struck again.
std::vector<GridNote> one_note_a_key(const std::vector<GridNote>& notes, LossReport& report) {
  std::vector<GridNote> kept;
  kept.reserve(notes.size());
  std::array<std::ptrdiff_t, 128> last;
  last.fill(-1);
  std::int64_t doubled = 0;
  std::int64_t cut = 0;
  for (const GridNote& note : notes) {
    std::ptrdiff_t& index = last[note.pitch];
    if (index >= 0) {
      GridNote& before = kept[static_cast<std::size_t>(index)];
      if (before.on == note.on) {
        before.off = std::max(before.off, note.off);
        before.velocity = std::max(before.velocity, note.velocity);
        ++doubled;
        continue;
      }
      cut += before.off > note.on;
      before.off = std::min(before.off, note.on);
    }
    index = static_cast<std::ptrdiff_t>(kept.size());
    kept.push_back(note);
  }
  count_loss(report, "doubled notes merged", doubled);
  count_loss(report, "notes cut where their key is struck again", cut);
  return kept;
}

class Perf final : public Encoding {
 public:
  std::string name() const override { return "perf"; }

  EventSpec spec() const override {
    EventSpec spec;
    spec.kind = EventKind::tokens;
    spec.vocabulary = kVocabulary;
    return spec;
  }

  std::string describe() const override {
    const nlohmann::ordered_json table = {
        {"encoding", name()},
        {"version", 1},
        {"vocabulary", kVocabulary},
        {"tokens",
         {{{"first", 0}, {"count", kNoteOff}, {"meaning", "note on"}, {"first_pitch", 0}},
          {{"first", kNoteOff}, {"count", kShift - kNoteOff}, {"meaning", "note off"}, {"first_pitch", 0}},
          {{"first", kShift}, {"count", kMaxShift}, {"meaning", "time shift"}, {"step_ms", 10}},
          {{"first", kVelocity}, {"count", kVelocities}, {"meaning", "velocity"}, {"range", kVelocityRange}}}}};
    return sealed(table.dump());
  }

  Events encode(const Score& score, LossReport& report) const override {
    Score sounding = score;
    apply_pedal(sounding);
    const TempoMap tempos(sounding);
    const auto to_grid = [&](std::int64_t tick) { return std::llround(tempos.seconds(tick) * kStepsPerSecond); };
    std::vector<GridNote> notes = one_note_a_key(grid_notes(sounding, 0, 127, to_grid, report), report);
    shorten_empty_stretches(notes, kLongestStretch, report);
    return tokens_of(notes);
  }

  Score decode(const EventsView& events) const override {
    std::vector<Note> notes;
    std::array<std::ptrdiff_t, 128> sounding;
    sounding.fill(-1);
    std::int64_t now = 0;
    int velocity = kFirstVelocity;
    // A note that would end where it began stays silent.
    const auto end_note = [&](std::size_t pitch, std::int64_t at) {
      if (sounding[pitch] >= 0) {
        Note& note = notes[static_cast<std::size_t>(sounding[pitch])];
        note.duration = at - note.onset;
      }
      sounding[pitch] = -1;
    };
    for (const std::uint16_t token : events.tokens) {
      if (token < kNoteOff) {
        end_note(token, now);
        sounding[token] = static_cast<std::ptrdiff_t>(notes.size());
        notes.push_back({now, 0, static_cast<std::uint8_t>(token), static_cast<std::uint8_t>(velocity), 0, 0, 0});
      } else if (token < kShift) {
        end_note(static_cast<std::size_t>(token - kNoteOff), now);
      } else if (token < kVelocity) {
        now += (token - kShift + 1) * kTicksPerStep;
      } else if (token < kVocabulary) {
        velocity = bin_velocity(token - kVelocity);
      }
    }
    for (std::size_t pitch = 0; pitch < sounding.size(); ++pitch) {
      const bool just_struck = sounding[pitch] >= 0 && notes[static_cast<std::size_t>(sounding[pitch])].onset == now;
      end_note(pitch, just_struck ? now + kTicksPerStep : now);
    }
    std::erase_if(notes, [](const Note& note) { return note.duration == 0; });
    return piano_score(kTicksPerQuarter, std::move(notes));
  }

  // The clock counts steps. At one step offs stand before ons, and a velocity before an on.
  Grammar grammar(const GrammarOptions& options) const override {
    check_grammar_options(options, 0, 127, name());
    if (options.bars > 0) throw Error("\"perf\" counts seconds and knows no bars; ask for a length in seconds");
    enum State { kOpen, kStruck, kSet, kStates };
    Rules rules(kVocabulary, kStates);
    rules.allow(kOpen, kNoteOff, kKeys, kOpen);
    for (const int state : {kOpen, kStruck, kSet}) rules.allow(state, 0, kKeys, kStruck);
    for (const int state : {kOpen, kStruck}) {
      rules.allow_shifts(state, kShift, kMaxShift, kOpen);
      rules.allow(state, kVelocity, kVelocities, kSet);
    }
    rules.forbid_keys(options, 0, kKeys, 0);

    // Counter 0 is the notes that sound; one less than all keys that may sound leaves one that is silent.
    const auto keys = static_cast<int>(std::ranges::count(allowed_keys(options, 0, 127), 1));
    rules.add_counter(0, 0, options.max_polyphony > 0 ? std::min(options.max_polyphony, keys) : keys);
    for (int key = 0; key < kKeys; ++key) {
      rules.add_counter(0, 0, 1);
      rules.change(key, {0, 1, 0});
      rules.change(key, {1 + key, 1, 0});
      rules.change(kNoteOff + key, {0, -1, 0});
      rules.change(kNoteOff + key, {1 + key, -1, 0});
    }
    for (int bin = 0; bin < kVelocities; ++bin) rules.change(kVelocity + bin, {0, 1, -1});
    rules.grammar().end = clock_end(options, static_cast<std::int64_t>(kStepsPerSecond) / 2);
    return rules.finish();
  }

 private:
  static Events tokens_of(const std::vector<GridNote>& notes) {
    struct Change {
      std::int64_t time;
      bool on;
      std::size_t note;
    };
    std::vector<Change> changes;
    changes.reserve(2 * notes.size());
    for (std::size_t i = 0; i < notes.size(); ++i) {
      changes.push_back({notes[i].on, true, i});
      changes.push_back({notes[i].off, false, i});
    }
    std::ranges::sort(changes, {}, [](const Change& c) { return std::tuple(c.time, c.on, c.note); });

    Events events(EventKind::tokens);
    std::int64_t now = 0;
    int bin = -1;
    for (const Change& change : changes) {
      for (std::int64_t left = change.time - now; left > 0; left -= kMaxShift) {
        events.push_token(kShift - 1 + static_cast<int>(std::min<std::int64_t>(left, kMaxShift)));
      }
      now = change.time;
      const GridNote& note = notes[change.note];
      if (!change.on) {
        events.push_token(kNoteOff + note.pitch);
        continue;
      }
      if (velocity_bin(note.velocity) != bin) {
        bin = velocity_bin(note.velocity);
        events.push_token(kVelocity + bin);
      }
      events.push_token(note.pitch);
    }
    return events;
  }
};

}  // namespace

std::unique_ptr<const Encoding> make_perf() {
  return std::make_unique<Perf>();
}

}  // namespace polonaise::io
