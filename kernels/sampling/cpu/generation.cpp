#include "kernels/sampling/generation.h"

#include <algorithm>
#include <vector>

#include "kernels/cpu/parallel.h"
#include "kernels/embedding/embedding.h"
#include "kernels/linear/linear.h"
#include "kernels/sampling/grammar_rules.h"

namespace polonaise::kernels {
namespace {

// One stream, through the kernels of single steps: one thread, so that streams do not meet in any sum.
class Stream {
 public:
  Stream(const GenerationNetwork& network, const GenerationState& state, const GenerationDraws& draws, Index row)
      : n_(network),
        draws_(draws),
        state_(state),
        row_(row),
        one_(network.shape),
        logits_(state.logits.row_block(row, 1)),
        h_(static_cast<std::size_t>(one_.layers * one_.H)),
        c_(static_cast<std::size_t>(one_.states()) * h_.size()),
        product_(static_cast<std::size_t>(one_.gates() * one_.H)),
        allowed_(static_cast<std::size_t>(network.vocabulary())) {
    one_.B = 1;
    move_state<true>(state.h, h_);
    move_state<true>(state.c, c_);
    if (draws.grammar) grammar_ = state.grammar.row_block(row, 1);
  }

  void run() {
    Index s = 0;
    for (; s < draws_.events && !ended() && draw(s); ++s) feed(s);
    draws_.drawn.data()[row_] = static_cast<std::int32_t>(s);
    for (; s < draws_.events; ++s) {
      if (n_.vocabulary() > 0) draws_.tokens.row(row_)[s] = -1;
      if (n_.keys > 0) std::fill_n(draws_.keys.row(row_ * draws_.events + s), n_.keys, std::uint8_t{0});
    }
    move_state<false>(state_.h, h_);
    move_state<false>(state_.c, c_);
  }

 private:
  // Between the streams' state and this one's own.
  template <bool kIn>
  void move_state(View<float, 3> all, std::vector<float>& own) {
    const std::size_t size = own.size() / static_cast<std::size_t>(one_.layers);
    for (std::size_t layer = 0; layer < static_cast<std::size_t>(one_.layers) && size > 0; ++layer) {
      float* const theirs = all.row(static_cast<Index>(layer) * n_.shape.B + row_);
      float* const ours = own.data() + layer * size;
      kIn ? std::copy_n(theirs, size, ours) : std::copy_n(ours, size, theirs);
    }
  }

  bool ended() const { return draws_.grammar && grammar_.data()[GrammarState::kEnded] != 0; }

  // Draws event s; false where nothing may follow.
  bool draw(Index s) {
    RandomStream stream = draws_.stream;
    stream.step += static_cast<std::uint32_t>(s);
    const Index first = draws_.first_row + row_;
    View<std::int32_t, 1> token;
    if (n_.vocabulary() > 0) {
      View<std::uint8_t, 2> allowed;
      if (draws_.grammar) {
        allowed = {allowed_.data(), {1, n_.vocabulary()}};
        grammar_mask(cpu_, *draws_.grammar, grammar_, allowed);
      }
      RandomStream of_token = stream;
      of_token.op += n_.keys > 0 ? 1 : 0;
      token = {draws_.tokens.row(row_) + s, {1}};
      sample_tokens(cpu_, {.logits = logits_.column_block(n_.keys, n_.vocabulary()),
                           .allowed = allowed,
                           .options = draws_.sampling,
                           .stream = of_token,
                           .first_row = first,
                           .tokens = token});
      if (token.data()[0] < 0) return false;
    } else if (draws_.grammar && !grammar_allows_frame(*draws_.grammar, grammar_.data())) {
      return false;
    }
    if (n_.keys > 0) {
      View<const std::uint8_t, 2> allowed;
      if (draws_.grammar && !draws_.grammar->key_drawable.empty())
        allowed = {draws_.grammar->key_drawable.data(), {1, n_.keys}};
      sample_keys(cpu_, {.logits = logits_.column_block(0, n_.keys),
                         .allowed = allowed,
                         .options = draws_.key_sampling(),
                         .stream = stream,
                         .first_row = first,
                         .keys = {draws_.keys.row(row_ * draws_.events + s), {1, n_.keys}}});
    }
    if (draws_.grammar) grammar_take(cpu_, *draws_.grammar, token, grammar_);
    return true;
  }

  // Reads event s into the network.
  void feed(Index s) {
    const View<float, 2> product(product_.data(), {1, one_.gates() * one_.H});
    if (n_.keys == 0) {
      embedding_forward<float>(cpu_, {.ids = {draws_.tokens.row(row_) + s, {1}}, .table = n_.inputs, .y = product});
    } else {
      columns_.clear();
      append_nonzero(draws_.keys.row(row_ * draws_.events + s), n_.keys, columns_);
      values_.assign(columns_.size(), 1.0f);
      if (n_.vocabulary() > 0) {
        columns_.push_back(static_cast<std::int32_t>(n_.inputs.rows() - 1));
        values_.push_back(n_.length_values.data()[draws_.tokens.row(row_)[s]]);
      }
      const Index size = static_cast<Index>(columns_.size());
      const std::int32_t offsets[] = {0, static_cast<std::int32_t>(size)};
      columns_.reserve(columns_.size() + 1);  // a view of nothing is not an empty one
      values_.reserve(values_.size() + 1);
      const SparseRows row{{offsets, {2}}, {columns_.data(), {size}}, {values_.data(), {size}}};
      embedding_bag_forward<float>(cpu_, {.x = row, .table = n_.inputs, .y = product});
    }
    recurrent_step<float>(cpu_, one_,
                          {.input = product,
                           .weights = n_.weights,
                           .packed = n_.packed,
                           .h = {h_.data(), {one_.layers, 1, one_.H}},
                           .c = {c_.data(), {one_.layers, 1, one_.states() * one_.H}}});
    linear_forward<float>(cpu_, {.x = {h_.data() + (one_.layers - 1) * one_.H, {1, one_.H}},
                                 .weight = n_.head_weight,
                                 .bias = n_.head_bias,
                                 .y = logits_});
  }

  Cpu cpu_{1};
  const GenerationNetwork& n_;
  const GenerationDraws& draws_;
  const GenerationState& state_;
  Index row_;
  RecurrentShape one_;
  View<float, 2> logits_;
  View<std::int32_t, 2> grammar_;
  std::vector<float> h_, c_, product_, values_;
  std::vector<std::uint8_t> allowed_;
  std::vector<std::int32_t> columns_;
};

}  // namespace

bool generation_fits(const Cpu&, const GenerationNetwork&, const Grammar*) {
  return true;
}

void recurrent_generate(Cpu& cpu, const GenerationNetwork& network, const GenerationState& state,
                        const GenerationDraws& draws) {
  draws.check(network, state);
  parallel_for(cpu, network.shape.B, [&](Index row) { Stream(network, state, draws, row).run(); });
}

}  // namespace polonaise::kernels
