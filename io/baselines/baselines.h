#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "io/baselines/protocol.h"
#include "kernels/events/events.h"

namespace polonaise::io {

// What counting achieves: the losses to print beside a model's, in the same unit (nats per event) over the same
// targets. Fitted on `train` with add-1 smoothing throughout.
//   tokens   unigram: the token's share. bigram: its share after the token before (the start event before the first).
//   frames   independent Bernoullis, one a key, summed. unigram: the share of frames that have the key. bigram: that
//            share among frames after one with, and after one without, the same key (the first frame counts as after
//            silence, but is not fitted on). Where frames have a length, plus its class: its share, and its share after
//            the class before.
struct Baselines {
  double unigram = 0;
  double bigram = 0;
  double unigram_durations = 0;  // the part of each that the lengths make
  double bigram_durations = 0;
  std::int64_t targets = 0;
};

// Error where no event of `test` counts by the protocol.
Baselines baselines(std::span<const EventsView> train, std::span<const EventsView> test, const EventShape& shape,
                    Protocol protocol = Protocol::bl2012);

// The unigram as logits, one for each output of a model's head: a token's log share; or each key's log-odds and, where
// frames have a length, each class's log share. A head that has them as its bias and 0 for the rest has the unigram's
// loss. Finite for any `train`, as what never occurs is smoothed as above.
std::vector<float> unigram_logits(std::span<const EventsView> train, const EventShape& shape);

}  // namespace polonaise::io
