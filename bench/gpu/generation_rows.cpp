#include <list>

#include "bench/gpu/measure.h"
#include "kernels/sampling/generation.h"

// Sampling from an LSTM: the whole loop in one launch.
namespace polonaise::bench {
namespace {

using namespace kernels;

struct GenerationRow {
  Index streams, events, H = 64, layers = 2, vocabulary = 388;

  std::string name() const {
    return "sample_lstm_h" + std::to_string(H) + "_l" + std::to_string(layers) + "_v" + std::to_string(vocabulary) +
           "_b" + std::to_string(streams) + "_n" + std::to_string(events);
  }
  // The recurrent products of every layer, those of the layers above the first, and the head; the first layer's input
  // product is a row of a table. Bytes are what goes in and out once.
  Work work() const {
    const double steps = static_cast<double>(streams * events), h = static_cast<double>(H);
    const double matrices = static_cast<double>(2 * layers - 1) * 4 * h * h + static_cast<double>(vocabulary) * h;
    return {.bytes = 4 * (matrices + static_cast<double>((vocabulary + 1) * 4 * H) + steps),
            .flops = 2 * steps * matrices};
  }
};

class Sampler {
 public:
  Sampler(Cuda& cuda, const GenerationRow& row)
      : cuda_(cuda),
        row_(row),
        inputs_(cuda, (row.vocabulary + 1) * 4 * row.H, 1),
        head_(cuda, row.vocabulary * row.H, 0.3f),
        head_bias_(cuda, row.vocabulary, 0.1f),
        states_(cuda, 2 * row.layers * row.streams * row.H, 0),
        logits_(cuda, row.streams * row.vocabulary, 1),
        packed_(cuda, recurrent_packed_size(cuda, shape()), 0),
        tokens_(cuda, std::vector<std::int32_t>(static_cast<std::size_t>(row.streams * row.events))),
        drawn_(cuda, std::vector<std::int32_t>(static_cast<std::size_t>(row.streams))) {
    for (Index layer = 0; layer < row.layers; ++layer)
      weights_.push_back({layer == 0 ? View<const float, 2>() : matrix(4 * row.H, row.H), matrix(4 * row.H, row.H),
                          bias(4 * row.H), bias(4 * row.H)});
    recurrent_pack<float>(cuda_, shape(), weights_, packed_.view());
  }

  void run() {
    const std::array<Index, 3> states{row_.layers, row_.streams, row_.H};
    float* const h = states_.data();
    recurrent_generate(cuda_,
                       {.shape = shape(),
                        .inputs = inputs_.view<2>({row_.vocabulary + 1, 4 * row_.H}),
                        .weights = weights_,
                        .packed = packed_.view(),
                        .head_weight = head_.view<2>({row_.vocabulary, row_.H}),
                        .head_bias = head_bias_.view()},
                       {.h = {h, states},
                        .c = {h + states_.size() / 2, states},
                        .logits = logits_.view<2>({row_.streams, row_.vocabulary})},
                       {.events = row_.events,
                        .sampling = {},
                        .stream = {.seed = 1},
                        .tokens = tokens_.view<2>({row_.streams, row_.events}),
                        .drawn = drawn_.view()});
  }

 private:
  RecurrentShape shape() const { return {1, row_.streams, row_.H, row_.layers, 1}; }
  View<const float, 2> matrix(Index rows, Index columns) {
    return memory_.emplace_back(cuda_, rows * columns, 0.1f).view<2>({rows, columns});
  }
  View<const float, 1> bias(Index size) { return memory_.emplace_back(cuda_, size, 0.1f).view(); }

  Cuda& cuda_;
  GenerationRow row_;
  CardArray<float> inputs_, head_, head_bias_, states_, logits_, packed_;
  CardArray<std::int32_t> tokens_, drawn_;
  std::list<CardArray<float>> memory_;
  std::vector<RecurrentLayer<const float>> weights_;
};

}  // namespace

void add_generation_rows(Cuda& cuda) {
  std::vector<GenerationRow> rows{{1, 4096}, {1024, 1024}};
  if (options().tiny) rows = {{1, 3, 8, 2, 12}, {9, 2, 8, 2, 12}};
  for (const GenerationRow& row : rows)
    add_row(row.name(), "polonaise", [&cuda, row](benchmark::State& state) {
      Sampler sampler(cuda, row);
      time_on_card(state, cuda, row.work(), [&] { sampler.run(); });
    });
}

}  // namespace polonaise::bench
