// The piano-roll benchmark's frames (Boulanger-Lewandowski et al. 2012): which of the 88 piano keys sound, once in
// every 1/steps_per_quarter quarter note. Key = pitch - 21. A held note and one struck again look the same.
//
// Encoding rounds beginnings and ends to the grid of the score's quarters; a note has one frame at least. Stretches of
// more than 64 quarters without change are shortened to that.
// Decoding makes one note of consecutive frames with the same key.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "io/encodings/parts/grid_notes.h"
#include "io/encodings/parts/rules.h"
#include "io/encodings/registry.h"
#include "io/files/error.h"

namespace polonaise::io {
namespace {

constexpr int kKeys = 88;
constexpr int kLowest = 21;
constexpr int kMaxStepsPerQuarter = 96;
constexpr std::int64_t kLongestStretchQuarters = 64;
constexpr std::uint8_t kVelocity = 80;

// Makes one of notes that meet or overlap on one key, as frames do.
std::vector<GridNote> joined(const std::vector<GridNote>& notes, LossReport& report) {
  std::vector<GridNote> kept;
  kept.reserve(notes.size());
  std::array<std::ptrdiff_t, kKeys> last;
  last.fill(-1);
  for (const GridNote& note : notes) {
    std::ptrdiff_t& index = last[static_cast<std::size_t>(note.pitch - kLowest)];
    if (index >= 0 && kept[static_cast<std::size_t>(index)].off >= note.on) {
      GridNote& before = kept[static_cast<std::size_t>(index)];
      before.off = std::max(before.off, note.off);
    } else {
      index = static_cast<std::ptrdiff_t>(kept.size());
      kept.push_back(note);
    }
  }
  count_loss(report, "notes joined to one before on the same key", std::ssize(notes) - std::ssize(kept));
  return kept;
}

class Roll88 final : public Encoding {
 public:
  explicit Roll88(int steps_per_quarter) : steps_(steps_per_quarter) {
    if (steps_ < 1 || steps_ > kMaxStepsPerQuarter) {
      throw Error(fmt::format("roll88 cannot have {} frames to a quarter note; choose 1 to {}", steps_per_quarter,
                              kMaxStepsPerQuarter));
    }
  }

  std::string name() const override { return "roll88"; }

  EventShape shape() const override {
    EventShape shape;
    shape.kind = EventKind::frames;
    shape.keys = kKeys;
    shape.width = kKeys;
    return shape;
  }

  std::string describe() const override {
    const nlohmann::ordered_json table = {
        {"encoding", name()},
        {"version", 1},
        {"steps_per_quarter", steps_},
        {"width", kKeys},
        {"columns", {{{"first", 0}, {"count", kKeys}, {"meaning", "sounding"}, {"first_pitch", kLowest}}}}};
    return sealed(table.dump());
  }

  Events encode(const Score& score, LossReport& report) const override {
    const auto to_grid = [&](std::int64_t tick) { return rescale(tick, score.ticks_per_quarter, steps_); };
    std::vector<GridNote> notes = joined(grid_notes(score, kLowest, kLowest + kKeys - 1, to_grid, report), report);
    start_at_zero(notes);
    count_rounded(score, report);
    shorten_empty_stretches(times_of(notes), kLongestStretchQuarters * steps_, report);

    Events events(EventKind::frames);
    std::array<std::int64_t, kKeys> until{};  // where each key falls silent
    std::vector<std::uint8_t> sounding;
    const std::int64_t last = last_end(notes);
    auto next = notes.begin();
    for (std::int64_t now = 0; now < last; ++now) {
      for (; next != notes.end() && next->on == now; ++next) {
        until[static_cast<std::size_t>(next->pitch - kLowest)] = next->off;
      }
      sounding.clear();
      for (std::size_t key = 0; key < kKeys; ++key) {
        if (until[key] > now) sounding.push_back(static_cast<std::uint8_t>(key));
      }
      events.push_frame(sounding);
    }
    return events;
  }

  Score decode(const EventsView& events) const override {
    const std::int64_t ticks = frame_ticks();
    std::vector<Note> notes;
    std::array<std::int64_t, kKeys> since;
    since.fill(-1);
    const auto end_notes = [&](std::int64_t now, std::span<const std::uint8_t> sounding) {
      auto held = sounding.begin();
      for (std::size_t key = 0; key < kKeys; ++key) {
        const bool sounds = held != sounding.end() && *held == key;
        if (sounds) ++held;
        if (sounds && since[key] < 0) since[key] = now;
        if (sounds || since[key] < 0) continue;
        notes.push_back({since[key] * ticks, (now - since[key]) * ticks, static_cast<std::uint8_t>(kLowest + key),
                         kVelocity, 0, 0, 0});
        since[key] = -1;
      }
    };
    for (std::int64_t now = 0; now < events.size(); ++now) end_notes(now, events.frame(now));
    end_notes(events.size(), {});
    return piano_score(ticks * steps_, std::move(notes));
  }

  Standing standing(const EventsView&, std::int64_t count) const override { return {count * frame_ticks()}; }

  // The clock counts frames.
  EventGrammar grammar(const GrammarOptions& options) const override {
    check_grammar_options(options, kLowest, kLowest + kKeys - 1, name());
    EventGrammar grammar;
    grammar.states = 1;
    grammar.frame_ticks = 1;
    grammar.end = clock_end(options, steps_);
    grammar.key_drawable = allowed_keys(options, kLowest, kLowest + kKeys - 1);
    grammar.max_keys = options.max_polyphony;
    return grammar;
  }

 private:
  std::int64_t frame_ticks() const { return std::max(1, 480 / steps_); }

  void count_rounded(const Score& score, LossReport& report) const {
    const std::int64_t quarter = score.ticks_per_quarter;
    count_loss(report, "notes moved to the grid", std::ranges::count_if(score.notes, [&](const Note& note) {
                 return note.onset % quarter * steps_ % quarter != 0;
               }));
  }

  int steps_;
};

}  // namespace

std::unique_ptr<const Encoding> make_roll88(int steps_per_quarter) {
  return std::make_unique<Roll88>(steps_per_quarter);
}

}  // namespace polonaise::io
