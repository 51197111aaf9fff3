// The vocabulary that kernel formulas are written in (cells-inl.h and kernels): the operators + - * / and the functions
// below, for a scalar number F (double in oracles, float elsewhere). kernels/cpu/simd-inl.h has the same names for
// Highway vectors. No include guard and no namespace: the includer opens one.
// Functions are constexpr so that a card's kernels may call them.

template <class F>
constexpr F constant(F /*like*/, double value) {
  return static_cast<F>(value);
}

template <class F>
constexpr F sigmoid(F x) {
  return F(1) / (F(1) + std::exp(-x));
}

template <class F>
constexpr F hyperbolic_tangent(F x) {
  return std::tanh(x);
}

template <class F>
constexpr F exponential(F x) {
  return std::exp(x);
}

template <class F>
constexpr F log_sigmoid(F x) {
  return std::min(x, F(0)) - std::log1p(std::exp(-std::abs(x)));
}

template <class F>
constexpr F larger(F a, F b) {
  return std::max(a, b);
}

// `then` where x is 0, else `otherwise`.
template <class F>
constexpr F where_zero(F x, F then, F otherwise) {
  return x == F(0) ? then : otherwise;
}

// x as it comes back from the tensors that states are kept in.
template <class F>
constexpr F as_kept(F x) {
  return x;
}
