#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "io/baselines/baselines.h"
#include "io/baselines/protocol.h"
#include "io/data/dataset.h"
#include "models/model.h"
#include "runtime/device/memory.h"

namespace polonaise::tools {

// Losses of the events of one piece, in nats, in order: the tokens' or keys' part, and the lengths' (empty where events
// have none).
struct PieceLosses {
  std::vector<double> main;
  std::vector<double> durations;

  std::vector<double> total() const;
};

// Half a window.
constexpr std::int64_t default_stride(std::int64_t steps) {
  return (steps + 1) / 2;
}

struct ScoreOptions {
  // Models that read windows (transformer): the distance between windows that overlap, 1..T; 0: the default. Each
  // event is scored once, with at least T - stride events before it wherever the piece has them.
  std::int64_t stride = 0;
  // Many-to-one models score every `every`-th event only; 1: all.
  std::int64_t every = 1;
};

// Scores pieces event by event. Recurrent models read a piece from its start to its end, their state carried along;
// transformers read windows that overlap; a bilstm reads a window of its own for each event. Memory grows neither with
// the pieces nor from call to call, and results do not depend on the number of threads.
class Scorer {
 public:
  Scorer(const Model& model, const EventShape& shape);

  std::vector<PieceLosses> score(std::span<const EventsView> pieces, const ScoreOptions& options = {});
  std::size_t arena_high_water() const { return shards_.arena_high_water(); }
  std::size_t memory() const { return shards_.memory() + state_.bytes(); }

 private:
  void carry_state(std::span<const EventsView> pieces, std::vector<PieceLosses>& losses);
  void read_windows(std::span<const EventsView> pieces, const ScoreOptions& options, std::vector<PieceLosses>& losses);

  const Model& model_;
  const EventShape shape_;
  Shards shards_;
  Buffer state_;
};

// A model's mean loss over a split as a protocol has it, and what counting achieves.
struct Evaluation {
  io::Protocol protocol = io::Protocol::bl2012;
  std::int64_t pieces = 0;
  std::int64_t targets = 0;  // events that counted
  std::int64_t notes = 0;    // tokens: notes of the pieces
  double nats = 0;           // per frame or token
  double durations = 0;      // the part of it that the lengths make
  io::Baselines baselines;

  double per_note(double nats_per_event) const;
};

// io::Error where no event of the split counts by the protocol.
Evaluation evaluate(Scorer& scorer, const io::Dataset& dataset, io::Split split, io::Protocol protocol,
                    std::int64_t stride);

// "nats per frame" or "nats per token".
std::string_view loss_unit(const EventShape& shape);

}  // namespace polonaise::tools
