#pragma once

#include <array>
#include <initializer_list>

#include "kernels/base/require.h"
#include "kernels/base/view.h"
#include "runtime/device/device.h"

namespace polonaise {

// Up to four extents, row-major.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<Index> extents) {
    require(extents.size() >= 1 && extents.size() <= 4, "a shape has one to four extents");
    for (Index extent : extents) extents_[static_cast<std::size_t>(rank_++)] = extent;
  }
  int rank() const { return rank_; }
  Index operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  Index columns() const { return extents_[static_cast<std::size_t>(rank_ - 1)]; }
  Index size() const {
    Index product = rank_ > 0 ? 1 : 0;
    for (int axis = 0; axis < rank_; ++axis) product *= (*this)[axis];
    return product;
  }
  Index rows() const { return size() / (columns() > 0 ? columns() : 1); }
  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<Index, 4> extents_{};
  int rank_ = 0;
};

constexpr std::size_t bytes_of(DType dtype) {
  return dtype == DType::f32 ? 4 : 2;
}

// Contiguous memory of a device with a shape and a number type; it owns nothing. data == nullptr: none.
struct Tensor {
  void* data = nullptr;
  Shape shape;
  DType dtype = DType::f32;

  template <class T>
  View<T, 1> vector() const {
    return data ? View<T, 1>(static_cast<T*>(data), {shape.size()}) : View<T, 1>();
  }
  // [rows, columns]: the leading extents flattened.
  template <class T>
  View<T, 2> matrix() const {
    return data ? View<T, 2>(static_cast<T*>(data), {shape.rows(), shape.columns()}) : View<T, 2>();
  }
  template <class T>
  View<T, 3> cube() const {
    if (!data) return {};
    require(shape.rank() == 3, "three extents expected");
    return {static_cast<T*>(data), {shape[0], shape[1], shape[2]}};
  }
};

// to (+)= from, of the same size; rounded where bf16 takes floats.
void convert(AnyDevice&, const Tensor& from, const Tensor& to, Accumulate);

}  // namespace polonaise
