#include "tools/compare/findings/gap_in_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/compare/findings/words.h"
#include "tools/training/split_gap.h"

namespace polonaise::tools {
namespace {

// The part of the networks' gap that counting must show as well to explain it.
constexpr double kExplained = 0.5;

struct Ends {
  double course = 0, test = 0;
  int runs = 0;
};

Ends mean_ends(const Results& results) {
  Ends ends;
  for (const CombinationResult& c : results.combinations) {
    if (c.stage != Stage::sampled || c.curve.empty()) continue;
    ends.course += c.curve.back().loss;
    ends.test += c.test_loss;
    ++ends.runs;
  }
  ends.course /= std::max(ends.runs, 1);
  ends.test /= std::max(ends.runs, 1);
  return ends;
}

}  // namespace

std::string gap_in_words(const Results& results) {
  const Ends ends = mean_ends(results);
  const double gap = ends.test - ends.course;
  if (ends.runs == 0 || results.course.split == results.test.split) return "";
  if (!far_apart(ends.course, ends.test)) return "";
  const HeldOutResult &course = results.course, &test = results.test;
  const double counted = (test.unigram - course.unigram + test.bigram - course.bigram) / 2;
  const bool explained = counted * gap > 0 && std::abs(counted) >= kExplained * std::abs(gap);
  const std::string text = fmt::format(
      "On the {} split the networks’ losses at their end are {} than on the {} split: {:.3f} against {:.3f} in their "
      "mean. Counting, fitted on the same training pieces, {}: {:.3f} against {:.3f} (unigram) and {:.3f} against "
      "{:.3f} "
      "(bigram). ",
      split_name(test.split), gap > 0 ? "higher" : "lower", split_name(course.split), ends.test, ends.course,
      explained ? "differs like that too" : "does not differ like that", test.unigram, course.unigram, test.bigram,
      course.bigram);
  if (explained) {
    return text +
           "So the two splits are different music, which says nothing of the networks: compare them with each other "
           "and with counting on one split, not across the two.";
  }
  return text +
         "So it lies with the networks: what they learned of the training pieces holds for the one split more than for "
         "the other, as may be where a split has few pieces or training went on too long.";
}

}  // namespace polonaise::tools
