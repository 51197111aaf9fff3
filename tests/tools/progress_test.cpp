#include "tools/common/progress.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>

namespace polonaise::tools {
namespace {

std::string written(std::FILE* file) {
  std::rewind(file);
  std::array<char, 1024> buffer{};
  const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), file);
  std::fclose(file);
  return {buffer.data(), size};
}

TEST(Progress, DurationsAreWrittenInTheUnitsPeopleUse) {
  EXPECT_EQ(format_duration(0.84), "0.8 s");
  EXPECT_EQ(format_duration(9.96), "10 s");
  EXPECT_EQ(format_duration(59.6), "1 min 00 s");
  EXPECT_EQ(format_duration(125), "2 min 05 s");
  EXPECT_EQ(format_duration(3725), "1 h 02 min");
  EXPECT_EQ(format_duration(270000), "3 d 03 h");
  EXPECT_EQ(format_duration(-1), "0.0 s");
}

TEST(Progress, CountsAreGroupedByThousands) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(-681607), "-681,607");
  EXPECT_EQ(format_count(-100), "-100");
}

TEST(Progress, TimeLeftFollowsThePaceSinceTheStart) {
  EXPECT_DOUBLE_EQ(time_left(0, 25, 100, 10), 30);
  EXPECT_DOUBLE_EQ(time_left(50, 75, 100, 10), 10);
  EXPECT_LT(time_left(50, 50, 100, 10), 0);
}

TEST(Progress, WritesPlainLinesWhereThereIsNoTerminal) {
  std::FILE* file = std::tmpfile();
  {
    Progress progress(4, {.seconds_per_line = 0, .stream = file});
    ASSERT_TRUE(progress.due());
    progress.show(1, "one");
    progress.note("a note");
    progress.show(4, "four");
  }
  const std::string text = written(file);
  EXPECT_TRUE(text.starts_with("one 25 % ETA 0.0 s\na note\nfour 100 % ETA 0.0 s\n")) << text;
}

TEST(Progress, WaitsForItsIntervalAndIsSilentWhenQuiet) {
  std::FILE* file = std::tmpfile();
  {
    Progress slow(4, {.seconds_per_line = 3600, .stream = file});
    EXPECT_FALSE(slow.due());
    Progress quiet(4, {.quiet = true, .seconds_per_line = 0, .stream = file});
    EXPECT_FALSE(quiet.due());
    quiet.show(1, "one");
    quiet.note("a note");
  }
  EXPECT_EQ(written(file), "");
}

}  // namespace
}  // namespace polonaise::tools
