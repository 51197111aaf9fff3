#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernels/events/events.h"

namespace polonaise::io {

// The N-grams of pieces: all runs of n events that one of them holds. Two events are one where they are the same token,
// or frames of the same keys and, where frames have a length, the same class of lengths. Exact: hashes tell only where
// to look.
class Ngrams {
 public:
  // n >= 2. The events are copied.
  Ngrams(const std::vector<EventsView>& pieces, int n);

  int n() const { return n_; }
  // Number of different N-grams.
  std::int64_t size() const { return static_cast<std::int64_t>(continuations_.size()); }

  // What an event is known by: its token, or a number of each frame that there is; kNoEvent for one that there is not.
  static constexpr std::int32_t kNoEvent = -1;
  std::int32_t event(const EventsView& events, std::int64_t i) const;
  // `keys` ascending; `length` is a duration class, -1 for frames without a length.
  std::int32_t frame(std::span<const std::uint8_t> keys, int length) const;

  // Which events complete an N-gram after these n - 1, ascending. Valid as long as this object.
  std::span<const std::int32_t> after(std::span<const std::int32_t> context) const;
  bool completes(std::span<const std::int32_t> context, std::int32_t event) const;

 private:
  // The first n - 1 events of N-grams: where in events_ they stand, and which continuations they have.
  struct Context {
    std::uint64_t hash;
    std::int64_t position, first, count;
  };

  int n_;
  std::unordered_map<std::string, std::int32_t> frames_;
  std::vector<std::int32_t> events_;  // of all pieces, end to end
  std::vector<Context> contexts_;     // by hash
  std::vector<std::int32_t> continuations_;
};

}  // namespace polonaise::io
