#include "kernels/linear/linear.h"

#include "bench/gpu/measure.h"
#include "kernels/matmul/matmul.h"

// A linear layer with bias and GELU, and cuBLASLt's products alone beside it: what more the layer takes is ours to
// save.
namespace polonaise::bench {
namespace {

using kernels::Op;

template <class T>
class Layer {
 public:
  explicit Layer(Cuda& cuda)
      : cuda_(cuda),
        x_(cuda, R * K, 1),
        weight_(cuda, N * K, 0.1f),
        bias_(cuda, N, 0.1f),
        saved_(cuda, R * N, 0),
        y_(cuda, R * N, 0),
        dy_(cuda, R * N, 1),
        dz_(cuda, R * N, 0),
        dx_(cuda, R * K, 0),
        dweight_(cuda, N * K, 0),
        dbias_(cuda, N, 0) {}

  std::string name() const {
    return "linear_gelu_" + std::to_string(R) + "x" + std::to_string(K) + "x" + std::to_string(N) + "_" + name_of<T>();
  }
  Work work(int products) const {
    const double inputs = static_cast<double>(R * K), weights = static_cast<double>(K * N),
                 outputs = static_cast<double>(R * N);
    return {.bytes = products * (inputs + weights + outputs) * sizeof(T),
            .flops = 2.0 * products * inputs * static_cast<double>(N)};
  }

  void forward() {
    kernels::linear_forward<T>(cuda_, {.x = x(),
                                       .weight = weight(),
                                       .bias = bias_.view(),
                                       .activation = kernels::Activation::gelu,
                                       .saved = saved(),
                                       .y = y()});
  }
  void backward() {
    kernels::linear_backward<T>(cuda_, {.x = x(),
                                        .weight = weight(),
                                        .saved = saved(),
                                        .activation = kernels::Activation::gelu,
                                        .dy = dy(),
                                        .dz = dz(),
                                        .dx = dx(),
                                        .dweight = dweight_.template view<2>({N, K}),
                                        .dbias = dbias_.view()});
  }
  void forward_products() { kernels::matmul<T>(cuda_, {.a = x(), .b = weight(), .op_b = Op::transpose, .c = y()}); }
  void backward_products() {
    kernels::matmul<T>(cuda_, {.a = dy(), .b = weight(), .c = dx()});
    kernels::matmul<T>(cuda_,
                       {.a = dy(), .op_a = Op::transpose, .b = x(), .c = dweight_of_type_.template view<2>({N, K})});
  }

 private:
  const Index R = options().tiny ? 6 : 8192, K = options().tiny ? 8 : 256, N = options().tiny ? 16 : 1024;

  View<T, 2> x() const { return x_.template view<2>({R, K}); }
  View<T, 2> weight() const { return weight_.template view<2>({N, K}); }
  View<T, 2> saved() const { return saved_.template view<2>({R, N}); }
  View<T, 2> y() const { return y_.template view<2>({R, N}); }
  View<T, 2> dy() const { return dy_.template view<2>({R, N}); }
  View<T, 2> dz() const { return dz_.template view<2>({R, N}); }
  View<T, 2> dx() const { return dx_.template view<2>({R, K}); }

  Cuda& cuda_;
  CardArray<T> x_, weight_, bias_, saved_, y_, dy_, dz_, dx_;
  CardArray<float> dweight_, dbias_;
  CardArray<T> dweight_of_type_{cuda_, N* K, 0};
};

template <class T>
void add(Cuda& cuda) {
  const auto add = [&](const char* ending, const char* who, int products, void (*run)(Layer<T>&)) {
    add_row(Layer<T>(cuda).name() + ending, who, [&cuda, products, run](benchmark::State& state) {
      Layer<T> layer(cuda);
      time_on_card(state, cuda, layer.work(products), [&] { run(layer); });
    });
  };
  add("_forward", "polonaise", 1, [](Layer<T>& l) { l.forward(); });
  add("_forward", "cublaslt_products", 1, [](Layer<T>& l) { l.forward_products(); });
  add("_both", "polonaise", 3, [](Layer<T>& l) { l.forward(), l.backward(); });
  add("_both", "cublaslt_products", 3, [](Layer<T>& l) { l.forward_products(), l.backward_products(); });
}

}  // namespace

void add_linear_rows(Cuda& cuda) {
  add<float>(cuda);
  add<bf16>(cuda);
}

}  // namespace polonaise::bench
