#pragma once

#include <string>
#include <vector>

#include "bench/gpu/measure.h"
#include "kernels/attention/attention.h"
#include "kernels/position/position.h"

namespace polonaise::bench {

// A shape of the attention rows, which cuDNN's share.
struct AttentionRow {
  kernels::AttentionShape shape;
  std::string positions;  // "", "_rotary" or "_relative"

  std::string name() const {
    return "attention_d" + std::to_string(shape.D) + "_n" + std::to_string(shape.N) + "_b" + std::to_string(shape.B) +
           "_t" + std::to_string(shape.T) + positions;
  }
  // The causal half alone counts. Forward has two products (three with relative positions), backward five (seven).
  Work work(std::size_t element, bool backward) const {
    const bool relative = positions == "_relative";
    const double product = static_cast<double>(shape.B * shape.N * shape.T * (shape.T + 1) * shape.D);
    const double products = (relative ? 3 : 2) + (backward ? (relative ? 7 : 5) : 0);
    const double values = static_cast<double>(shape.B * shape.T * shape.N * shape.D);
    return {.bytes = values * static_cast<double>(element) * (backward ? 12 : 4), .flops = product * products};
  }
};
std::vector<AttentionRow> attention_rows();

// Our attention on arrays of its own, which have the same elements for the same row.
template <class T>
class Attention {
 public:
  Attention(Cuda& cuda, const AttentionRow& row)
      : cuda_(cuda),
        s_(row.shape),
        qkv_(cuda, s_.B * s_.T * 3 * width(), 1),
        y_(cuda, s_.B * s_.T * width(), 0),
        dy_(cuda, s_.B * s_.T * width(), 1),
        dqkv_(cuda, s_.B * s_.T * 3 * width(), 0),
        angles_(cuda, s_.T * s_.D, 0),
        relative_(cuda, s_.N * s_.T * s_.D, 0.1f),
        drelative_(cuda, s_.N * s_.T * s_.D, 0),
        log_sum_(cuda, s_.B * s_.N * s_.T, 0),
        scratch_(cuda, kernels::attention_scratch_size(cuda, s_), 0) {
    if (row.positions == "_rotary") {
      kernels::rotary_angles<float>(cuda, 0, angles_.view<2>({s_.T, s_.D}));
      positions_.rotary = angles_.view<2>({s_.T, s_.D});
    }
    if (row.positions == "_relative") positions_.relative = relative_.template view<3>({s_.N, s_.T, s_.D});
  }
  void forward() {
    kernels::attention_forward<T>(cuda_, {.shape = s_,
                                          .qkv = inputs(qkv_),
                                          .positions = positions_,
                                          .y = outputs(y_),
                                          .log_sum = sums(),
                                          .scratch = scratch_.view()});
  }
  void backward() {
    kernels::AttentionBackward<T> call{.shape = s_,
                                       .qkv = inputs(qkv_),
                                       .positions = positions_,
                                       .y = outputs(y_),
                                       .log_sum = sums(),
                                       .dy = outputs(dy_),
                                       .dqkv = inputs(dqkv_),
                                       .scratch = scratch_.view()};
    if (!positions_.relative.empty()) call.drelative = drelative_.template view<3>({s_.N, s_.T, s_.D});
    kernels::attention_backward<T>(cuda_, call);
  }

  const CardArray<T>& qkv() const { return qkv_; }
  const CardArray<T>& y() const { return y_; }
  const CardArray<T>& dy() const { return dy_; }
  const CardArray<T>& dqkv() const { return dqkv_; }

 private:
  Index width() const { return s_.N * s_.D; }
  View<T, 3> inputs(const CardArray<T>& a) const { return a.template view<3>({s_.B, s_.T, 3 * width()}); }
  View<T, 3> outputs(const CardArray<T>& a) const { return a.template view<3>({s_.B, s_.T, width()}); }
  View<float, 3> sums() const { return log_sum_.template view<3>({s_.B, s_.N, s_.T}); }

  Cuda& cuda_;
  kernels::AttentionShape s_;
  CardArray<T> qkv_, y_, dy_, dqkv_;
  CardArray<float> angles_;
  CardArray<T> relative_;
  CardArray<float> drelative_;
  CardArray<float> log_sum_, scratch_;
  kernels::AttentionPositions<T> positions_;
};

}  // namespace polonaise::bench
