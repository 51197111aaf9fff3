#pragma once

#include "kernels/recurrent/recurrent.h"
#include "kernels/sampling/grammar.h"
#include "kernels/sampling/sampling.h"

namespace polonaise::kernels {

// The whole loop of sampling from a recurrent network, for B independent streams: draw the next event of each from its
// logits, feed it back, make the logits of what follows, N times; on a card all of it is one launch. Event s of stream
// b is drawn
//   of tokens: by sample_tokens, with position 0 of row first_row + b of {seed, step + s, op}
//   of frames: their lengths so from op + 1, of those that have one; their keys by sample_keys, from op
// from what the grammar, if there is one, allows. A stream stops before N where its grammar has ended, or where nothing
// may follow. All numbers are float.

// A stack in one direction (recurrent.h), what is read into it, and a linear head.
struct GenerationNetwork {
  RecurrentShape shape;  // B streams; T is ignored
  // [I,G*H]: each input column's share of the first layer's pre-activations, without biases. A token v is row v. Key k
  // of a frame is row k, and its length the last row, times length_values[class].
  View<const float, 2> inputs;
  std::span<const RecurrentLayer<const float>> weights;
  View<const float, 1> packed;              // from recurrent_pack of these weights
  View<const float, 2> head_weight;         // [O,H]
  View<const float, 1> head_bias;           // [O]
  Index keys = 0;                           // K of frames, the first outputs; 0: tokens
  View<const float, 1> length_values = {};  // [O-K], frames with a length; else empty

  constexpr Index outputs() const { return head_weight.rows(); }
  // Tokens, or classes of lengths: what a stream's grammar has as its vocabulary.
  constexpr Index vocabulary() const { return outputs() - keys; }
};

// The state of the streams, read before and replaced after, so that calls of n and m events equal one call of n + m.
struct GenerationState {
  View<float, 3> h;                    // [layers,B,H]
  View<float, 3> c;                    // [layers,B,S*H]
  View<float, 2> logits;               // [B,O], of the next event
  View<std::int32_t, 2> grammar = {};  // [B, grammar_state_size], with a grammar
};

struct GenerationDraws {
  Index events = 0;  // N
  const Grammar* grammar = nullptr;
  SamplingOptions sampling = {};
  RandomStream stream = {};
  Index first_row = 0;
  View<std::int32_t, 2> tokens = {};  // [B,N]: tokens, or classes of lengths; -1 after a stream's last event
  View<std::uint8_t, 3> keys = {};    // [B,N,K] of 0 and 1; 0 after a stream's last event
  View<std::int32_t, 1> drawn = {};   // [B]: how many events were

  bool operator==(const GenerationDraws&) const = default;
  SamplingOptions key_sampling() const;  // keys are drawn with the grammar's limit
  void check(const GenerationNetwork&, const GenerationState&) const;
};

// Whether the device has room for such a network's loop.
bool generation_fits(const Cpu&, const GenerationNetwork&, const Grammar*);
bool generation_fits(const Cuda&, const GenerationNetwork&, const Grammar*);

// Streams do not change each other, to the bit.
void recurrent_generate(Cpu&, const GenerationNetwork&, const GenerationState&, const GenerationDraws&);
void recurrent_generate(Cuda&, const GenerationNetwork&, const GenerationState&, const GenerationDraws&);

// The loop in parts, for one stream of a network that has no kernel for it: grammar_mask, sample_tokens and
// sample_keys (or nade_sample) draw an event, generation_take makes it the stream's next, and the network reads it. No
// part waits for the host, so that a GPU can record them once and replay them event by event.

// The place of the loop, in the device's memory: RandomStream::step_at and Position::at point into it.
struct GenerationPlace {
  std::uint32_t step = 0;     // of the random numbers of the event that is drawn next
  std::int32_t event = 0;     // which event of the call that is, from 0
  std::int32_t position = 0;  // of the newest event that the network has read
};

// An event that was drawn, its form as the network's input, and the state that it moves on.
struct GenerationEvent {
  View<const std::int32_t, 1> token;  // [1]: of tokens, or of lengths; empty: frames without a length
  View<const std::uint8_t, 1> keys;   // [K] of 0 and 1; empty: tokens
  View<std::int32_t, 1> id = {};      // tokens: [1]
  // Frames: a sparse row of the input. Key k is column k, and a length column length_column >= K, with its value.
  View<const float, 1> length_values = {};  // [V], frames with a length
  Index length_column = 0;
  // offsets [2]; columns and values [K + 1], 0 behind the last.
  View<std::int32_t, 1> offsets = {}, columns = {};
  View<float, 1> values = {};
  View<std::int32_t, 2> state = {};  // [1, grammar_state_size], with a grammar
  GenerationPlace* place = nullptr;

  void check(const GenerationDraws&) const;
};

// Takes event place->event of the stream: writes it to draws.tokens and draws.keys, moves the grammar on and counts it
// in draws.drawn, which before event 0 is 0. A stream that has stopped, or
// stops here, leaves these as they are. In either case the event goes to what the network reads, -1 or an empty row for
// none, and all of *place moves on by one. draws.stream and draws.sampling count for nothing.
void generation_take(Cpu&, const GenerationDraws&, const GenerationEvent&);
void generation_take(Cuda&, const GenerationDraws&, const GenerationEvent&);

}  // namespace polonaise::kernels
