#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "io/data/continuation.h"
#include "io/data/op53_prime.h"
#include "io/encodings/encoding.h"
#include "io/midi/notes.h"
#include "tests/tools/runs.h"

// What samples go on from, and where drawing begins in their files.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

ProgramResult sample(const std::vector<std::string>& arguments, const ProgramOptions& options = {}) {
  return run_program("polonaise-sample", arguments, options);
}

// By the strict reader, without repairs.
io::Score read(const fs::path& file) {
  io::Warnings warnings;
  io::Score score = io::read_score(file, warnings, true);
  EXPECT_TRUE(warnings.entries().empty()) << file;
  return score;
}

void expect_equal(const io::Score& a, const io::Score& b) {
  EXPECT_EQ(a.ticks_per_quarter, b.ticks_per_quarter);
  EXPECT_EQ(a.notes, b.notes);
  EXPECT_EQ(a.tempos, b.tempos);
  EXPECT_EQ(a.time_signatures, b.time_signatures);
  EXPECT_EQ(a.pedals, b.pedals);
}

class Openings : public ::testing::TestWithParam<std::string> {};

TEST_P(Openings, AreKeptMarkedOrDropped) {
  const fs::path folder = fresh_folder();
  const std::string encoding = GetParam();
  const fs::path run = small_run(folder, encoding, "rnn");
  const auto drawn = [&](const std::vector<std::string>& options, const std::string& name) {
    const fs::path out = folder / (name + ".mid");
    const ProgramResult result = sample(joined({run, "--steps", "120", "-q", "-o", out}, options));
    EXPECT_EQ(result.status, 0) << result.err;
    return read(out);
  };
  const io::Score by_default = drawn({}, "default"), keep = drawn({"--opening", "keep"}, "keep"),
                  mark = drawn({"--opening", "mark"}, "mark"), drop = drawn({"--opening", "drop"}, "drop");
  expect_equal(keep, mark);
  expect_equal(by_default, mark);
  EXPECT_EQ(by_default.continuation, mark.continuation);
  EXPECT_FALSE(keep.continuation);
  ASSERT_TRUE(mark.continuation);

  // The opening by itself has the notes before the marker, but for those that drawing added to its last chord; what it
  // held on may have become longer.
  const auto encoder = io::make_encoding(encoding);
  io::LossReport report;
  const Events opening = encoder->encode(io::op53_prime(), report);
  const io::Score given = encoder->decode(opening.view());
  EXPECT_GE(*mark.continuation, encoder->standing(opening.view(), opening.size()).tick);
  const bool has_frames = encoder->shape().kind == EventKind::frames;
  if (has_frames) {
    EXPECT_EQ(*mark.continuation, encoder->standing(opening.view(), opening.size()).tick);
  }
  const auto before = std::ranges::count_if(mark.notes, [&](const auto& n) { return n.onset < *mark.continuation; });
  EXPECT_GE(before, std::ssize(given.notes));
  if (has_frames) {
    EXPECT_EQ(before, std::ssize(given.notes));
  }
  ASSERT_LT(before, std::ssize(mark.notes));

  expect_equal(drop, io::without_opening(mark));
  EXPECT_FALSE(drop.continuation);
  EXPECT_EQ(std::ssize(drop.notes), std::ssize(mark.notes) - before);
  for (const std::string kept : {"keep", "mark", "drop"}) {
    EXPECT_TRUE(contains(read_text(folder / (kept + ".mid")), " prime=op53 prime-steps=0 opening=" + kept)) << kept;
  }
}

TEST_P(Openings, NeedNotBeThere) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, GetParam(), "lstm");
  const auto options = std::vector<std::string>{run, "--prime", "none", "--steps", "150", "-q"};
  const auto drawn = [&](const std::vector<std::string>& more, const std::string& name) {
    const ProgramResult result = sample(joined(joined(options, more), {"-o", folder / (name + ".mid")}));
    EXPECT_EQ(result.status, 0) << result.err;
    return read(folder / (name + ".mid"));
  };
  const io::Score score = drawn({}, "a");
  EXPECT_FALSE(score.notes.empty());
  EXPECT_FALSE(score.continuation) << "all was drawn";
  EXPECT_NE(score.notes.front().pitch, io::op53_prime().notes.front().pitch);
  EXPECT_TRUE(contains(read_text(folder / "a.mid"), " prime=none"));
  EXPECT_FALSE(contains(read_text(folder / "a.mid"), "prime-steps"));
  EXPECT_FALSE(contains(read_text(folder / "a.mid"), "opening="));
  expect_equal(score, drawn({}, "again"));
  drawn({"--no-grammar"}, "free");
  drawn({"--no-copy", "4"}, "new");
  drawn({"--key", "C", "--range", "C3..C5", "--max-polyphony", "3"}, "held");
  for (const io::Note& note : read(folder / "held.mid").notes) EXPECT_TRUE(note.pitch >= 48 && note.pitch <= 72);
}

INSTANTIATE_TEST_SUITE_P(Encodings, Openings, ::testing::ValuesIn(io::encoding_names()), [](const auto& instance) {
  std::string name = instance.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(Sample, EveryModelDrawsFromTheStartEventAlone) {
  const fs::path folder = fresh_folder();
  for (const std::string model : {"rnn", "gru", "bilstm", "transformer"}) {
    for (const std::string encoding : {"chordvec", "tsd"}) {
      const fs::path place = folder / (model + encoding);
      fs::create_directories(place);
      const fs::path run = small_run(place, encoding, model);
      const auto options = std::vector<std::string>{run, "--prime", "none", "--steps", "40", "-q"};
      ASSERT_EQ(sample(joined(options, {"--count", "2", "-o", place / "s.mid"})).status, 0) << place;
      ASSERT_EQ(sample(joined(options, {"-o", place / "one.mid"})).status, 0) << place;
      EXPECT_EQ(read_text(place / "s-001.mid"), read_text(place / "one.mid"));
      EXPECT_NE(read_text(place / "s-001.mid"), read_text(place / "s-002.mid"));
    }
  }
  fs::create_directories(folder / "nade");
  const fs::path run = small_run(folder / "nade", "roll88", "gru", {"--head", "autoregressive", "--head-hidden", "8"});
  EXPECT_EQ(sample({run, "--prime", "none", "--steps", "20", "-q", "-o", folder / "nade.mid"}).status, 0);
}

TEST(Sample, WithoutAnOpeningALengthIsThatOfWhatIsDrawn) {
  const fs::path folder = fresh_folder();
  struct Case {
    std::string encoding, option, length;
    double quarters;
  };
  for (const Case& c : {Case{"chordvec", "--bars", "3", 12}, Case{"roll88", "--bars", "0.5", 2},
                        Case{"perf", "--seconds", "3", 6}, Case{"remi", "--bars", "2", 12}}) {
    fs::create_directories(folder / c.encoding);
    const fs::path run = small_run(folder / c.encoding, c.encoding, "rnn"), out = folder / (c.encoding + ".mid");
    const ProgramResult result = sample({run, "--prime", "none", c.option, c.length, "-q", "-o", out});
    ASSERT_EQ(result.status, 0) << result.err;
    const io::Score score = read(out);
    EXPECT_LE(static_cast<double>(io::last_end(score.notes)), c.quarters * static_cast<double>(score.ticks_per_quarter))
        << c.encoding;
  }
}

TEST(Sample, RefusesOpeningsThatAreNone) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "chordvec", "rnn"), out = folder / "out.mid";
  const std::string empty = "--prime is empty; name a MIDI file, or give op53 for the Polonaise or none to draw";
  expect_failure(sample({run, "--prime", "", "-o", out}), 2, empty);
  expect_failure(sample({run, "--prime=", "-o", out}), 2, empty);
  write_text(folder / "empty.toml", "prime = \"\"\n");
  expect_failure(sample({run, "--config", folder / "empty.toml", "-o", out}), 2, empty);
  expect_failure(sample({run, "--prime", "none", "--prime-steps", "4", "-o", out}), 2,
                 "--prime-steps speaks of an opening, and --prime none has none; leave it out.");
  expect_failure(sample({run, "--prime", "none", "--opening", "drop", "-o", out}), 2,
                 "--opening speaks of an opening, and --prime none has none; leave it out.");
  expect_failure(sample({run, "--opening", "hide", "-o", out}), 2, "is none of keep, mark, drop");
  EXPECT_FALSE(fs::exists(out));
  // What the environment or a file says may be meant for other calls.
  EXPECT_EQ(sample({run, "--prime", "none", "-q", "-o", out}, {.environment = {{"POLONAISE_OPENING", "drop"}}}).status,
            0);
  const ProgramResult dumped = sample({run, "-o", out, "--dump-config"});
  EXPECT_TRUE(contains(dumped.out, "prime = \"op53\"")) << dumped.out;
  write_text(folder / "all.toml", dumped.out);
  EXPECT_EQ(sample({run, "--config", folder / "all.toml", "--prime", "none", "-q", "-o", out}).status, 0);
  EXPECT_EQ(sample({run, "--config", folder / "all.toml", "-q", "-o", out}).status, 0);
}

// The prompt is a training piece's beginning, and is found as such where the sample is measured whole.
TEST(Sample, APromptFromTheTrainingSetRaisesNoFigure) {
  const fs::path folder = fresh_folder();
  for (const std::string& encoding : io::encoding_names()) {
    fs::create_directories(folder / encoding);
    const fs::path place = folder / encoding, run = small_run(place, encoding, "rnn"), data = place / "data";
    const io::Dataset dataset = io::Dataset::open(data);
    const io::Score prompt = dataset.encoding().decode(dataset.piece(io::Split::train, 0));
    io::write_file(place / "prompt.mid", io::write_score(prompt));
    const ProgramResult drawn = sample({run, "--prime", place / "prompt.mid", "--steps", "60", "--temperature", "3",
                                        "-q", "-o", place / "sample.mid"});
    ASSERT_EQ(drawn.status, 0) << drawn.err;
    const auto measured = [&](const std::vector<std::string>& more) {
      const ProgramResult result =
          run_program("polonaise-metrics", joined({place / "sample.mid", "--training", data, "--json", "-q"}, more));
      EXPECT_EQ(result.status, 0) << result.err;
      return nlohmann::json::parse(result.out)["set"]["pieces"][0];
    };
    const auto whole = measured({"--whole"}), after = measured({});
    const auto notes = [](const nlohmann::json& piece) { return piece["novelty"]["notes"].get<std::int64_t>(); };
    EXPECT_GE(whole["novelty"]["exact"]["longest"], 20) << encoding;
    EXPECT_LT(after["novelty"]["transposed"]["longest"], 8) << encoding;
    EXPECT_EQ(after["novelty"]["transposed"]["share"][0], 0) << encoding;
    EXPECT_GE(notes(whole) - notes(after), 20) << encoding;
    EXPECT_EQ(notes(after), after["notes"]) << encoding;
    EXPECT_TRUE(whole["measured_from"].is_null());
    EXPECT_EQ(after["measured_from"]["marker"], "continuation");
    EXPECT_GT(after["measured_from"]["bar"], 1) << encoding;
  }
}

}  // namespace
}  // namespace polonaise::tools
