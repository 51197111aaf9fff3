#include "kernels/sampling/generation.h"

#include "kernels/base/require.h"

namespace polonaise::kernels {

SamplingOptions GenerationDraws::key_sampling() const {
  SamplingOptions options = sampling;
  if (grammar != nullptr) options.max_keys = grammar->max_keys;
  return options;
}

void GenerationDraws::check(const GenerationNetwork& n, const GenerationState& state) const {
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
  require(n.vocabulary() == 0 || (tokens.rows() == s.B && tokens.columns() == events), "tokens must be [B,N]");
  require(keys.size() == s.B * events * n.keys, "keys must be [B,N,K]");
  require(drawn.size() == s.B, "drawn must be [B]");
  sampling.check();
  require(n.outputs() >= 1, "logits must have a column");
  if (grammar == nullptr) return;
  grammar->check(state.grammar);
  require(grammar->vocabulary() == n.vocabulary(), "the grammar's vocabulary must be the network's");
  require(grammar->key_drawable.empty() || grammar->key_drawable.size() == n.keys, "key_drawable must be [K]");
}

void GenerationEvent::check(const GenerationDraws& draws) const {
  const Index K = keys.size(), room = K + 1;
  require(place != nullptr, "place must say where the loop is");
  require(token.size() <= 1 && (K > 0 || token.size() == 1), "token must be [1], of frames it may be empty");
  require(token.empty() || (draws.tokens.rows() == 1 && draws.tokens.columns() == draws.events),
          "tokens must be [1,N]");
  require(draws.keys.size() == draws.events * K, "keys must be [1,N,K]");
  require(draws.drawn.size() == 1, "drawn must be [1]");
  require(K > 0 ? offsets.size() == 2 && columns.size() == room && values.size() == room : id.size() == 1,
          "a token is read as one id, a frame as a row of K + 1 entries");
  require(K == 0 || token.empty() == length_values.empty(), "a frame's length must have its values");
  require(length_values.empty() || length_column >= K, "a length must have a column of its own");
  if (draws.grammar == nullptr) return;
  draws.grammar->check(state);
  require(state.rows() == 1 && draws.grammar->next.empty() == token.empty(),
          "the grammar must be one of these events, and state [1,...]");
}

}  // namespace polonaise::kernels
