#include <array>
#include <random>
#include <vector>

#include "bench/gpu/measure.h"
#include "models/sampling/decoders.h"
#include "models/sampling/step_sampler.h"
#include "runtime/training/training.h"

// Whole steps of training as polonaise-train makes them, the batch's way to the card included; and sampling from the
// same transformer.
namespace polonaise::bench {
namespace {

struct TrainingRow {
  std::string name;  // without the sizes
  ModelConfig config;
  Index batch;

  std::string sizes() const {
    const std::string heads =
        config.architecture == Architecture::transformer ? "_n" + std::to_string(config.heads) : "";
    return name + "_h" + std::to_string(config.hidden) + "_l" + std::to_string(config.layers) + heads + "_v" +
           std::to_string(config.events.vocabulary);
  }
  // Products of the weights with the state, three times (forward, gradients of state and weights), and of attention's
  // scores and values where a causal mask has them. An embedding is no product. Bytes: what AdamW reads and writes.
  Work work(Index parameters) const {
    const auto h = static_cast<double>(config.hidden), layers = static_cast<double>(config.layers),
               steps = static_cast<double>(config.sequence);
    const double head = h * static_cast<double>(config.events.vocabulary);
    const double body = config.architecture == Architecture::transformer
                            ? layers * (4 * h * h + 2 * h * static_cast<double>(config.inner()) + steps * h)
                            : layers * 8 * h * h;
    return {.bytes = 28 * static_cast<double>(parameters),
            .flops = 6 * static_cast<double>(batch) * steps * (head + body)};
  }
};

// Full windows of random tokens.
class TokenBatch {
 public:
  TokenBatch(Index rows, Index steps, Index vocabulary, unsigned seed)
      : rows_(rows), steps_(steps), lengths_(static_cast<std::size_t>(rows), static_cast<std::int32_t>(steps)) {
    std::mt19937 random(seed);
    for (std::vector<std::int32_t>* tokens : {&inputs_, &targets_})
      for (Index i = 0; i < rows * steps; ++i)
        tokens->push_back(static_cast<std::int32_t>(random() % static_cast<unsigned>(vocabulary)));
  }

  Batch view() const {
    return {.rows = rows_,
            .steps = steps_,
            .targets_per_row = steps_,
            .lengths = lengths_,
            .inputs = inputs_,
            .targets = targets_};
  }

 private:
  Index rows_, steps_;
  std::vector<std::int32_t> lengths_, inputs_, targets_;
};

// The card as polonaise-train opens it for these activations.
AnyDevice device_for(Cuda cuda, DType activations) {
  cuda.set_matrix_math(activations == DType::f32 ? MatrixMath::exact : MatrixMath::tf32);
  return cuda;
}

void train(benchmark::State& state, const Cuda& cuda, const TrainingRow& row, DType activations) {
  AnyDevice device = device_for(cuda, activations);
  const auto model = make_model(device, row.config, 1, activations);
  Optimizer optimizer(model->parameters(), {.clip = 0});
  Training training(model->parameters(), optimizer, 1);
  const Index steps = row.config.sequence, vocabulary = row.config.events.vocabulary;
  const std::array batches{TokenBatch(row.batch, steps, vocabulary, 1), TokenBatch(row.batch, steps, vocabulary, 2)};
  std::size_t next = 0;
  time_steps(state, cuda, row.work(model->parameters().size()), [&] {
    const Batch batch = batches[next++ % batches.size()].view();
    const Shards::Work work{batch.rows,
                            [&](Tape& tape, Shards::Rows rows) { return model->prepare(tape, batch, rows); }};
    training.step({&work, 1}, row.batch * steps);
  });
  state.counters["graph"] = training.replays() > 0;
}

void sample(benchmark::State& state, const Cuda& cuda, const TrainingRow& row, DType activations) {
  AnyDevice device = device_for(cuda, activations);
  const auto model = make_model(device, row.config, 1, activations);
  const Index events = row.config.sequence;
  std::uint64_t seed = 0;
  const Work work = row.work(0);
  time_steps(state, cuda, {.flops = work.flops / static_cast<double>(3 * row.batch)}, [&] {
    const Generated drawn = generate(*model, {}, {.steps = events, .seed = ++seed});
    if (drawn.size() != events) throw std::runtime_error("too few events were drawn");
  });
  state.counters["graph"] = !cuda.synchronous();
}

// The same without a graph: kernels are launched, and the host waits, for each event.
void sample_by_event(benchmark::State& state, const Cuda& cuda, const TrainingRow& row) {
  AnyDevice device = device_for(cuda, DType::f32);
  const auto model = make_model(device, row.config, 1, DType::f32);
  const Work work = row.work(0);
  GenerateOptions options{.steps = row.config.sequence};
  time_steps(state, cuda, {.flops = work.flops / static_cast<double>(3 * row.batch)}, [&] {
    ++options.seed;
    const std::unique_ptr<Decoder> decoder = model->decoder(1);
    StepSampler sampler(device, *model, *decoder, options, EventsView());
    std::vector<Generated> drawn(1);
    sampler.start(0, decoder->advance(EventBuffer(row.config.events, 1).start()));
    for (Index step = 0; step < options.steps; ++step)
      if (!sampler.draw(step, 1, drawn)) throw std::runtime_error("too few events were drawn");
  });
}

}  // namespace

void add_training_rows(Cuda& cuda) {
  const EventShape music{.vocabulary = options().tiny ? 12 : 388};
  ModelConfig lstm{.events = music};
  ModelConfig gpt{.architecture = Architecture::transformer,
                  .events = music,
                  .hidden = 256,
                  .layers = 6,
                  .sequence = 256,
                  .heads = 8,
                  .position = PositionEncoding::learned};
  std::vector<Index> lstm_steps{200, 24};
  Index batch = 32;
  if (options().tiny) {
    lstm.hidden = 8;
    gpt.hidden = 16, gpt.layers = 1, gpt.sequence = 4, gpt.heads = 1;
    lstm_steps = {3};
    batch = 2;
  }
  const auto add = [&](const TrainingRow& row, DType activations) {
    add_row("train_" + row.sizes() + "_b" + std::to_string(row.batch) + "_t" + std::to_string(row.config.sequence) +
                (activations == DType::f32 ? "_float" : "_bf16"),
            "polonaise", [&cuda, row, activations](benchmark::State& state) { train(state, cuda, row, activations); });
  };
  for (const Index steps : lstm_steps) {
    lstm.sequence = steps;
    add({"lstm", lstm, batch}, DType::bf16);
    add({"lstm", lstm, batch}, DType::f32);
  }
  const TrainingRow row{"gpt", gpt, batch};
  add(row, DType::bf16);
  add_row("sample_" + row.sizes() + "_b1_n" + std::to_string(gpt.sequence), "polonaise",
          [&cuda, row](benchmark::State& state) { sample(state, cuda, row, DType::f32); });
  add_row("sample_" + row.sizes() + "_b1_n" + std::to_string(gpt.sequence), "event_by_event",
          [&cuda, row](benchmark::State& state) { sample_by_event(state, cuda, row); });
}

}  // namespace polonaise::bench
