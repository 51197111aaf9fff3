#include "io/baselines/protocol.h"

#include <gtest/gtest.h>

#include "io/files/error.h"

namespace polonaise::io {
namespace {

double mean(Protocol protocol, const std::vector<std::vector<double>>& sequences) {
  ProtocolMean result(protocol);
  for (const auto& sequence : sequences) result.add(sequence);
  return result.value();
}

TEST(Protocol, AveragesAsEachPaperDoes) {
  const std::vector<std::vector<double>> sequences = {{10, 1, 1}, {4}, {8, 2}};
  EXPECT_DOUBLE_EQ(mean(Protocol::bl2012, sequences), 26.0 / 6);
  EXPECT_DOUBLE_EQ(mean(Protocol::bai2018, sequences), 4.0 / 3);
  EXPECT_DOUBLE_EQ(mean(Protocol::tsbn, sequences), (4.0 + 4.0 + 5.0) / 3);
}

TEST(Protocol, CountsItsTargets) {
  ProtocolMean result(Protocol::bai2018);
  result.add(std::vector<double>{1, 2, 3});
  result.add({});
  EXPECT_EQ(result.targets(), 2);
}

TEST(Protocol, OfNothingThereIsNoMean) {
  for (const Protocol protocol : {Protocol::bl2012, Protocol::bai2018, Protocol::tsbn}) {
    ProtocolMean result(protocol);
    EXPECT_THROW(result.value(), Error);
    result.add({});
    EXPECT_THROW(result.value(), Error);
    result.add(std::vector<double>{2});
    if (uncounted_events(protocol) == 0) {
      EXPECT_EQ(result.value(), 2);
    } else {
      EXPECT_THROW(result.value(), Error);
    }
  }
}

TEST(Protocol, NamesComeBack) {
  for (const std::string& name : protocol_names()) EXPECT_EQ(protocol_name(protocol_from_name(name)), name);
  EXPECT_THROW(protocol_from_name("bl2013"), Error);
}

}  // namespace
}  // namespace polonaise::io
