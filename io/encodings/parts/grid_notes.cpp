#include "io/encodings/parts/grid_notes.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace polonaise::io {
std::int64_t rescale(std::int64_t ticks, std::int64_t from, std::int64_t to) {
  ticks = std::min(ticks, std::int64_t{1} << 52);
  return ticks / from * to + (ticks % from * to + from / 2) / from;
}

void count_loss(LossReport& report, std::string_view kind, std::int64_t count) {
  if (count > 0) report.losses.add(kind, count);
}

std::vector<GridNote> grid_notes(const Score& score, int low, int high,
                                 const std::function<std::int64_t(std::int64_t)>& to_grid, LossReport& report) {
  std::vector<GridNote> notes;
  notes.reserve(score.notes.size());
  std::int64_t percussion = 0;
  std::int64_t out_of_range = 0;
  for (const Note& note : score.notes) {
    if (note.channel == kPercussionChannel) {
      ++percussion;
    } else if (note.pitch < low || note.pitch > high) {
      ++out_of_range;
    } else {
      const std::int64_t on = to_grid(note.onset);
      notes.push_back({on, std::max(on + 1, to_grid(note.end())), note.pitch, note.velocity});
    }
  }
  report.notes += static_cast<std::int64_t>(score.notes.size());
  count_loss(report, "percussion notes dropped", percussion);
  count_loss(report, "notes out of range dropped", out_of_range);
  std::ranges::sort(notes, {}, [](const GridNote& n) { return std::tuple(n.on, n.pitch, n.off, n.velocity); });
  return notes;
}

std::int64_t start_at_zero(std::vector<GridNote>& notes) {
  const std::int64_t start = notes.empty() ? 0 : notes.front().on;
  for (GridNote& note : notes) {
    note.on -= start;
    note.off -= start;
  }
  return start;
}

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

std::int64_t last_end(const std::vector<GridNote>& notes) {
  std::int64_t end = 0;
  for (const GridNote& note : notes) end = std::max(end, note.off);
  return end;
}

std::vector<std::int64_t*> times_of(std::vector<GridNote>& notes) {
  std::vector<std::int64_t*> times;
  times.reserve(2 * notes.size());
  for (GridNote& note : notes) {
    times.push_back(&note.on);
    times.push_back(&note.off);
  }
  return times;
}

void shorten_empty_stretches(std::vector<std::int64_t*> times, std::int64_t longest, LossReport& report) {
  std::ranges::sort(times, {}, [](const std::int64_t* time) { return *time; });
  std::int64_t before = 0;
  std::int64_t removed = 0;
  std::int64_t shortened = 0;
  for (std::int64_t* time : times) {
    const std::int64_t stretch = *time - before;
    before = *time;
    if (stretch > longest) {
      removed += stretch - longest;
      ++shortened;
    }
    *time -= removed;
  }
  count_loss(report, "long stretches without change shortened", shortened);
}

Score piano_score(std::int64_t ticks_per_quarter, std::vector<Note> notes) {
  std::ranges::sort(notes, {}, [](const Note& n) { return std::tuple(n.onset, n.pitch); });
  Score score;
  score.ticks_per_quarter = ticks_per_quarter;
  score.notes = std::move(notes);
  score.tempos = {{0, 500000}};
  return score;
}

Score grid_score(const std::vector<GridNote>& notes, std::int64_t ticks_per_quarter, std::int64_t ticks_per_step) {
  std::vector<Note> played;
  played.reserve(notes.size());
  for (const GridNote& note : notes) {
    played.push_back({note.on * ticks_per_step, note.length() * ticks_per_step, note.pitch, note.velocity, 0, 0, 0});
  }
  return piano_score(ticks_per_quarter, std::move(played));
}

}  // namespace polonaise::io
