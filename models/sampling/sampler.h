#pragma once

#include <span>

#include "models/sampling/generate.h"

namespace polonaise {

// Draws what follows an opening in the streams of a decoder that has read it, some events at a time.
class Sampler {
 public:
  virtual ~Sampler() = default;
  // Begins stream `first` and those after it. logits [streams, outputs]: the decoder's, of each stream's first event.
  virtual void start(Index first, View<const float, 2> logits) = 0;
  // Returns how many events of each stream draw() should be asked for.
  virtual Index events_at_once() const = 0;
  // Draws events `done` to `done` + `count` - 1 of each stream, and adds them to the stream's element of `drawn`. A
  // stream that its grammar ends, or where nothing may follow, gets fewer; returns false where every stream did.
  virtual bool draw(Index done, Index count, std::span<Generated> drawn) = 0;
  // Whether the grammar has ended a stream.
  virtual bool ended(Index stream) const = 0;
};

}  // namespace polonaise
