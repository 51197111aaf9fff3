#include "kernels/loss/loss.h"

#include "kernels/sampling/nade.h"
#include "runtime/ops.h"

namespace polonaise {

namespace {
// The logits' gradient, which a loss writes in its forward pass; empty in inference.
View<float, 2> claim(Tape& tape, const Var& logits) {
  const GradientSlot slot = tape.slot(logits);
  require(slot.accumulate == Accumulate::no, "logits end in one loss");
  return slot.tensor.matrix<float>();
}
}  // namespace

View<const float, 1> token_loss(Tape& tape, const Var& logits, View<const std::int32_t, 1> targets) {
  const View<float, 1> losses = tape.floats(targets.size());
  const View<float, 2> dlogits = claim(tape, logits);
  std::visit(
      [&](auto& device) {
        kernels::softmax_cross_entropy(
            device,
            {.logits = logits.value().matrix<const float>(), .targets = targets, .losses = losses, .dlogits = dlogits});
      },
      tape.device());
  return losses;
}

FrameLosses frame_loss(Tape& tape, const Var& logits, Index keys, const FrameTargets& targets,
                       const NadeWeights& nade) {
  const Index rows = logits.shape().rows(), hidden = nade.key_in ? nade.key_in.shape().columns() : 0,
              classes = logits.shape().columns() - keys - hidden;
  require((classes > 0) == !targets.durations.empty(), "duration classes must match their targets");
  const View<float, 2> dlogits = claim(tape, logits);
  const auto block = [](auto view, Index first, Index count) {
    return view.empty() ? view : view.column_block(first, count);
  };
  const View<const float, 2> x = logits.value().matrix<const float>();
  const View<float, 1> key_losses = tape.floats(rows);
  View<float, 1> duration_losses;
  if (classes > 0) duration_losses = tape.floats(rows);
  const auto nade_loss = [&](auto& device) {
    kernels::NadeLoss loss{
        .nade = {block(x, keys + classes, hidden), block(x, 0, keys), nade.key_in.value().matrix<const float>(),
                 nade.key_out.value().matrix<const float>()},
        .targets = targets.keys,
        .mask = targets.mask,
        .losses = key_losses};
    Scratch scratch(tape);
    if (!dlogits.empty()) {
      loss.gradients = {block(dlogits, keys + classes, hidden), block(dlogits, 0, keys),
                        tape.slot(nade.key_in).tensor.matrix<float>(), tape.slot(nade.key_out).tensor.matrix<float>()};
      const Index vectors = rows + 2 * targets.keys.columns.size();
      loss.scratch = {scratch.floats(vectors * hidden).data(), {vectors, hidden}};
    }
    kernels::nade_loss(device, loss);
  };
  std::visit(
      [&](auto& device) {
        if (nade.key_in)
          nade_loss(device);
        else
          kernels::bernoulli_with_logits(device, {.logits = block(x, 0, keys),
                                                  .targets = targets.keys,
                                                  .mask = targets.mask,
                                                  .losses = key_losses,
                                                  .dlogits = block(dlogits, 0, keys)});
        if (classes > 0)
          kernels::softmax_cross_entropy(device, {.logits = block(x, keys, classes),
                                                  .targets = targets.durations,
                                                  .losses = duration_losses,
                                                  .dlogits = block(dlogits, keys, classes)});
      },
      tape.device());
  return {key_losses, duration_losses};
}

}  // namespace polonaise
