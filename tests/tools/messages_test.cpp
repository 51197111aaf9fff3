// Messages that cannot be written end no program.

#include <gtest/gtest.h>

#include <map>

#include "io/midi/notes.h"
#include "tests/tools/runs.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

// Ways in which nobody can be told anything, by name.
std::map<std::string, ProgramOptions> deaf_ends() {
  return {{"stderr closed", {.close_stderr = true}},
          {"both closed", {.close_stdout = true, .close_stderr = true}},
          {"stderr full", {.stderr_path = "/dev/full"}},
          {"both full", {.stdout_path = "/dev/full", .stderr_path = "/dev/full"}},
          {"no reader", {.nobody_reads = true}}};
}

TEST(Messages, ATrainingGoesOnWithoutThemAndSaves) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88");
  const auto arguments = [&](const fs::path& run) {
    return joined(small_model("rnn"), {data, "--steps", "6", "--threads", "1", "-o", run});
  };
  ASSERT_EQ(run_program("polonaise-train", arguments(folder / "told")).status, 0);
  const std::string expected = read_text(folder / "told/checkpoints/last/model.safetensors");
  for (const auto& [name, options] : deaf_ends()) {
    const fs::path run = folder / name;
    const ProgramResult result = run_program("polonaise-train", arguments(run), options);
    // Text for standard output that nobody got is a failure, but for a reader that has gone.
    const bool lost = options.close_stdout || !options.stdout_path.empty();
    EXPECT_EQ(result.status, lost ? 1 : 0) << name;
    EXPECT_EQ(read_text(run / "checkpoints/last/model.safetensors"), expected) << name;
  }
}

TEST(Messages, ErrorsKeepTheirExitStatusInEveryProgram) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  for (const char* program : {"polonaise-train", "polonaise-compare", "polonaise-prepare", "polonaise-sample",
                              "polonaise-evaluate", "polonaise-metrics", "polonaise-midi"})
    for (const auto& [name, options] : deaf_ends())
      EXPECT_EQ(run_program(program, {"--no-such-option"}, options).status, 2) << program << ", " << name;
}

TEST(Messages, WarningsAreDroppedAndTheResultIsWritten) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  const fs::path folder = fresh_folder();
  io::Score score;
  score.ticks_per_quarter = 480;
  for (int i = 0; i < 40; ++i)
    score.notes.push_back({i * 240, 240, static_cast<std::uint8_t>(60 + i % 12), 80, 0, 0, 0});
  fs::create_directories(folder / "music");
  const std::vector<std::byte> bytes = io::write_score(score);
  for (const char* name : {"a.mid", "b.mid", "c.mid"}) io::write_file(folder / "music" / name, bytes);
  write_text(folder / "music" / "broken.mid", "not music");
  for (const auto& [name, options] : deaf_ends()) {
    const fs::path data = folder / (name + ".data");
    run_program("polonaise-prepare", {folder / "music", "-o", data, "--encoding", "perf"}, options);
    EXPECT_TRUE(fs::exists(data)) << name;
  }
}

TEST(Messages, AReaderThatGoesAwayIsNoFailure) {
  EXPECT_EQ(run_program("polonaise-midi", {"--help"}, {.nobody_reads = true}).status, 0);
  EXPECT_EQ(run_program("polonaise-train", {"--version"}, {.nobody_reads = true}).status, 0);
}

}  // namespace
}  // namespace polonaise::tools
