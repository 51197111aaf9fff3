#include "tools/cli/files.h"

#include <gtest/gtest.h>

#include "io/files/error.h"
#include "tests/tools/run_program.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

TEST(Files, MidiFilesAreFoundInAnyCaseBelowAnyFolderAndSorted) {
  const fs::path folder = fresh_folder();
  fs::create_directories(folder / "b" / "deep");
  for (const char* name : {"z.mid", "a.MIDI", "b/x.Mid.GZ", "b/deep/y.kar", "b/notes.txt", "b/mid", "c.midi.bak"}) {
    write_text(folder / name, "");
  }
  const std::vector<fs::path> found = find_midi_files(std::vector{folder, folder / "z.mid"});
  EXPECT_EQ(found, (std::vector<fs::path>{folder / "a.MIDI", folder / "b/deep/y.kar", folder / "b/x.Mid.GZ",
                                          folder / "z.mid"}));
}

TEST(Files, AFolderWithoutMidiFilesIsAnErrorAlsoBesideOthers) {
  const fs::path folder = fresh_folder();
  fs::create_directories(folder / "empty");
  write_text(folder / "a.mid", "");
  EXPECT_THROW(find_midi_files(std::vector{folder / "a.mid", folder / "empty"}), io::Error);
  EXPECT_THROW(find_midi_files(std::vector{folder / "missing"}), io::Error);
}

TEST(Files, StemsLoseBothEndingsOfCompressedFiles) {
  EXPECT_EQ(piece_stem("a/song.mid.gz"), "song");
  EXPECT_EQ(piece_stem("a/No. 1.mid"), "No. 1");
}

TEST(Files, OutputsMustHaveAFolderAndBeNoInput) {
  const fs::path folder = fresh_folder();
  write_text(folder / "a.mid", "");
  const std::vector<fs::path> inputs{folder / "a.mid"};
  EXPECT_NO_THROW(check_output(folder / "b.mid", inputs));
  EXPECT_THROW(check_output(folder / "none" / "b.mid", inputs), io::Error);
  EXPECT_THROW(check_output(folder, inputs), io::Error);
  EXPECT_THROW(check_output(folder / "." / "a.mid", inputs), io::Error);
}

TEST(Files, OutputsMayBeFoldersInAFolderThatIsThere) {
  const fs::path folder = fresh_folder();
  write_text(folder / "file", "");
  EXPECT_NO_THROW(require_folder_of(folder / "run"));
  EXPECT_NO_THROW(require_folder_of(folder / "run/"));
  EXPECT_NO_THROW(require_folder_of("run"));
  EXPECT_NO_THROW(require_folder_of("run/"));
  EXPECT_THROW(require_folder_of(folder / "none/run"), io::Error);
  EXPECT_THROW(require_folder_of(folder / "none/run/"), io::Error);
  EXPECT_THROW(require_folder_of(folder / "file/run"), io::Error);
}

}  // namespace
}  // namespace polonaise::tools
