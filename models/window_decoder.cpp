#include "models/window_decoder.h"

namespace polonaise {

WindowDecoder::WindowDecoder(const RecurrentModel& model, Index rows)
    : model_(model),
      history_(model.config().events, rows, model.config().sequence),
      device_(one_shard(model.parameters().device())),
      arena_(device_) {}

View<const float, 2> WindowDecoder::advance(const EventRows& events) {
  history_.push(events);
  arena_.reset();
  Tape tape = Tape::inference(device_, arena_);
  return model_.logits(tape, history_.arrange(tape)).value().matrix<const float>();
}

}  // namespace polonaise
