#include <gtest/gtest.h>

#include <string>

#include "io/data/op53_prime.h"
#include "io/encodings/encoding.h"
#include "io/midi/midi.h"
#include "io/midi/notes.h"
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
Events encoded(const fs::path& file, std::string_view encoding) {
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
  const Events whole = io::make_encoding("perf")->encode(piece.score, report);
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
  EXPECT_TRUE(equal(encoded(folder / "1.mid", "perf").view(), encoded(folder / "2.mid", "perf").view()));
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

TEST(Sample, ALengthInBarsOrSecondsIsExact) {
  const fs::path folder = fresh_folder();
  struct Case {
    std::string encoding, model, option, length;
    double quarters;
  };
  for (const Case& c :
       {Case{"chordvec", "lstm", "--bars", "6", 24}, Case{"roll88", "transformer", "--seconds", "9", 18},
        Case{"perf", "gru", "--seconds", "14", 28}}) {
    fs::create_directories(folder / c.encoding);
    const fs::path run = small_run(folder / c.encoding, c.encoding, c.model), out = folder / (c.encoding + ".mid");
    ASSERT_EQ(sample({run, c.option, c.length, "-q", "-o", out}).status, 0);
    const io::Score score = read(out);
    const auto quarter = static_cast<double>(score.ticks_per_quarter);
    std::int64_t end = 0;
    for (const io::Note& note : score.notes) end = std::max(end, note.onset + note.duration);
    EXPECT_LE(static_cast<double>(end), c.quarters * quarter) << c.encoding;
    EXPECT_TRUE(contains(read_text(out), c.option + " " + c.length));
    EXPECT_FALSE(contains(read_text(out), " steps="));
  }
}

TEST(Sample, NotesStayInTheKeyTheRangeAndTheHands) {
  const fs::path folder = fresh_folder();
  for (const std::string encoding : {"roll88", "perf"}) {
    fs::create_directories(folder / encoding);
    const fs::path run = small_run(folder / encoding, encoding, "lstm"), out = folder / (encoding + ".mid");
    ASSERT_EQ(sample({run, "--prime-steps", "1", "--steps", "150", "--temperature", "3", "--key", "C,E,G", "--range",
                      "C3..C5", "--max-polyphony", "2", "-q", "-o", out})
                  .status,
              0);
    const io::Score score = read(out);
    ASSERT_FALSE(score.notes.empty());
    const std::int64_t begin = score.notes.front().onset;
    std::size_t drawn = 0;
    for (const io::Note& note : score.notes) {
      if (note.onset == begin) continue;  // the opening's
      ++drawn;
      EXPECT_TRUE(note.pitch % 12 == 0 || note.pitch % 12 == 4 || note.pitch % 12 == 7) << encoding;
      EXPECT_GE(note.pitch, 48);
      EXPECT_LE(note.pitch, 72);
      std::ptrdiff_t sounding = 0;
      for (const io::Note& other : score.notes)
        sounding += other.onset != begin && other.onset <= note.onset && note.onset < other.onset + other.duration;
      EXPECT_LE(sounding, 2) << encoding;
    }
    EXPECT_GT(drawn, 0U) << encoding;
  }
}

TEST(Sample, WithoutItsGrammarAModelDrawsMore) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "perf", "rnn");
  const auto options = std::vector<std::string>{run, "--steps", "60", "--temperature", "5", "-q"};
  ASSERT_EQ(sample(joined(options, {"-o", folder / "with.mid"})).status, 0);
  ASSERT_EQ(sample(joined(options, {"--no-grammar", "-o", folder / "without.mid"})).status, 0);
  EXPECT_FALSE(contains(read_text(folder / "with.mid"), "--no-grammar"));
  EXPECT_TRUE(contains(read_text(folder / "without.mid"), "--no-grammar"));
  EXPECT_FALSE(equal(encoded(folder / "with.mid", "perf").view(), encoded(folder / "without.mid", "perf").view()));
}

TEST(Sample, RefusesConstraintsThatCannotBeMet) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "chordvec", "rnn");
  const fs::path out = folder / "out.mid";
  expect_failure(sample({run, "--key", "H", "-o", out}), 2, "--key: 'H' is no key");
  expect_failure(sample({run, "--range", "C4", "-o", out}), 2, "--range: 'C4' is no range");
  expect_failure(sample({run, "--bars", "2", "--seconds", "3", "-o", out}), 2, "--bars or --seconds, not both");
  expect_failure(sample({run, "--bars", "2", "--no-grammar", "-o", out}), 2, "leave out --bars 2");
  expect_failure(sample({run, "--key", "C,E", "--range", "61..63", "-q", "-o", out}), 2,
                 "--key C,E, --range 61..63: no key is left to play");
  expect_failure(sample({run, "--bars", "1", "-q", "-o", out}), 2, "the opening already lasts what --bars 1 asks for");
  fs::create_directories(folder / "perf");
  expect_failure(sample({small_run(folder / "perf", "perf", "rnn"), "--bars", "8", "-q", "-o", out}), 2,
                 "--bars 8: \"perf\" counts seconds and knows no bars; ask for a length in seconds.");
  fs::create_directories(folder / "remi");
  expect_failure(sample({small_run(folder / "remi", "remi", "rnn"), "--bars", "4.5", "-q", "-o", out}), 2,
                 "--bars 4.5: \"remi\" counts whole bars; 4.5 are none.");
  EXPECT_FALSE(fs::exists(out));
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
  expect_failure(sample({run, "--temperature", "-1", "-o", out}), 2, "--temperature: -1 is not from 0 to 100.");
  expect_failure(sample({run, "--top-k", "-1", "-o", out}), 2, "--top-k: -1 is not from 0 to 65536.");
  expect_failure(sample({run, "--dataset", folder / "data", "-o", out}), 2, "--dataset belongs to --no-copy N");
  for (const char* none : {"0", "1e-300", "nan"}) {
    expect_failure(sample({run, "--top-p", none, "-o", out}), 2, "is not from 1e-06 to 1.");
  }
  expect_failure(run_program("polonaise-sample", {run, "-o", out}, {.environment = {{"POLONAISE_TOP_P", "0"}}}), 2,
                 "POLONAISE_TOP_P: 0 is not from 1e-06 to 1.");
  write_text(run / "encoding.json", io::make_encoding("perf")->describe());
  expect_failure(sample({run, "-o", out}), 1, "model.safetensors");
  EXPECT_FALSE(fs::exists(out));
}

}  // namespace
}  // namespace polonaise::tools
