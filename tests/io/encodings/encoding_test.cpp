#include "io/encodings/encoding.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <tuple>

#include "io/data/op53_prime.h"
#include "io/files/error.h"
#include "io/files/file.h"
#include "io/files/splitmix64.h"
#include "io/midi/csv.h"
#include "io/midi/notes.h"
#include "tests/io/encodings/encoding_variants.h"
#include "tests/io/midi_bytes.h"
#include "tests/io/programs.h"

namespace polonaise::io {
namespace {

// Notes at random ticks, overlapping, doubled, on several tracks and channels, percussion and pedal among them.
Score random_score(Random& random, int notes) {
  Score score;
  score.ticks_per_quarter = 1 + static_cast<std::int64_t>(random.below(1000));
  std::int64_t now = static_cast<std::int64_t>(random.below(5000));
  for (int i = 0; i < notes; ++i) {
    now += static_cast<std::int64_t>(random.below(4) * random.below(300));
    score.notes.push_back(
        {now, static_cast<std::int64_t>(random.below(3) * random.below(2000)),
         static_cast<std::uint8_t>(random.below(128)), static_cast<std::uint8_t>(1 + random.below(127)),
         static_cast<std::uint8_t>(random.below(11)), 0, static_cast<std::uint16_t>(random.below(2))});
  }
  std::ranges::sort(score.notes, {}, [](const Note& n) { return std::tuple(n.onset, n.pitch, n.track, n.channel); });
  score.tempos = {{0, 400000}, {now / 2, 700001}};
  for (std::int64_t tick = 0; tick < now; tick += 1 + static_cast<std::int64_t>(random.below(2000))) {
    score.pedals.push_back({tick, static_cast<std::uint8_t>(random.below(2)), random.below(2) == 0});
    if (random.below(4) == 0)
      score.tempos.push_back({tick, static_cast<std::uint32_t>(150000 + random.below(2000000))});
    if (random.below(4) == 0) {
      score.time_signatures.push_back({tick,
                                       static_cast<std::uint8_t>(1 + random.below(random.below(4) == 0 ? 255 : 9)),
                                       static_cast<std::uint8_t>(1 << random.below(8))});
    }
  }
  std::ranges::sort(score.tempos, {}, &Tempo::tick);
  return score;
}

Events random_events(const EventShape& shape, Random& random, int count) {
  Events events(shape.kind);
  for (int i = 0; i < count; ++i) {
    if (shape.kind == EventKind::tokens) {
      events.push_token(static_cast<int>(random.below(static_cast<std::uint64_t>(shape.vocabulary))));
      continue;
    }
    std::vector<std::uint8_t> keys;
    const std::uint64_t density = 1 + random.below(40);
    for (int key = 0; key < shape.keys; ++key) {
      if (random.below(density) == 0) keys.push_back(static_cast<std::uint8_t>(key));
    }
    if (shape.has_durations()) {
      events.push_frame(keys, class_quarters(static_cast<int>(random.below(kDurationClassCount))));
    } else {
      events.push_frame(keys);
    }
  }
  return events;
}

void expect_valid(const Score& score) {
  EXPECT_GE(score.ticks_per_quarter, 1);
  EXPECT_LE(score.ticks_per_quarter, 32767);
  EXPECT_TRUE(std::ranges::is_sorted(score.notes, {}, [](const Note& n) { return std::tuple(n.onset, n.pitch); }));
  std::vector<std::int64_t> silent(128, 0);
  for (const Note& note : score.notes) {
    EXPECT_GE(note.onset, silent[note.pitch]) << "two notes sound on one key";
    EXPECT_GT(note.duration, 0);
    EXPECT_LE(note.pitch, 127);
    EXPECT_GE(note.velocity, 1);
    EXPECT_LE(note.velocity, 127);
    silent[note.pitch] = note.end();
  }
}

// As a file, whose reader neither repairs nor drops anything.
void expect_survives_a_file(const Score& score) {
  const auto pedals = [](const Score& of) {
    std::vector<std::pair<std::int64_t, bool>> changes;
    for (const Pedal& pedal : of.pedals) changes.emplace_back(pedal.tick, pedal.down);
    return changes;
  };
  Warnings warnings;
  MidiReadOptions strict;
  strict.strict = true;
  const Score read = read_score(write_score(score), warnings, strict);
  EXPECT_EQ(read.notes, score.notes);
  EXPECT_EQ(read.tempos, score.tempos);
  EXPECT_EQ(read.time_signatures, score.time_signatures);
  EXPECT_EQ(pedals(read), pedals(score));
  EXPECT_TRUE(warnings.empty());
}

void expect_fits(const EventsView& events, const EventShape& shape) {
  EXPECT_EQ(events.kind, shape.kind);
  for (const std::uint16_t token : events.tokens) EXPECT_LT(token, shape.vocabulary);
  if (shape.kind == EventKind::tokens) return;
  EXPECT_EQ(static_cast<std::int64_t>(events.quarters.size()), shape.has_durations() ? events.size() : 0);
  EXPECT_EQ(events.classes.size(), events.quarters.size());
  for (std::int64_t i = 0; i < events.size(); ++i) {
    const auto frame = events.frame(i);
    EXPECT_TRUE(std::ranges::is_sorted(frame, std::less_equal<>{})) << "keys ascend and differ";
    EXPECT_TRUE(frame.empty() || frame.back() < shape.keys);
  }
}

class EveryEncoding : public testing::TestWithParam<EncodingVariant> {
 protected:
  Events encode(const Score& score) const {
    LossReport report;
    return encoding_->encode(score, report);
  }
  std::unique_ptr<const Encoding> encoding_ = GetParam().make();
};

TEST_P(EveryEncoding, EncodingWhatWasDecodedChangesNothing) {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    const Events once = encode(random_score(random, 1 + round));
    expect_fits(once.view(), encoding_->shape());
    const Score decoded = encoding_->decode(once.view());
    expect_valid(decoded);
    EXPECT_TRUE(equal(encode(decoded).view(), once.view())) << "round " << round;
  }
}

TEST_P(EveryEncoding, AnyEventsDecodeToAValidScore) {
  Random random(8);
  for (int round = 0; round < 100; ++round) {
    const Events drawn = random_events(encoding_->shape(), random, 1000);
    const Score decoded = encoding_->decode(drawn.view());
    expect_valid(decoded);
    expect_survives_a_file(decoded);
    const Events once = encode(decoded);
    EXPECT_TRUE(equal(encode(encoding_->decode(once.view())).view(), once.view()));
  }
}

// What each of many token strings decodes to is a file of one track; midicsv reads these tracks behind one header.
TEST_P(EveryEncoding, MidicsvAcceptsWhatAnyEventsDecodeTo) {
  if (!test::installed("midicsv")) GTEST_SKIP() << "no midicsv program";
  constexpr int kStrings = 10000;
  const EventShape shape = encoding_->shape();
  const std::uint64_t most = shape.kind == EventKind::tokens ? 40 : 2;
  const auto ticks = static_cast<int>(encoding_->decode(Events(shape.kind).view()).ticks_per_quarter);
  const std::vector<std::byte> header = test::header(0, 1, ticks);
  Random random(12);
  std::vector<std::byte> all = test::header(1, kStrings, ticks);
  for (int i = 0; i < kStrings; ++i) {
    const Events events = random_events(shape, random, 1 + static_cast<int>(random.below(most)));
    const std::vector<std::byte> file = write_score(encoding_->decode(events.view()));
    ASSERT_TRUE(std::ranges::equal(header, std::span(file).first(header.size())));
    all.insert(all.end(), file.begin() + std::ssize(header), file.end());
  }
  const std::string path = testing::TempDir() + GetParam().label() + std::to_string(::getpid()) + ".mid";
  write_file(path, all);
  const test::Outcome outcome = test::execute("midicsv '" + path + "' 2>&1");
  std::filesystem::remove(path);
  EXPECT_EQ(outcome.status, 0);
  Warnings warnings;
  EXPECT_TRUE(outcome.output == write_csv(read_midi(all, warnings), warnings));
  EXPECT_TRUE(warnings.empty());
}

TEST_P(EveryEncoding, ASliceDecodesAsItsEventsAlone) {
  Random random(9);
  const Events events = random_events(encoding_->shape(), random, 100);
  Events copied(events.kind);
  copied.append(events.view().slice(40, 30));
  EXPECT_TRUE(equal(copied.view(), events.view().slice(40, 30)));
  EXPECT_EQ(encoding_->decode(events.view().slice(40, 30)).notes, encoding_->decode(copied.view()).notes);
}

TEST_P(EveryEncoding, NoNotesMakeNoEvents) {
  EXPECT_EQ(encode(Score{}).size(), 0);
  EXPECT_TRUE(encoding_->decode(Events(encoding_->shape().kind).view()).notes.empty());
  Score drums;
  drums.notes = {{0, 10, 60, 80, 9, 0, 0}};
  EXPECT_EQ(encode(drums).size(), 0);
}

TEST_P(EveryEncoding, EventsAreBoundedByNotesWhateverTheTimes) {
  Score score;
  score.ticks_per_quarter = 1;
  score.notes = {{0, 1, 60, 80, 0, 0, 0},
                 {std::int64_t{1} << 31, std::int64_t{1} << 31, 62, 80, 0, 0, 0},
                 {std::int64_t{3} << 32, 1, 64, 80, 0, 0, 0}};
  const Events events = encode(score);
  EXPECT_LT(events.size(), 5000);
  const Score decoded = encoding_->decode(events.view());
  EXPECT_EQ(decoded.notes.size(), 3U);
  EXPECT_TRUE(equal(encode(decoded).view(), events.view()));
}

TEST_P(EveryEncoding, SilenceBeforeTheFirstNoteIsLeftOut) {
  Score early;
  early.notes = {{0, 480, 60, 80, 0, 0, 0}, {480, 480, 64, 80, 0, 0, 0}};
  Score late = early;
  for (Note& note : late.notes) note.onset += 9600;
  EXPECT_TRUE(equal(encode(early).view(), encode(late).view()));
}

TEST_P(EveryEncoding, DescriptionMakesTheSameEncodingAgain) {
  const auto again = encoding_from_description(encoding_->describe());
  EXPECT_EQ(again->name(), GetParam().name);
  EXPECT_EQ(again->shape(), encoding_->shape());
  EXPECT_EQ(again->describe(), encoding_->describe());
}

TEST_P(EveryEncoding, AnyOtherDescriptionIsRefused) {
  const std::string description = encoding_->describe();
  for (std::size_t i = 0; i < description.size(); ++i) {
    std::string changed = description;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_THROW(encoding_from_description(changed), Error) << changed;
    EXPECT_THROW(encoding_from_description(description.substr(0, i)), Error);
  }
}

TEST_P(EveryEncoding, KeepsThePrimesPitches) {
  const auto pitches = [](const Score& score) {
    std::set<int> all;
    for (const Note& note : score.notes) all.insert(note.pitch);
    return all;
  };
  EXPECT_EQ(pitches(encoding_->decode(encode(op53_prime()).view())), pitches(op53_prime()));
}

TEST_P(EveryEncoding, RealMusicComesBackTheSameFromItsFirstEncoding) {
  const char* data = std::getenv("POLONAISE_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "POLONAISE_TEST_DATA is unset: no real music to encode";
  int files = 0;
  for (const char* folder : {"asap-scores", "asap-performances"}) {
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(data) / folder)) {
      if (entry.path().extension() != ".mid" || ++files % 4 != 0) continue;
      Warnings warnings;
      const Events once = encode(read_score(entry.path(), warnings));
      expect_fits(once.view(), encoding_->shape());
      const Score decoded = encoding_->decode(once.view());
      expect_valid(decoded);
      EXPECT_TRUE(equal(encode(decoded).view(), once.view())) << entry.path();
    }
  }
  EXPECT_GT(files, 300);
}

INSTANTIATE_TEST_SUITE_P(Variants, EveryEncoding, testing::ValuesIn(encoding_variants()),
                         [](const auto& test) { return test.param.label(); });

TEST(Encoding, UnknownNamesAndOptionsAreRefusedWithTheChoice) {
  try {
    make_encoding("chordvek");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("chordvec, chordvec-literal, roll88, perf, tsd, remi"), std::string::npos);
  }
  EXPECT_THROW(make_encoding("roll88", {0}), Error);
  EXPECT_THROW(make_encoding("roll88", {97}), Error);
}

// A dataset or checkpoint that was written with another table cannot be read: change these with care.
TEST(Encoding, VocabulariesAreThoseOfEarlierDatasets) {
  const auto added = added_token_names();
  const std::vector<std::tuple<EncodingVariant, int, std::string>> expected = {
      {{"chordvec"}, 0, "79abf99c05aba32f"},
      {{"chordvec-literal"}, 0, "0baa334a58a1bc5d"},
      {{"roll88"}, 0, "65e763393956d2df"},
      {{"perf"}, 388, "27086b15d3721e12"},
      {{"tsd"}, 360, "0f926197dfbfc95e"},
      {{"remi"}, 550, "43a72afe2ec49113"},
      {{"perf", {4, added}}, 433, "0796319453249265"},
      {{"tsd", {4, added}}, 405, "60556de0179e31a3"}};
  for (const auto& [variant, vocabulary, hash] : expected) {
    EXPECT_EQ(variant.make()->shape().vocabulary, vocabulary) << variant;
    EXPECT_TRUE(variant.make()->describe().ends_with("\"hash\":\"" + hash + "\"}")) << variant.make()->describe();
  }
}

TEST(Encoding, AddedTokensStandInOneOrderAndOnlyWhereTheyHaveAMeaning) {
  const auto perf = make_encoding("perf", {.tokens = {"tempo", "pedal"}});
  EXPECT_EQ(perf->describe(), make_encoding("perf", {.tokens = {"pedal", "tempo", "tempo"}})->describe());
  EXPECT_EQ(perf->shape().vocabulary, 388 + 2 + 40);
  EXPECT_THROW(make_encoding("perf", {.tokens = {"pedals"}}), Error);
  EXPECT_THROW(make_encoding("remi", {.tokens = {"pedal"}}), Error);
  EXPECT_THROW(make_encoding("roll88", {.tokens = {"tempo"}}), Error);
}

TEST(Encoding, TheGridIsPartOfTheDescription) {
  const auto twelve = make_encoding("roll88", {12});
  EXPECT_NE(twelve->describe(), make_encoding("roll88")->describe());
  EXPECT_EQ(encoding_from_description(twelve->describe())->describe(), twelve->describe());
}

TEST(Encoding, ThePrimeIsTenChordsAndARest) {
  LossReport report;
  const Events events = make_encoding("chordvec")->encode(op53_prime(), report);
  ASSERT_EQ(events.size(), 11);
  EXPECT_EQ(report.steps, 10);
  EXPECT_EQ(report.representable_steps, 10);
  EXPECT_TRUE(report.losses.empty());
  EXPECT_FLOAT_EQ(events.quarters[0], 0.5F);
  EXPECT_TRUE(events.view().frame(1).empty());
  EXPECT_FLOAT_EQ(events.quarters[1], 1);
  EXPECT_EQ(events.view().frame(10).back(), 68 - 21);
}

TEST(Encoding, TheStudysVectorHoldsLessThanHalfOfItsOwnPrompt) {
  const char* data = std::getenv("POLONAISE_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "POLONAISE_TEST_DATA is unset: no real music to encode";
  const auto path = std::filesystem::path(data) / "asap-scores" / "Chopin_Polonaises_53.mid";
  Warnings warnings;
  LossReport report;
  make_encoding("chordvec-literal")->encode(read_score(path, warnings), report);
  EXPECT_NEAR(report.representable_percent(), 44, 1);
}

TEST(LossReport, AddsUpAndPrintsPercentages) {
  LossReport one;
  one.notes = 8;
  one.steps = 4;
  one.representable_steps = 3;
  one.losses.add("doubled notes merged", 2);
  LossReport both = one;
  both.merge(one);
  EXPECT_EQ(both.lines(), (std::vector<std::string>{"steps represented as they are: 6 of 8 (75.0 %)",
                                                    "doubled notes merged: 4 (25.0 % of notes)"}));
  EXPECT_EQ(LossReport{}.representable_percent(), 100);
}

TEST(Durations, ClassesAreNearestInLog) {
  for (int c = 0; c < kDurationClassCount; ++c) EXPECT_EQ(duration_class(class_quarters(c)), c);
  EXPECT_EQ(duration_class(0), 0);
  EXPECT_EQ(duration_class(1e9F), 23);
  EXPECT_EQ(duration_class(5.0F / 48), 4);   // log2(5/4) = .32, log2(6/5) = .26
  EXPECT_EQ(duration_class(4.89F / 48), 3);  // the middle of 4 and 6 is 4.899
  EXPECT_EQ(duration_class(4.91F / 48), 4);
}

}  // namespace
}  // namespace polonaise::io
