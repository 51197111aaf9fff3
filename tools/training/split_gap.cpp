#include "tools/training/split_gap.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace polonaise::tools {
namespace {

constexpr double kFar = 0.1;    // of the lower loss
constexpr double kShare = 0.5;  // of a gap, that counting must find

}  // namespace

bool far_apart(double a, double b) {
  return std::abs(a - b) > kFar * std::min(a, b);
}

std::string explain_gap(const Evaluation& valid, const Evaluation& test, std::string_view unit) {
  if (!far_apart(valid.nats, test.nats)) return "";
  const double gap = test.nats - valid.nats;
  const double bigram = test.baselines.bigram - valid.baselines.bigram;
  const double unigram = test.baselines.unigram - valid.baselines.unigram;
  if (std::max(bigram / gap, unigram / gap) < kShare) return "";
  return fmt::format(
      "validation has {:.4f} and test {:.4f}; so it is with counting (bigram {:.4f} and {:.4f}, unigram {:.4f} and "
      "{:.4f} {}): the two splits are different music, which says nothing of the network\n",
      valid.nats, test.nats, valid.baselines.bigram, test.baselines.bigram, valid.baselines.unigram,
      test.baselines.unigram, unit);
}

std::string explain_gap(const io::Baselines& valid, const io::Baselines& test, std::string_view unit) {
  if (!far_apart(valid.bigram, test.bigram)) return "";
  return fmt::format(
      "validation and test are different music: counting (bigram) has {:.2f} and {:.2f} {}; a model's losses on them "
      "will lie as far apart\n",
      valid.bigram, test.bigram, unit);
}

}  // namespace polonaise::tools
