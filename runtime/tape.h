#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "kernels/base/random.h"
#include "runtime/device/arena.h"
#include "runtime/tensor.h"

namespace polonaise {

class Tape;

// A value on the tape, by handle; copies share it. A default-made Var is "none".
class Var {
 public:
  Var() = default;
  const Tensor& value() const { return state_->value; }
  const Shape& shape() const { return state_->value.shape; }
  DType dtype() const { return state_->value.dtype; }
  bool needs_gradient() const { return state_ && state_->needs_gradient; }
  explicit operator bool() const { return state_ != nullptr; }

 private:
  friend class Tape;
  struct State {
    Tensor value;
    Tensor gradient;
    bool needs_gradient = false;
    bool gradient_written = false;
  };
  explicit Var(State* state) : state_(state) {}
  State* state_ = nullptr;
};

// The place where an op's backward writes a gradient: the first writer overwrites, later ones add. An empty tensor: the
// gradient is not needed.
struct GradientSlot {
  Tensor tensor;
  Accumulate accumulate = Accumulate::no;
};

// Define-by-run automatic differentiation: ops run at once and record one backward closure each; backward() runs the
// closures in reverse. Values, gradients and scratch come from the arena and live until its reset, so a tape is made
// anew for each step and shard.
class Tape {
 public:
  // The rows of the whole batch that the tape works on, and the step of training: the key of random numbers.
  struct Place {
    std::uint64_t seed = 0;
    std::uint32_t step = 0;
    Index first_row = 0;
    const std::uint32_t* step_at = nullptr;  // where the step stands instead (kernels/base/random.h)
  };

  // `gradients`: the slab that gradients of parameters are added to, laid out as Parameters::values(); where it is
  // empty no parameter needs a gradient.
  static Tape training(AnyDevice& device, Arena& arena, const Place& place, View<float, 1> gradients = {}) {
    return {device, arena, true, place, gradients};
  }
  // Records nothing; no value needs a gradient, dropout does nothing.
  static Tape inference(AnyDevice& device, Arena& arena) { return {device, arena, false, {}, {}}; }

  AnyDevice& device() const { return *device_; }
  bool is_training() const { return training_; }
  const Place& place() const { return place_; }
  View<float, 1> gradients() const { return gradients_; }
  // The next random stream of the step, `count` ops wide: ops take them in the order they run.
  kernels::RandomStream random_stream(std::uint32_t count = 1);

  // An op's result, contents undefined.
  Var output(const Shape& shape, DType dtype, bool needs_gradient);
  // A value from outside that wants no gradient.
  Var constant(const Tensor& value);
  // A parameter: its gradient is memory of the shard's slab, float whatever the value is, always added to.
  Var parameter(const Tensor& value, const Tensor& gradient);

  // The gradient of an op's output in its backward closure: empty where nothing used the output.
  Tensor gradient(const Var&) const;
  // Claims the gradient of an op's input for writing; allocates it at first.
  GradientSlot slot(const Var&);

  // Returns memory that lasts until the arena is reset.
  template <class T>
  T* allocate(Index count) {
    return arena_->allocate<T>(static_cast<std::size_t>(count));
  }
  View<float, 1> floats(Index count) { return {allocate<float>(count), {count}}; }
  // Host memory until the arena is reset, for what an op's input is assembled in.
  template <class T>
  std::span<T> host(Index count) {
    return {arena_->allocate_host<T>(static_cast<std::size_t>(count)), static_cast<std::size_t>(count)};
  }
  // Host values on the device; they must outlive the step.
  template <class T>
  View<const T, 1> upload(std::span<const T> values) {
    return {static_cast<const T*>(arena_->upload(values.data(), values.size_bytes())),
            {static_cast<Index>(values.size())}};
  }
  // Uploads several arrays, in one copy where host() gave them one after another (Arena::upload_all).
  template <class... T>
  void upload_all(View<const T, 1>&... views) {
    arena_->upload_all(views...);
  }

  // Records an op's backward, a callable on Tape&; `name` is static. Dropped where the output needs no gradient. When
  // it has run, the gradients of its outputs are read no more: their memory goes to the next gradients of the same
  // size.
  template <class Backward>
  void record(const char* name, const Var& output, Backward&& backward) {
    record(name, output, Var(), std::forward<Backward>(backward));
  }
  template <class Backward>
  void record(const char* name, const Var& output, const Var& second_output, Backward&& backward) {
    if (output.needs_gradient()) nodes_.push_back({name, output, second_output, std::forward<Backward>(backward)});
  }
  // Runs the recorded closures from the last to the first, each once.
  void backward();
  std::size_t size() const { return nodes_.size(); }

 private:
  friend class Scratch;
  Tape(AnyDevice& device, Arena& arena, bool training, const Place& place, View<float, 1> gradients)
      : device_(&device), arena_(&arena), training_(training), place_(place), gradients_(gradients) {}

  struct Node {
    const char* name;
    Var output, second_output;
    std::function<void(Tape&)> backward;
  };
  struct FreeMemory {
    void* data;
    std::size_t bytes;
  };
  void release_gradient(const Var&);

  AnyDevice* device_;
  Arena* arena_;
  bool training_;
  Place place_;
  View<float, 1> gradients_;
  std::uint32_t next_stream_ = 0;
  std::deque<Var::State> states_;
  std::vector<Node> nodes_;
  std::vector<FreeMemory> free_;
};

// Scratch of one op: what it allocates is given back when it goes out of scope. Claim gradients before making one.
class Scratch {
 public:
  explicit Scratch(Tape& tape) : arena_(*tape.arena_), mark_(arena_.mark()) {}
  ~Scratch() { arena_.rewind(mark_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  template <class T>
  View<T, 1> allocate(Index count) {
    return {arena_.allocate<T>(static_cast<std::size_t>(count)), {count}};
  }
  View<float, 1> floats(Index count) { return allocate<float>(count); }

 private:
  Arena& arena_;
  Arena::Mark mark_;
};

}  // namespace polonaise
