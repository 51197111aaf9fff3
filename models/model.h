#pragma once

#include <memory>
#include <span>

#include "kernels/sampling/generation.h"
#include "models/arrange.h"
#include "models/config.h"
#include "runtime/training/parameters.h"
#include "runtime/training/shards.h"

namespace polonaise {

class Decoder;

// Losses of a shard's targets, in nats: of tokens, or of a frame's keys and, where it has one, of its duration.
// Arranged::target_index says where each stands. Masked targets have 0.
struct TargetLosses : TargetLossViews {
  Arranged arranged = {};
};

// A network over events that predicts the next one: embedding of the input, a body, a linear head. Parameter names and
// layouts are those of a torch.nn state dict (core.weight_ih_l0, layers.0.self_attn.in_proj_weight, head.weight).
// head.weight has a row for each logit of an event; an autoregressive head's has a row for each hidden unit behind
// them, and there are head.key_in and head.key_out [keys, hidden units] (kernels/sampling/nade.h).
class Model {
 public:
  virtual ~Model() = default;

  const ModelConfig& config() const { return config_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

  // Whether a row of a batch has one target, what follows its last input, instead of one for each step. A bidirectional
  // network must: a target inside its window would be seen by the backward direction.
  virtual bool many_to_one() const { return false; }
  // Whether a state can be carried from one stretch of a piece to the next, instead of windows that overlap.
  virtual bool carries_state() const { return false; }

  // Losses of the rows of a shard; with a training tape also the gradient of their sum. `state` [layers,B,H] is read
  // before and replaced after, in inference of a model that carries one.
  TargetLosses losses(Tape&, const Batch&, Shards::Rows rows, RecurrentState* state = nullptr) const;
  // losses() in two parts, as Training::step() wants them: the rows in the device's memory, and the work on them.
  Shards::Prepared prepare(Tape&, const Batch&, Shards::Rows rows) const;
  // Sets head.bias so that without anything of the state the head predicts `logits`, one for each of the event's
  // outputs: log shares of tokens and duration classes, log-odds of keys. In an autoregressive head a key's entry makes
  // up for what the hidden units add, with the keys below sounding as often as `logits` say; the hidden units' entries
  // stay as they are.
  void set_head_bias(std::span<const float> logits);

  // Sets initial values from counts: set_head_bias(logits), and what a network can tell of its input from them. The
  // model must be as it was made.
  virtual void start_from(std::span<const float> logits) { set_head_bias(logits); }

  // The head's output for each target: [targets, config().outputs()].
  Var logits(Tape&, const Arranged&) const;

  // Draws the keys of frames from `logits` as a decoder returned them, the uniform numbers being those of
  // kernels/sampling/sampling.h; by an autoregressive head one after another, for which top_k and top_p do not count.
  void sample_keys(AnyDevice&, kernels::SampleKeys) const;

  // Step-by-step prediction for `rows` independent streams, in memory that does not grow with the number of steps. Only
  // of a model in float, which gives the same events on every device.
  virtual std::unique_ptr<Decoder> decoder(Index rows) const = 0;

 protected:
  Model(AnyDevice& device, const ModelConfig& config, DType activations)
      : config_(config), parameters_(device, activations) {}

  virtual Layout layout() const = 0;
  // The head's input: [targets, features], of the activations' type. The head itself is float.
  virtual Var body(Tape&, const Arranged&) const = 0;

  void add_head(Index features);
  // The head without a tape, for decoders: out [rows, config().outputs()].
  View<const float, 2> head(AnyDevice&, View<const float, 2> features, View<float, 2> out) const;
  View<const float, 2> head_weight() const { return parameters_.value(head_weight_).matrix<const float>(); }
  View<const float, 1> head_bias() const { return parameters_.value(head_bias_).vector<const float>(); }

  ModelConfig config_;
  Parameters parameters_;

 private:
  Arranged arrange(Tape&, const Batch&, Shards::Rows rows) const;
  TargetLosses losses(Tape&, const Arranged&) const;

  Parameters::Id head_weight_ = 0, head_bias_ = 0;
  Parameters::Id key_in_ = 0, key_out_ = 0;  // of an autoregressive head
};

// One event of each stream, as a decoder reads it, in host memory.
struct EventRows {
  View<const std::int32_t, 1> ids;  // tokens: [rows]
  kernels::SparseRows frames;       // frames: [rows, width]
};

// A model's running context. Every stream begins with the start event, which advance() must be given first.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Takes the next event of each stream; returns what the model's head makes of what follows, [rows, outputs], its
  // first columns being the event's logits, on the model's device and valid until the next call.
  virtual View<const float, 2> advance(const EventRows& events) = 0;
  // Back to before the start event.
  virtual void reset() = 0;

  // Whether the model's kernels can go on by themselves under a grammar (or none), which generate() then does, from the
  // last advance() on: draws events of each stream, takes them, and leaves everything as if advance() had been given
  // them (kernels/sampling/generation.h); where a transformer's stream has stopped, only reset() may follow. On a card
  // the host waits once, not for each event. `state` [rows, grammar_state_size], with a grammar.
  virtual bool generates(const kernels::Grammar*) { return false; }
  virtual void generate(const kernels::GenerationDraws&, View<std::int32_t, 2> state);
};

// Makes a model with initial parameters drawn from `seed`. Its activations are float, or bf16 where the device has that
// (std::runtime_error where not); parameters, their gradients, logits and losses are float in any case.
std::unique_ptr<Model> make_model(AnyDevice& device, const ModelConfig& config, std::uint64_t seed,
                                  DType activations = DType::f32);

}  // namespace polonaise
