#include "io/copies/ngrams.h"

#include <algorithm>
#include <utility>

#include "io/files/error.h"
#include "io/files/splitmix64.h"

namespace polonaise::io {
namespace {

// A polynomial of scrambled events, so that a run's hash follows from that of the run before.
constexpr std::uint64_t kBase = 0x9E3779B97F4A7C15u;

std::uint64_t scrambled(std::int32_t event) {
  return Random(static_cast<std::uint64_t>(event)).next();
}

std::uint64_t hash_of(std::span<const std::int32_t> run) {
  std::uint64_t hash = 0;
  for (const std::int32_t event : run) hash = hash * kBase + scrambled(event);
  return hash;
}

std::string frame_name(std::span<const std::uint8_t> keys, int length) {
  std::string name(keys.begin(), keys.end());
  name.push_back(static_cast<char>(length));
  return name;
}

int length_of(const EventsView& events, std::int64_t i) {
  return events.classes.empty() ? -1 : events.classes[static_cast<std::size_t>(i)];
}

}  // namespace

Ngrams::Ngrams(const std::vector<EventsView>& pieces, int n) : n_(n) {
  if (n < 2) throw Error("an N-gram has two events or more");
  struct Place {
    std::uint64_t hash;  // of the context
    std::int64_t position;
  };
  std::vector<Place> places;
  const auto context_size = static_cast<std::size_t>(n - 1);
  std::uint64_t highest = 1;  // kBase to the power of n - 1
  for (std::size_t i = 0; i < context_size; ++i) highest *= kBase;
  for (const EventsView& piece : pieces) {
    const std::size_t begin = events_.size();
    for (std::int64_t i = 0; i < piece.size(); ++i) {
      if (piece.kind == EventKind::frames) {
        frames_.try_emplace(frame_name(piece.frame(i), length_of(piece, i)), static_cast<std::int32_t>(frames_.size()));
      }
      events_.push_back(event(piece, i));
    }
    if (events_.size() - begin <= context_size) continue;
    std::uint64_t hash = hash_of(std::span(events_).subspan(begin, context_size));
    for (std::size_t at = begin; at + context_size < events_.size(); ++at) {
      places.push_back({hash, static_cast<std::int64_t>(at)});
      hash = hash * kBase + scrambled(events_[at + context_size]) - highest * scrambled(events_[at]);
    }
  }

  // Runs of one hash are of one context, but for a collision: those whose contexts differ from the first one's are
  // taken up as further contexts of that hash.
  const auto context_at = [&](std::int64_t at) {
    return std::span<const std::int32_t>(events_).subspan(static_cast<std::size_t>(at), context_size);
  };
  std::ranges::sort(places, {}, [](const Place& p) { return std::pair(p.hash, p.position); });
  for (auto run = places.begin(); run != places.end();) {
    auto end = std::find_if(run, places.end(), [&](const Place& p) { return p.hash != run->hash; });
    while (run != end) {
      const auto context = context_at(run->position);
      const auto same = std::stable_partition(
          run, end, [&](const Place& p) { return std::ranges::equal(context_at(p.position), context); });
      const std::size_t first = continuations_.size();
      contexts_.push_back({run->hash, run->position, static_cast<std::int64_t>(first), 0});
      for (; run != same; ++run)
        continuations_.push_back(events_[static_cast<std::size_t>(run->position) + context_size]);
      const auto added = continuations_.begin() + static_cast<std::ptrdiff_t>(first);
      std::sort(added, continuations_.end());
      continuations_.erase(std::unique(added, continuations_.end()), continuations_.end());
      contexts_.back().count = static_cast<std::int64_t>(continuations_.size() - first);
    }
  }
}

std::int32_t Ngrams::event(const EventsView& events, std::int64_t i) const {
  if (events.kind == EventKind::tokens) return events.tokens[static_cast<std::size_t>(i)];
  return frame(events.frame(i), length_of(events, i));
}

std::int32_t Ngrams::frame(std::span<const std::uint8_t> keys, int length) const {
  const auto found = frames_.find(frame_name(keys, length));
  return found == frames_.end() ? kNoEvent : found->second;
}

std::span<const std::int32_t> Ngrams::after(std::span<const std::int32_t> context) const {
  if (context.size() + 1 != static_cast<std::size_t>(n_)) return {};
  const auto [begin, end] = std::ranges::equal_range(contexts_, hash_of(context), {}, &Context::hash);
  for (auto found = begin; found != end; ++found) {
    if (!std::equal(context.begin(), context.end(), events_.begin() + found->position)) continue;
    return std::span(continuations_)
        .subspan(static_cast<std::size_t>(found->first), static_cast<std::size_t>(found->count));
  }
  return {};
}

bool Ngrams::completes(std::span<const std::int32_t> context, std::int32_t event) const {
  return std::ranges::binary_search(after(context), event);
}

}  // namespace polonaise::io
