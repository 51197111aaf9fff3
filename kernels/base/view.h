#pragma once

#include <array>
#include <cstddef>
#include <type_traits>

namespace polonaise {

using Index = std::ptrdiff_t;

// Shape letters in every contract: T time steps, B rows of the batch, R rows of any kind, D features, H hidden units,
// V vocabulary, N heads, K inner dimension of a product.

// A view of memory that somebody else owns: rows of `columns()` consecutive elements (the last extent), `stride()`
// elements apart; the leading extents only count rows. So a view is a contiguous row-major tensor (stride == columns),
// or a block of columns of one. A default-made view is empty: kernels take it for "none". Kernels on a card may take
// views as arguments.
template <class T, int N>
class View {
  static_assert(N >= 1);

 public:
  View() = default;
  constexpr View(T* data, std::array<Index, N> extents) : View(data, extents, extents[N - 1]) {}
  constexpr View(T* data, std::array<Index, N> extents, Index stride)
      : data_(data), extents_(extents), stride_(stride) {}
  // View<T> serves as View<const T>.
  template <class U>
  requires(std::is_const_v<T>&& std::is_same_v<U, std::remove_const_t<T>>) constexpr View(const View<U, N>& other)
      : View(other.data(), other.extents(), other.stride()) {}

  constexpr T* data() const { return data_; }
  constexpr bool empty() const { return data_ == nullptr; }
  constexpr const std::array<Index, N>& extents() const { return extents_; }
  constexpr Index extent(int axis) const { return extents_[axis]; }
  constexpr Index columns() const { return extents_[N - 1]; }
  constexpr Index rows() const {
    Index product = 1;
    for (int axis = 0; axis + 1 < N; ++axis) product *= extents_[axis];
    return product;
  }
  constexpr Index size() const { return rows() * columns(); }
  constexpr Index stride() const { return stride_; }
  // Whether both are of the same memory and shape.
  constexpr bool operator==(const View&) const = default;
  constexpr bool contiguous() const { return stride_ == columns() || rows() <= 1; }

  // Row `r` of all rows, the leading extents flattened.
  constexpr T* row(Index r) const { return data_ + r * stride_; }

  // Leading extents flattened: [rows(), columns()].
  constexpr View<T, 2> matrix() const { return {data_, {rows(), columns()}, stride_}; }
  // Columns [begin, begin + count) of every row.
  constexpr View<T, N> column_block(Index begin, Index count) const {
    auto extents = extents_;
    extents[N - 1] = count;
    return {data_ + begin, extents, stride_};
  }
  // Returns rows [begin, begin + count) of the flattened rows.
  constexpr View<T, 2> row_block(Index begin, Index count) const { return {row(begin), {count, columns()}, stride_}; }

 private:
  T* data_ = nullptr;
  std::array<Index, N> extents_{};
  Index stride_ = 0;
};

// Whether two views cover tensors of one shape (strides may differ).
template <class A, class B, int N>
bool same_shape(const View<A, N>& a, const View<B, N>& b) {
  return a.extents() == b.extents();
}

constexpr Index ceil_div(Index a, Index b) {
  return (a + b - 1) / b;
}

// How a kernel treats an output that may hold something already: gradients are written by the first writer and added
// by later ones.
enum class Accumulate : bool { no, yes };

}  // namespace polonaise
