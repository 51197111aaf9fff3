#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/events/durations.h"

namespace polonaise {

// An encoded piece is a sequence of events, each either one token of a vocabulary or one frame: a set of sounding keys
// and, in some encodings, a length. Models are trained on events and produce them.

enum class EventKind : std::uint8_t { tokens, frames };

// The shape of an encoding's events: all that a model, a batch or a loss needs to know of it.
struct EventShape {
  EventKind kind = EventKind::tokens;
  int vocabulary = 0;        // tokens: ids 0..vocabulary-1 (as input also `vocabulary`, the start event), <= 65535
  int keys = 0;              // frames: keys 0..keys-1, one Bernoulli output each, <= 256
  int duration_classes = 0;  // frames: the first so many of kDurationClasses, or 0 where frames have no length
  int width = 0;             // frames: input columns; keys, and one more (the last) where frames have a length
  DurationInput duration_input = DurationInput::log2_one_plus;

  bool is_tokens() const { return kind == EventKind::tokens; }
  bool has_durations() const { return duration_classes > 0; }
  // Outputs of a model: one for each token, or for each key and each duration class.
  int outputs() const { return is_tokens() ? vocabulary : keys + duration_classes; }
  // The vocabulary of a grammar of these events: tokens, or duration classes.
  int drawn_classes() const { return is_tokens() ? vocabulary : duration_classes; }
  // The last input column's value for each duration class.
  std::vector<float> duration_values() const {
    std::vector<float> values;
    for (int c = 0; c < duration_classes; ++c) values.push_back(duration_value(duration_input, class_quarters(c)));
    return values;
  }
  friend bool operator==(const EventShape&, const EventShape&) = default;
};

// A view of a sequence. Frames are rows of a sparse matrix: frame i has keys[rows[i] .. rows[i + 1]), ascending and
// distinct. The offsets count from the start of `keys`, so rows.front() is 0 only in a whole sequence, and a slice
// shares its keys.
struct EventsView {
  EventKind kind = EventKind::tokens;
  std::span<const std::uint16_t> tokens;  // tokens only
  std::span<const std::int64_t> rows;     // frames only: size() + 1 offsets
  std::span<const std::uint8_t> keys;     // frames only
  std::span<const float> quarters;        // frames with a length: size() values in [1/48, 16]; else empty
  std::span<const std::uint8_t> classes;  // frames with a length: duration_class(quarters[i]); else empty

  std::int64_t size() const {
    if (kind == EventKind::tokens) return static_cast<std::int64_t>(tokens.size());
    return rows.empty() ? 0 : static_cast<std::int64_t>(rows.size()) - 1;
  }
  bool empty() const { return size() == 0; }
  std::span<const std::uint8_t> frame(std::int64_t i) const {
    const auto row = static_cast<std::size_t>(i);
    return keys.subspan(static_cast<std::size_t>(rows[row]), static_cast<std::size_t>(rows[row + 1] - rows[row]));
  }
  // Events [first, first + count), which must lie inside.
  EventsView slice(std::int64_t first, std::int64_t count) const;
};

// A sequence that owns its memory, built by pushing events of one kind only, with or without a length throughout.
struct Events {
  EventKind kind = EventKind::tokens;
  std::vector<std::uint16_t> tokens;
  std::vector<std::int64_t> rows = {0};
  std::vector<std::uint8_t> keys;
  std::vector<float> quarters;
  std::vector<std::uint8_t> classes;

  explicit Events(EventKind events_kind = EventKind::tokens) : kind(events_kind) {}

  void push_token(int token) { tokens.push_back(static_cast<std::uint16_t>(token)); }
  // Adds a frame without a length; `frame_keys` are ascending and distinct.
  void push_frame(std::span<const std::uint8_t> frame_keys) {
    keys.insert(keys.end(), frame_keys.begin(), frame_keys.end());
    rows.push_back(static_cast<std::int64_t>(keys.size()));
  }
  // Adds a frame whose length is clamped to [1/48, 16] quarters; class_quarters(c) is the length of a drawn class.
  void push_frame(std::span<const std::uint8_t> frame_keys, float frame_quarters);
  void append(const EventsView& more);

  EventsView view() const {
    if (kind == EventKind::tokens) return {kind, tokens, {}, {}, {}, {}};
    return {kind, {}, rows, keys, quarters, classes};
  }
  std::int64_t size() const { return view().size(); }
};

inline EventsView EventsView::slice(std::int64_t first, std::int64_t count) const {
  const auto at = static_cast<std::size_t>(first);
  const auto n = static_cast<std::size_t>(count);
  EventsView part{kind, {}, {}, {}, {}, {}};
  if (kind == EventKind::tokens) {
    part.tokens = tokens.subspan(at, n);
    return part;
  }
  part.rows = rows.subspan(at, n + 1);
  part.keys = keys;
  if (!quarters.empty()) part.quarters = quarters.subspan(at, n);
  if (!classes.empty()) part.classes = classes.subspan(at, n);
  return part;
}

// Whether the events are equal, whichever offsets they are stored under.
inline bool equal(const EventsView& a, const EventsView& b) {
  if (a.kind != b.kind || a.size() != b.size()) return false;
  if (!std::ranges::equal(a.tokens, b.tokens) || !std::ranges::equal(a.quarters, b.quarters)) return false;
  if (a.kind == EventKind::tokens) return true;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    if (!std::ranges::equal(a.frame(i), b.frame(i))) return false;
  }
  return true;
}

inline void Events::push_frame(std::span<const std::uint8_t> frame_keys, float frame_quarters) {
  push_frame(frame_keys);
  quarters.push_back(std::clamp(frame_quarters, kShortestQuarters, kLongestQuarters));
  classes.push_back(static_cast<std::uint8_t>(duration_class(quarters.back())));
}

inline void Events::append(const EventsView& more) {
  tokens.insert(tokens.end(), more.tokens.begin(), more.tokens.end());
  if (kind == EventKind::tokens) return;
  for (std::int64_t i = 0; i < more.size(); ++i) push_frame(more.frame(i));
  quarters.insert(quarters.end(), more.quarters.begin(), more.quarters.end());
  classes.insert(classes.end(), more.classes.begin(), more.classes.end());
}

}  // namespace polonaise
