#include "io/encodings/parts/bars.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "io/encodings/parts/grid_notes.h"

namespace polonaise::io {
namespace {

constexpr std::int64_t kEndless = std::int64_t{1} << 60;
constexpr std::int64_t kShortestBar = 3;  // 1/64
constexpr int kMostEqual = 4;

// The meter of that length, of that denominator if there is one; -1: none.
int find_meter(std::int64_t length, int denominator) {
  int found = -1;
  for (int i = kMeters - 1; i >= 0; --i) {
    if (meter_of(i).length() != length) continue;
    found = i;
    if (meter_of(i).denominator == denominator) break;
  }
  return found;
}

// `length` is a multiple of kShortestBar, above 0.
std::vector<int> pieces_of(std::int64_t length, int denominator) {
  for (int equal = 1; equal <= kMostEqual; ++equal) {
    const int meter = length % equal == 0 ? find_meter(length / equal, denominator) : -1;
    if (meter >= 0) return std::vector<int>(static_cast<std::size_t>(equal), meter);
  }
  std::vector<int> pieces;
  while (length > 0) {
    std::int64_t longest = 0;
    for (const TokenMeter& meter : kMeterTable) {
      if (meter.length() <= length) longest = std::max<std::int64_t>(longest, meter.length());
    }
    pieces.push_back(find_meter(longest, denominator));
    length -= longest;
  }
  return pieces;
}

std::int64_t round_bar(std::int64_t length) {
  return (length + kShortestBar / 2) / kShortestBar * kShortestBar;
}

}  // namespace

Bars::Bars(const Score& score) {
  const auto& signatures = score.time_signatures;
  const auto to_grid = [&](std::int64_t tick) { return rescale(tick, score.ticks_per_quarter, kGridPerQuarter); };
  const std::int64_t first = signatures.empty() ? kEndless : to_grid(signatures.front().tick);
  if (first > 0) add(0, first, {});
  for (std::size_t i = 0; i < signatures.size(); ++i) {
    add(to_grid(signatures[i].tick), i + 1 < signatures.size() ? to_grid(signatures[i + 1].tick) : kEndless,
        signatures[i]);
  }
}

void Bars::add(std::int64_t start, std::int64_t end, const TimeSignature& signature) {
  if (end <= start) return;
  const int denominator = signature.denominator;
  const std::int64_t asked = 4 * kGridPerQuarter * signature.numerator;
  const std::int64_t bar = std::max(round_bar((asked + denominator / 2) / denominator), kShortestBar);
  std::vector<int> pieces = pieces_of(bar, denominator);
  const TokenMeter meter = meter_of(pieces.front());
  rewritten_ += meter.numerator != signature.numerator || meter.denominator != denominator;
  const std::int64_t rounds = (end - start) / bar;
  if (rounds > 0) {
    const std::int64_t count = std::ssize(pieces);
    stretches_.push_back({start, bars_, rounds, bar, std::move(pieces)});
    bars_ += rounds * count;
  }
  const std::int64_t cut = round_bar(end - start - rounds * bar);
  if (end == kEndless || cut == 0) return;
  pieces = pieces_of(cut, denominator);
  const std::int64_t count = std::ssize(pieces);
  stretches_.push_back({start + rounds * bar, bars_, 1, cut, std::move(pieces)});
  bars_ += count;
}

Bars::Place Bars::place(std::int64_t time) const {
  auto after = std::ranges::upper_bound(stretches_, time, {}, &Stretch::start);
  if (after == stretches_.begin()) return {};
  const Stretch& stretch = *(after - 1);
  const std::int64_t round = std::min((time - stretch.start) / stretch.length, stretch.rounds - 1);
  std::int64_t position = time - stretch.start - round * stretch.length;
  std::int64_t bar = stretch.first_bar + round * std::ssize(stretch.pieces);
  for (const int piece : stretch.pieces) {
    if (position < meter_of(piece).length()) return {bar, position};
    position -= meter_of(piece).length();
    ++bar;
  }
  return {bar, 0};  // in what was rounded off
}

int Bars::meter(std::int64_t bar) const {
  const auto after = std::ranges::upper_bound(stretches_, bar, {}, &Stretch::first_bar);
  const Stretch& stretch = *(after - 1);
  return stretch.pieces[static_cast<std::size_t>((bar - stretch.first_bar) % std::ssize(stretch.pieces))];
}

}  // namespace polonaise::io
