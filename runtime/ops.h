#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/base/sparse.h"
#include "kernels/linear/linear.h"
#include "kernels/recurrent/recurrent.h"
#include "kernels/sampling/generation.h"
#include "runtime/tape.h"

namespace polonaise {

// The differentiable ops: each runs kernels at once and records one backward. They are coarse, so that a training step
// has 10 to 60 nodes. Shapes are checked by the kernels; a Var that is "none" stands for an optional input left out.
// Definitions: runtime/ops/NAME.cpp, forward and backward under each other.

// How a sequence lies in memory: [T,B,D] for recurrent stacks, [B,T,D] for attention.
enum class Layout { time_major, batch_major };

// table[ids[r]] + positions[r % T] (kernels/embedding/embedding.h). ids stay valid until backward. `positions` [T,D] or
// none.
Var embedding(Tape&, View<const std::int32_t, 1> ids, const Var& table, const Var& positions, const Shape& shape);

// Sparse x times weight^T + bias + positions. weight [N,D]; `transposed` [D,N] is its derived transpose. Several
// weights make columns side by side (the directions of a recurrent stack); bias and positions only with one.
struct BagWeight {
  Var weight;
  Tensor transposed;
};
Var embedding_bag(Tape&, const kernels::SparseRows& x, std::span<const BagWeight> weights, const Var& bias,
                  const Var& positions, const Shape& shape);

// x weight^T + bias, with an activation (kernels/linear/linear.h). The result has x's shape with the last extent
// replaced.
Var linear(Tape&, const Var& x, const Var& weight, const Var& bias, kernels::Activation = kernels::Activation::none);

// Columns side by side: x weights[0]^T | x weights[1]^T | ..., without biases.
Var linear_side_by_side(Tape&, const Var& x, std::span<const Var> weights);

// A whole recurrent stack (kernels/recurrent/recurrent.h).
using kernels::Cell;

struct RecurrentLayerVars {
  Var weight_ih;  // none in layer 0
  Var weight_hh, bias_ih, bias_hh;
};
// A state carried from one call to the next, of the activations' type: h [layers,B,H], c [layers,B,S*H].
struct RecurrentState {
  Tensor h, c;
};
struct RecurrentOptions {
  kernels::RecurrentShape shape;
  float dropout = 0;
  View<const std::int32_t, 1> lengths = {};  // [B] or empty
  RecurrentState* state = nullptr;           // read before and replaced after; inference only
};
struct RecurrentResult {
  Var y;   // [T,B,directions*H]
  Var hn;  // [layers*directions,B,H]
};
RecurrentResult recurrent(Tape&, const Var& input, std::span<const RecurrentLayerVars> layers,
                          View<const float, 1> packed, const RecurrentOptions&);

// The number of elements of packed weights, and their packing, for Parameters::add_derived.
Index recurrent_packed_size(AnyDevice&, const kernels::RecurrentShape&);
void recurrent_pack(AnyDevice&, const kernels::RecurrentShape&,
                    std::span<const kernels::RecurrentLayer<const float>> weights, View<float, 1> packed);

// Runs one step of every layer without a tape, for sampling (kernels/recurrent/recurrent.h).
void recurrent_step(AnyDevice&, const kernels::RecurrentShape&, const kernels::RecurrentStep<float>&);

// Say whether the device has room for the whole loop of sampling (kernels/sampling/generation.h), and run it.
bool recurrent_generation_fits(AnyDevice&, const kernels::GenerationNetwork&, const kernels::Grammar*);
void recurrent_generate(AnyDevice&, const kernels::GenerationNetwork&, const kernels::GenerationState&,
                        const kernels::GenerationDraws&);

// Returns the top layer's last states of both directions, side by side: [B,2H] of hn.
Var last_states(Tape&, const Var& hn, const kernels::RecurrentShape&);

// Causal attention over qkv [B,T,3*N*D] (kernels/attention/attention.h); `rotary` [T,D] or empty, `relative` [N,>=T,D]
// or none.
Var attention(Tape&, const Var& qkv, Index heads, View<const float, 2> rotary, const Var& relative);

// sum = x + residual (residual none: x itself), y = layer norm of sum.
struct NormResult {
  Var sum, y;
};
NormResult add_layer_norm(Tape&, const Var& x, const Var& residual, const Var& weight, const Var& bias);

// Returns x in another type; x itself where it has that type.
Var cast(Tape&, const Var& x, DType);

// Inverted dropout with the tape's random numbers; the identity in inference and for p = 0. x is [T,B,D], [B,T,D] or
// [B,D].
Var dropout(Tape&, const Var& x, float p, Layout);

// Losses end a tape: they write the gradient of float logits at once, that of the sum of all losses, and return each
// row's loss in nats.
//   tokens: softmax cross-entropy, targets [R], -1 masked
View<const float, 1> token_loss(Tape&, const Var& logits, View<const std::int32_t, 1> targets);
//   frames: the keys' logits in the first columns, then (classes > 0) a softmax over duration classes
struct FrameTargets {
  kernels::SparseRows keys;                    // [R, K], no values
  View<const std::int32_t, 1> durations = {};  // [R] classes, -1 masked; empty without durations
  View<const std::int32_t, 1> mask = {};       // [R], 0 masked; empty: all count

  bool operator==(const FrameTargets&) const = default;
};
struct FrameLosses {
  View<const float, 1> keys;       // [R]
  View<const float, 1> durations;  // [R], empty without durations
};
//   Keys are independent of each other; or, with weights [K,H] that say so, predicted one after another, their hidden
//   units in H further columns (kernels/sampling/nade.h).
struct NadeWeights {
  Var key_in, key_out;
};
FrameLosses frame_loss(Tape&, const Var& logits, Index keys, const FrameTargets&, const NadeWeights& = {});

}  // namespace polonaise
