#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "io/encodings/parts/tokens.h"
#include "kernels/events/event_grammar.h"

namespace polonaise::io {

// What the encodings' grammars share.

// Throws Error unless the options are in range and leave one of the keys first..last, `name` being the encoding's.
void check_grammar_options(const GrammarOptions& options, int first, int last, std::string_view name);

bool key_allowed(const GrammarOptions& options, int pitch);

// EventGrammar::key_drawable for the keys first..last.
std::vector<std::uint8_t> allowed_keys(const GrammarOptions& options, int first, int last);

// The end of a clock with so many ticks to a quarter of half a second, -1 where no length is asked for; Error for less
// than a tick.
std::int64_t clock_end(const GrammarOptions& options, std::int64_t ticks_per_quarter);

// Fills a grammar of tokens.
class Rules {
 public:
  Rules(int vocabulary, int states);

  // In `state` the tokens [first, first + count) may come, and lead to `next`.
  void allow(int state, int first, int count, int next);
  // allow(), for tokens that move the clock: one by `ticks`, or token first + i by i + 1.
  void allow_timed(int state, int token, int next, std::int64_t ticks);
  void allow_shifts(int state, int first, int count, int next);
  // Tokens whose pitch is not allowed are never drawn; token first + i has pitch `lowest` + i.
  void forbid_keys(const GrammarOptions& options, int first, int count, int lowest);
  // A counter from 0 to `high`, beginning at 0; returns its index.
  int add_counter(int high);
  void change(int token, GrammarChange change) { changes_[static_cast<std::size_t>(token)].push_back(change); }

  // A note is one token of each of `parts` in their order, and no token of another kind stands between them; takes a
  // counter for each part but the last.
  void keep_together(std::span<const TokenRange> parts);

  EventGrammar& grammar() { return grammar_; }
  EventGrammar finish();

 private:
  EventGrammar grammar_;
  std::vector<std::vector<GrammarChange>> changes_;  // of each token
};

}  // namespace polonaise::io
