#include "io/encodings/parts/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "io/files/error.h"

namespace polonaise::io {
namespace {

constexpr double kMostSeconds = 100000;
constexpr double kQuartersPerBar = 4;
constexpr double kQuartersPerSecond = 2;

void check_length(double length, double most, std::string_view unit) {
  if (!(length >= 0) || length > most) {
    throw Error(fmt::format("a sample cannot last {:g} {}; choose a length above 0, up to {:g}", length, unit, most));
  }
}

}  // namespace

void check_grammar_options(const GrammarOptions& options, int first, int last, std::string_view name) {
  if (options.max_polyphony < 0) throw Error("the most notes at once must be 1 or more, or 0 for any number");
  check_length(options.seconds, kMostSeconds, "seconds");
  check_length(options.bars, kMostSeconds * kQuartersPerSecond / kQuartersPerBar, "bars");
  if (options.bars > 0 && options.seconds > 0) throw Error("a length is asked in bars or in seconds, not in both");
  if (std::ranges::count(allowed_keys(options, first, last), 1) == 0) {
    throw Error(fmt::format(
        "no key is left to play: of the keys {} to {} of \"{}\" none is from {} to {} and in the pitch classes asked "
        "for; widen them",
        first, last, name, options.lowest, options.highest));
  }
}

bool key_allowed(const GrammarOptions& options, int pitch) {
  return pitch >= options.lowest && pitch <= options.highest && (options.pitch_classes >> (pitch % 12) & 1) != 0;
}

std::vector<std::uint8_t> allowed_keys(const GrammarOptions& options, int first, int last) {
  std::vector<std::uint8_t> keys;
  for (int pitch = first; pitch <= last; ++pitch) keys.push_back(key_allowed(options, pitch) ? 1 : 0);
  return keys;
}

std::int64_t clock_end(const GrammarOptions& options, std::int64_t ticks_per_quarter) {
  const double quarters = options.bars * kQuartersPerBar + options.seconds * kQuartersPerSecond;
  if (quarters == 0) return -1;
  const std::int64_t end = std::llround(quarters * static_cast<double>(ticks_per_quarter));
  if (end < 1) {
    throw Error(
        fmt::format("a sample cannot be shorter than this encoding's step, {:g} seconds; choose a greater "
                    "length",
                    1 / kQuartersPerSecond / static_cast<double>(ticks_per_quarter)));
  }
  return end;
}

Rules::Rules(int vocabulary, int states) : changes_(static_cast<std::size_t>(vocabulary)) {
  const auto size = static_cast<std::size_t>(vocabulary) * static_cast<std::size_t>(states);
  grammar_.vocabulary = vocabulary;
  grammar_.states = states;
  grammar_.next.assign(size, -1);
  grammar_.ticks.assign(size, 0);
  grammar_.drawable.assign(static_cast<std::size_t>(vocabulary), 1);
}

void Rules::allow(int state, int first, int count, int next) {
  for (int i = 0; i < count; ++i) allow_timed(state, first + i, next, 0);
}

void Rules::allow_shifts(int state, int first, int count, int next) {
  for (int i = 0; i < count; ++i) allow_timed(state, first + i, next, i + 1);
}

void Rules::allow_timed(int state, int token, int next, std::int64_t ticks) {
  const auto at = static_cast<std::size_t>(state) * changes_.size() + static_cast<std::size_t>(token);
  grammar_.next[at] = next;
  grammar_.ticks[at] = static_cast<std::int32_t>(ticks);
}

void Rules::forbid_keys(const GrammarOptions& options, int first, int count, int lowest) {
  for (int i = 0; i < count; ++i) {
    grammar_.drawable[static_cast<std::size_t>(first + i)] = key_allowed(options, lowest + i) ? 1 : 0;
  }
}

int Rules::add_counter(int high) {
  grammar_.counters.push_back({0, 0, high});
  return static_cast<int>(grammar_.counters.size()) - 1;
}

void Rules::keep_together(std::span<const TokenRange> parts) {
  // Counter i is 1 between parts i and i + 1.
  std::vector<int> between;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) between.push_back(add_counter(1));
  for (int token = 0; token < grammar_.vocabulary; ++token) {
    const auto found = std::ranges::find_if(parts, [&](const TokenRange& part) { return part.contains(token); });
    const auto part = static_cast<std::size_t>(found - parts.begin());
    for (std::size_t i = 0; i < between.size(); ++i) {
      if (i == part) change(token, {between[i], 1, 0});
      if (i + 1 == part) change(token, {between[i], -1, 0});
      // A note's beginning, and what is no part of a note, find none begun.
      if (i != part && (part == 0 || part == parts.size())) change(token, {between[i], 1, -1});
    }
  }
}

EventGrammar Rules::finish() {
  if (grammar_.counters.empty()) return std::move(grammar_);
  grammar_.first_change.push_back(0);
  for (const std::vector<GrammarChange>& changes : changes_) {
    grammar_.changes.insert(grammar_.changes.end(), changes.begin(), changes.end());
    grammar_.first_change.push_back(static_cast<std::int32_t>(grammar_.changes.size()));
  }
  return std::move(grammar_);
}

}  // namespace polonaise::io
