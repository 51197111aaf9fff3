#include <cmath>
#include <limits>
#include <list>
#include <map>
#include <optional>

#include "bench/gpu/attention_rows.h"
#include "bench/gpu/cudnn_plan.h"

// cuDNN's attention beside ours, in bf16 and without positions, which its operations cannot say. It is timed once its
// results are ours.
namespace polonaise::bench {
namespace {

// What two correct results in bf16 may differ by, of a whole array's length.
constexpr double kTolerance = 2e-2;

std::vector<bf16> on_host(const Cuda& cuda, const CardArray<bf16>& array) {
  std::vector<bf16> values(static_cast<std::size_t>(array.size()));
  copy(cuda.stream(), values.data(), array.data(), values.size() * sizeof(bf16));
  synchronise(cuda.stream());
  return values;
}

// Throws unless `theirs` is `ours`, as arrays [rows, parts, width] and part by part.
void expect_same(const Cuda& cuda, const char* what, const CardArray<bf16>& ours, const CardArray<bf16>& theirs,
                 std::size_t parts, std::size_t width) {
  const std::vector<bf16> a = on_host(cuda, ours), b = on_host(cuda, theirs);
  for (std::size_t part = 0; part < parts; ++part) {
    double square = 0, of_difference = 0;
    for (std::size_t row = part * width; row < a.size(); row += parts * width)
      for (std::size_t i = row; i < row + width; ++i) {
        const double x = static_cast<float>(a[i]), difference = static_cast<double>(static_cast<float>(b[i])) - x;
        square += x * x;
        of_difference += difference * difference;
      }
    const double relative = std::sqrt(of_difference / square);
    if (!(relative <= kTolerance))
      throw std::runtime_error("not timed: cuDNN's " + std::string(what) + " (part " + std::to_string(part + 1) +
                               " of " + std::to_string(parts) + ") differ from ours by " + std::to_string(relative) +
                               " of their length, and may by " + std::to_string(kTolerance));
  }
}

class CudnnAttention {
 public:
  CudnnAttention(Cuda& cuda, const AttentionRow& row, bool backward)
      : ours_(cuda, row),
        width_(row.shape.N * row.shape.D),
        y_(cuda, ours_.y().size(), 0),
        dqkv_(cuda, backward ? ours_.dqkv().size() : 0, 0),
        log_sum_(cuda, row.shape.B * row.shape.N * row.shape.T, 0),
        dy_y_(cuda, backward ? log_sum_.size() : 0, 0),
        dq_sum_(cuda, backward ? ours_.y().size() : 0, 0) {
    check(cudnn().cudnnSetStream(handle_, cuda.stream()), "take the stream");
    // Versions before 9.10 want a number.
    const float masked = cudnn().cudnnGetVersion() < 91000 ? std::numeric_limits<float>::lowest()
                                                           : -std::numeric_limits<float>::infinity();
    forward_.emplace(handle_, attention_forward_graph(row.shape, masked));
    if (backward) backward_.emplace(handle_, attention_backward_graph(row.shape, masked));
    bf16* const qkv = ours_.qkv().data();
    bf16* const dqkv = dqkv_.data();
    const std::map<std::string, void*> memory{{"q", qkv},
                                              {"k", qkv + width_},
                                              {"v", qkv + 2 * width_},
                                              {"y", y_.data()},
                                              {"log_sum", log_sum_.data()},
                                              {"dy", ours_.dy().data()},
                                              {"dq", dqkv},
                                              {"dk", dqkv + width_},
                                              {"dv", dqkv + 2 * width_},
                                              {"dy_y", dy_y_.data()},
                                              {"dq_sum", dq_sum_.data()}};
    for (auto* plan : {&forward_, &backward_})
      if (*plan) (*plan)->bind(memory, workspaces_.emplace_back((*plan)->workspace_bytes() + 1).data());
    // Twice: what a run leaves behind must not change the next.
    for (int i = 0; i < 2; ++i) run();
    ours_.forward();
    expect_same(cuda, "outputs", ours_.y(), y_, 1, static_cast<std::size_t>(width_));
    if (!backward) return;
    ours_.backward();
    expect_same(cuda, "gradients", ours_.dqkv(), dqkv_, 3, static_cast<std::size_t>(width_));
  }

  void run() {
    forward_->run();
    if (backward_) backward_->run();
  }

 private:
  Attention<bf16> ours_;
  Index width_;
  CardArray<bf16> y_, dqkv_;
  CardArray<float> log_sum_, dy_y_, dq_sum_;
  Handle handle_;
  std::optional<CudnnPlan> forward_, backward_;
  std::list<CudaMemory> workspaces_;
};

}  // namespace

void add_cudnn_attention_rows(Cuda& cuda) {
  for (const AttentionRow& row : attention_rows()) {
    if (!row.positions.empty()) continue;
    for (const bool backward : {false, true})
      add_row(row.name() + (backward ? "_bf16_both" : "_bf16_forward"), "cudnn", [=, &cuda](benchmark::State& state) {
        CudnnAttention attention(cuda, row, backward);
        time_on_card(state, cuda, row.work(sizeof(bf16), backward), [&] { attention.run(); });
      });
  }
}

}  // namespace polonaise::bench
