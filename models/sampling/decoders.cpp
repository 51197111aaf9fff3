#include "models/sampling/decoders.h"

#include <algorithm>

namespace polonaise {

namespace {
template <class T>
View<const T, 1> view_of(std::span<const T> values) {
  static constexpr T kNothing{};  // a view of no entries is not an empty view
  return {values.empty() ? &kNothing : values.data(), {static_cast<Index>(values.size())}};
}
}  // namespace

EventRows EventBuffer::token(std::int32_t id) {
  ids_.assign(rows_, id);
  return {View<const std::int32_t, 1>(ids_.data(), {static_cast<Index>(rows_)}), {}};
}

EventRows EventBuffer::frame(std::span<const std::uint8_t> keys, std::optional<float> quarters) {
  columns_.assign(keys.begin(), keys.end());
  values_.assign(keys.size(), 1.0f);
  if (quarters) {
    columns_.push_back(events_.width - 1);
    values_.push_back(duration_value(events_.duration_input, *quarters));
  }
  return sparse();
}

EventRows EventBuffer::of(const EventsView& events, Index i) {
  const auto at = static_cast<std::size_t>(i);
  if (events.kind == EventKind::tokens) return token(events.tokens[at]);
  return frame(events.frame(i), events.quarters.empty() ? std::nullopt : std::optional(events.quarters[at]));
}

EventRows EventBuffer::sparse() {
  const std::size_t n = columns_.size();
  columns_.resize(rows_ * n + 1);  // never empty memory: a view of it is not "none"
  values_.resize(rows_ * n + 1);
  offsets_.resize(rows_ + 1);
  for (std::size_t row = 0; row < rows_; ++row) {
    std::copy_n(columns_.begin(), n, columns_.begin() + static_cast<std::ptrdiff_t>(row * n));
    std::copy_n(values_.begin(), n, values_.begin() + static_cast<std::ptrdiff_t>(row * n));
    offsets_[row + 1] = static_cast<std::int32_t>((row + 1) * n);
  }
  const auto entries = static_cast<Index>(rows_ * n);
  return {
      {},
      {{offsets_.data(), {static_cast<Index>(rows_ + 1)}}, {columns_.data(), {entries}}, {values_.data(), {entries}}}};
}

void History::push(const EventRows& event) {
  for (std::size_t row = 0; row < streams_.size(); ++row) {
    Event copy;
    if (events_.is_tokens()) {
      copy.id = event.ids.data()[row];
    } else {
      const std::int32_t begin = event.frames.offsets.data()[row], end = event.frames.offsets.data()[row + 1];
      copy.columns.assign(event.frames.columns.data() + begin, event.frames.columns.data() + end);
      if (!event.frames.values.empty())
        copy.values.assign(event.frames.values.data() + begin, event.frames.values.data() + end);
      else
        copy.values.assign(copy.columns.size(), 1.0f);
    }
    streams_[row].push_back(std::move(copy));
    if (static_cast<Index>(streams_[row].size()) > capacity_) streams_[row].pop_front();
  }
}

void History::clear() {
  for (auto& stream : streams_) stream.clear();
}

void History::keep(Index count) {
  for (auto& stream : streams_)
    while (static_cast<Index>(stream.size()) > count) stream.pop_front();
}

EventRows History::at(Index i) {
  ids_.clear();
  offsets_.assign(1, 0);
  columns_.clear();
  values_.clear();
  for (const auto& stream : streams_) {
    const Event& event = stream[static_cast<std::size_t>(i)];
    ids_.push_back(event.id);
    columns_.insert(columns_.end(), event.columns.begin(), event.columns.end());
    values_.insert(values_.end(), event.values.begin(), event.values.end());
    offsets_.push_back(static_cast<std::int32_t>(columns_.size()));
  }
  if (events_.is_tokens()) return {view_of<std::int32_t>(ids_), {}};
  return {{}, {view_of<std::int32_t>(offsets_), view_of<std::int32_t>(columns_), view_of<float>(values_)}};
}

Arranged History::arrange(Tape& tape) const {
  const Index T = size(), B = static_cast<Index>(streams_.size());
  Arranged a{.T = T, .B = B, .layout = Layout::time_major, .one_target = true};
  if (events_.is_tokens()) {
    const auto ids = tape.host<std::int32_t>(T * B);
    std::size_t i = 0;
    for (std::size_t t = 0; t < static_cast<std::size_t>(T); ++t)
      for (const auto& stream : streams_) ids[i++] = stream[t].id;
    a.ids = view_of<std::int32_t>(ids);
    tape.upload_all(a.ids);
    return a;
  }
  std::size_t entries = 0;
  for (const auto& stream : streams_)
    for (const Event& event : stream) entries += event.columns.size();
  const auto offsets = tape.host<std::int32_t>(T * B + 1);
  const auto columns = tape.host<std::int32_t>(static_cast<Index>(entries));
  const auto values = tape.host<float>(static_cast<Index>(entries));
  std::size_t row = 0, entry = 0;
  offsets[0] = 0;
  for (std::size_t t = 0; t < static_cast<std::size_t>(T); ++t)
    for (const auto& stream : streams_) {
      std::ranges::copy(stream[t].columns, columns.begin() + static_cast<std::ptrdiff_t>(entry));
      std::ranges::copy(stream[t].values, values.begin() + static_cast<std::ptrdiff_t>(entry));
      entry += stream[t].columns.size();
      offsets[++row] = static_cast<std::int32_t>(entry);
    }
  a.frames = {view_of<std::int32_t>(offsets), view_of<std::int32_t>(columns), view_of<float>(values)};
  tape.upload_all(a.frames.offsets, a.frames.columns, a.frames.values);
  return a;
}

EventRows EventUpload::operator()(const EventRows& host_events) {
  EventRows events = host_events;
  arena_.upload_all(events.ids, events.frames.offsets, events.frames.columns, events.frames.values);
  return events;
}

}  // namespace polonaise
