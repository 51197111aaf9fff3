#include "io/encodings/event_sequence.h"

#include <algorithm>

namespace polonaise::io {

EventsView EventsView::slice(std::int64_t first, std::int64_t count) const {
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

bool equal(const EventsView& a, const EventsView& b) {
  if (a.kind != b.kind || a.size() != b.size()) return false;
  if (!std::ranges::equal(a.tokens, b.tokens) || !std::ranges::equal(a.quarters, b.quarters)) return false;
  if (a.kind == EventKind::tokens) return true;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    if (!std::ranges::equal(a.frame(i), b.frame(i))) return false;
  }
  return true;
}

void Events::push_frame(std::span<const std::uint8_t> frame_keys, float frame_quarters) {
  push_frame(frame_keys);
  quarters.push_back(std::clamp(frame_quarters, kShortestQuarters, kLongestQuarters));
  classes.push_back(static_cast<std::uint8_t>(duration_class(quarters.back())));
}

void Events::append(const EventsView& more) {
  tokens.insert(tokens.end(), more.tokens.begin(), more.tokens.end());
  if (kind == EventKind::tokens) return;
  for (std::int64_t i = 0; i < more.size(); ++i) push_frame(more.frame(i));
  quarters.insert(quarters.end(), more.quarters.begin(), more.quarters.end());
  classes.insert(classes.end(), more.classes.begin(), more.classes.end());
}

}  // namespace polonaise::io
