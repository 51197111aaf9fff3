#include "io/data/dataset.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "io/files/error.h"
#include "io/files/file.h"
#include "io/files/splitmix64.h"

namespace polonaise::io {
namespace {

// A folder of its own for each test, removed with it.
class DatasetFile : public testing::Test {
 protected:
  DatasetFile() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) / (std::string("polonaise_dataset_") + test->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    path_ = folder_ / "music.dataset";
  }
  ~DatasetFile() override { std::filesystem::remove_all(folder_); }

  std::string refusal() const {
    try {
      Dataset::open(path_);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  void flip(std::size_t at) const {
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(at));
    const char changed = static_cast<char>(file.get() ^ (1 << (at % 8)));
    file.seekp(static_cast<std::streamoff>(at));
    file.put(changed);
  }

  std::filesystem::path folder_;
  std::filesystem::path path_;
};

Events chords(Random& random, int count) {
  Events events(EventKind::frames);
  for (int i = 0; i < count; ++i) {
    const std::vector<std::uint8_t> keys = {static_cast<std::uint8_t>(random.below(50)),
                                            static_cast<std::uint8_t>(50 + random.below(50))};
    events.push_frame(std::span(keys).first(random.below(3)), class_quarters(static_cast<int>(random.below(24))));
  }
  return events;
}

Corpus chord_corpus() {
  Random random(3);
  Corpus corpus;
  corpus[Split::train] = {
      {"one", chords(random, 5)}, {"Präludium \"2\"", chords(random, 7)}, {"three", chords(random, 1)}};
  corpus[Split::test] = {{"four", chords(random, 4)}};
  return corpus;
}

void expect_holds(const Dataset& dataset, const Corpus& corpus) {
  for (const Split split : kSplits) {
    ASSERT_EQ(dataset.pieces(split), std::ssize(corpus[split]));
    std::int64_t events = 0;
    for (std::int64_t i = 0; i < dataset.pieces(split); ++i) {
      const Piece& piece = corpus[split][static_cast<std::size_t>(i)];
      EXPECT_EQ(dataset.name(split, i), piece.name);
      EXPECT_TRUE(equal(dataset.piece(split, i), piece.events.view()));
      EXPECT_TRUE(equal(dataset.all(split)[static_cast<std::size_t>(i)], piece.events.view()));
      events += piece.events.size();
    }
    EXPECT_EQ(dataset.events(split), events);
  }
}

TEST_F(DatasetFile, FramesComeBackAsWritten) {
  const Corpus corpus = chord_corpus();
  const auto encoding = make_encoding("chordvec");
  write_dataset(path_, corpus, *encoding, R"({"files": 4})");
  const Dataset dataset = Dataset::open(path_);
  expect_holds(dataset, corpus);
  EXPECT_EQ(dataset.source(), R"({"files": 4})");
  EXPECT_EQ(dataset.shape(), encoding->shape());
  EXPECT_EQ(dataset.encoding().describe(), encoding->describe());
}

TEST_F(DatasetFile, RollsComeBackAsWrittenAndSurviveAMove) {
  Corpus corpus;
  Events events(EventKind::frames);
  events.push_frame(std::vector<std::uint8_t>{0, 87});
  events.push_frame({});
  corpus[Split::valid] = {{"roll", events}};
  write_dataset(path_, corpus, *make_encoding("roll88", {12}), "");
  Dataset dataset = Dataset::open(path_);
  const Dataset moved = std::move(dataset);
  expect_holds(moved, corpus);
}

TEST_F(DatasetFile, PiecesWithoutEventsAreLeftOut) {
  Corpus corpus = chord_corpus();
  corpus[Split::train].insert(corpus[Split::train].begin(), {"silent", Events(EventKind::frames)});
  write_dataset(path_, corpus, *make_encoding("chordvec"), "");
  expect_holds(Dataset::open(path_), chord_corpus());
}

TEST_F(DatasetFile, TheSameContentsMakeTheSameFile) {
  write_dataset(path_, chord_corpus(), *make_encoding("chordvec"), "a");
  const auto bytes = read_file(path_);
  const std::string checksum = Dataset::open(path_).checksum();
  write_dataset(path_, chord_corpus(), *make_encoding("chordvec"), "a");
  EXPECT_EQ(read_file(path_), bytes);
  write_dataset(path_, chord_corpus(), *make_encoding("chordvec"), "b");
  EXPECT_NE(Dataset::open(path_).checksum(), checksum);
}

TEST_F(DatasetFile, EventsOfAnotherEncodingAreNotWritten) {
  EXPECT_THROW(write_dataset(path_, chord_corpus(), *make_encoding("roll88"), ""), Error);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(DatasetFile, EveryFlippedByteIsFound) {
  write_dataset(path_, chord_corpus(), *make_encoding("chordvec"), "facts");
  const std::size_t size = read_file(path_).size();
  for (std::size_t i = 0; i < size; ++i) {
    flip(i);
    const std::string message = refusal();
    ASSERT_NE(message, "") << "byte " << i;
    ASSERT_EQ(message.rfind(path_.string(), 0), 0U) << message;
    flip(i);
  }
  EXPECT_EQ(refusal(), "");
}

TEST_F(DatasetFile, EveryCutIsFound) {
  write_dataset(path_, chord_corpus(), *make_encoding("chordvec"), "facts");
  for (std::size_t size = read_file(path_).size(); size > 0;) {
    std::filesystem::resize_file(path_, --size);
    ASSERT_NE(refusal(), "") << size;
  }
}

TEST_F(DatasetFile, OtherSafetensorsFilesAreNamedAsSuch) {
  write_safetensors(path_, {}, {{"format", "pt"}});
  EXPECT_NE(refusal().find("no dataset"), std::string::npos);
}

TEST_F(DatasetFile, AnotherDefinitionOfTheEncodingIsRefused) {
  write_dataset(path_, chord_corpus(), *make_encoding("chordvec"), "");
  const SafeTensors file = SafeTensors::open(path_);
  Metadata metadata = file.metadata();
  metadata["encoding"].replace(metadata["encoding"].find("\"version\":1"), 11, "\"version\":2");
  const std::vector<TensorView> tensors = file.tensors();
  write_safetensors(folder_ / "other", tensors, metadata);
  path_ = folder_ / "other";
  EXPECT_NE(refusal(), "");
}

}  // namespace
}  // namespace polonaise::io
