#include "tools/compare/study/judge.h"

#include <gmock/gmock.h>

#include "io/data/continuation.h"
#include "io/encodings/encoding.h"
#include "io/files/file.h"
#include "io/midi/notes.h"
#include "tests/tools/compare/hand_made.h"
#include "tests/tools/runs.h"
#include "tools/compare/report/report_parts.h"
#include "tools/compare/study/openings.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::int64_t kOpening = 20, kSteps = 30;

// A comparison in which an rnn goes on from a training piece by what another piece has, and the piece's own
// continuation stands beside it.
struct Comparison {
  fs::path folder = fresh_folder();
  io::Dataset data = io::Dataset::open(small_dataset(folder / "data", "chordvec"));
  Results results = hand_made({trained("rnn", 8, 40'000, 1, 1'000)});

  Comparison() {
    const EventsView given = data.piece(io::Split::train, 0).slice(0, kOpening);
    Events sample(given.kind);
    sample.append(given);
    sample.append(data.piece(io::Split::test, 0).slice(0, kSteps));
    write("sample.mid", io::decode_continuation(data.encoding(), sample.view(), kOpening));
    write("real.mid", beginning(data.encoding(), data.piece(io::Split::train, 0), kOpening, kSteps));
    results.openings = {{"polonaise", "a piece", 0, PieceOfMusic{"polonaise", "real.mid", kOpening + kSteps, {}}}};
    results.combinations.front().samples = {{"polonaise", "sample.mid", kOpening + kSteps, {}}};
  }
  void write(const std::string& name, const io::Score& score) { io::write_file(folder / name, io::write_score(score)); }
  io::Score read(const std::string& name) {
    io::Warnings warnings;
    return io::read_score(folder / name, warnings, true);
  }
  const Figures& sample() const { return *results.combinations.front().samples.front().figures; }
  const Figures& real() const { return *results.openings.front().real->figures; }
};

std::int64_t notes_drawn(const io::Score& score) {
  return std::ranges::count_if(score.notes, [&](const io::Note& n) { return n.onset >= *score.continuation; });
}

TEST(CompareJudge, MeasuresWhatFollowsTheOpening) {
  Comparison c;
  judge(c.data, c.folder, kOpening, kSteps, c.results);
  EXPECT_TRUE(c.results.without_opening);
  EXPECT_EQ(c.sample().notes, notes_drawn(c.read("sample.mid")));
  EXPECT_EQ(c.real().notes, notes_drawn(c.read("real.mid")));
  EXPECT_EQ(c.real().exact.longest, c.real().notes) << "it is all of the training piece's continuation";
  EXPECT_GT(c.real().exact.bar, 1) << "bars are the file's";
  // The opening, found whole, would be the longest run.
  EXPECT_LT(c.sample().exact.longest, 20);
  EXPECT_THAT(metrics_table(c.results), HasSubstr("<caption>Metrics of what follows the opening, means"));
  EXPECT_THAT(overlaps_table(c.results), HasSubstr("<caption>What follows the opening in each model’s samples"));
  EXPECT_THAT(novelty_table(c.results), HasSubstr("<caption>Runs of notes after the opening found in training"));
  ASSERT_EQ(c.results.human.size(), 2u);
  for (std::int64_t i = 0; i < 2; ++i) {
    const auto& [name, figures] = c.results.human[static_cast<std::size_t>(i)];
    EXPECT_EQ(name, c.data.name(io::Split::test, i));
    EXPECT_EQ(figures.notes,
              notes_drawn(beginning(c.data.encoding(), c.data.piece(io::Split::test, i), kOpening, kSteps)));
  }
}

TEST(CompareJudge, MeasuresAllWholeWhereASampleDoesNotSayWhereItBegins) {
  Comparison c;
  io::Score unmarked = c.read("sample.mid");
  unmarked.continuation.reset();
  c.write("sample.mid", unmarked);
  judge(c.data, c.folder, kOpening, kSteps, c.results);
  EXPECT_FALSE(c.results.without_opening);
  EXPECT_EQ(c.sample().notes, std::ssize(unmarked.notes));
  EXPECT_EQ(c.real().notes, std::ssize(c.read("real.mid").notes));
  EXPECT_GE(c.sample().exact.longest, 20);
  EXPECT_THAT(metrics_table(c.results), HasSubstr("<caption>Metrics, means over pieces"));
  EXPECT_THAT(overlaps_table(c.results), HasSubstr("<caption>Each model’s samples and the held-out pieces"));
  EXPECT_THAT(novelty_table(c.results), HasSubstr("<caption>Runs of notes found in training"));
}

TEST(CompareJudge, MeasuresAPieceWholeThatEndsBeforeTheOpeningWould) {
  Comparison c;
  const EventsView piece = c.data.piece(io::Split::test, 0);
  EXPECT_FALSE(beginning(c.data.encoding(), piece, piece.size(), kSteps).continuation);
  EXPECT_TRUE(beginning(c.data.encoding(), piece, piece.size() - 1, kSteps).continuation);
  judge(c.data, c.folder, piece.size(), kSteps, c.results);
  for (const auto& [name, figures] : c.results.human) EXPECT_GT(figures.notes, 0) << name;
}

}  // namespace
}  // namespace polonaise::tools
