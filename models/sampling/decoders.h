#pragma once

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "models/model.h"

namespace polonaise {

// A buffer for one event, the same in all of a decoder's streams, in the form that the decoder reads. A result is valid
// until the next call.
class EventBuffer {
 public:
  EventBuffer(const EventShape& events, Index rows) : events_(events), rows_(static_cast<std::size_t>(rows)) {}

  EventRows start() { return events_.is_tokens() ? token(static_cast<std::int32_t>(events_.vocabulary)) : frame(); }
  EventRows token(std::int32_t id);
  // A frame; without `quarters` it has no entry for its length.
  EventRows frame(std::span<const std::uint8_t> keys = {}, std::optional<float> quarters = {});
  // Event i of a sequence.
  EventRows of(const EventsView& events, Index i);

 private:
  EventRows sparse();  // of the one row that columns_ and values_ hold

  const EventShape& events_;
  std::size_t rows_;
  std::vector<std::int32_t> ids_, offsets_, columns_;
  std::vector<float> values_;
};

// The last events of each stream, for decoders that read them again; all streams have the same number.
class History {
 public:
  History(const EventShape& events, Index rows, Index capacity)
      : events_(events), capacity_(capacity), streams_(static_cast<std::size_t>(rows)) {}

  // Takes one event of each stream; the oldest is dropped beyond the capacity.
  void push(const EventRows& event);
  void clear();
  Index size() const { return static_cast<Index>(streams_.front().size()); }
  // Forgets all but the newest `count`.
  void keep(Index count);

  // Event i of every stream, 0 the oldest; in memory that lasts until the next call.
  EventRows at(Index i);
  // The whole window [size, rows], time-major, one target a row.
  Arranged arrange(Tape&) const;

 private:
  struct Event {
    std::int32_t id = -1;
    std::vector<std::int32_t> columns;
    std::vector<float> values;
  };
  EventShape events_;
  Index capacity_;
  std::vector<std::deque<Event>> streams_;
  std::vector<std::int32_t> ids_, offsets_, columns_;
  std::vector<float> values_;
};

// Puts a decoder's events where its device reads them.
class EventUpload {
 public:
  explicit EventUpload(AnyDevice& device) : arena_(device) {}

  // Returns the events in the device's memory, valid until clear().
  EventRows operator()(const EventRows&);
  void clear() { arena_.reset(); }

 private:
  Arena arena_;
};

}  // namespace polonaise
