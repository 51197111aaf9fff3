#include "tools/jobs/progress.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

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
  EXPECT_EQ(counted(0, "piece"), "0 pieces");
  EXPECT_EQ(counted(1, "piece"), "1 piece");
  EXPECT_EQ(counted(1000, "piece"), "1,000 pieces");
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

TEST(Progress, RedrawsOneLineOfATerminalAtMostTenTimesASecond) {
  int leader = -1, follower = -1;
  if (openpty(&leader, &follower, nullptr, nullptr, nullptr) != 0) GTEST_SKIP() << "no pseudo-terminal";
  std::FILE* terminal = fdopen(follower, "w");
  int shown = 0;
  double seconds = 0;
  {
    Progress progress(100000, {.stream = terminal});
    for (int i = 1; i <= 100000; ++i) {
      if (!progress.due()) continue;
      progress.show(i, "a step");
      ++shown;
    }
    seconds = progress.elapsed();
  }
  fcntl(leader, F_SETFL, O_NONBLOCK);
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t size = 0; (size = read(leader, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  std::fclose(terminal);
  close(leader);
  EXPECT_TRUE(text.starts_with("\ra step 0 %")) << text;
  EXPECT_TRUE(text.ends_with("\r\x1b[K")) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_LE(shown, 1 + seconds * 10);
}

}  // namespace
}  // namespace polonaise::tools
