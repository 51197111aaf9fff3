// A whole training step: forward, backward, clipping off, AdamW; the cases of bench/peers/torch_peer.py under its
// names.
//   build/cpu/bench/training_bench [--benchmark_filter=lstm]       POLONAISE_THREADS=N: threads, all cores by default

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <random>

#include "models/model.h"
#include "runtime/training/training.h"

namespace polonaise {
namespace {

constexpr int kKeys = 106, kClasses = kDurationClassCount;
constexpr Index kHidden = 64, kLayers = 2;

int threads_of_run() {
  const char* text = std::getenv("POLONAISE_THREADS");
  return text ? std::atoi(text) : 0;
}

// Frames with about 4 of 106 keys sounding and a length, or random tokens; batch-major.
struct RandomBatch {
  std::vector<std::int32_t> lengths, inputs, targets, input_columns, target_keys, target_classes;
  std::vector<std::int64_t> input_rows{0}, target_rows{0};
  std::vector<float> input_values;
  Batch batch;

  RandomBatch(const EventShape& events, Index rows, Index steps, Index per_row) {
    std::mt19937 random(1);
    const auto below = [&](Index n) { return static_cast<std::int32_t>(random() % static_cast<unsigned>(n)); };
    lengths.assign(static_cast<std::size_t>(rows), static_cast<std::int32_t>(steps));
    batch = {.rows = rows, .steps = steps, .targets_per_row = per_row};
    if (events.is_tokens()) {
      for (Index i = 0; i < rows * steps; ++i) inputs.push_back(below(events.vocabulary));
      for (Index i = 0; i < rows * per_row; ++i) targets.push_back(below(events.vocabulary));
    } else {
      const auto keys_of_frame = [&](auto& columns) {
        for (Index k = 0; k < kKeys; ++k)
          if (random() % 100 < 4) columns.push_back(static_cast<std::int32_t>(k));
      };
      for (Index i = 0; i < rows * steps; ++i) {
        keys_of_frame(input_columns);
        input_values.resize(input_columns.size(), 1.0f);
        input_columns.push_back(static_cast<std::int32_t>(kKeys));
        input_values.push_back(duration_value(events.duration_input, class_quarters(below(kClasses))));
        input_rows.push_back(static_cast<std::int64_t>(input_columns.size()));
      }
      for (Index i = 0; i < rows * per_row; ++i) {
        keys_of_frame(target_keys);
        target_rows.push_back(static_cast<std::int64_t>(target_keys.size()));
        target_classes.push_back(below(kClasses));
      }
    }
    batch.lengths = lengths;
    batch.inputs = inputs;
    batch.targets = targets;
    batch.input_rows = input_rows;
    batch.input_columns = input_columns;
    batch.input_values = input_values;
    batch.target_rows = target_rows;
    batch.target_keys = target_keys;
    batch.target_classes = target_classes;
  }
};

EventShape frames() {
  return {.kind = EventKind::frames, .keys = kKeys, .duration_classes = kClasses, .width = kKeys + 1};
}

// Times steps on `rows` rows with `targets` targets.
void run_steps(benchmark::State& state, Parameters& parameters, Index rows, Index targets,
               decltype(Shards::Work::prepare) prepare) {
  Optimizer optimizer(parameters, {.clip = 0});
  Training training(parameters, optimizer, 1);
  const Shards::Work batch{rows, std::move(prepare)};
  for (int i = 0; i < 2; ++i) training.step({&batch, 1}, targets);  // the arenas find their size
  for (auto _ : state) training.step({&batch, 1}, targets);
  state.SetItemsProcessed(state.iterations() * targets);
  state.counters["arena_MB"] = static_cast<double>(training.arena_high_water()) / 1e6;
}

void train_model(benchmark::State& state, const ModelConfig& config, Index rows) {
  AnyDevice device = open_device("cpu", threads_of_run());
  const auto model = make_model(device, config, 1);
  const Index per_row = model->many_to_one() ? 1 : config.sequence;
  const RandomBatch data(config.events, rows, config.sequence, per_row);
  run_steps(state, model->parameters(), rows, rows * per_row,
            [&](Tape& tape, Shards::Rows part) { return model->prepare(tape, data.batch, part); });
}

// A bidirectional LSTM with a loss at every step: a tagger, which a Model refuses to be; built from the ops themselves.
class Tagger {
 public:
  Tagger(AnyDevice& device, Index steps) : parameters(device), T_(steps) {
    using Init = Parameters::Init;
    for (Index layer = 0; layer < kLayers; ++layer)
      for (Index direction = 0; direction < 2; ++direction) {
        const Index width = layer == 0 ? kKeys + 1 : 2 * kHidden;
        const auto add = [&](const Shape& s) {
          return parameters.add("p" + std::to_string(ids_.size()), s, Init::uniform, 0.125f, Parameters::Kind::edge);
        };
        ids_.push_back(
            {add({4 * kHidden, width}), add({4 * kHidden, kHidden}), add({4 * kHidden}), add({4 * kHidden})});
      }
    head_ =
        parameters.add("head.weight", {kKeys + kClasses, 2 * kHidden}, Init::uniform, 0.09f, Parameters::Kind::edge);
    bias_ = parameters.add("head.bias", {kKeys + kClasses}, Init::uniform, 0.09f, Parameters::Kind::vector);
    const kernels::RecurrentShape shape{1, 1, kHidden, kLayers, 2};
    packed_ = parameters.add_derived(recurrent_packed_size(device, shape), [this, shape](AnyDevice& d,
                                                                                         View<float, 1> out) {
      std::vector<kernels::RecurrentLayer<const float>> weights;
      for (std::size_t i = 0; i < ids_.size(); ++i) {
        const auto& id = ids_[i];
        weights.push_back({i < 2 ? View<const float, 2>() : parameters.value(id[0]).matrix<const float>(),
                           parameters.value(id[1]).matrix<const float>(), parameters.value(id[2]).vector<const float>(),
                           parameters.value(id[3]).vector<const float>()});
      }
      recurrent_pack(d, shape, weights, out);
    });
    for (std::size_t direction = 0; direction < 2; ++direction)
      transposed_.push_back(
          parameters.add_derived(4 * kHidden * (kKeys + 1), [this, direction](AnyDevice&, View<float, 1> out) {
            const auto weight = parameters.value(ids_[direction][0]).matrix<const float>();
            for (Index r = 0; r < weight.rows(); ++r)
              for (Index c = 0; c < weight.columns(); ++c) out.data()[c * weight.rows() + r] = weight.row(r)[c];
          }));
    parameters.allocate(1);
  }

  TargetLossViews loss(Tape& tape, const Arranged& a) const {
    const auto on = [&](Parameters::Id id) { return parameters.on(tape, id); };
    const auto bag = [&](std::size_t direction) {
      const Shape shape{kKeys + 1, 4 * kHidden};
      return BagWeight{on(ids_[direction][0]), parameters.derived(transposed_[direction], shape, DType::f32)};
    };
    const BagWeight bags[] = {bag(0), bag(1)};
    const Var product = embedding_bag(tape, a.frames, bags, {}, {}, {T_, a.B, 8 * kHidden});
    std::vector<RecurrentLayerVars> layers;
    for (std::size_t i = 0; i < ids_.size(); ++i)
      layers.push_back({i < 2 ? Var() : on(ids_[i][0]), on(ids_[i][1]), on(ids_[i][2]), on(ids_[i][3])});
    RecurrentOptions options;
    options.shape = {T_, a.B, kHidden, kLayers, 2};
    const Var y = recurrent(tape, product, layers, parameters.derived(packed_), options).y;
    const FrameLosses losses = frame_loss(tape, linear(tape, y, on(head_), on(bias_)), kKeys, a.frame_targets);
    return {losses.keys, losses.durations};
  }

  Parameters parameters;

 private:
  Index T_;
  std::vector<std::array<Parameters::Id, 4>> ids_;
  std::vector<Parameters::Id> transposed_;
  Parameters::Id head_ = 0, bias_ = 0, packed_ = 0;
};

void train_tagger(benchmark::State& state, Index steps) {
  constexpr Index kRows = 64;
  AnyDevice device = open_device("cpu", threads_of_run());
  Tagger tagger(device, steps);
  const EventShape events = frames();
  const RandomBatch data(events, kRows, steps, steps);
  run_steps(state, tagger.parameters, kRows, kRows * steps, [&](Tape& tape, Shards::Rows rows) {
    const Arranged a = arrange(tape, events, data.batch, rows, Layout::time_major);
    return Shards::Prepared{[&tagger, a](Tape& t) { return tagger.loss(t, a); }, {}};
  });
}

void register_cases() {
  const auto add = [](const std::string& name, auto&& body) {
    benchmark::RegisterBenchmark(name.c_str(), body)->Unit(benchmark::kMillisecond)->UseRealTime();
  };
  for (const Index steps : {24, 48, 64, 200}) {
    for (const Architecture a : {Architecture::rnn, Architecture::lstm, Architecture::gru, Architecture::slstm}) {
      ModelConfig config{
          .architecture = a, .events = frames(), .hidden = kHidden, .layers = kLayers, .sequence = steps};
      add(std::string(name_of(a)) + "_t" + std::to_string(steps),
          [config](benchmark::State& state) { train_model(state, config, 64); });
    }
    add("bilstm_t" + std::to_string(steps), [steps](benchmark::State& state) { train_tagger(state, steps); });
  }
  add("bilstm_many_to_one_t48", [](benchmark::State& state) {
    train_model(state,
                {.architecture = Architecture::bilstm,
                 .events = frames(),
                 .hidden = kHidden,
                 .layers = kLayers,
                 .sequence = 48},
                64);
  });
  for (const PositionEncoding position : {PositionEncoding::learned, PositionEncoding::sinusoidal,
                                          PositionEncoding::rotary, PositionEncoding::relative}) {
    const std::string name =
        position == PositionEncoding::learned ? "transformer" : "transformer_" + std::string(name_of(position));
    add(name, [position](benchmark::State& state) {
      train_model(state,
                  {.architecture = Architecture::transformer,
                   .events = {.vocabulary = 388},
                   .hidden = 128,
                   .layers = 4,
                   .sequence = 200,
                   .heads = 4,
                   .position = position},
                  32);
    });
  }
}

[[maybe_unused]] const bool registered = (register_cases(), true);

}  // namespace
}  // namespace polonaise
