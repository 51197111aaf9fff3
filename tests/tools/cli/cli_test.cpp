#include "tools/cli/cli.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "io/files/error.h"
#include "kernels/cuda/host/api.h"
#include "tests/tools/run_program.h"

namespace polonaise::tools {
namespace {

// The options of an imaginary trainer, declared as a program declares them.
struct Example {
  int hidden = 64;
  double lr = 0.001;
  std::string model = "lstm";
  std::vector<double> split{0.8, 0.1, 0.1};
  std::vector<std::filesystem::path> folders;
  std::filesystem::path output;
  bool quiet = false;
  bool resume = false;
  bool shuffle = true;
  std::uint64_t seed = 1;
  std::int64_t bar = 1;
  Cli cli{"polonaise-example", "an example"};

  Example() {
    cli.positional("DIR", folders, "folders");
    cli.option("-o,--output", output, "where to write");
    cli.option("--hidden", hidden, "width").range(1, 4096);
    cli.option("--lr", lr, "learning rate").range(0, 1);
    cli.option("--model", model, "the model").choices({"rnn", "lstm", "transformer"});
    cli.option("--split", split, "shares");
    cli.flag("-q,--quiet", quiet, "say nothing");
    cli.flag("--shuffle", shuffle, "shuffle");
    cli.flag("--resume", resume, "go on").transient();
    cli.option("--seed", seed, "seed").transient();
    cli.option("--bar", bar, "a bar").range(1).transient();
  }
};

class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Environment() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST(Cli, ADerivedDefaultFollowsFromWhatWasGiven) {
  const auto parsed = [](const std::vector<std::string>& arguments) {
    Cli cli("polonaise-example", "an example");
    int hidden = 64;
    double lr = 0;
    cli.option("--hidden", hidden, "width");
    cli.option("--lr", lr, "learning rate").derived("1 over --hidden");
    cli.derive([&] {
      if (!cli.given("lr")) lr = 1.0 / hidden;
    });
    cli.parse(arguments);
    EXPECT_NE(cli.help().find("learning rate [1 over --hidden]"), std::string::npos);
    return cli.config().find("lr")->items.front();
  };
  EXPECT_EQ(parsed({"--hidden", "4"}), "0.25");
  EXPECT_EQ(parsed({"--hidden", "4", "--lr", "3"}), "3");
}

std::string usage_error(const std::vector<std::string>& arguments) {
  Example example;
  try {
    example.cli.parse(arguments);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

std::filesystem::path config_file(std::string_view text) {
  const auto file = fresh_folder() / "options.toml";
  write_text(file, text);
  return file;
}

TEST(Cli, DefaultsStandUntilAFlagSetsThem) {
  Example example;
  example.cli.parse(
      {"a", "-o", "out", "b", "--lr=0.5", "-q", "--no-shuffle", "--split", "0.5,0.25", "--split", "0.25"});
  EXPECT_EQ(example.hidden, 64);
  EXPECT_EQ(example.lr, 0.5);
  EXPECT_TRUE(example.quiet);
  EXPECT_FALSE(example.shuffle);
  EXPECT_EQ(example.folders, (std::vector<std::filesystem::path>{"a", "b"}));
  EXPECT_EQ(example.output, "out");
  EXPECT_EQ(example.split, (std::vector<double>{0.5, 0.25, 0.25}));
  EXPECT_TRUE(example.cli.given("lr"));
  EXPECT_FALSE(example.cli.given("hidden"));
}

TEST(Cli, AnEmptyValueIsOneAndNotTheNextArgument) {
  const std::vector<std::vector<std::string>> cases = {{"-o", "out", "--output=", "b"},
                                                       {"-o", "out", "--output", "", "b"}};
  for (const std::vector<std::string>& empty : cases) {
    Example example;
    example.cli.parse(empty);
    EXPECT_EQ(example.output, "");
    EXPECT_EQ(example.folders, (std::vector<std::filesystem::path>{"b"}));
  }
  EXPECT_EQ(usage_error({"--hidden=", "3"}), usage_error({"--hidden", "", "3"}));
}

TEST(Cli, FlagWinsOverEnvironmentOverFileOverDefault) {
  const auto file = config_file("hidden = 1\nlr = 0.1\nmodel = \"rnn\"\n");
  const Environment hidden("POLONAISE_HIDDEN", "2");
  const Environment lr("POLONAISE_LR", "0.2");
  Example example;
  example.cli.parse({"--hidden", "3", "--config", file.string()});
  EXPECT_EQ(example.hidden, 3);
  EXPECT_EQ(example.lr, 0.2);
  EXPECT_EQ(example.model, "rnn");
  EXPECT_EQ(example.split.size(), 3u);
}

TEST(Cli, EnvironmentSetsFlagsListsAndTheConfigurationFile) {
  const auto file = config_file("hidden = 7\n");
  const Environment config("POLONAISE_CONFIG", file.c_str());
  const Environment quiet("POLONAISE_QUIET", "true");
  const Environment split("POLONAISE_SPLIT", "0.5,0.5");
  Example example;
  example.cli.parse({});
  EXPECT_EQ(example.hidden, 7);
  EXPECT_TRUE(example.quiet);
  EXPECT_EQ(example.split, (std::vector<double>{0.5, 0.5}));
}

TEST(Cli, UnknownNamesAreRefusedWithTheNearest) {
  EXPECT_EQ(usage_error({"--hiden", "64"}), "unknown option --hiden; did you mean --hidden?");
  EXPECT_EQ(usage_error({"--hiden=64"}), "unknown option --hiden; did you mean --hidden?");
  EXPECT_EQ(usage_error({"--qiuet"}), "unknown option --qiuet; did you mean --quiet?");
  EXPECT_EQ(usage_error({"--no-such-thing"}),
            "unknown option --no-such-thing; 'polonaise-example --help' lists the options.");
  EXPECT_EQ(usage_error({"-z"}), "unknown option -z; 'polonaise-example --help' lists the options.");
  EXPECT_EQ(usage_error({"--model", "lstn"}),
            "--model: 'lstn' is none of rnn, lstm, transformer; did you mean 'lstm'?");
}

TEST(Cli, UnknownKeysOfAFileAreRefusedWithTheNearest) {
  const auto file = config_file("# a comment\nhiden = 64\n");
  EXPECT_EQ(usage_error({"--config", file.string()}),
            file.string() + " line 2: unknown key 'hiden'; did you mean 'hidden'?");
}

TEST(Cli, ValuesOutOfRangeOrOfTheWrongTypeAreUsageErrors) {
  EXPECT_EQ(usage_error({"--hidden", "0"}), "--hidden: 0 is not from 1 to 4096.");
  EXPECT_EQ(usage_error({"--lr", "nan"}), "--lr: nan is not from 0 to 1.");
  EXPECT_EQ(usage_error({"--lr", "fast"}), "--lr: 'fast' is not a number from 0 to 1.");
  EXPECT_EQ(usage_error({"--hidden", "6.5"}), "--hidden: '6.5' is not a whole number from 1 to 4096.");
  EXPECT_EQ(usage_error({"--hidden", "99999999999"}), "--hidden: '99999999999' is not a whole number from 1 to 4096.");
  EXPECT_EQ(usage_error({"--bar", "one"}), "--bar: 'one' is not a whole number of at least 1.");
  EXPECT_EQ(usage_error({"--seed", "-1"}), "--seed: '-1' is not a whole number from 0 to 18446744073709551615.");
  EXPECT_EQ(usage_error({"--split", "0.5,half"}), "--split: '0.5,half' is not a number.");
  EXPECT_EQ(usage_error({"--hidden"}), "--hidden needs a value.");
  EXPECT_EQ(usage_error({"--model", "--quiet"}), "--model needs a value.");
  const Environment hidden("POLONAISE_HIDDEN", "many");
  EXPECT_EQ(usage_error({}), "POLONAISE_HIDDEN: 'many' is not a whole number from 1 to 4096.");
}

TEST(Cli, TheResolvedConfigurationLoadsAgain) {
  Example first;
  first.cli.parse({"a b", "c#d", "--lr", "1e-4", "-o", "x\"y\\z", "--model", "rnn", "--no-shuffle", "--resume"});
  const std::string text = first.cli.config().toml();
  EXPECT_EQ(text,
            "dir = [\"a b\", \"c#d\"]\n"
            "output = \"x\\\"y\\\\z\"\n"
            "hidden = 64\n"
            "lr = 0.0001\n"
            "model = \"rnn\"\n"
            "split = [0.8, 0.1, 0.1]\n"
            "quiet = false\n"
            "shuffle = false\n");
  Example second;
  second.cli.parse({"--config", config_file(text).string()});
  EXPECT_EQ(second.cli.config().toml(), text);
  EXPECT_EQ(second.folders, first.folders);
  EXPECT_EQ(second.output, first.output);
  EXPECT_FALSE(second.resume);
}

TEST(Cli, AdoptSetsOnlyWhatWasNotGiven) {
  Example example;
  example.cli.parse({"--hidden", "3"});
  example.cli.adopt(parse_config("hidden = 5\nlr = 0.25\n", "run"), "run");
  EXPECT_EQ(example.hidden, 3);
  EXPECT_EQ(example.lr, 0.25);
  EXPECT_THROW(example.cli.adopt(parse_config("resume = true\n", "run"), "run"), UsageError);
}

TEST(Cli, CommandsHaveOptionsOfTheirOwnAndSectionsInTheFile) {
  const auto file = config_file("verbose = true\n[draw]\ncolour = \"red\"\n[erase]\nall = true\n");
  bool verbose = false, all = false, drawn = false;
  std::string colour = "black";
  Cli cli("polonaise-example", "an example");
  cli.flag("--verbose", verbose, "say more");
  Cli& draw = cli.command("draw", "draws");
  draw.option("--colour", colour, "the colour");
  draw.action([&] { drawn = true; });
  cli.command("erase", "erases").flag("--all", all, "everything");
  const std::string path = file.string();
  const std::vector<const char*> argv{"program", "draw", "--config", path.c_str()};
  EXPECT_EQ(cli.run(static_cast<int>(argv.size()), argv.data()), kExitOk);
  EXPECT_TRUE(drawn);
  EXPECT_TRUE(verbose);
  EXPECT_EQ(colour, "red");
  EXPECT_EQ(cli.config().toml(), "verbose = true\n\n[draw]\ncolour = \"red\"\n");
}

TEST(Cli, ACommandThatIsMissingOrUnknownIsAUsageError) {
  const auto sentence = [](const std::vector<std::string>& arguments) -> std::string {
    Cli cli("polonaise-example", "an example");
    cli.command("draw", "draws");
    cli.command("erase", "erases");
    try {
      cli.parse(arguments);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(sentence({}), "a command is missing: draw, erase.");
  EXPECT_EQ(sentence({"paint"}), "unknown command 'paint'; the commands are draw, erase.");
  EXPECT_EQ(sentence({"darw"}), "unknown command 'darw'; did you mean 'draw'?");
  EXPECT_EQ(sentence({"draw", "line"}),
            "unexpected argument 'line'; 'polonaise-example draw --help' shows what may be given.");
}

TEST(Cli, ExitStatusTellsUsageErrorsFromFailures) {
  const auto status = [](std::function<void()> action, std::vector<const char*> arguments) {
    Cli cli("polonaise-example", "an example");
    std::string needed;
    cli.option("--needed", needed, "must be given").required();
    cli.action(std::move(action));
    arguments.insert(arguments.begin(), "program");
    return cli.run(static_cast<int>(arguments.size()), arguments.data());
  };
  EXPECT_EQ(status([] {}, {"--needed", "x"}), kExitOk);
  EXPECT_EQ(status([] { throw io::Error("x is empty."); }, {"--needed", "x"}), kExitFailure);
  EXPECT_EQ(status([] { throw UsageError("x is odd."); }, {"--needed", "x"}), kExitUsage);
  EXPECT_EQ(status([] {}, {}), kExitUsage);
}

TEST(Cli, WantOfMemoryIsAFailureThatEndsInTheProgramsOwnRemedy) {
  const auto sentence = [](std::function<void()> action, const char* remedy) {
    Cli cli("polonaise-example", "an example");
    cli.memory_remedy(remedy);
    cli.action(std::move(action));
    const char* arguments[] = {"program"};
    testing::internal::CaptureStderr();
    EXPECT_EQ(cli.run(1, arguments), kExitFailure);
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(
      sentence([] { throw OutOfMemory("the card could not give 7 bytes (5 of 9 are free)"); }, "use --device cpu"),
      "polonaise-example: the card could not give 7 bytes (5 of 9 are free): use --device cpu.\n");
  EXPECT_EQ(sentence([] { throw std::bad_alloc(); }, ""), "polonaise-example: out of memory.\n");
}

TEST(Cli, HelpShowsDefaultsChoicesAndExamples) {
  Example example;
  example.cli.example("polonaise-example midi -o data", "reads the folder midi");
  const std::string text = example.cli.help();
  for (const char* part : {"Usage: polonaise-example [DIR...] [OPTIONS]", "-o, --output PATH", "--hidden N",
                           "width [64]", "the model: rnn, lstm, transformer [lstm]", "shares [0.8,0.1,0.1]",
                           "--no-shuffle", "Examples:\n  polonaise-example midi -o data\n      reads the folder midi\n",
                           "--dump-config", "POLONAISE_OUTPUT sets --output"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\nis not in\n" << text;
  }
}

TEST(Cli, HelpEndsWithTheEpilogue) {
  Example example;
  example.cli.epilogue("A width is a number of units.\n");
  EXPECT_TRUE(example.cli.help().ends_with("\n\nA width is a number of units.\n")) << example.cli.help();
}

TEST(Cli, TheExampleOfTheEnvironmentIsAnOptionOfTheProgramOfTwoWordsWhereItHasOne) {
  Cli cli("polonaise-example", "an example");
  EXPECT_NE(cli.help().find("POLONAISE_CONFIG sets --config"), std::string::npos) << cli.help();
  int k = 0, p = 0;
  cli.option("--k", k, "k");
  cli.option("--top-p", p, "p");
  cli.command("draw", "draws");
  EXPECT_NE(cli.help().find("POLONAISE_TOP_P sets --top-p"), std::string::npos) << cli.help();
  cli.parse({"draw"});
  EXPECT_NE(cli.help().find("POLONAISE_TOP_P sets --top-p"), std::string::npos) << cli.help();
}

TEST(Cli, OnlyFlagsAreRefusedAsHavingNoEffect) {
  const auto refusal = [](const std::vector<std::string>& arguments) -> std::string {
    Example example;
    example.cli.parse(arguments);
    try {
      example.cli.refuse_flags({"dir", "lr", "hidden"}, "has no effect here");
    } catch (const UsageError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(refusal({"--lr", "0.5"}), "--lr has no effect here.");
  EXPECT_EQ(refusal({"folder"}), "DIR has no effect here.");
  EXPECT_EQ(refusal({"--model", "rnn"}), "no error");
  const auto file = config_file("hidden = 7\n");
  const Environment lr("POLONAISE_LR", "0.2");
  EXPECT_EQ(refusal({"--config", file.string()}), "no error");
  EXPECT_EQ(refusal({"--config", file.string(), "--hidden", "7"}), "--hidden has no effect here.");
}

}  // namespace
}  // namespace polonaise::tools
