#include "io/data/benchmark_sets.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "io/files/error.h"
#include "io/files/file.h"

namespace polonaise::io {
namespace {

std::filesystem::path written(std::string_view text) {
  // A file for each test: they may run side by side.
  const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
  const auto path = std::filesystem::path(testing::TempDir()) / ("polonaise_rolls_" + test + ".jsonl");
  write_file(path, text);
  return path;
}

std::string refusal(std::string_view text) {
  try {
    read_rolls(written(text));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Rolls, ReadsALineASequence) {
  const auto sequences = read_rolls(written("[[60,64,67],[21,108],[],[62]]\n[]\n[[]]\n"));
  ASSERT_EQ(sequences.size(), 3U);
  EXPECT_EQ(sequences[0].size(), 4);
  EXPECT_EQ(sequences[0].view().frame(1)[0], 0);
  EXPECT_EQ(sequences[0].view().frame(1)[1], 87);
  EXPECT_TRUE(sequences[0].view().frame(2).empty());
  EXPECT_EQ(sequences[1].size(), 0);
  EXPECT_EQ(sequences[2].size(), 1);
  EXPECT_EQ(read_rolls(written("[[60]]")).size(), 1U) << "the last line may lack its end";
}

TEST(Rolls, AnythingElseIsRefusedByLine) {
  for (const char* text :
       {"\n",      "[[60]]\n\n", "[[60,60]]",  "[[61,60]]", "[[20]]",     "[[109]]",  "[[1000]]",      "[[60.5]]",
        "[[-60]]", "[[60 ]]",    "[[60],]",    "[[60,]]",   "[60]",       "[[[60]]]", "[[60]",         "[[60",
        "[",       "[[60]]x",    "[[60]]\r\n", "{}",        "[[\"60\"]]", " [[60]]",  "[[060]] [[61]]"}) {
    EXPECT_NE(refusal(text), "") << text;
  }
  EXPECT_NE(refusal("[[60]]\n[[60],[62,61]]\n").find("line 2"), std::string::npos);
}

TEST(Rolls, BenchmarkSetsHaveTheirPublishedSizes) {
  const char* data = std::getenv("POLONAISE_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "POLONAISE_TEST_DATA is unset: no benchmark sets to read";
  const auto frames = [](const std::vector<Piece>& pieces) {
    std::int64_t sum = 0;
    for (const Piece& piece : pieces) sum += piece.events.size();
    return sum;
  };
  const std::filesystem::path folder = std::filesystem::path(data) / "polyphonic";
  const Corpus chorales = read_rolls_folder(folder / "jsb_chorales");
  EXPECT_EQ(chorales[Split::train].size(), 229U);
  EXPECT_EQ(chorales[Split::valid].size(), 76U);
  EXPECT_EQ(chorales[Split::test].size(), 77U);
  EXPECT_EQ(frames(chorales[Split::test]), 4725);
  EXPECT_EQ(chorales[Split::test].front().name, "test 1");
  EXPECT_EQ(frames(read_rolls_folder(folder / "nottingham")[Split::train]), 176561);
}

TEST(Rolls, AMissingFileIsNamed) {
  try {
    read_rolls_folder(testing::TempDir() + "/polonaise_no_such_folder");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("train.jsonl"), std::string::npos);
  }
}

}  // namespace
}  // namespace polonaise::io
