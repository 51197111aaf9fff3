#include "io/baselines.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "io/corpus.h"
#include "io/error.h"
#include "io/rolls.h"

namespace polonaise::io {
namespace {

EventSpec roll_spec() {
  return {EventKind::frames, 0, 88, 0, 88, DurationInput::log2_one_plus};
}

// The figures that a program of no relation to this one computed from the same data, under each protocol.
struct Anchor {
  const char* set;
  Protocol protocol;
  double unigram;
  double bigram;  // 0 where not known
};

TEST(Baselines, BenchmarkAnchorsComeOutToTheDigit) {
  const char* data = std::getenv("POLONAISE_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "POLONAISE_TEST_DATA is unset: no benchmark sets to read";
  const Anchor anchors[] = {
      {"jsb_chorales", Protocol::bl2012, 11.0614, 0},     {"jsb_chorales", Protocol::bai2018, 11.0925, 10.4919},
      {"jsb_chorales", Protocol::tsbn, 11.0047, 0},       {"nottingham", Protocol::bl2012, 10.2519, 0},
      {"nottingham", Protocol::bai2018, 10.2608, 5.1532}, {"nottingham", Protocol::tsbn, 10.1162, 0}};
  for (const Anchor& anchor : anchors) {
    const Corpus corpus = read_rolls_folder(std::filesystem::path(data) / "polyphonic" / anchor.set);
    const auto train = views(corpus[Split::train]);
    const auto test = views(corpus[Split::test]);
    const Baselines result = baselines(train, test, roll_spec(), anchor.protocol);
    EXPECT_NEAR(result.unigram, anchor.unigram, 0.0005) << anchor.set << " " << protocol_name(anchor.protocol);
    if (anchor.bigram > 0) {
      EXPECT_NEAR(result.bigram, anchor.bigram, 0.0005) << anchor.set;
    }
  }
}

}  // namespace
}  // namespace polonaise::io
