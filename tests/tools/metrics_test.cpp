#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "io/data/augment.h"
#include "io/data/continuation.h"
#include "io/data/synthetic.h"
#include "io/files/file.h"
#include "io/metrics/metrics.h"
#include "io/midi/meter.h"
#include "io/midi/notes.h"
#include "tests/tools/run_program.h"

// The program polonaise-metrics, run as a user runs it.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

ProgramResult metrics(std::vector<std::string> arguments, const ProgramOptions& options = {}) {
  return run_program("polonaise-metrics", arguments, options);
}

json as_json(std::vector<std::string> arguments) {
  arguments.push_back("--json");
  const ProgramResult result = metrics(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  return json::parse(result.out);
}

void expect_failure(const ProgramResult& result, int status, std::string_view part) {
  EXPECT_EQ(result.status, status) << result.err;
  EXPECT_TRUE(result.err.starts_with("polonaise-metrics: ")) << result.err;
  EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
}

void write_piece(const fs::path& file, const io::Score& score) {
  fs::create_directories(file.parent_path());
  io::write_file(file, io::write_score(score));
}

// Rule-made pieces first, first + 1, ... of one corpus as NAME.mid.
fs::path rule_made(const fs::path& folder, std::size_t first, std::size_t count) {
  const std::vector<io::NamedScore> corpus = io::synthetic_corpus(static_cast<int>(first + count), 4);
  for (std::size_t i = first; i < first + count; ++i) write_piece(folder / (corpus[i].name + ".mid"), corpus[i].score);
  return folder;
}

io::Score scale(int notes) {
  io::Score score;
  score.ticks_per_quarter = 24;
  for (int i = 0; i < notes; ++i) {
    score.notes.push_back(
        {.onset = 24 * i, .duration = 24, .pitch = static_cast<std::uint8_t>(60 + 2 * i), .velocity = 64});
  }
  return score;
}

// No number of the report is NaN or infinite: JSON has no word for them, and nlohmann writes null.
void expect_words(const std::string& text) {
  for (const char* word : {"nan", "inf", "NaN", "Infinity"}) {
    const std::size_t at = text.find(word);
    EXPECT_TRUE(at == std::string::npos || std::isalpha(text[at + 3])) << text.substr(at, 20);
  }
}

TEST(MetricsTool, MeasuresPiecesByHand) {
  const fs::path folder = fresh_folder();
  write_piece(folder / "set" / "three.mid", scale(3));
  write_piece(folder / "set" / "sub" / "five.mid", scale(5));
  const json report = as_json({folder / "set"});
  const json& pieces = report["set"]["pieces"];
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[0]["name"], "sub/five.mid");
  EXPECT_EQ(pieces[1]["name"], "three.mid");
  EXPECT_EQ(pieces[1]["notes"], 3);
  EXPECT_EQ(pieces[1]["metrics"]["pitch_range"], 4);
  EXPECT_EQ(pieces[0]["metrics"]["pitch_range"], 8);
  EXPECT_EQ(pieces[0]["metrics"]["mean_ioi"], 0.5);
  EXPECT_EQ(pieces[1]["metrics"]["note_lengths"][2], 1);
  EXPECT_TRUE(pieces[1]["metrics"]["structure_short"].is_null());
  EXPECT_TRUE(pieces[1]["metrics"]["groove_pairs"].is_null());
  const json& range = report["set"]["summary"]["pitch_range"];
  EXPECT_EQ(range["mean"], 6);
  EXPECT_NEAR(range["sd"].get<double>(), std::sqrt(8), 1e-12);
  EXPECT_EQ(range["min"], 4);
  EXPECT_EQ(range["max"], 8);
  EXPECT_TRUE(report["set"]["summary"]["structure_short"]["mean"].is_null());
  EXPECT_EQ(report["set"]["summary"]["structure_short"]["pieces"], 0);
}

TEST(MetricsTool, TablesAndCsvSayTheSame) {
  const fs::path folder = fresh_folder();
  write_piece(folder / "set" / "three, or so.mid", scale(3));
  write_piece(folder / "set" / "none.mid", {});
  const ProgramResult text = metrics({folder / "set", "--pieces"});
  ASSERT_EQ(text.status, 0) << text.err;
  for (const char* part : {"2 pieces, 3 notes", "pitch_range (semitones)", "4.000", "three, or so", "  -"}) {
    EXPECT_NE(text.out.find(part), std::string::npos) << part << "\nis not in\n" << text.out;
  }
  expect_words(text.out);
  const ProgramResult csv = metrics({folder / "set", "--csv"});
  ASSERT_EQ(csv.status, 0) << csv.err;
  EXPECT_TRUE(csv.out.starts_with("piece,notes,pitch_count,pitch_range,pitch_class_entropy,")) << csv.out;
  EXPECT_NE(csv.out.find("\nnone.mid,0,0,,,"), std::string::npos) << csv.out;
  EXPECT_NE(csv.out.find("\n\"three, or so.mid\",3,3,4,1.5849625"), std::string::npos) << csv.out;
  EXPECT_EQ(std::ranges::count(csv.out, '\n'), 3);
}

TEST(MetricsTool, EmptyAndOneNotePiecesAreDefined) {
  const fs::path folder = fresh_folder();
  write_piece(folder / "a" / "none.mid", {});
  write_piece(folder / "a" / "one.mid", scale(1));
  write_piece(folder / "b" / "one.mid", scale(1));
  for (const std::string form : {"--json", "--csv", "--pieces"}) {
    const ProgramResult result =
        metrics({folder / "a", "--against", folder / "b", "--training", folder / "b", form, "--compat", "muspy"});
    ASSERT_EQ(result.status, 0) << result.err;
    expect_words(result.out);
  }
  const json report = as_json({folder / "b", "--against", folder / "a"});
  const json& distance = report["distances"]["pitch_count"];
  EXPECT_EQ(distance["inter"], 0.5);
  EXPECT_EQ(distance["intra_b"], 1);
  EXPECT_TRUE(distance["intra_a"].is_null());
  EXPECT_TRUE(distance["kl_a"].is_null());
  EXPECT_TRUE(report["distances"]["structure_long"]["inter"].is_null());
}

TEST(MetricsTool, DistancesOfASetFromItself) {
  const fs::path folder = fresh_folder();
  rule_made(folder / "a", 0, 4);
  const json report = as_json({folder / "a", "--against", folder / "a"});
  for (const auto& [name, distance] : report["distances"].items()) {
    EXPECT_EQ(distance["pieces_a"], 4) << name;
    EXPECT_DOUBLE_EQ(distance["intra_a"], distance["intra_b"]) << name;
    EXPECT_LE(distance["inter"], distance["intra_a"]) << name << ": each piece is also compared with itself";
    EXPECT_GT(distance["overlap_a"], 0.3) << name;
    EXPECT_DOUBLE_EQ(distance["kl_a"], distance["kl_b"]) << name;
  }
  ASSERT_TRUE(report.contains("real_halves"));
  EXPECT_EQ(report["real_halves"]["polyphony"]["pieces_a"], 2);
  EXPECT_EQ(report["real_halves"]["polyphony"]["pieces_b"], 2);
  // Chance is farther away than the set is from itself.
  for (const char* metric : {"pitch_count", "pitch_class_entropy", "mean_interval"}) {
    EXPECT_EQ(report["random_notes"][metric]["pieces_a"], 4) << metric;
    EXPECT_LT(report["random_notes"][metric]["overlap_b"], report["distances"][metric]["overlap_b"]) << metric;
    EXPECT_GT(report["random_notes"][metric]["kl_b"], report["distances"][metric]["kl_b"]) << metric;
  }
  for (int i = 0; i < 4; ++i) write_piece(folder / "scales" / (std::to_string(i) + ".mid"), scale(4 + i));
  const ProgramResult text = metrics({folder / "scales", "--against", folder / "scales"});
  EXPECT_NE(text.out.find("its halves: KL"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("random notes: KL"), std::string::npos) << text.out;
}

TEST(MetricsTool, ATrainingPieceFedAsGeneratedIsAllCopied) {
  const fs::path folder = fresh_folder();
  rule_made(folder / "training", 0, 5);
  const auto corpus = io::synthetic_corpus(7, 4);
  io::Warnings warnings;
  write_piece(folder / "set" / "copy.mid", corpus[3].score);
  write_piece(folder / "set" / "higher.mid", io::transpose(corpus[1].score, 4, warnings));
  write_piece(folder / "set" / "own.mid", corpus[5].score);
  write_piece(folder / "human" / "other.mid", corpus[6].score);
  const json report = as_json({folder / "set", "--training", folder / "training", "--against", folder / "human"});
  const json& pieces = report["set"]["pieces"];
  EXPECT_EQ(report["novelty"]["pieces"], 5);
  for (const char* kind : {"exact", "transposed"}) {
    const json& copied = pieces[0]["novelty"][kind];
    EXPECT_EQ(copied["longest"], pieces[0]["notes"]);
    EXPECT_EQ(copied["source"], corpus[3].name + ".mid");
    EXPECT_EQ(copied["source_bar"], 1);
    EXPECT_EQ(copied["bar"], 1);
    for (const json& share : copied["share"]) EXPECT_EQ(share, 1);
  }
  EXPECT_EQ(pieces[1]["novelty"]["transposed"]["longest"], pieces[1]["notes"]);
  EXPECT_EQ(pieces[1]["novelty"]["transposed"]["source"], corpus[1].name + ".mid");
  EXPECT_LT(pieces[1]["novelty"]["exact"]["share"][3], 1);
  EXPECT_LT(pieces[2]["novelty"]["transposed"]["share"][3], 0.5);
  const json& held_out = report["novelty"]["held_out"];
  EXPECT_EQ(held_out["pieces"].size(), 1u);
  EXPECT_LT(held_out["pieces"][0]["novelty"]["transposed"]["share"][3], 0.5);
  ASSERT_EQ(report["novelty"]["random_notes"].size(), 1u);
  EXPECT_EQ(report["novelty"]["random_notes"][0]["notes"], held_out["pieces"][0]["novelty"]["notes"]);
  EXPECT_LT(report["novelty"]["random_notes"][0]["transposed"]["longest"], 8);

  const ProgramResult text = metrics({folder / "set", "--training", folder / "training"});
  ASSERT_EQ(text.status, 0) << text.err;
  EXPECT_NE(text.out.find("bar 1 = " + corpus[3].name + ".mid, bar 1"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("100.0 %"), std::string::npos);
  EXPECT_NE(text.out.find("no held-out pieces"), std::string::npos);
  write_piece(folder / "brief" / "a.mid", scale(5));
  write_piece(folder / "briefs" / "longer.mid", scale(7));
  write_piece(folder / "briefs" / "same.mid", scale(5));
  const json brief = as_json({folder / "brief", "--training", folder / "briefs"})["set"]["pieces"][0]["novelty"];
  for (const char* kind : {"exact", "transposed"}) {
    EXPECT_EQ(brief[kind]["whole"], true);
    EXPECT_EQ(brief[kind]["source"], "same.mid");
  }
  EXPECT_NE(metrics({folder / "brief", "--training", folder / "briefs"}).out.find(" all 5  "), std::string::npos);
  EXPECT_EQ(pieces[2]["novelty"]["transposed"]["whole"], false);
  // What was trained on is no base line.
  EXPECT_TRUE(as_json({folder / "set", "--training", folder / "training", "--against",
                       folder / "training"})["novelty"]["held_out"]
                  .is_null());
}

TEST(MetricsTool, ADatasetIsComparedAsItsEncodingKeepsPieces) {
  const fs::path folder = fresh_folder();
  rule_made(folder / "midi", 0, 8);
  for (const char* encoding : {"perf", "chordvec"}) {
    const fs::path data = folder / (std::string(encoding) + ".data");
    ASSERT_EQ(run_program("polonaise-prepare", {folder / "midi", "-o", data, "--encoding", encoding}).status, 0);
    const json report = as_json({folder / "midi", "--training", data});
    EXPECT_EQ(report["novelty"]["held_out"]["pieces"].size(), 1u);
    int copies = 0;
    for (const json& piece : report["set"]["pieces"]) {
      const json& exact = piece["novelty"]["exact"];
      if (exact["longest"] != piece["novelty"]["notes"]) continue;
      ++copies;
      EXPECT_EQ(exact["source"].get<std::string>() + ".mid", piece["name"]);
    }
    EXPECT_EQ(copies, report["novelty"]["pieces"].get<int>()) << "all of the train split, and none of the others";
  }
}

// The scale of `given` notes, of which the rest is drawn: five notes that go down again, in steps of a semitone.
io::Score continued_scale(int given) {
  io::Score score = scale(given);
  score.continuation = 24 * given;
  for (int i = 0; i < 5; ++i) {
    score.notes.push_back(
        {.onset = 24 * (given + i), .duration = 24, .pitch = static_cast<std::uint8_t>(90 - i), .velocity = 64});
  }
  return score;
}

TEST(MetricsTool, MeasuresFromTheMarkerOnAndSaysSo) {
  const fs::path folder = fresh_folder();
  write_piece(folder / "set" / "drawn.mid", continued_scale(12));
  write_piece(folder / "set" / "whole.mid", scale(4));
  write_piece(folder / "training" / "scale.mid", scale(12));
  const json report = as_json({folder / "set", "--training", folder / "training", "--against", folder / "set"});
  EXPECT_EQ(report["set"]["measured_from_marker"], 1);
  EXPECT_EQ(report["against"]["measured_from_marker"], 1);
  const json& drawn = report["set"]["pieces"][0];
  EXPECT_EQ(drawn["notes"], 5);
  EXPECT_EQ(drawn["metrics"]["pitch_range"], 4);
  EXPECT_EQ(drawn["metrics"]["empty_beat_rate"], 0);
  EXPECT_EQ(drawn["measured_from"], (json{{"marker", "continuation"}, {"bar", 4}, {"seconds", 6}}));
  EXPECT_EQ(drawn["novelty"]["notes"], 5);
  EXPECT_LT(drawn["novelty"]["transposed"]["longest"], 5);
  EXPECT_TRUE(report["set"]["pieces"][1]["measured_from"].is_null());
  EXPECT_EQ(report["set"]["pieces"][1]["notes"], 4);
  for (const json& random : report["novelty"]["random_notes"]) EXPECT_LE(random["notes"], 5);

  const json whole = as_json({folder / "set", "--training", folder / "training", "--whole"});
  EXPECT_EQ(whole["set"]["measured_from_marker"], 0);
  EXPECT_EQ(whole["set"]["pieces"][0]["notes"], 17);
  EXPECT_EQ(whole["set"]["pieces"][0]["novelty"]["exact"]["longest"], 12);
  EXPECT_TRUE(whole["set"]["pieces"][0]["measured_from"].is_null());

  const std::string one = "\n1 piece is measured from its marker 'continuation' on; --whole measures all of it\n";
  EXPECT_NE(metrics({folder / "set"}).out.find(one), std::string::npos);
  EXPECT_EQ(metrics({folder / "set", "--whole"}).out.find("marker"), std::string::npos);
  write_piece(folder / "set" / "drawn too.mid", continued_scale(3));
  EXPECT_NE(metrics({folder / "set"}).out.find("\n2 pieces are measured from their marker 'continuation' on;"),
            std::string::npos);

  const ProgramResult csv = metrics({folder / "set", "--csv"});
  EXPECT_EQ(csv.out.find(",measured_from_bar\n"), csv.out.find('\n') - std::string_view(",measured_from_bar").size());
  const auto line_of = [&](std::string_view name) {
    const std::size_t begin = csv.out.find("\n" + std::string(name)) + 1;
    return csv.out.substr(begin, csv.out.find('\n', begin) - begin);
  };
  EXPECT_TRUE(line_of("drawn.mid,5,").ends_with(",4")) << csv.out;
  EXPECT_TRUE(line_of("whole.mid,4,").ends_with(",")) << csv.out;
}

TEST(MetricsTool, OtherPackagesMeasureAContinuationAsAFileOfItsOwn) {
  const fs::path folder = fresh_folder();
  write_piece(folder / "drawn.mid", continued_scale(12));
  io::Score alone = io::without_opening(continued_scale(12));
  write_piece(folder / "alone.mid", alone);
  for (const char* package : {"muspy", "pypianoroll"}) {
    const auto values = [&](const char* file) {
      return as_json({folder / file, "--compat", package})["set"]["pieces"][0]["compat"];
    };
    EXPECT_EQ(values("drawn.mid"), values("alone.mid")) << package;
  }
}

TEST(MetricsTool, ARunsBarIsThatOfTheFile) {
  const fs::path folder = fresh_folder();
  rule_made(folder / "training", 0, 4);
  const io::Score piece = io::synthetic_corpus(4, 4)[2].score;
  // Eight bars of the first piece, then what another goes on with: copied, but not by the opening.
  io::Score sample = io::synthetic_corpus(4, 4)[0].score;
  const std::int64_t cut = 8 * static_cast<std::int64_t>(io::Meter(sample).bar_ticks(0));
  std::erase_if(sample.notes, [&](const io::Note& note) { return note.onset >= cut; });
  ASSERT_EQ(sample.ticks_per_quarter, piece.ticks_per_quarter);
  for (std::size_t i = 0; i < 40; ++i) {
    sample.notes.push_back(piece.notes[i]);
    sample.notes.back().onset += cut;
  }
  sample.continuation = cut;
  write_piece(folder / "sample.mid", sample);
  ASSERT_EQ(run_program("polonaise-prepare",
                        {folder / "training", "-o", folder / "data", "--encoding", "remi", "--split", "1,0,0"})
                .status,
            0);
  for (const fs::path& training : {folder / "training", folder / "data"}) {
    const json novelty = as_json({folder / "sample.mid", "--training", training})["set"]["pieces"][0]["novelty"];
    EXPECT_GE(novelty["exact"]["longest"], 38) << training << " the encoding merges doubled notes";
    EXPECT_EQ(novelty["exact"]["whole"], true);
    EXPECT_EQ(novelty["exact"]["source_bar"], 1);
    EXPECT_EQ(novelty["exact"]["bar"], 9);
  }
}

TEST(MetricsTool, AMarkerBehindTheLastNoteIsNamed) {
  const fs::path folder = fresh_folder();
  io::Score score = scale(4);
  score.continuation = 24 * 4;
  write_piece(folder / "set" / "late.mid", score);
  write_piece(folder / "set" / "good.mid", scale(4));
  const ProgramResult result = metrics({folder / "set", "--json"});
  expect_failure(result, 1, "late.mid: nothing begins after its marker 'continuation'");
  EXPECT_NE(result.err.find("--whole measures all of it"), std::string::npos);
  EXPECT_EQ(json::parse(result.out)["set"]["pieces"].size(), 1u);
  expect_failure(metrics({folder / "set", "--strict"}), 1, "late.mid: nothing begins after");
  expect_failure(metrics({folder / "set" / "late.mid"}), 1, "none of the 1 files can be read and measured");
  EXPECT_EQ(as_json({folder / "set", "--whole"})["set"]["pieces"].size(), 2u);
  // Trained on was all of it.
  EXPECT_EQ(as_json({folder / "set" / "good.mid", "--training", folder / "set"})["novelty"]["pieces"], 2);
  write_piece(folder / "none" / "none.mid", {});
  EXPECT_EQ(metrics({folder / "none"}).status, 0);
}

TEST(MetricsTool, OtherPackagesValues) {
  const fs::path folder = fresh_folder();
  io::Score chord;
  chord.ticks_per_quarter = 24;
  for (const int pitch : {60, 64}) {
    chord.notes.push_back({.onset = 0, .duration = 96, .pitch = static_cast<std::uint8_t>(pitch), .velocity = 64});
  }
  write_piece(folder / "chord.mid", chord);
  const json muspy = as_json({folder / "chord.mid", "--compat", "muspy"})["set"]["pieces"][0];
  EXPECT_EQ(muspy["metrics"]["polyphony_rate"], 1);
  EXPECT_EQ(muspy["compat"]["polyphony_rate"], 0) << "muspy asks for three pitches";
  const json roll = as_json({folder / "chord.mid", "--compat", "pypianoroll"})["set"]["pieces"][0];
  EXPECT_EQ(roll["metrics"]["empty_beat_rate"], 0);
  EXPECT_EQ(roll["compat"]["empty_beat_rate"], 1) << "pypianoroll's is the share of the others";
  const ProgramResult text = metrics({folder / "chord.mid", "--compat", "pypianoroll"});
  EXPECT_NE(text.out.find("as pypianoroll counts"), std::string::npos) << text.out;
  EXPECT_NE(metrics({folder / "chord.mid", "--compat", "muspy", "--csv"}).out.find("muspy.polyphony_rate"),
            std::string::npos);
}

TEST(MetricsTool, ResultsDoNotDependOnThreads) {
  const fs::path folder = fresh_folder();
  rule_made(folder / "a", 0, 3);
  rule_made(folder / "b", 3, 2);
  const std::vector<std::string> arguments = {folder / "a", "--against", folder / "b", "--training",
                                              folder / "b", "--json",    "--jobs"};
  const auto with = [&](const std::string& jobs) {
    std::vector<std::string> all = arguments;
    all.push_back(jobs);
    return metrics(all).out;
  };
  const std::string one = with("1");
  EXPECT_FALSE(one.empty());
  EXPECT_EQ(with("3"), one);
}

TEST(MetricsTool, BrokenFilesAreNamedLeftOutAndAFailure) {
  const fs::path folder = fresh_folder();
  write_piece(folder / "set" / "good.mid", scale(4));
  write_text(folder / "set" / "broken.mid", "this is no music");
  const ProgramResult result = metrics({folder / "set", "--json"});
  expect_failure(result, 1, "broken.mid");
  EXPECT_NE(result.err.find("1 of the files could not be read"), std::string::npos) << result.err;
  const json report = json::parse(result.out);
  EXPECT_EQ(report["set"]["pieces"].size(), 1u);
  EXPECT_EQ(report["set"]["skipped"].size(), 1u);
  const ProgramResult strict = metrics({folder / "set", "--strict"});
  expect_failure(strict, 1, "broken.mid");
  EXPECT_TRUE(strict.out.empty());
  fs::remove(folder / "set" / "good.mid");
  expect_failure(metrics({folder / "set"}), 1, "none of the 1 files can be read");
}

TEST(MetricsTool, WhatCannotBeMeasuredIsRefused) {
  const fs::path folder = fresh_folder();
  fs::create_directories(folder / "empty");
  write_piece(folder / "set" / "a.mid", scale(4));
  expect_failure(metrics({folder / "empty"}), 1, "no MIDI files");
  expect_failure(metrics({folder / "none"}), 1, "No such file");
  expect_failure(metrics({folder / "set", "--against", folder / "empty"}), 1, "no MIDI files");
  expect_failure(metrics({folder / "set", "--training", folder / "empty"}), 1, "no MIDI files");
  expect_failure(metrics({folder / "set", "--training", folder / "none.data"}), 1, "none.data");
  expect_failure(metrics({folder / "set", "--training", folder / "set" / "a.mid"}), 1, "a folder of MIDI files");
  expect_failure(metrics({}), 2, "DIR is missing");
  expect_failure(metrics({folder / "set", "--json", "--csv"}), 2, "choose one");
  expect_failure(metrics({folder / "set", "--compat", "mgeval"}), 2, "is none of none, muspy, pypianoroll");
}

TEST(MetricsTool, HelpDefinesEveryMetric) {
  const ProgramResult help = metrics({"--help"});
  ASSERT_EQ(help.status, 0);
  for (const char* part : {"groove_adjacent\n", "mean_interval (semitones)\n", "note_lengths (12 shares)\n",
                           "Distances of two sets", "Novelty"}) {
    EXPECT_NE(help.out.find(part), std::string::npos) << part << "\nis not in\n" << help.out;
  }
  for (const io::MetricInfo& info : io::metric_table()) {
    EXPECT_NE(help.out.find("\n" + std::string(info.name)), std::string::npos) << info.name;
  }
  std::size_t line = 0;
  for (std::size_t end = help.out.find('\n'); end != std::string::npos; end = help.out.find('\n', line)) {
    EXPECT_LE(end - line, 100u);
    line = end + 1;
  }
}

}  // namespace
}  // namespace polonaise::tools
