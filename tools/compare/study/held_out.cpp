#include "tools/compare/study/held_out.h"

#include <algorithm>

#include "io/files/error.h"

namespace polonaise::tools {
namespace {

// The greatest length that pieces can be cut to so that together they stay within `events`.
std::int64_t common_length(const std::vector<EventsView>& pieces, std::int64_t events) {
  const auto total = [&](std::int64_t length) {
    std::int64_t sum = 0;
    for (const EventsView& piece : pieces) sum += std::min(piece.size(), length);
    return sum;
  };
  std::int64_t low = 1, high = events + 1;
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    (total(middle) <= events ? low : high) = middle;
  }
  return low;
}

}  // namespace

io::Split split_or(const io::Dataset& data, io::Split split, io::Split otherwise) {
  return data.events(split) > 0 ? split : otherwise;
}

HeldOut held_out(const io::Dataset& data, io::Split split, io::Split otherwise, std::int64_t events) {
  HeldOut result;
  result.split = split_or(data, split, otherwise);
  result.pieces = data.all(result.split);
  std::erase_if(result.pieces, [](const EventsView& piece) { return piece.empty(); });
  if (result.pieces.empty()) {
    throw io::Error(
        "holds no piece back from training, so there is nothing to compare models on; prepare it from more pieces "
        "(three "
        "at least), or with another --split.");
  }
  const std::int64_t length = common_length(result.pieces, events);
  for (EventsView& piece : result.pieces) {
    piece = piece.slice(0, std::min(piece.size(), length));
    result.events += piece.size();
  }
  return result;
}

double mean_loss(Scorer& scorer, const HeldOut& held_out) {
  double nats = 0;
  for (const PieceLosses& piece : scorer.score(held_out.pieces)) {
    for (const double event : piece.total()) nats += event;
  }
  return nats / static_cast<double>(held_out.events);
}

io::Baselines baselines_of(const io::Dataset& data, const HeldOut& held_out) {
  return io::baselines(data.all(io::Split::train), held_out.pieces, data.shape());
}

}  // namespace polonaise::tools
