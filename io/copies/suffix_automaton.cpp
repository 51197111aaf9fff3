#include "io/copies/suffix_automaton.h"

namespace polonaise::io {

SuffixAutomaton::SuffixAutomaton() : states_{{0, kNone, 0, kNone}}, table_(16, kNone) {}

std::size_t SuffixAutomaton::bytes() const {
  return states_.capacity() * sizeof(State) + edges_.capacity() * sizeof(Edge) + table_.capacity() * sizeof(table_[0]);
}

std::size_t SuffixAutomaton::slot(std::uint32_t state, std::uint32_t symbol) const {
  std::uint64_t hash = (std::uint64_t{state} << 32 | symbol) * 0x9e3779b97f4a7c15;
  hash ^= hash >> 32;
  const std::size_t mask = table_.size() - 1;
  std::size_t at = (hash * 0x9e3779b97f4a7c15 >> 32) & mask;
  while (table_[at] != kNone && (edges_[table_[at]].from != state || edges_[table_[at]].symbol != symbol)) {
    at = (at + 1) & mask;
  }
  return at;
}

void SuffixAutomaton::connect(std::uint32_t state, std::uint32_t symbol, std::uint32_t target) {
  const auto edge = static_cast<std::uint32_t>(edges_.size());
  edges_.push_back({state, symbol, target, states_[state].edges});
  states_[state].edges = edge;
  if (2 * edges_.size() <= table_.size()) {
    table_[slot(state, symbol)] = edge;
    return;
  }
  table_.assign(2 * table_.size(), kNone);
  for (std::uint32_t i = 0; i <= edge; ++i) table_[slot(edges_[i].from, edges_[i].symbol)] = i;
}

std::uint32_t SuffixAutomaton::split(std::uint32_t from, std::uint32_t symbol, std::uint32_t state) {
  const auto copy = static_cast<std::uint32_t>(states_.size());
  states_.push_back({states_[from].length + 1, states_[state].link, states_[state].end, kNone});
  for (std::uint32_t edge = states_[state].edges; edge != kNone; edge = edges_[edge].next) {
    connect(copy, edges_[edge].symbol, edges_[edge].target);
  }
  states_[state].link = copy;
  for (; from != kNone; from = states_[from].link) {
    const std::uint32_t edge = find(from, symbol);
    if (edge == kNone || edges_[edge].target != state) break;
    edges_[edge].target = copy;
  }
  return copy;
}

void SuffixAutomaton::add(std::uint32_t symbol) {
  const auto position = static_cast<std::uint32_t>(size_++);
  // The state of the runs that end here with `from` before the symbol, given the edge there.
  const auto state_after = [&](std::uint32_t from, std::uint32_t edge) {
    const std::uint32_t state = edges_[edge].target;
    return states_[state].length == states_[from].length + 1 ? state : split(from, symbol, state);
  };
  // All of the sequence so far occurred before, in another one.
  if (const std::uint32_t edge = find(last_, symbol); edge != kNone) {
    last_ = state_after(last_, edge);
    return;
  }
  const auto state = static_cast<std::uint32_t>(states_.size());
  states_.push_back({states_[last_].length + 1, kRoot, position, kNone});
  for (std::uint32_t from = last_; from != kNone; from = states_[from].link) {
    const std::uint32_t edge = find(from, symbol);
    if (edge != kNone) {
      const std::uint32_t link = state_after(from, edge);
      states_[state].link = link;
      break;
    }
    connect(from, symbol, state);
  }
  last_ = state;
}

SuffixAutomaton::Match SuffixAutomaton::next(const Match& match, std::uint32_t symbol) const {
  Match longer = match;
  for (;;) {
    const std::uint32_t edge = find(longer.state, symbol);
    if (edge != kNone) {
      longer.state = edges_[edge].target;
      longer.end = states_[longer.state].end;
      ++longer.length;
      return longer;
    }
    if (longer.state == kRoot) return {};
    longer.state = states_[longer.state].link;
    longer.length = states_[longer.state].length;
  }
}

}  // namespace polonaise::io
