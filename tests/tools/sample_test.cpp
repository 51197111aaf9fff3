#include <gtest/gtest.h>

#include <string>

#include "io/encoding.h"
#include "io/midi.h"
#include "io/notes.h"
#include "tests/tools/runs.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

ProgramResult sample(const std::vector<std::string>& arguments) {
  return run_program("polonaise-sample", arguments);
}

io::Score read(const fs::path& file) {
  io::Warnings warnings;
  io::Score score = io::read_score(file, warnings);
  EXPECT_TRUE(warnings.entries().empty()) << file;
  return score;
}

// Events of a MIDI file in an encoding.
io::Events encoded(const fs::path& file, std::string_view encoding) {
  io::LossReport report;
  return io::make_encoding(encoding)->encode(read(file), report);
}

TEST(Sample, GoesOnFromThePolonaise) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "chordvec", "lstm");
  const ProgramResult result = sample({run, "--steps", "40", "--seed", "53", "-q", "-o", folder / "out.mid"});
  ASSERT_EQ(result.status, 0) << result.err;
  const io::Score opening = io::op53_prime();
  const io::Score score = read(folder / "out.mid");
  ASSERT_GT(score.notes.size(), opening.notes.size());
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(score.notes[i].pitch, opening.notes[i].pitch);
  EXPECT_TRUE(contains(read_text(folder / "out.mid"), "run=" + run.string() + " step="));
  EXPECT_TRUE(contains(read_text(folder / "out.mid"), "seed=53 sample=1 steps=40 temperature=1"));
}

TEST(Sample, GoesOnFromAFileOfWhichTheFirstEventsAreTaken) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "perf", "transformer");
  const io::NamedScore piece = io::synthetic_corpus(1, 9).front();
  io::write_file(folder / "prime.mid", io::write_score(piece.score));
  io::LossReport report;
  const io::Events whole = io::make_encoding("perf")->encode(piece.score, report);
  ASSERT_EQ(sample({run, "--prime", folder / "prime.mid", "--prime-steps", "30", "--steps", "50", "-q", "-o",
                    folder / "out.mid"})
                .status,
            0);
  const io::Score opening = io::make_encoding("perf")->decode(whole.view().slice(0, 30));
  const io::Score score = read(folder / "out.mid");
  for (std::size_t i = 0; i + 4 < opening.notes.size(); ++i) {
    EXPECT_EQ(score.notes[i].pitch, opening.notes[i].pitch) << i;
    EXPECT_EQ(score.notes[i].onset, opening.notes[i].onset) << i;
  }
}

TEST(Sample, FollowsFromTheSeedWhateverThreadsAndCount) {
  const fs::path folder = fresh_folder();
  for (const std::string model : {"rnn", "lstm", "gru", "bilstm", "transformer"}) {
    fs::create_directories(folder / model);
    const fs::path run = small_run(folder / model, "roll88", model);
    const auto options = std::vector<std::string>{run, "--steps", "40", "--top-k", "20", "--top-p", "0.9", "-q"};
    const auto file = [&](const std::string& name) { return read_text(folder / model / name); };
    ASSERT_EQ(sample(joined(options, {"-o", folder / model / "alone.mid"})).status, 0);
    for (const std::string threads : {"1", "2", "3", "8"}) {
      const fs::path out = folder / model / ("of" + threads + ".mid");
      ASSERT_EQ(sample(joined(options, {"--count", "3", "--threads", threads, "-o", out})).status, 0);
      EXPECT_EQ(file("of" + threads + "-001.mid"), file("alone.mid"));
      EXPECT_EQ(file("of" + threads + "-002.mid"), file("of1-002.mid"));
      EXPECT_EQ(file("of" + threads + "-003.mid"), file("of1-003.mid"));
    }
    EXPECT_NE(file("of1-001.mid"), file("of1-002.mid"));
    ASSERT_EQ(sample(joined(options, {"--seed", "2", "-o", folder / model / "other.mid"})).status, 0);
    EXPECT_NE(file("other.mid"), file("alone.mid"));
    EXPECT_FALSE(fs::exists(folder / model / "of1.mid"));
  }
}

TEST(Sample, ColdItRepeatsItself) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "perf", "gru");
  for (const std::string seed : {"1", "2"}) {
    ASSERT_EQ(sample({run, "--temperature", "0", "--seed", seed, "-q", "-o", folder / (seed + ".mid")}).status, 0);
  }
  EXPECT_TRUE(io::equal(encoded(folder / "1.mid", "perf").view(), encoded(folder / "2.mid", "perf").view()));
}

TEST(Sample, DrawsKeysOneAfterAnother) {
  const fs::path folder = fresh_folder();
  const std::vector<std::string> head = {"--head", "autoregressive", "--head-hidden", "8"};
  fs::create_directories(folder / "rolls");
  const fs::path chords = small_run(folder, "chordvec", "gru", head),
                 rolls = small_run(folder / "rolls", "roll88", "transformer", head);
  const auto drawn = [&](const fs::path& run, const std::string& name, const std::vector<std::string>& more) {
    const ProgramResult result = sample(joined({run, "--steps", "30", "-q", "-o", folder / (name + ".mid")}, more));
    EXPECT_EQ(result.status, 0) << result.err;
    return read_text(folder / (name + ".mid"));
  };
  EXPECT_EQ(drawn(chords, "a", {"--top-p", "0.9"}), drawn(chords, "a", {"--top-p", "0.9"}));
  EXPECT_GT(read(folder / "a.mid").notes.size(), io::op53_prime().notes.size());
  EXPECT_NE(drawn(rolls, "b", {"--temperature", "0.8"}), drawn(rolls, "b", {"--temperature", "0.8", "--seed", "2"}));
  expect_failure(sample({rolls, "--top-k", "3", "-o", folder / "c.mid"}), 2,
                 "--top-k and --top-p have nothing to cut in");
  EXPECT_FALSE(fs::exists(folder / "c.mid"));
}

TEST(Sample, RefusesWhatCannotBe) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "chordvec", "rnn");
  const fs::path out = folder / "out.mid";
  expect_failure(sample({folder / "none", "-o", out}), 1, "there is no such run");
  expect_failure(sample({run, "-o", folder / "none" / "out.mid"}), 1, "does not exist; create it first");
  expect_failure(sample({run, "--prime", folder / "none.mid", "-o", out}), 1, "none.mid");
  write_text(folder / "text.mid", "no music");
  expect_failure(sample({run, "--prime", folder / "text.mid", "-o", out}), 1, "text.mid");
  io::write_file(folder / "empty.mid", io::write_score({}));
  expect_failure(sample({run, "--prime", folder / "empty.mid", "-o", out}), 1, "has no notes to go on from");
  expect_failure(sample({run, "--prime", folder / "empty.mid", "-o", folder / "empty.mid"}), 1, "is read as input");
  expect_failure(sample({run, "--temperature", "-1", "-o", out}), 2, "--temperature");
  write_text(run / "encoding.json", io::make_encoding("perf")->describe());
  expect_failure(sample({run, "-o", out}), 1, "model.safetensors");
  EXPECT_FALSE(fs::exists(out));
}

}  // namespace
}  // namespace polonaise::tools
