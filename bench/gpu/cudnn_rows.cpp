#include <algorithm>
#include <optional>

#include "bench/gpu/cudnn.h"
#include "bench/gpu/measure.h"
#include "bench/gpu/recurrent_rows.h"

// cuDNN's recurrent networks, in each of its algorithms, on the shapes of recurrent_rows.cpp.
namespace polonaise::bench {
namespace {

using RnnDescriptor =
    Descriptor<cudnnRNNDescriptor_t, &Cudnn::cudnnCreateRNNDescriptor, &Cudnn::cudnnDestroyRNNDescriptor>;
using DataDescriptor =
    Descriptor<cudnnRNNDataDescriptor_t, &Cudnn::cudnnCreateRNNDataDescriptor, &Cudnn::cudnnDestroyRNNDataDescriptor>;
using TensorDescriptor =
    Descriptor<cudnnTensorDescriptor_t, &Cudnn::cudnnCreateTensorDescriptor, &Cudnn::cudnnDestroyTensorDescriptor>;
using DropoutDescriptor =
    Descriptor<cudnnDropoutDescriptor_t, &Cudnn::cudnnCreateDropoutDescriptor, &Cudnn::cudnnDestroyDropoutDescriptor>;

struct Algorithm {
  const char* name;
  cudnnRNNAlgo_t algorithm;
};
constexpr Algorithm kAlgorithms[] = {{"cudnn_standard", CUDNN_RNN_ALGO_STANDARD},
                                     {"cudnn_persist_static", CUDNN_RNN_ALGO_PERSIST_STATIC},
                                     {"cudnn_persist_small_h", CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H},
                                     {"cudnn_persist_dynamic", CUDNN_RNN_ALGO_PERSIST_DYNAMIC}};

cudnnRNNMode_t mode_of(kernels::Cell cell) {
  using kernels::Cell;
  return cell == Cell::rnn ? CUDNN_RNN_TANH : cell == Cell::gru ? CUDNN_GRU : CUDNN_LSTM;
}

template <class T>
class Stack {
 public:
  Stack(Cuda& cuda, const RecurrentRow& row, const Algorithm& algorithm) : s_(row.shape) {
    const Cudnn& c = cudnn();
    check(c.cudnnSetStream(handle_, cuda.stream()), "take the stream");
    std::size_t states = 0;
    check(c.cudnnDropoutGetStatesSize(handle_, &states), "size dropout");
    dropout_states_.emplace(states);
    check(c.cudnnSetDropoutDescriptor(dropout_, handle_, row.dropout, dropout_states_->data(), states, 1),
          "set dropout");
    constexpr bool kFloat = std::is_same_v<T, float>;
    const auto type = kFloat ? CUDNN_DATA_FLOAT : CUDNN_DATA_BFLOAT16;
    const auto hidden = static_cast<int>(s_.H), rows = static_cast<int>(s_.B), steps = static_cast<int>(s_.T);
    check(
        c.cudnnSetRNNDescriptor_v8(rnn_, algorithm.algorithm, mode_of(row.shape.cell), CUDNN_RNN_DOUBLE_BIAS,
                                   s_.directions == 2 ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT,
                                   type, CUDNN_DATA_FLOAT, kFloat ? CUDNN_FMA_MATH : CUDNN_TENSOR_OP_MATH, hidden,
                                   hidden, hidden, static_cast<int>(s_.layers), dropout_, CUDNN_RNN_PADDED_IO_ENABLED),
        "describe the network");
    if (algorithm.algorithm == CUDNN_RNN_ALGO_PERSIST_DYNAMIC)
      check(c.cudnnBuildRNNDynamic(handle_, rnn_, rows), "build a dynamic plan");
    const std::vector<std::int32_t> lengths =
        row.ragged ? row.lengths() : std::vector<std::int32_t>(static_cast<std::size_t>(s_.B), steps);
    T zero{};
    for (const auto& [descriptor, width] : {std::pair{&x_, hidden}, std::pair{&y_, hidden * directions()}})
      check(c.cudnnSetRNNDataDescriptor(*descriptor, type, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED, steps, rows, width,
                                        lengths.data(), &zero),
            "describe a sequence");
    const int extents[] = {static_cast<int>(s_.layers) * directions(), rows, hidden};
    const int strides[] = {rows * hidden, hidden, 1};
    check(c.cudnnSetTensorNdDescriptor(state_, type, 3, extents, strides), "describe a state");
    std::size_t weights = 0, work = 0, reserve = 0;
    check(c.cudnnGetRNNWeightSpaceSize(handle_, rnn_, &weights), "size the weights");
    check(c.cudnnGetRNNTempSpaceSizes(handle_, rnn_, CUDNN_FWD_MODE_TRAINING, x_, &work, &reserve), "size its memory");
    weights_.emplace(cuda, static_cast<Index>(weights / sizeof(T)), 0.1f);
    gradients_.emplace(cuda, static_cast<Index>(weights / sizeof(T)), 0);
    work_bytes_ = work;
    reserve_bytes_ = reserve;
    work_.emplace(std::max<std::size_t>(work, 1));
    reserve_.emplace(std::max<std::size_t>(reserve, 1));
    const Index values = s_.T * s_.B * s_.H;
    for (auto& [array, width, scale] : {Make{inputs_, 1, 1}, Make{dinputs_, 1, 0}, Make{outputs_, s_.directions, 0},
                                        Make{doutputs_, s_.directions, 1}})
      array.emplace(cuda, values * width, scale);
  }

  void forward() {
    check(cudnn().cudnnRNNForward(handle_, rnn_, CUDNN_FWD_MODE_TRAINING, nullptr, x_, inputs_->data(), y_,
                                  outputs_->data(), state_, nullptr, nullptr, state_, nullptr, nullptr, weight_bytes(),
                                  weights_->data(), work_bytes_, work_->data(), reserve_bytes_, reserve_->data()),
          "run forward");
  }
  void backward() {
    check(cudnn().cudnnRNNBackwardData_v8(handle_, rnn_, nullptr, y_, outputs_->data(), doutputs_->data(), x_,
                                          dinputs_->data(), state_, nullptr, nullptr, nullptr, state_, nullptr, nullptr,
                                          nullptr, weight_bytes(), weights_->data(), work_bytes_, work_->data(),
                                          reserve_bytes_, reserve_->data()),
          "run backward to its inputs");
    check(cudnn().cudnnRNNBackwardWeights_v8(handle_, rnn_, CUDNN_WGRAD_MODE_ADD, nullptr, x_, inputs_->data(), state_,
                                             nullptr, y_, outputs_->data(), weight_bytes(), gradients_->data(),
                                             work_bytes_, work_->data(), reserve_bytes_, reserve_->data()),
          "run backward to its weights");
  }

 private:
  struct Make {
    std::optional<CardArray<T>>& array;
    Index width;
    float scale;
  };
  int directions() const { return static_cast<int>(s_.directions); }
  std::size_t weight_bytes() const { return static_cast<std::size_t>(weights_->size()) * sizeof(T); }

  kernels::RecurrentShape s_;
  Handle handle_;
  RnnDescriptor rnn_;
  DropoutDescriptor dropout_;
  DataDescriptor x_, y_;
  TensorDescriptor state_;
  std::size_t work_bytes_ = 0, reserve_bytes_ = 0;
  std::optional<CudaMemory> dropout_states_, work_, reserve_;
  std::optional<CardArray<T>> weights_, gradients_, inputs_, dinputs_, outputs_, doutputs_;
};

template <class T>
void add(Cuda& cuda, const RecurrentRow& row, const Algorithm& algorithm) {
  const std::string name = row.name() + "_" + name_of<T>();
  add_row(name + "_forward", algorithm.name, [=, &cuda](benchmark::State& state) {
    Stack<T> stack(cuda, row, algorithm);
    time_on_card(state, cuda, row.work(sizeof(T), 1), [&] { stack.forward(); });
  });
  add_row(name + "_both", algorithm.name, [=, &cuda](benchmark::State& state) {
    Stack<T> stack(cuda, row, algorithm);
    time_on_card(state, cuda, row.work(sizeof(T), 3), [&] {
      stack.forward();
      stack.backward();
    });
  });
}

}  // namespace

void add_cudnn_rows(Cuda& cuda) {
  for (const RecurrentRow& row : recurrent_rows()) {
    if (row.shape.cell == kernels::Cell::slstm) continue;  // which cuDNN does not have
    for (const Algorithm& algorithm : kAlgorithms) {
      add<float>(cuda, row, algorithm);
      add<bf16>(cuda, row, algorithm);
    }
  }
}

}  // namespace polonaise::bench
