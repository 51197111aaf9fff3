#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/tools/run_program.h"
#include "tests/tools/runs.h"

// tools/recipes/run.sh and the recipes, on a set of five short sequences.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

const fs::path kRecipes = POLONAISE_SOURCE_DIR "/tools/recipes";

// Both sets of the benchmark in small.
fs::path small_benchmark(const fs::path& folder) {
  const std::string up = "[[60],[62,64],[64],[65,69],[67],[69],[71],[72]]\n", down = "[[72],[71],[69],[67,71],[65]]\n";
  for (const char* set : {"jsb_chorales", "nottingham"}) {
    fs::create_directories(folder / set);
    write_text(folder / set / "train.jsonl", up + down + up);
    write_text(folder / set / "valid.jsonl", down);
    write_text(folder / set / "test.jsonl", up);
  }
  return folder;
}

ProgramResult run_recipes(std::vector<std::string> arguments, const ProgramOptions& options = {}) {
  arguments.insert(arguments.begin(),
                   {kRecipes / "run.sh", "--programs", POLONAISE_BINARY_DIR "/bin", "--threads", "1"});
  return run_program("/bin/bash", arguments, options);
}

std::string row_of(const std::string& table, const std::string& recipe) {
  const std::size_t begin = table.find("| " + recipe + " |");
  return begin == std::string::npos ? "" : table.substr(begin, table.find('\n', begin) - begin);
}

TEST(Recipes, HaveOptionsThatTrainTakes) {
  std::size_t recipes = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(kRecipes)) {
    if (entry.path().extension() != ".toml") continue;
    ++recipes;
    const ProgramResult result = run_program("polonaise-train", {"--config", entry.path(), "--dump-config"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_NE(result.out.find("dataset = \""), std::string::npos) << entry.path();
  }
  EXPECT_GE(recipes, 5u);
}

TEST(Recipes, GiveARowOverTheirSeedsOnce) {
  const fs::path folder = fresh_folder();
  const std::string data = small_benchmark(folder / "data"), out = folder / "out";
  const ProgramResult first = run_recipes({"--data", data, "--out", out, "--seeds", "1,2", "jsb-rnn-64"});
  ASSERT_EQ(first.status, 0) << first.err;
  const std::string row = row_of(first.out, "jsb-rnn-64");
  EXPECT_TRUE(row.starts_with("| jsb-rnn-64 | 2 | ")) << first.out;
  EXPECT_EQ(row.find("| 0.000"), std::string::npos) << row;
  const std::string results = read_text(folder / "out/results.tsv");
  EXPECT_EQ(std::ranges::count(results, '\n'), 2);

  const ProgramResult again = run_recipes({"--data", data, "--out", out, "--seeds", "1,2", "jsb-rnn-64"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(row_of(again.out, "jsb-rnn-64"), row);
  EXPECT_EQ(read_text(folder / "out/results.tsv"), results);
}

TEST(Recipes, AnInterruptedRunIsNoResultAndGoesOn) {
  const fs::path folder = fresh_folder();
  const std::string data = small_benchmark(folder / "data"), out = folder / "out";
  const std::vector<std::string> arguments = {"--data", data, "--out", out, "--seeds", "1", "jsb-rnn-64"};
  // Saved before its end and left with exit status 0, as by Ctrl-C.
  const ProgramResult stopped = run_recipes(arguments, {.environment = {{"POLONAISE_STOP_AT", "3"}}});
  EXPECT_EQ(stopped.status, 130) << stopped.out << stopped.err;
  EXPECT_TRUE(contains(stopped.err, "the same command goes on with it")) << stopped.err;
  EXPECT_FALSE(fs::exists(folder / "out/results.tsv"));

  const ProgramResult done = run_recipes(arguments);
  ASSERT_EQ(done.status, 0) << done.err;
  EXPECT_TRUE(row_of(done.out, "jsb-rnn-64").starts_with("| jsb-rnn-64 | 1 | ")) << done.out;
  const std::string course = read_text(folder / "out/jsb-rnn-64-1/metrics.jsonl");
  EXPECT_TRUE(contains(course, "\"step\":50,\"reason\":\"finished\",\"steps\":47,")) << course;
}

TEST(Recipes, WhatCannotBeRunIsRefused) {
  const fs::path folder = fresh_folder();
  const std::string data = small_benchmark(folder / "data");
  const auto refused = [&](std::vector<std::string> arguments, std::string_view part) {
    const ProgramResult result = run_recipes(arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
  };
  refused({"--data", data}, "name a recipe: jsb-");
  refused({"jsb-rnn-64"}, "--data DIR must name");
  refused({"--data", data, "waltz"}, "there is no recipe waltz");
  refused({"--data", data, "--seeds", "one", "jsb-rnn-64"}, "--seeds one is no list");
}

}  // namespace
}  // namespace polonaise::tools
