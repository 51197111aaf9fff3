#include "io/files/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "io/files/error.h"

namespace polonaise::io {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    const testing::TestInfo* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / ("file_test_" + std::to_string(::getpid())) / info->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override {
    fs::permissions(folder_, fs::perms::owner_all);
    fs::remove_all(folder_);
  }

  fs::path put(const std::string& name, std::string_view content) {
    const fs::path path = folder_ / name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no Error was thrown";
}

// "MThd" as `printf MThd | gzip -n` packs it.
const std::string kPacked(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xf3\x0d\xc9\x48\x01\x00\x7e\x9d\x74\xc4\x04\x00\x00\x00", 24);

TEST_F(FileTest, ReadsWhatIsThere) {
  EXPECT_EQ(text_of(read_file(put("a", std::string("a\0b", 3)))), std::string("a\0b", 3));
  EXPECT_TRUE(read_file(put("empty", "")).empty());
  EXPECT_EQ(text_of(read_file(put("magic", "\x1f"))), "\x1f");
}

TEST_F(FileTest, ReadsPipesAndFilesOfUnknownSize) {
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::string content(200'000, 'x');
  std::thread writer([&] { std::ofstream(pipe) << content; });
  EXPECT_EQ(text_of(read_file(pipe)), content);
  writer.join();
  EXPECT_FALSE(read_file("/proc/self/cmdline").empty());
}

TEST_F(FileTest, UnreadableFilesAreNamedWithTheReason) {
  const std::string missing = error_of([&] { read_file(folder_ / "missing.mid"); });
  EXPECT_NE(missing.find("missing.mid: cannot be read: No such file"), std::string::npos) << missing;
  const std::string folder = error_of([&] { read_file(folder_); });
  EXPECT_NE(folder.find("Is a directory; name a file"), std::string::npos) << folder;
  if (::geteuid() == 0) GTEST_SKIP() << "root reads everything";
  const fs::path secret = put("secret", "x");
  fs::permissions(secret, fs::perms::none);
  const std::string denied = error_of([&] { read_file(secret); });
  EXPECT_NE(denied.find("Permission denied"), std::string::npos) << denied;
}

TEST_F(FileTest, GzipIsExpanded) {
  EXPECT_EQ(text_of(read_file(put("one.mid.gz", kPacked))), "MThd");
  EXPECT_EQ(text_of(read_file(put("two", kPacked + kPacked))), "MThdMThd");
  EXPECT_EQ(text_of(read_file(put("padded", kPacked + std::string(512, '\0')))), "MThd");
}

TEST_F(FileTest, GzipCutShortAnywhereIsAnError) {
  for (std::size_t size = 2; size < kPacked.size(); ++size) {
    EXPECT_THROW(read_file(put("cut.gz", kPacked.substr(0, size))), Error) << size;
  }
}

TEST_F(FileTest, CorruptGzipIsAnError) {
  for (std::size_t at = 10; at < kPacked.size(); ++at) {  // every byte of data, checksum and length
    std::string packed = kPacked;
    packed[at] = static_cast<char>(packed[at] ^ 1);
    EXPECT_THROW(read_file(put("corrupt.gz", packed)), Error) << at;
  }
}

TEST_F(FileTest, GzipBombIsRefused) {
  const fs::path part = folder_ / "part.gz";
  const std::string command = "head -c 1048576 /dev/zero | gzip -n > '" + part.string() + "' 2>/dev/null";
  if (std::system(command.c_str()) != 0) GTEST_SKIP() << "no gzip program";
  std::ifstream stream(part, std::ios::binary);
  const std::string member{std::istreambuf_iterator<char>(stream), {}};
  std::string bomb;
  for (int mebibytes = 0; mebibytes < 257; ++mebibytes) bomb += member;
  const fs::path path = put("bomb.gz", bomb);
  const std::string message = error_of([&] { read_file(path); });
  EXPECT_NE(message.find("expands to more than 256 MiB"), std::string::npos) << message;
}

TEST_F(FileTest, WritesAndReplacesLeavingNothingElse) {
  const fs::path path = folder_ / "out.mid";
  write_file(path, "first, and longer");
  write_file(path, "second");
  EXPECT_EQ(text_of(read_file(path)), "second");
  write_file(path, std::string_view());
  EXPECT_TRUE(read_file(path).empty());
  EXPECT_EQ(entries(), 1u);
}

TEST_F(FileTest, ReplacedFilesKeepTheirPermissions) {
  const fs::path path = put("shared", "old");
  fs::permissions(path, fs::perms::owner_all | fs::perms::group_write);
  write_file(path, "new");
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all | fs::perms::group_write);
}

TEST_F(FileTest, SymbolicLinksAreFollowed) {
  const fs::path target = put("target", "old");
  fs::create_symlink("target", folder_ / "link");
  write_file(folder_ / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(text_of(read_file(target)), "new");
}

TEST_F(FileTest, LongestNamesCanBeWritten) {
  const fs::path path = folder_ / std::string(255, 'n');
  write_file(path, "x");
  EXPECT_EQ(text_of(read_file(path)), "x");
}

TEST_F(FileTest, DevicesAreWrittenInPlace) {
  write_file("/dev/null", "x");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(FileTest, FullDeviceIsReported) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  const std::string message = error_of([] { write_file("/dev/full", "x"); });
  EXPECT_NE(message.find("No space left on device; free some space"), std::string::npos) << message;
}

TEST_F(FileTest, FailureHalfwayLeavesTheOldFileAndNoTemporary) {
  const fs::path path = put("kept", "old");
  // A limit on file size fails the write partway, as a full disk does.
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit tight = before;
  tight.rlim_cur = 4096;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const std::string message = error_of([&] { write_file(path, std::string(100'000, 'n')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_NE(message.find("kept: cannot be written: File too large"), std::string::npos) << message;
  EXPECT_EQ(text_of(read_file(path)), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(FileTest, UnwritablePlacesAreNamedWithARemedy) {
  const std::string missing = error_of([&] { write_file(folder_ / "no" / "such", "x"); });
  EXPECT_NE(missing.find("create its folder first"), std::string::npos) << missing;
  const std::string folder = error_of([&] { write_file(folder_, "x"); });
  EXPECT_NE(folder.find("Is a directory"), std::string::npos) << folder;
  if (::geteuid() == 0) GTEST_SKIP() << "root writes everywhere";
  fs::permissions(folder_, fs::perms::owner_read | fs::perms::owner_exec);
  const std::string denied = error_of([&] { write_file(folder_ / "out", "x"); });
  EXPECT_NE(denied.find("choose a folder you may write to"), std::string::npos) << denied;
}

TEST_F(FileTest, MappedFileShowsTheBytes) {
  MappedFile file(put("mapped", "content"));
  EXPECT_EQ(text_of(file.bytes()), "content");
  MappedFile moved(std::move(file));
  EXPECT_EQ(text_of(moved.bytes()), "content");
  MappedFile other(put("empty", ""));
  EXPECT_TRUE(other.bytes().empty());
  other = std::move(moved);
  EXPECT_EQ(text_of(other.bytes()), "content");
}

TEST_F(FileTest, MappedFileReportsWhatCannotBeMapped) {
  EXPECT_THROW(MappedFile(folder_ / "missing"), Error);
  EXPECT_THROW(MappedFile{folder_}, Error);
}

}  // namespace
}  // namespace polonaise::io
