#include "io/data/windows.h"

#include <algorithm>

#include "io/files/splitmix64.h"

namespace polonaise::io {
namespace {

void cut_every_step(std::int32_t piece, std::int64_t events, std::int64_t steps, std::int64_t first_cut,
                    std::vector<Window>& windows) {
  std::int64_t start = 0;
  for (std::int64_t end = std::min(first_cut, events); start < events; end = std::min(end + steps, events)) {
    const auto count = static_cast<std::int32_t>(end - start);
    windows.push_back({piece, count, count, start});
    start = end;
  }
}

void cut_many_to_one(std::int32_t piece, std::int64_t events, std::int64_t steps, std::int64_t first,
                     std::int64_t stride, std::vector<Window>& windows) {
  for (std::int64_t target = first; target < events; target += stride) {
    // The start event and all `target` events before are there to be seen.
    windows.push_back({piece, static_cast<std::int32_t>(std::min(target + 1, steps)), 1, target});
  }
}

}  // namespace

std::vector<Window> epoch_windows(std::span<const EventsView> pieces, const WindowOptions& options,
                                  std::int64_t epoch) {
  Random random(options.seed, static_cast<std::uint64_t>(epoch));
  const auto draw = [&](std::int64_t below) {
    return options.shuffle ? static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(below))) : 0;
  };
  std::vector<Window> windows;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto piece = static_cast<std::int32_t>(i);
    const std::int64_t events = pieces[i].size();
    if (events == 0) continue;
    if (options.kind == WindowKind::every_step) {
      cut_every_step(piece, events, options.steps, options.steps - draw(options.steps), windows);
    } else {
      cut_many_to_one(piece, events, options.steps, draw(std::min(options.stride, events)), options.stride, windows);
    }
  }
  if (options.shuffle) shuffle(std::span(windows), random);
  return windows;
}

}  // namespace polonaise::io
