#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/optimizer/adamw.h"
#include "runtime/training/muon_steps.h"
#include "runtime/training/parameters.h"

namespace polonaise {

// The course of the learning rate after the warm-up, as a share of the base rate.
enum class Decay {
  cosine,        // a half cosine down to `floor` at the end (SGDR, Loshchilov, Hutter 2017, without restarts)
  linear,        // a straight line down to `floor` at the end
  constant,      // 1
  wsd,           // warm-up, stable, decay (Hu et al. 2024, MiniCPM): 1, and over the last fifth a line down to `floor`
  inverse_sqrt,  // sqrt(warmup / step) (Vaswani et al. 2017), `floor` at least; needs no end
};

// Names as on the command line; an unknown one throws std::invalid_argument naming those there are.
std::string_view name_of(Decay);
Decay decay_of(std::string_view name);
std::vector<std::string> decay_names();

// Learning rate over steps: a line from 0 to `base` over the first `warmup` steps, then `decay`. Where no end is known
// (total = 0), cosine, linear and wsd stay at the base rate.
struct Schedule {
  float base = 1e-3f;
  long warmup = 0;
  long total = 0;
  float floor = 0.1f;  // 0 to 1
  Decay decay = Decay::cosine;

  // Learning rate of step t, counted from 1: share_at(t) of `base`.
  float at(long step) const { return rate_at(base, step); }
  // Share of the base rate at step t, 0 to 1.
  float share_at(long step) const { return rate_at(1, step); }

 private:
  float rate_at(float rate, long step) const;
};

// The update rule of the matrices between hidden units (Parameters::Kind::hidden); AdamW updates everything else.
enum class Rule { adamw, muon };

struct OptimizerOptions {
  Schedule schedule = {};
  Rule rule = Rule::adamw;
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
  float muon_rate = 0.02f;    // Muon's learning rate, which the schedule's shares are of as they are of its base
  float weight_decay = 0.0f;  // on matrices only
  float clip = 1.0f;          // the gradient's norm is brought down to this; 0: never
  float ema = 0.0f;           // decay of an average of the parameters, below 1; 0: no average
};

// AdamW over a model's whole slab, or Muon for the matrices between hidden units and AdamW for the rest, with clipping
// by the global norm, and, where asked for, an exponential moving average of the parameters (Polyak, Juditsky 1992).
// The average follows more closely at first: its decay at step t is at most (1 + t) / (10 + t).
class Optimizer {
 public:
  Optimizer(Parameters& parameters, const OptimizerOptions& options);

  // Counts the next step and returns its numbers, which update() finds in the device's memory.
  kernels::AdamWStep next(float scale = 1);
  // Queues one step from the sum of gradients, and the refresh of what is derived from the parameters. A gradient that
  // is not finite changes nothing. *squared_norm, in the device's memory too, becomes that of the gradients as they
  // came, before scale and clip.
  void update(View<const float, 1> gradients, const kernels::AdamWStep* numbers, double* squared_norm);

  long steps() const { return steps_; }
  // The state that resuming needs, beside the parameters.
  // m is AdamW's first moment, of Muon's matrices their momentum; v its second moment, of Muon's matrices nothing.
  View<float, 1> m() const { return {m_.as<float>(), {parameters_.size()}}; }
  View<float, 1> v() const { return {v_.as<float>(), {parameters_.size()}}; }
  void set_steps(long steps) { steps_ = steps; }
  // The average of the parameters; empty without one. It starts as their values when the optimizer is made, or when
  // start_average() is called: for parameters that were set in between.
  View<float, 1> average() const;
  void start_average();
  std::size_t memory() const { return m_.bytes() + v_.bytes() + average_.bytes() + (muon_ ? muon_->memory() : 0); }

  // Exchanges the parameters and their average while it lives, for what the average is to be used for. Does nothing
  // without an average. No step may run meanwhile.
  class Averaged {
   public:
    explicit Averaged(const Optimizer& optimizer);
    ~Averaged();
    Averaged(const Averaged&) = delete;
    Averaged& operator=(const Averaged&) = delete;

   private:
    void exchange();
    const Optimizer& optimizer_;
    Buffer held_;  // room for the one while the other takes its place
  };

 private:
  bool by_muon(const Parameters::Entry& entry) const { return muon_ && MuonSteps::moves(entry); }

  Parameters& parameters_;
  Schedule schedule_;
  kernels::AdamW adamw_;
  kernels::Muon for_muon_;
  std::optional<MuonSteps> muon_;
  float weight_decay_;  // of matrices
  float ema_;
  Buffer m_, v_;
  Buffer average_;  // as large as these, or none
  long steps_ = 0;
};

}  // namespace polonaise
