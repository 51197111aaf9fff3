#include "bench/gpu/recurrent_rows.h"

#include <numeric>
#include <tuple>

#include "bench/gpu/measure.h"
#include "kernels/linear/linear.h"

namespace polonaise::bench {
namespace {

using namespace kernels;

// The stack with its input product, as torch.nn.LSTM and cuDNN have it: inputs as wide as the hidden state.
template <class T>
class Stack {
 public:
  Stack(Cuda& cuda, const RecurrentRow& row)
      : cuda_(cuda),
        s_(row.shape),
        row_(row),
        x_(numbers(s_.T * s_.B * s_.H, 1)),
        weight_(numbers(width() * s_.H, 0.1f)),
        product_(numbers(s_.T * s_.B * width(), 0)),
        dproduct_(numbers(s_.T * s_.B * width(), 0)),
        y_(numbers(s_.T * s_.B * s_.directions * s_.H, 0)),
        dy_(numbers(s_.T * s_.B * s_.directions * s_.H, 1)),
        saved_(numbers(recurrent_saved_size(cuda, s_, row.dropout), 0)),
        scratch_(numbers(recurrent_scratch_size(cuda, s_), 0)),
        dx_(numbers(s_.T * s_.B * s_.H, 0)),
        dweight_(cuda, width() * s_.H, 0),
        packed_(cuda, recurrent_packed_size(cuda, s_), 0),
        lengths_(cuda, row.lengths()) {
    const Index gates = s_.gates() * s_.H, below = s_.directions * s_.H;
    for (Index i = 0; i < s_.layers * s_.directions; ++i) {
      weights_.push_back({i < s_.directions ? View<const T, 2>() : view<const T, 2>({gates, below}),
                          view<const T, 2>({gates, s_.H}), view<const T, 1>({gates}), view<const T, 1>({gates})});
      gradients_.push_back({i < s_.directions ? View<float, 2>() : view<float, 2>({gates, below}),
                            view<float, 2>({gates, s_.H}), view<float, 1>({gates}), view<float, 1>({gates})});
    }
  }

  void forward() {
    recurrent_pack<T>(cuda_, s_, weights_, packed_.view());
    linear_forward<T>(cuda_, {.x = steps(x_, s_.H), .weight = input_weight(weight_), .y = steps(product_, width())});
    recurrent_forward<T>(cuda_, s_,
                         {.input = product_.template view<3>({s_.T, s_.B, width()}),
                          .weights = weights_,
                          .packed = packed_.view(),
                          .lengths = lengths(),
                          .y = outputs(y_),
                          .saved = saved_.view(),
                          .dropout = dropout()});
  }
  void backward() {
    recurrent_backward<T>(cuda_, s_,
                          {.weights = weights_,
                           .packed = packed_.view(),
                           .lengths = lengths(),
                           .y = outputs(y_),
                           .saved = saved_.view(),
                           .dy = outputs(dy_),
                           .dinput = dproduct_.template view<3>({s_.T, s_.B, width()}),
                           .gradients = gradients_,
                           .scratch = scratch_.view(),
                           .dropout = dropout()});
    linear_backward<T>(cuda_, {.x = steps(x_, s_.H),
                               .weight = input_weight(weight_),
                               .dy = steps(dproduct_, width()),
                               .dx = steps(dx_, s_.H),
                               .dweight = input_weight(dweight_)});
  }

 private:
  Index width() const { return s_.directions * s_.gates() * s_.H; }
  CardArray<T> numbers(Index n, float scale) const { return {cuda_, n, scale}; }
  // A parameter, or the gradient of one: those are float.
  template <class U, int N>
  View<U, N> view(std::array<Index, N> extents) {
    using Number = std::remove_const_t<U>;
    const Index size = std::accumulate(extents.begin(), extents.end(), Index{1}, std::multiplies());
    return {std::get<std::list<CardArray<Number>>>(memory_).emplace_back(cuda_, size, 0.1f).data(), extents};
  }
  View<T, 2> steps(const CardArray<T>& a, Index columns) const { return a.template view<2>({s_.T * s_.B, columns}); }
  template <class U>
  View<U, 2> input_weight(const CardArray<U>& a) const {
    return a.template view<2>({width(), s_.H});
  }
  View<T, 3> outputs(const CardArray<T>& a) const { return a.template view<3>({s_.T, s_.B, s_.directions * s_.H}); }
  View<const std::int32_t, 1> lengths() const {
    return row_.ragged ? View<const std::int32_t, 1>(lengths_.view()) : View<const std::int32_t, 1>();
  }
  RecurrentDropout dropout() const { return {.p = row_.dropout, .stream = {1, 1, 1}}; }

  Cuda& cuda_;
  RecurrentShape s_;
  RecurrentRow row_;
  CardArray<T> x_, weight_, product_, dproduct_, y_, dy_, saved_, scratch_, dx_;
  CardArray<float> dweight_, packed_;
  CardArray<std::int32_t> lengths_;
  std::tuple<std::list<CardArray<float>>, std::list<CardArray<bf16>>> memory_;
  std::vector<RecurrentLayer<const T>> weights_;
  std::vector<RecurrentLayer<float>> gradients_;
};

template <class T>
void add(const Cuda& cuda, const RecurrentRow& row, const std::string& who) {
  const std::string name = row.name() + "_" + name_of<T>();
  add_row(name + "_forward", who, [cuda, row](benchmark::State& state) {
    Cuda own = cuda;
    Stack<T> stack(own, row);
    time_on_card(state, own, row.work(sizeof(T), 1), [&] { stack.forward(); });
  });
  add_row(name + "_both", who, [cuda, row](benchmark::State& state) {
    Cuda own = cuda;
    Stack<T> stack(own, row);
    time_on_card(state, own, row.work(sizeof(T), 3), [&] {
      stack.forward();
      stack.backward();
    });
  });
}

// The row once more on each kind of kernels that has room for it: what the fastest is chosen from. Not `all`: on those
// alone that show what a wavefront of layers saves over a launch a layer.
template <class T>
void add_kinds(Cuda cuda, const RecurrentRow& row, bool all) {
  const auto add_kind = [&](RecurrentKernels kernels, const std::string& kind, Index most_h) {
    if (row.shape.H > most_h) return;
    cuda.set_recurrent_kernels(kernels);
    add<T>(cuda, row, "polonaise_" + kind);
  };
  constexpr Index kMostHOfBlock = std::is_same_v<T, float> ? 64 : 128;
  const bool layers = row.shape.layers > 1 && row.shape.directions == 1;
  if (layers) add_kind(RecurrentKernels::wavefront, "wavefront", kMostHOfBlock);
  if (layers || all) add_kind(RecurrentKernels::block, "block", kMostHOfBlock);
  if (!all) return;
  if (cuda.properties().major == 9) add_kind(RecurrentKernels::cluster, "cluster", 256);
  add_kind(RecurrentKernels::grid, "grid", 1024);
  add_kind(RecurrentKernels::stepwise, "stepwise", row.shape.H);
}

}  // namespace

std::string RecurrentRow::name() const {
  std::string text = shape_of(shape.cell).name;
  if (shape.directions == 2) text = "bi" + text;
  text += "_h" + std::to_string(shape.H) + "_l" + std::to_string(shape.layers) + "_b" + std::to_string(shape.B) + "_t" +
          std::to_string(shape.T);
  if (ragged) text += "_ragged";
  if (dropout > 0) text += "_dropout";
  return text;
}

std::vector<std::int32_t> RecurrentRow::lengths() const {
  std::vector<std::int32_t> lengths;
  for (Index b = 0; b < shape.B; ++b)
    lengths.push_back(static_cast<std::int32_t>(shape.T - b * (shape.T - 1) / std::max<Index>(1, shape.B - 1)));
  return lengths;
}

Work RecurrentRow::work(std::size_t element, int passes) const {
  const double steps = static_cast<double>(shape.T * shape.B), H = static_cast<double>(shape.H),
               directions = static_cast<double>(shape.directions), gates = static_cast<double>(shape.gates());
  const double above = static_cast<double>(shape.layers - 1);
  // Of one step of one row: the inputs of every layer, and the recurrent product.
  const double products = directions * gates * H * (H + above * directions * H + (1 + above) * H);
  const double values = H + directions * H;
  return {.bytes = passes * steps * values * static_cast<double>(element), .flops = 2 * passes * steps * products};
}

std::vector<RecurrentRow> recurrent_rows() {
  if (options().tiny) return {{{3, 2, 8, 2, 1}, true}, {{2, 2, 8, 1, 2, Cell::rnn}}};
  return {
      {{200, 32, 64, 2, 1}},        // the study's hidden size
      {{24, 32, 64, 2, 1}},         //
      {{200, 32, 64, 2, 1}, true},  // rows of 1 to T steps
      {{200, 32, 64, 2, 1}, false, 0.3f},
      {{100, 64, 64, 2, 2}},
      {{200, 32, 128, 2, 1}},
      {{200, 32, 256, 1, 1}},
      {{200, 64, 512, 1, 1}},
      {{200, 32, 1024, 1, 1}},
      {{200, 32, 1024, 2, 1}},
      {{1024, 16, 768, 1, 1}},
      {{200, 32, 64, 2, 1, Cell::rnn}},
      {{200, 32, 64, 2, 1, Cell::gru}},
      {{200, 32, 64, 2, 1, Cell::slstm}},
      {{200, 32, 256, 1, 1, Cell::slstm}},
  };
}

void add_recurrent_rows(Cuda& cuda) {
  for (const RecurrentRow& row : recurrent_rows()) {
    add<float>(cuda, row, "polonaise");
    add<bf16>(cuda, row, "polonaise");
    const bool all = row.shape.cell == Cell::lstm && row.shape.directions == 1 && row.shape.T != 24 &&
                     row.dropout == 0 && (!row.ragged || options().tiny);  // a size once
    add_kinds<float>(cuda, row, all);
    add_kinds<bf16>(cuda, row, all);
  }
}

}  // namespace polonaise::bench
