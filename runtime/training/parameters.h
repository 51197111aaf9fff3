#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "runtime/device/memory.h"
#include "runtime/tape.h"

namespace polonaise {

// The parameters of a model in one slab, in the order in which they were added, so that the optimizer, clipping and the
// sum over shards are one flat kernel each; and a second slab of derived arrays (packed or transposed copies), which
// refresh() fills and no checkpoint has. Both are float. A model whose activations are bf16 reads bf16 copies of both,
// which refresh() makes as well.
class Parameters {
 public:
  using Id = std::size_t;

  // The initial values of a parameter: uniform in [-bound, bound), normal with deviation `bound`, or constant `bound`.
  enum class Init { uniform, normal, constant };

  // The role of a parameter in the optimizer.
  enum class Kind {
    vector,  // biases, norms, positions: no weight decay
    edge,    // matrices that read events or predict them
    hidden,  // matrices between hidden units, which Muon is for
  };

  struct Entry {
    std::string name;  // as in a torch.nn state dict
    Shape shape;
    Init init;
    float bound;
    Kind kind;
    Index offset = 0;
  };

  // `activations`: the type that the copies are for.
  explicit Parameters(AnyDevice& device, DType activations = DType::f32)
      : device_(&device), activations_(activations) {}
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;

  Id add(std::string name, const Shape& shape, Init init, float bound, Kind kind);
  // Adds a derived array of `size` floats, which `fill` computes from the parameters.
  Id add_derived(Index size, std::function<void(AnyDevice&, View<float, 1>)> fill);
  // Adds a derived array that depends on no parameter (a table of positions): allocate() fills it once.
  Id add_table(Index size, std::function<void(AnyDevice&, View<float, 1>)> fill);
  // Ends the table: takes memory, draws the initial values (a function of the seed and each parameter's name and
  // position alone) and fills the derived slab.
  void allocate(std::uint64_t seed);
  // Recomputes the derived slab and the copies in bf16; after every change of the values.
  void refresh();

  AnyDevice& device() const { return *device_; }
  DType activations() const { return activations_; }
  const std::vector<Entry>& entries() const { return entries_; }
  Index size() const { return size_; }
  // Bytes of the device's memory that all of it takes.
  std::size_t memory() const {
    return values_.bytes() + derived_values_.bytes() + bf16_values_.bytes() + bf16_derived_.bytes();
  }
  View<float, 1> values() const { return {values_.as<float>(), {size_}}; }
  Tensor value(Id id, DType = DType::f32) const;
  View<const float, 1> derived(Id id) const;
  // Returns a derived array as a tensor of that shape.
  Tensor derived(Id id, const Shape& shape, DType) const;

  // The parameter on a tape, its gradient in the tape's slab (Tape::gradients).
  Var on(Tape& tape, Id id, DType = DType::f32) const;
  // The first `rows` rows of a matrix on a tape.
  Var rows_on(Tape& tape, Id id, Index rows, DType = DType::f32) const;

 private:
  struct Derived {
    Index offset, size;
    bool follows_parameters;
    std::function<void(AnyDevice&, View<float, 1>)> fill;
  };
  Var on(Tape& tape, Id id, const Tensor& value) const;
  Id add_derived(Index size, bool follows_parameters, std::function<void(AnyDevice&, View<float, 1>)> fill);
  void fill(const Derived&);
  void copy_to_bf16();

  AnyDevice* device_;
  DType activations_;
  std::vector<Entry> entries_;
  std::vector<Derived> derived_;
  Index size_ = 0, derived_size_ = 0;
  Buffer values_, derived_values_;
  Buffer bf16_values_, bf16_derived_;  // laid out as these; none where activations are float
};

}  // namespace polonaise
