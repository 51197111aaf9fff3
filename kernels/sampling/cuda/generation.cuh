#pragma once

// The loop of generation.h on a card: a block carries a few streams from their first event to their last, with their
// states in its shared memory, and with as many of the weights beside them as there is room for; the others it reads
// from the second-level cache, in every step.
//
// kThreads threads in warps of 32 along x. A warp draws a stream's event. Then four neighbouring lanes, a quad, make a
// unit of a layer, or an output of the head, of all the block's streams at once: each multiplies its quarter of the
// columns, and the sums go to the lanes that own the streams. All sums have one order however many streams there are.

#include "kernels/cuda/device/philox.cuh"
#include "kernels/recurrent/cuda/cells.cuh"
#include "kernels/recurrent/cuda/product_quads.cuh"
#include "kernels/sampling/cuda/grammar.cuh"
#include "kernels/sampling/cuda/sampling.cuh"
#include "kernels/sampling/generation.h"

namespace polonaise::kernels::generation {

inline constexpr int kWarps = 8, kThreads = 32 * kWarps, kQuads = kThreads / 4;
inline constexpr int kMostLayers = 16;
inline constexpr int kPad = 32;  // rows of shared memory are so many floats, or a multiple

struct Layer {
  const float *weight_ih, *weight_hh, *bias_ih, *bias_hh;
};

// The layout of a block's shared memory, in bytes, and the number of weights in it.
struct Plan {
  int padded = 0;  // H, rounded up to kPad
  int states = 0, c = 0, bias = 0, logits = 0, grammar = 0, allowed = 0, keys = 0, sounding = 0, tokens = 0,
      weights = 0;
  int matrices = 0;   // weight_hh of layer 0, then weight_ih and weight_hh of those above
  int head_rows = 0;  // the first of the head
  int bytes = 0;
};

struct Loop {
  Layer layers[kMostLayers] = {};
  int layer_count = 0, H = 0;
  Index B = 0, events = 0;
  View<const float, 2> inputs;
  const float *head_weight = nullptr, *head_bias = nullptr, *length_values = nullptr;
  bool wide = false;  // weights can be read four at a time
  int outputs = 0, keys = 0;
  View<float, 3> h, c;
  View<float, 2> logits;
  View<std::int32_t, 2> grammar_state;
  bool has_grammar = false;
  Grammar grammar;
  SamplingOptions sampling, key_sampling;
  RandomStream stream;
  Index first_row = 0;
  View<std::int32_t, 2> tokens;
  View<std::uint8_t, 3> drawn_keys;
  std::int32_t* drawn = nullptr;
  Plan plan;

  constexpr int vocabulary() const { return outputs - keys; }
};

// A view of rows of weights, in shared memory or in global memory.
class Weights {
 public:
  __device__ Weights(const float* rows, int H, bool wide) : rows_(rows), H_(H), wide_(wide) {}
  // Returns the place of a weight in shared memory. Every second row has its halves of 16 columns exchanged, so that
  // the quads of two neighbouring rows meet different banks.
  static __device__ int place(int row, int column, int padded) { return row * padded + (column ^ ((row & 1) << 4)); }
  static __device__ simt::Vector<float, 4> four_shared(const float* rows, int row, int column, int padded) {
    return simt::load<4>(rows + place(row, column, padded));
  }

  // Four columns from `column` on, 0 beyond the last.
  __device__ simt::Vector<float, 4> four(int row, int column) const {
    const float* const from = rows_ + static_cast<Index>(row) * H_ + column;
    if (wide_ && column < H_) return simt::load<4>(from);
    simt::Vector<float, 4> values;
    for (int i = 0; i < 4; ++i) values[i] = column + i < H_ ? from[i] : 0.0f;
    return values;
  }

 private:
  const float* rows_;
  int H_;
  bool wide_;
};

// The sums of a thread: `kSums` products, each for all streams. A quad's lanes own streams lane, 4 + lane, ..., or all
// of them the only one.
template <int kRows, int kSums>
struct Sums {
  static constexpr int kGroup = kRows == 1 ? 1 : 4, kGroups = kRows / kGroup;
  float parts[kSums][kGroups][kGroup] = {};

  // parts[into(i)] += row row_of(i) of the weights times the streams' inputs [kRows, padded], for i < count.
  template <int kCount, class Four, class Into>
  __device__ void multiply(const float* inputs, int padded, Four&& four, Into&& into) {
    for (int column = 4 * recurrent::quad_lane(); column < padded; column += 16) {
      simt::Vector<float, 4> x[kRows];
#pragma unroll
      for (int r = 0; r < kRows; ++r) x[r] = simt::load<4>(inputs + r * padded + column);
#pragma unroll
      for (int i = 0; i < kCount; ++i) {
        const simt::Vector<float, 4> w = four(i, column);
#pragma unroll
        for (int r = 0; r < kRows; ++r)
#pragma unroll
          for (int k = 0; k < 4; ++k) parts[into(i)][r / kGroup][r % kGroup] += w[k] * x[r][k];
      }
    }
  }
};

template <class Cell, int kRows>
class Block {
 public:
  static constexpr int kGates = Cell::kGates, kApart = Cell::kLastApart ? kGates - 1 : -1;
  static constexpr int kSums = kGates + (Cell::kLastApart ? 1 : 0);  // the input's share of a gate apart comes last
  static constexpr int kGroup = Sums<kRows, 1>::kGroup, kGroups = Sums<kRows, 1>::kGroups;

  __device__ explicit Block(const Loop& loop)
      : g_(loop), p_(loop.plan), shared_(simt::dynamic_shared<unsigned char>()) {}

  __device__ void run() {
    load_weights();
    load_streams();
    __syncthreads();
    int now = 0;
    for (Index s = 0; s < g_.events; ++s) {
      mask();
      __syncthreads();
      if (warp() < kRows && going(warp())) draw(warp(), s);
      __syncthreads();
      if (!any_going()) break;
      for (int layer = 0; layer < g_.layer_count; ++layer) {
        step(layer, now);
        __syncthreads();
      }
      now = 1 - now;
      head(now);
    }
    __syncthreads();
    store_streams(now);
  }

 private:
  static __device__ int warp() { return static_cast<int>(threadIdx.y); }
  static __device__ int lane() { return static_cast<int>(threadIdx.x); }
  static __device__ int thread() { return 32 * warp() + lane(); }
  static __device__ int quad() { return thread() / 4; }
  static __device__ Index stream_of(int row) { return static_cast<Index>(blockIdx.x) * kRows + row; }

  template <class T>
  __device__ T* at(int offset) const {
    return reinterpret_cast<T*>(shared_ + offset);
  }
  __device__ float* states(int buffer, int layer) const {
    return at<float>(p_.states) + (buffer * g_.layer_count + layer) * kRows * p_.padded;
  }
  // State i beside h of a layer: [kRows, padded].
  __device__ float* cs(int layer, int i) const {
    return at<float>(p_.c) + (layer * Cell::kStates + i) * kRows * p_.padded;
  }
  __device__ float& bias(int layer, int sum, int unit) const {
    return at<float>(p_.bias)[(layer * kSums + sum) * g_.H + unit];
  }
  __device__ float* logits(int row) const { return at<float>(p_.logits) + row * g_.outputs; }
  __device__ std::int32_t* grammar(int row) const {
    return at<std::int32_t>(p_.grammar) + row * static_cast<int>(g_.grammar_state.columns());
  }
  __device__ std::uint8_t* allowed(int row) const { return at<std::uint8_t>(p_.allowed) + row * g_.vocabulary(); }
  __device__ std::uint8_t* keys(int row) const { return at<std::uint8_t>(p_.keys) + row * g_.keys; }
  // Bit k % 32 of word k / 32: key k sounds.
  __device__ unsigned* sounding(int row) const { return at<unsigned>(p_.sounding) + row * words(); }
  __device__ int words() const { return (g_.keys + 31) / 32; }
  // Each stream's state: the token, or class of a length, drawn last; whether it goes on; how many were drawn.
  __device__ std::int32_t& token(int row) const { return at<std::int32_t>(p_.tokens)[row]; }
  __device__ std::int32_t& going(int row) const { return at<std::int32_t>(p_.tokens)[kRows + row]; }
  __device__ std::int32_t& drawn(int row) const { return at<std::int32_t>(p_.tokens)[2 * kRows + row]; }

  __device__ bool any_going() const {
    bool any = false;
    for (int row = 0; row < kRows; ++row) any = any || going(row) != 0;
    return any;
  }

  // Weights in the order of Plan::matrices, and the head behind them.
  __device__ const float* matrix(int which) const {
    return which == 0 || which % 2 == 0 ? g_.layers[which / 2].weight_hh : g_.layers[(which + 1) / 2].weight_ih;
  }
  __device__ float* cached(int which) const { return at<float>(p_.weights) + which * kGates * g_.H * p_.padded; }
  __device__ void load_rows(const float* from, int rows, float* to) const {
    for (int i = thread(); i < rows * p_.padded; i += kThreads) {
      const int row = i / p_.padded, column = i % p_.padded;
      to[Weights::place(row, column, p_.padded)] = column < g_.H ? from[static_cast<Index>(row) * g_.H + column] : 0.0f;
    }
  }
  __device__ void load_weights() const {
    for (int which = 0; which < p_.matrices; ++which) load_rows(matrix(which), kGates * g_.H, cached(which));
    load_rows(g_.head_weight, p_.head_rows, cached(p_.matrices));
    for (int layer = 0; layer < g_.layer_count; ++layer)
      for (int unit = thread(); unit < g_.H; unit += kThreads)
        for (int gate = 0; gate < kGates; ++gate) {
          const float of_x = g_.layers[layer].bias_ih[gate * g_.H + unit];
          const float of_r = g_.layers[layer].bias_hh[gate * g_.H + unit];
          bias(layer, gate, unit) = gate == kApart ? of_r : of_x + of_r;
          if (gate == kApart) bias(layer, kGates, unit) = of_x;
        }
  }

  __device__ void load_streams() const {
    for (int i = thread(); i < g_.layer_count * kRows * p_.padded; i += kThreads) {
      const int layer = i / (kRows * p_.padded), row = i / p_.padded % kRows, unit = i % p_.padded;
      const bool exists = stream_of(row) < g_.B && unit < g_.H;
      const Index place = layer * g_.B + stream_of(row);
      states(0, 0)[i] = exists ? g_.h.row(place)[unit] : 0.0f;
      states(1, 0)[i] = 0;
      for (int c = 0; c < Cell::kStates; ++c)
        cs(layer, c)[row * p_.padded + unit] = exists ? g_.c.row(place)[c * g_.H + unit] : 0.0f;
    }
    for (int row = warp(); row < kRows; row += kWarps) {
      const bool exists = stream_of(row) < g_.B;
      if (lane() == 0) {
        going(row) = exists;
        drawn(row) = 0;
        token(row) = -1;
      }
      if (!exists) continue;
      for (int o = lane(); o < g_.outputs; o += 32) logits(row)[o] = g_.logits.row(stream_of(row))[o];
      if (!g_.has_grammar) continue;
      for (int i = lane(); i < g_.grammar_state.columns(); i += 32)
        grammar(row)[i] = g_.grammar_state.row(stream_of(row))[i];
    }
  }

  __device__ void store_streams(int now) const {
    for (int i = thread(); i < g_.layer_count * kRows * g_.H; i += kThreads) {
      const int layer = i / (kRows * g_.H), row = i / g_.H % kRows, unit = i % g_.H;
      if (stream_of(row) >= g_.B) continue;
      const Index place = layer * g_.B + stream_of(row);
      g_.h.row(place)[unit] = states(now, layer)[row * p_.padded + unit];
      for (int c = 0; c < Cell::kStates; ++c) g_.c.row(place)[c * g_.H + unit] = cs(layer, c)[row * p_.padded + unit];
    }
    for (int row = warp(); row < kRows; row += kWarps) {
      const Index stream = stream_of(row);
      if (stream >= g_.B) continue;
      if (lane() == 0) g_.drawn[stream] = drawn(row);
      for (int o = lane(); o < g_.outputs; o += 32) g_.logits.row(stream)[o] = logits(row)[o];
      if (g_.has_grammar)
        for (int i = lane(); i < g_.grammar_state.columns(); i += 32) g_.grammar_state.row(stream)[i] = grammar(row)[i];
      for (Index s = drawn(row); s < g_.events; ++s) {
        if (g_.vocabulary() > 0 && lane() == 0) g_.tokens.row(stream)[s] = -1;
        for (int k = lane(); k < g_.keys; k += 32) g_.drawn_keys.row(stream * g_.events + s)[k] = 0;
      }
    }
  }

  __device__ void mask() const {
    if (!g_.has_grammar) return;
    const int V = g_.vocabulary();
    for (int i = thread(); i < kRows * V; i += kThreads) {
      const int row = i / V;
      if (going(row)) allowed(row)[i % V] = grammar_allows(g_.grammar, grammar(row), i % V);
    }
  }

  // The warp draws event s of one stream, or stops it.
  __device__ void draw(int row, Index s) const {
    const bool on = draw_token(row, s);
    if (on && g_.keys > 0) draw_keys(row, s);
    if (on && g_.has_grammar) grammar_take_row<32>(g_.grammar, token(row), grammar(row));
    if (lane() != 0) return;
    going(row) = on;
    drawn(row) += on;
  }

  __device__ RandomStream random(Index s, std::uint32_t op) const {
    RandomStream stream = g_.stream;
    stream.step += static_cast<std::uint32_t>(s);
    stream.op += op;
    return stream;
  }
  __device__ std::uint32_t random_row(int row) const {
    return static_cast<std::uint32_t>(g_.first_row + stream_of(row));
  }

  // Draws a token or a class of a length; of frames without a length it returns whether there is room for one.
  __device__ bool draw_token(int row, Index s) const {
    if (g_.has_grammar && grammar(row)[GrammarState::kEnded] != 0) return false;
    const int V = g_.vocabulary();
    if (V == 0) return !g_.has_grammar || grammar_allows_frame(g_.grammar, grammar(row));
    const float u = uniform_of(random(s, g_.keys > 0 ? 1 : 0), random_row(row), 0);
    const std::int32_t drawn_token =
        sample_token<32>(logits(row) + g_.keys, g_.has_grammar ? allowed(row) : nullptr, V, g_.sampling, u);
    if (drawn_token < 0) return false;
    if (lane() == 0) {
      token(row) = drawn_token;
      g_.tokens.row(stream_of(row))[s] = drawn_token;
    }
    __syncwarp();  // all lanes take the token
    return true;
  }

  __device__ void draw_keys(int row, Index s) const {
    const std::uint8_t* const drawable = g_.has_grammar ? g_.grammar.key_drawable.data() : nullptr;
    sample_key_row<32>(logits(row), drawable, g_.keys, g_.key_sampling, random(s, 0), random_row(row), 0, keys(row));
    __syncwarp();  // keys were shared out in another way
    for (int word = 0; word < words(); ++word) {
      const int key = 32 * word + lane();
      const bool sounds = key < g_.keys && keys(row)[key] != 0;
      if (key < g_.keys) g_.drawn_keys.row(stream_of(row) * g_.events + s)[key] = sounds;
      const unsigned bits = __ballot_sync(simt::kWholeWarp, sounds);
      if (lane() == 0) sounding(row)[word] = bits;
    }
  }

  // Returns what the drawn event adds to the first layer's pre-activation of a gate and unit.
  __device__ float input_share(int row, int column) const {
    if (g_.keys == 0) return g_.inputs.row(token(row))[column];
    float sum = 0;
    for (int word = 0; word < words(); ++word)
      for (unsigned left = sounding(row)[word]; left != 0; left &= left - 1)
        sum += g_.inputs.row(32 * word + __ffs(static_cast<int>(left)) - 1)[column];
    if (g_.vocabulary() > 0) sum += g_.length_values[token(row)] * g_.inputs.row(g_.inputs.rows() - 1)[column];
    return sum;
  }

  // Adds a matrix's products of all gates of one unit; of the input's matrix a gate apart has its own sum.
  __device__ void multiply(int which, bool of_input, int unit, const float* inputs, Sums<kRows, kSums>& sums) const {
    const auto into = [of_input](int gate) { return of_input && gate == kApart ? kGates : gate; };
    const int H = g_.H, padded = p_.padded;
    if (which < p_.matrices) {
      const float* const rows = cached(which);
      sums.template multiply<kGates>(
          inputs, padded,
          [=](int gate, int column) { return Weights::four_shared(rows, gate * H + unit, column, padded); }, into);
    } else {
      const Weights rows(matrix(which), H, g_.wide);
      sums.template multiply<kGates>(
          inputs, padded, [=](int gate, int column) { return rows.four(gate * H + unit, column); }, into);
    }
  }

  // A layer's step from the states `now` to the others.
  __device__ void step(int layer, int now) const {
    for (int first = 0; first < g_.H; first += kQuads) {
      const bool exists = first + quad() < g_.H;
      const int unit = exists ? first + quad() : g_.H - 1;  // a quad without a unit goes along: warps add up as one
      Sums<kRows, kSums> sums;
      if (layer > 0) multiply(2 * layer - 1, true, unit, states(1 - now, layer - 1), sums);
      multiply(2 * layer, false, unit, states(now, layer), sums);
#pragma unroll
      for (int group = 0; group < kGroups; ++group) {
        float all[kSums];
#pragma unroll
        for (int i = 0; i < kSums; ++i) all[i] = recurrent::quad_sum(sums.parts[i][group]);
        const int row = kRows == 1 ? 0 : kGroup * group + recurrent::quad_lane();
        if (exists && (kRows > 1 || recurrent::quad_lane() == 0)) update(layer, now, row, unit, all);
      }
    }
  }

  __device__ void update(int layer, int now, int row, int unit, const float (&sums)[kSums]) const {
    const int place = row * p_.padded + unit;
    typename Cell::State state{states(now, layer)[place], {}};
    if (going(row)) {
      float x[kGates] = {}, r[kGates], kept[std::max(1, Cell::kKept)] = {};
      for (int gate = 0; gate < kGates; ++gate) {
        r[gate] = sums[gate] + bias(layer, gate, unit);
        float& of_input = gate == kApart ? x[gate] : r[gate];
        if (gate == kApart) x[gate] = sums[kSums - 1] + bias(layer, kSums - 1, unit);
        if (layer == 0) of_input += input_share(row, gate * g_.H + unit);
      }
      for (int c = 0; c < Cell::kStates; ++c) state.c[c] = cs(layer, c)[place];
      state = Cell::forward(x, r, state, kept);
      for (int c = 0; c < Cell::kStates; ++c) cs(layer, c)[place] = state.c[c];
    }
    states(1 - now, layer)[place] = state.h;
  }

  __device__ void head(int now) const {
    const float* const top = states(now, g_.layer_count - 1);
    const Weights elsewhere(g_.head_weight, g_.H, g_.wide);
    const float* const here = cached(p_.matrices);
    const int padded = p_.padded;
    for (int first = 0; first < g_.outputs; first += kQuads) {
      const bool exists = first + quad() < g_.outputs;
      const int output = exists ? first + quad() : g_.outputs - 1;
      Sums<kRows, 1> sums;
      const auto into = [](int) { return 0; };
      if (output < p_.head_rows)
        sums.template multiply<1>(
            top, padded, [=](int, int column) { return Weights::four_shared(here, output, column, padded); }, into);
      else
        sums.template multiply<1>(
            top, padded, [=](int, int column) { return elsewhere.four(output, column); }, into);
#pragma unroll
      for (int group = 0; group < kGroups; ++group) {
        const float sum = recurrent::quad_sum(sums.parts[0][group]);
        const int row = kRows == 1 ? 0 : kGroup * group + recurrent::quad_lane();
        if (exists && (kRows > 1 || recurrent::quad_lane() == 0) && going(row))
          logits(row)[output] = sum + g_.head_bias[output];
      }
    }
  }

  const Loop& g_;
  const Plan& p_;
  unsigned char* shared_;
};

template <class Cell, int kRows>
__global__ void __launch_bounds__(kThreads, 1) generate_streams(Loop loop) {
  Block<Cell, kRows>(loop).run();
}

}  // namespace polonaise::kernels::generation
