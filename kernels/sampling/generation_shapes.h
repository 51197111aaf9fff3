#pragma once

#include "kernels/sampling/generation.h"
#include "kernels/sampling/grammar_rules.h"
#include "kernels/sampling/sampling_shapes.h"

namespace polonaise::kernels {

// What every device's generation checks first.
inline void require_generation(const GenerationNetwork& n, const GenerationState& state, const GenerationDraws& draws) {
  const RecurrentShape& s = n.shape;
  const bool lengths = n.keys > 0 && n.vocabulary() > 0;
  require(s.B >= 0 && s.H >= 1 && s.layers >= 1 && s.directions == 1, "a stack in one direction generates");
  require(static_cast<Index>(n.weights.size()) == s.layers, "weights must have one entry for each layer");
  require(n.inputs.columns() == s.gates() * s.H && n.inputs.rows() >= n.outputs() - (lengths ? n.vocabulary() - 1 : 0),
          "inputs must be [I,G*H] with a row for each token, or for each key and for the length");
  require(n.head_weight.columns() == s.H && n.head_bias.size() == n.outputs(), "the head must be [O,H] and [O]");
  require(n.keys >= 0 && n.keys <= n.outputs() && n.length_values.size() == (lengths ? n.vocabulary() : 0),
          "length_values must have one element for each class of lengths");
  require(state.h.size() == s.layers * s.B * s.H && (s.states() == 0 || state.c.size() == s.states() * state.h.size()),
          "h must be [layers,B,H] and c [layers,B,S*H]");
  require(state.logits.rows() == s.B && state.logits.columns() == n.outputs(), "logits must be [B,O]");
  require(n.vocabulary() == 0 || (draws.tokens.rows() == s.B && draws.tokens.columns() == draws.events),
          "tokens must be [B,N]");
  require(draws.keys.size() == s.B * draws.events * n.keys, "keys must be [B,N,K]");
  require(draws.drawn.size() == s.B, "drawn must be [B]");
  require_sampling(state.logits, {}, draws.sampling);
  if (draws.grammar == nullptr) return;
  require_grammar(*draws.grammar, state.grammar);
  require(draws.grammar->vocabulary() == n.vocabulary(), "the grammar's vocabulary must be the network's");
  require(draws.grammar->key_drawable.empty() || draws.grammar->key_drawable.size() == n.keys,
          "key_drawable must be [K]");
}

inline void require_generation_take(const GenerationDraws& draws, const GenerationEvent& event,
                                    View<std::int32_t, 2> state) {
  const Index K = event.keys.size(), room = K + 1;
  require(event.token.size() <= 1 && (K > 0 || event.token.size() == 1),
          "token must be [1], of frames it may be empty");
  require(event.token.empty() || (draws.tokens.rows() == 1 && draws.tokens.columns() == draws.events),
          "tokens must be [1,N]");
  require(draws.keys.size() == draws.events * K, "keys must be [1,N,K]");
  require(draws.drawn.size() == 1, "drawn must be [1]");
  require(K > 0 ? event.offsets.size() == 2 && event.columns.size() == room && event.values.size() == room
                : event.id.size() == 1,
          "a token is read as one id, a frame as a row of K + 1 entries");
  require(K == 0 || event.token.empty() == event.length_values.empty(), "a frame's length must have its values");
  require(event.length_values.empty() || event.length_column >= K, "a length must have a column of its own");
  if (draws.grammar == nullptr) return;
  require_grammar(*draws.grammar, state);
  require(state.rows() == 1 && draws.grammar->next.empty() == event.token.empty(),
          "the grammar must be one of these events, and state [1,...]");
}

// Keys are drawn with the grammar's limit.
inline SamplingOptions key_sampling(const GenerationDraws& draws) {
  SamplingOptions options = draws.sampling;
  if (draws.grammar != nullptr) options.max_keys = draws.grammar->max_keys;
  return options;
}

}  // namespace polonaise::kernels
