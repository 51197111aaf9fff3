#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace polonaise::io {

// The smallest automaton that accepts every run of consecutive symbols of some sequences (Blumer et al., Theoretical
// Computer Science 40, 1985). Adding a symbol takes constant time on average and at most 2 states and 3 edges:
// 16 bytes a state, 16 an edge and 8 to 16 more for its place in a hash table.
class SuffixAutomaton {
 public:
  SuffixAutomaton();

  // Symbols that follow are no continuation of those before. Positions go on.
  void begin_sequence() { last_ = kRoot; }
  // At most 2^30 symbols in all.
  void add(std::uint32_t symbol);
  // Where all symbols since begin_sequence() lead to: Match::state of a run that is a whole sequence, and of it alone
  // among runs of its length.
  std::uint32_t state() const { return last_; }
  std::size_t size() const { return size_; }  // symbols added
  std::size_t bytes() const;

  // The longest run that ends with each symbol of a sequence, one after the other:
  //   SuffixAutomaton::Match match;
  //   for (symbol : sequence) { match = automaton.next(match, symbol); ... match.length ... }
  struct Match {
    std::uint32_t state = 0;
    std::uint32_t length = 0;  // symbols; 0: not even this one occurs
    std::uint32_t end = 0;     // position of the last symbol of the run's first occurrence, where length > 0
  };
  Match next(const Match& match, std::uint32_t symbol) const;

 private:
  static constexpr std::uint32_t kRoot = 0;
  static constexpr std::uint32_t kNone = 0xffffffff;

  struct State {
    std::uint32_t length;  // of the longest run that leads here
    std::uint32_t link;    // the state of its longest suffix that leads elsewhere; kNone for the root
    std::uint32_t end;     // position where the runs first end
    std::uint32_t edges;   // the first of a list
  };
  struct Edge {
    std::uint32_t from;
    std::uint32_t symbol;
    std::uint32_t target;
    std::uint32_t next;  // of the same state
  };

  // The place of an edge in the table, or the free one where it belongs.
  std::size_t slot(std::uint32_t state, std::uint32_t symbol) const;
  // The edge, or kNone.
  std::uint32_t find(std::uint32_t state, std::uint32_t symbol) const { return table_[slot(state, symbol)]; }
  void connect(std::uint32_t state, std::uint32_t symbol, std::uint32_t target);
  // Gives the runs that lead from `from` by `symbol` to `state`, and their suffixes, a state of their own.
  std::uint32_t split(std::uint32_t from, std::uint32_t symbol, std::uint32_t state);

  std::size_t size_ = 0;
  std::uint32_t last_ = kRoot;
  std::vector<State> states_;
  std::vector<Edge> edges_;
  std::vector<std::uint32_t> table_;  // edges by (from, symbol); open addressing, at most half full
};

}  // namespace polonaise::io
