// Gate equations of the recurrent cells and their derivatives, written once for every implementation: V is double in
// oracles, float or a Highway vector in kernels. Needs the vocabulary of math-inl.h (or cpu/simd-inl.h) before it. No
// include guard and no namespace: the includer opens one. Functions are constexpr so that a card's kernels may call
// them.
//
// z_* are pre-activations (input product + recurrent product + biases); names and equations are those of torch.nn.

// h' = tanh(z)
template <class V>
struct RnnCell {
  static constexpr V forward(V z) { return hyperbolic_tangent(z); }
  // dz from dh', with h' as kept by forward.
  static constexpr V backward(V h, V dh) { return dh * (constant(h, 1) - h * h); }
};

// i = sigmoid(z_i), f = sigmoid(z_f), g = tanh(z_g), o = sigmoid(z_o);  c' = f c + i g;  h' = o tanh(c')
template <class V>
struct LstmCell {
  struct Gates {
    V i, f, g, o;
  };
  static constexpr Gates activate(V z_i, V z_f, V z_g, V z_o) {
    return {sigmoid(z_i), sigmoid(z_f), hyperbolic_tangent(z_g), sigmoid(z_o)};
  }
  static constexpr V next_c(const Gates& gates, V c) { return gates.f * c + gates.i * gates.g; }
  static constexpr V next_h(const Gates& gates, V next_c) { return gates.o * hyperbolic_tangent(next_c); }

  struct Gradient {
    Gates dz;
    V dc;  // of the step before
  };
  // dh and dc reach h' and c' from later steps and from the layer above.
  static constexpr Gradient backward(const Gates& gates, V c, V next_c, V dh, V dc) {
    const V one = constant(c, 1);
    const V tanh_c = hyperbolic_tangent(next_c);
    const V d_next_c = dc + dh * gates.o * (one - tanh_c * tanh_c);
    return {{d_next_c * gates.g * gates.i * (one - gates.i), d_next_c * c * gates.f * (one - gates.f),
             d_next_c * gates.i * (one - gates.g * gates.g), dh * tanh_c * gates.o * (one - gates.o)},
            d_next_c * gates.f};
  }
};

// r = sigmoid(x_r + h_r), z = sigmoid(x_z + h_z), n = tanh(x_n + r h_n);  h' = (1 - z) n + z h
// x_* are the input's share of the pre-activations, h_* the recurrent share, each with its own bias.
template <class V>
struct GruCell {
  struct Gates {
    V r, z, n;
  };
  static constexpr Gates activate(V sum_r, V sum_z, V x_n, V h_n) {
    const V r = sigmoid(sum_r);
    return {r, sigmoid(sum_z), hyperbolic_tangent(x_n + r * h_n)};
  }
  static constexpr V next_h(const Gates& gates, V h) { return gates.n + gates.z * (h - gates.n); }

  struct Gradient {
    V d_r, d_z, d_x_n;  // of the pre-activations; the recurrent share of n has d_h_n instead of d_x_n
    V d_h_n;
    V dh;  // of the step before, its direct share (z h), without the recurrent product's
  };
  static constexpr Gradient backward(const Gates& gates, V h, V h_n, V dh) {
    const V one = constant(h, 1);
    const V d_n = dh * (one - gates.z) * (one - gates.n * gates.n);
    return {d_n * h_n * gates.r * (one - gates.r), dh * (h - gates.n) * gates.z * (one - gates.z), d_n, d_n * gates.r,
            dh * gates.z};
  }
};

// c' = f c + i z;  n' = f n + i;  h' = o c' / n', with exponential gates i and f that m keeps in range (recurrent.h).
template <class V>
struct SlstmCell {
  struct States {
    V c, n, m;
  };
  struct Gates {
    V i, f, z, o;
    V shut;  // 1 - sigmoid(z_f): the derivative of log sigmoid
  };
  struct Step {
    Gates gates;
    States next;
  };
  static constexpr Step forward(V z_i, V z_f, V z_z, V z_o, const States& before) {
    const V decayed = where_zero(before.n, z_i, log_sigmoid(z_f) + before.m);
    const V m = as_kept(larger(decayed, z_i));
    const Gates gates{exponential(z_i - m), exponential(decayed - m), hyperbolic_tangent(z_z), sigmoid(z_o),
                      constant(z_f, 1) - sigmoid(z_f)};
    return {gates, {gates.f * before.c + gates.i * gates.z, gates.f * before.n + gates.i, m}};
  }
  static constexpr V next_h(const Gates& gates, const States& next) { return gates.o * next.c / next.n; }

  struct Gradient {
    Gates dz;  // but for `shut`, which has none
    V dc, dn;  // of the step before
  };
  // dh, dc and dn reach h', c' and n' from later steps and from the layer above.
  static constexpr Gradient backward(const Gates& gates, V c, V n, const States& next, V dh, V dc, V dn) {
    const V one = constant(c, 1);
    const V ratio = next.c / next.n;
    const V d_next_c = dc + dh * gates.o / next.n;
    const V d_next_n = dn - dh * gates.o * ratio / next.n;
    return {{gates.i * (d_next_c * gates.z + d_next_n), gates.f * (d_next_c * c + d_next_n * n) * gates.shut,
             d_next_c * gates.i * (one - gates.z * gates.z), dh * ratio * gates.o * (one - gates.o), one - one},
            d_next_c * gates.f,
            d_next_n * gates.f};
  }
};
