#pragma once

// The double-precision oracle of the recurrent stacks. It follows the cells' equations step by step, with the same
// cells.inc in double and a plain loop for everything else.

#include <cmath>
#include <functional>
#include <vector>

#include "kernels/recurrent/recurrent.h"
#include "tests/kernels/support.h"

namespace polonaise::testing {

#include "kernels/base/math.inc"
// (kept apart so that formatting does not sort them)
#include "kernels/recurrent/cells.inc"

struct StackCase {
  Index T, B, H, layers, directions;
  bool lengths = false;  // rows of unequal length, one of them empty
  bool initial = false;  // h0 and c0 given
  float dropout = 0;
  bool accumulate = false;  // dinput is added to
};

// Everything a stack reads or has gradients for, in one type for numbers N.
template <class N>
struct StackTensors {
  std::vector<N> input;
  struct Layer {
    std::vector<N> weight_ih, weight_hh, bias_ih, bias_hh;
  };
  std::vector<Layer> layers;
};

// One cell of the oracle: `pre` are the input product and recurrent product, each [G] values, with biases added.
struct OracleCell {
  kernels::Cell kind;
  // Computes h', c' [S] from the two shares of the pre-activation.
  std::function<void(const double* x, const double* r, double h, const double* c, double& next_h, double* next_c)>
      forward;
  // Writes dx, dr (each [G]), and dh, dc [S] of the step before.
  std::function<void(const double* x, const double* r, double h, const double* c, double d_next_h,
                     const double* d_next_c, double* dx, double* dr, double& dh, double* dc)>
      backward;
};

inline OracleCell rnn_oracle() {
  return {kernels::Cell::rnn,
          [](const double* x, const double* r, double, const double*, double& h, double*) {
            h = RnnCell<double>::forward(x[0] + r[0]);
          },
          [](const double* x, const double* r, double, const double*, double d_next_h, const double*, double* dx,
             double* dr, double& dh, double*) {
            dx[0] = dr[0] = RnnCell<double>::backward(RnnCell<double>::forward(x[0] + r[0]), d_next_h);
            dh = 0;
          }};
}

inline OracleCell lstm_oracle() {
  using Cell = LstmCell<double>;
  const auto activate = [](const double* x, const double* r) {
    return Cell::activate(x[0] + r[0], x[1] + r[1], x[2] + r[2], x[3] + r[3]);
  };
  return {kernels::Cell::lstm,
          [=](const double* x, const double* r, double, const double* c, double& next_h, double* next_c) {
            const auto gates = activate(x, r);
            *next_c = Cell::next_c(gates, *c);
            next_h = Cell::next_h(gates, *next_c);
          },
          [=](const double* x, const double* r, double, const double* c, double d_next_h, const double* d_next_c,
              double* dx, double* dr, double& dh, double* dc) {
            const auto gates = activate(x, r);
            const auto d = Cell::backward(gates, *c, Cell::next_c(gates, *c), d_next_h, *d_next_c);
            dx[0] = dr[0] = d.dz.i;
            dx[1] = dr[1] = d.dz.f;
            dx[2] = dr[2] = d.dz.g;
            dx[3] = dr[3] = d.dz.o;
            dh = 0;
            *dc = d.dc;
          }};
}

inline OracleCell gru_oracle() {
  using Cell = GruCell<double>;
  const auto activate = [](const double* x, const double* r) {
    return Cell::activate(x[0] + r[0], x[1] + r[1], x[2], r[2]);
  };
  return {kernels::Cell::gru,
          [=](const double* x, const double* r, double h, const double*, double& next_h, double*) {
            next_h = Cell::next_h(activate(x, r), h);
          },
          [=](const double* x, const double* r, double h, const double*, double d_next_h, const double*, double* dx,
              double* dr, double& dh, double*) {
            const auto d = Cell::backward(activate(x, r), h, r[2], d_next_h);
            dx[0] = dr[0] = d.d_r;
            dx[1] = dr[1] = d.d_z;
            dx[2] = d.d_x_n;
            dr[2] = d.d_h_n;
            dh = d.dh;
          }};
}

inline OracleCell slstm_oracle() {
  using Cell = SlstmCell<double>;
  const auto step = [](const double* x, const double* r, const double* c) {
    return Cell::forward(x[0] + r[0], x[1] + r[1], x[2] + r[2], x[3] + r[3], {c[0], c[1], c[2]});
  };
  return {kernels::Cell::slstm,
          [=](const double* x, const double* r, double, const double* c, double& next_h, double* next_c) {
            const auto [gates, next] = step(x, r, c);
            next_h = Cell::next_h(gates, next);
            next_c[0] = next.c;
            next_c[1] = next.n;
            next_c[2] = next.m;
          },
          [=](const double* x, const double* r, double, const double* c, double d_next_h, const double* d_next_c,
              double* dx, double* dr, double& dh, double* dc) {
            const auto [gates, next] = step(x, r, c);
            const auto d = Cell::backward(gates, c[0], c[1], next, d_next_h, d_next_c[0], d_next_c[1]);
            dx[0] = dr[0] = d.dz.i;
            dx[1] = dr[1] = d.dz.f;
            dx[2] = dr[2] = d.dz.z;
            dx[3] = dr[3] = d.dz.o;
            dh = 0;
            dc[0] = d.dc;
            dc[1] = d.dn;
            dc[2] = 0;
          }};
}

// Forward and backward of a whole stack in double. The loss is sum(y * weight_y) + sum(hn * weight_hn).
struct StackOracle {
  OracleCell cell;
  StackCase shape;
  std::vector<Index> lengths;
  std::vector<double> h0, c0;
  std::vector<double> weight_y, weight_hn;
  // keep(layer, t, b, unit): the factor that dropout puts on the output of a layer below the top.
  std::function<double(Index, Index, Index, Index)> keep = [](Index, Index, Index, Index) { return 1.0; };

  std::vector<double> y, hn, cn;
  StackTensors<double> gradient;

  double run(const StackTensors<double>& p) {
    const auto [T, B, H, layers, directions, l_, i_, d_, a_] = shape;
    const Index G = kernels::shape_of(cell.kind).gates, S = kernels::shape_of(cell.kind).states, W = directions * H;
    struct Trace {
      std::vector<double> x, r, h, c;
    };
    std::vector<Trace> traces(static_cast<std::size_t>(layers * directions));
    std::vector<std::vector<double>> inputs(static_cast<std::size_t>(layers));
    hn.assign(at(layers * directions * B * H), 0);
    cn.assign(at(layers * directions * B * S * H), 0);
    std::vector<double> below;
    for (Index layer = 0; layer < layers; ++layer) {
      std::vector<double> out(at(T * B * W));
      for (Index direction = 0; direction < directions; ++direction) {
        const Index index = layer * directions + direction;
        const auto& w = p.layers[at(index)];
        Trace& trace = traces[at(index)];
        trace.x.assign(at(T * B * H * G), 0);
        trace.r = trace.x;
        trace.h.assign(at((T + 1) * B * H), 0);
        trace.c.assign(at((T + 1) * B * S * H), 0);  // [T+1,B,H,S]
        for (Index b = 0; b < B; ++b) {
          std::vector<double> h(at(H)), c(at(S * H));  // c: [H,S]
          if (!h0.empty())
            for (Index j = 0; j < H; ++j) {
              h[at(j)] = h0[at((layer * B + b) * H + j)];
              for (Index i = 0; i < S; ++i) c[at(j * S + i)] = c0[at(((layer * B + b) * S + i) * H + j)];
            }
          for (Index s = 0; s < T; ++s) {
            const Index t = direction ? T - 1 - s : s;
            for (Index j = 0; j < H; ++j) {
              trace.h[at((t * B + b) * H + j)] = h[at(j)];  // the state before step t
              for (Index i = 0; i < S; ++i) trace.c[at(((t * B + b) * H + j) * S + i)] = c[at(j * S + i)];
            }
            if (t >= lengths[at(b)]) continue;
            std::vector<double> next_h(at(H)), next_c(at(S * H));
            for (Index j = 0; j < H; ++j) {
              double* x = &trace.x[at(((t * B + b) * H + j) * G)];
              double* r = &trace.r[at(((t * B + b) * H + j) * G)];
              for (Index g = 0; g < G; ++g) {
                const Index row = g * H + j;
                x[g] = w.bias_ih[at(row)];
                r[g] = w.bias_hh[at(row)];
                if (layer == 0)
                  x[g] += p.input[at((t * B + b) * directions * G * H + direction * G * H + row)];
                else
                  for (Index k = 0; k < W; ++k) x[g] += w.weight_ih[at(row * W + k)] * below[at((t * B + b) * W + k)];
                for (Index k = 0; k < H; ++k) r[g] += w.weight_hh[at(row * H + k)] * h[at(k)];
              }
              cell.forward(x, r, h[at(j)], c.data() + j * S, next_h[at(j)], next_c.data() + j * S);
            }
            h = next_h;
            c = next_c;
            for (Index j = 0; j < H; ++j) out[at((t * B + b) * W + direction * H + j)] = h[at(j)];
          }
          for (Index j = 0; j < H; ++j) {
            hn[at((index * B + b) * H + j)] = h[at(j)];
            for (Index i = 0; i < S; ++i) cn[at(((index * B + b) * S + i) * H + j)] = c[at(j * S + i)];
          }
        }
      }
      y = out;
      if (layer + 1 < layers)
        for (Index t = 0; t < T; ++t)
          for (Index b = 0; b < B; ++b)
            for (Index k = 0; k < W; ++k) out[at((t * B + b) * W + k)] *= keep(layer, t, b, k);
      inputs[at(layer)] = below;
      below = out;
    }

    gradient = p;
    for (double& v : gradient.input) v = 0;
    for (auto& layer : gradient.layers)
      for (auto* part : {&layer.weight_ih, &layer.weight_hh, &layer.bias_ih, &layer.bias_hh})
        for (double& v : *part) v = 0;
    std::vector<double> dy = weight_y;
    for (Index layer = layers - 1; layer >= 0; --layer) {
      std::vector<double> d_below(at(T * B * W));
      for (Index direction = 0; direction < directions; ++direction) {
        const Index index = layer * directions + direction;
        const auto& w = p.layers[at(index)];
        auto& dw = gradient.layers[at(index)];
        const Trace& trace = traces[at(index)];
        for (Index b = 0; b < B; ++b) {
          std::vector<double> dh(at(H)), dc(at(S * H));
          for (Index j = 0; j < H; ++j) dh[at(j)] = weight_hn[at((index * B + b) * H + j)];
          for (Index s = T - 1; s >= 0; --s) {
            const Index t = direction ? T - 1 - s : s;
            if (t >= lengths[at(b)]) continue;
            std::vector<double> dh_before(at(H)), dc_before(at(S * H));
            for (Index j = 0; j < H; ++j) {
              const Index now = (t * B + b) * H + j;
              std::vector<double> dx(at(G)), dr(at(G));
              double direct_h = 0;
              cell.backward(&trace.x[at(now * G)], &trace.r[at(now * G)], trace.h[at(now)], trace.c.data() + now * S,
                            dh[at(j)] + dy[at((t * B + b) * W + direction * H + j)], dc.data() + j * S, dx.data(),
                            dr.data(), direct_h, dc_before.data() + j * S);
              dh_before[at(j)] += direct_h;
              for (Index g = 0; g < G; ++g) {
                const Index row = g * H + j;
                dw.bias_ih[at(row)] += dx[at(g)];
                dw.bias_hh[at(row)] += dr[at(g)];
                for (Index k = 0; k < H; ++k) {
                  dw.weight_hh[at(row * H + k)] += dr[at(g)] * trace.h[at((t * B + b) * H + k)];
                  dh_before[at(k)] += dr[at(g)] * w.weight_hh[at(row * H + k)];
                }
                if (layer == 0) {
                  gradient.input[at((t * B + b) * directions * G * H + direction * G * H + row)] = dx[at(g)];
                } else {
                  for (Index k = 0; k < W; ++k) {
                    dw.weight_ih[at(row * W + k)] += dx[at(g)] * inputs[at(layer)][at((t * B + b) * W + k)];
                    d_below[at((t * B + b) * W + k)] += dx[at(g)] * w.weight_ih[at(row * W + k)];
                  }
                }
              }
            }
            dh = dh_before;
            dc = dc_before;
          }
        }
      }
      if (layer > 0)
        for (Index t = 0; t < T; ++t)
          for (Index b = 0; b < B; ++b)
            for (Index k = 0; k < W; ++k) d_below[at((t * B + b) * W + k)] *= keep(layer - 1, t, b, k);
      dy = d_below;
    }

    double loss = 0;
    for (std::size_t i = 0; i < y.size(); ++i) loss += y[i] * weight_y[i];
    for (std::size_t i = 0; i < hn.size(); ++i) loss += hn[i] * weight_hn[i];
    return loss;
  }

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
};

}  // namespace polonaise::testing
