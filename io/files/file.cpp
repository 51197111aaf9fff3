#include "io/files/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>
#include <system_error>

#include "io/files/error.h"

namespace polonaise::io {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kModeBits = 07777;

std::string reason(int error) {
  return std::generic_category().message(error);
}

[[noreturn]] void throw_unreadable(const fs::path& path, int error) {
  const char* remedy = error == ENOENT   ? "check the name"
                       : error == EISDIR ? "name a file"
                       : error == EACCES ? "check its permissions"
                                         : "check the disk";
  throw Error(fmt::format("{}: cannot be read: {}; {}.", path.string(), reason(error), remedy));
}

[[noreturn]] void throw_unwritable(const fs::path& path, int error) {
  const char* remedy = error == ENOSPC || error == EDQUOT                    ? "free some space"
                       : error == ENOENT || error == ENOTDIR                 ? "create its folder first"
                       : error == EACCES || error == EPERM || error == EROFS ? "choose a folder you may write to"
                       : error == EISDIR                                     ? "name a file"
                                                                             : "check the disk or choose another";
  throw Error(fmt::format("{}: cannot be written: {}; {}.", path.string(), reason(error), remedy));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

int open_retrying(const char* path, int flags, mode_t mode = 0) {
  int fd = -1;
  do {
    fd = ::open(path, flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

struct stat status_of(const fs::path& path, const Descriptor& file) {
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) throw_unreadable(path, errno);
  if (S_ISDIR(status.st_mode)) throw_unreadable(path, EISDIR);
  return status;
}

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

std::vector<std::byte> expand(const fs::path& path, std::span<const std::byte> packed) {
  struct Inflater {
    z_stream stream{};
    Inflater() {
      if (inflateInit2(&stream, 15 + 16) != Z_OK) throw std::bad_alloc();  // 15 bits of window, gzip's wrapping
    }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater() { inflateEnd(&stream); }
  } inflater;
  z_stream& stream = inflater.stream;

  std::vector<std::byte> expanded;
  std::size_t used = 0;
  constexpr std::size_t kWindow = std::numeric_limits<uInt>::max() / 2;
  for (int status = Z_OK;;) {
    if (stream.avail_in == 0 && !packed.empty()) {
      const std::size_t count = std::min(packed.size(), kWindow);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));  // zlib only reads it
      stream.avail_in = static_cast<uInt>(count);
      packed = packed.subspan(count);
    }
    if (status == Z_STREAM_END) {
      // gzip's own program reads a further member and ignores any other rest, as padding of tapes is.
      if (!is_gzip({reinterpret_cast<const std::byte*>(stream.next_in), stream.avail_in})) break;
      inflateReset(&stream);
    }
    if (used == expanded.size()) {
      expanded.resize(std::min(std::max(used * 2, std::size_t{1} << 16), kMaxExpandedBytes + 1));
    }
    const std::size_t room = std::min(expanded.size() - used, kWindow);
    stream.next_out = reinterpret_cast<Bytef*>(expanded.data() + used);
    stream.avail_out = static_cast<uInt>(room);
    status = inflate(&stream, Z_NO_FLUSH);
    used += room - stream.avail_out;
    if (used > kMaxExpandedBytes) {
      throw Error(fmt::format("{}: expands to more than {} MiB; expand it with gunzip and check what it is.",
                              path.string(), kMaxExpandedBytes >> 20));
    }
    if (status == Z_BUF_ERROR && stream.avail_in == 0 && packed.empty()) {
      throw Error(fmt::format("{}: the gzip data is cut short; get the file again.", path.string()));
    }
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      throw Error(fmt::format("{}: the gzip data is corrupt ({}); get the file again.", path.string(),
                              stream.msg ? stream.msg : "no detail"));
    }
  }
  expanded.resize(used);
  return expanded;
}

// 0 or the errno of what failed.
int write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return ENOSPC;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return 0;
}

void sync_folder(const fs::path& folder) {
  // Best effort: some file systems cannot sync a folder, and the file's own bytes are safe by now.
  const Descriptor descriptor(open_retrying(folder.c_str(), O_RDONLY | O_DIRECTORY));
  if (descriptor.get() >= 0) ::fsync(descriptor.get());
}

fs::path temporary_name(const fs::path& target) {
  static std::atomic<std::uint64_t> serial{0};
  // Short whatever the target's name is, so that a name of the greatest length can be written too.
  return target.parent_path() / fmt::format(".polonaise-{}-{}.tmp", ::getpid(), serial++);
}

void write_in_place(const fs::path& path, std::span<const std::byte> bytes) {
  Descriptor file(open_retrying(path.c_str(), O_WRONLY));
  if (file.get() < 0) throw_unwritable(path, errno);
  if (const int error = write_all(file.get(), bytes)) throw_unwritable(path, error);
  if (!file.close()) throw_unwritable(path, errno);
}

}  // namespace

std::vector<std::byte> read_file(const fs::path& path) {
  const Descriptor file(open_retrying(path.c_str(), O_RDONLY));
  const struct stat status = status_of(path, file);
  // The size is a hint: /proc and pipes say 0, and a file may grow. One byte more meets the end without growing.
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::max<off_t>(status.st_size, 0)) + 1);
  std::size_t used = 0;
  for (;;) {
    if (used == bytes.size()) bytes.resize(bytes.size() * 2 + 4096);
    const ssize_t count = ::read(file.get(), bytes.data() + used, bytes.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_unreadable(path, errno);
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
  }
  bytes.resize(used);
  return is_gzip(bytes) ? expand(path, bytes) : bytes;
}

std::string read_text(const fs::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_file(const fs::path& path, std::span<const std::byte> bytes) {
  std::error_code ignored;
  const fs::path resolved = fs::is_symlink(path, ignored) ? fs::weakly_canonical(path, ignored) : path;
  const fs::path& target = resolved.empty() ? path : resolved;
  struct stat existing {};
  const bool exists = ::stat(target.c_str(), &existing) == 0;
  if (exists && S_ISDIR(existing.st_mode)) throw_unwritable(path, EISDIR);
  if (exists && !S_ISREG(existing.st_mode)) return write_in_place(path, bytes);
  if (exists && ::access(target.c_str(), W_OK) != 0) throw_unwritable(path, errno);

  const fs::path temporary = temporary_name(target);
  Descriptor file(open_retrying(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0666));
  if (file.get() < 0) throw_unwritable(path, errno);
  int error = write_all(file.get(), bytes);
  if (!error && exists && ::fchmod(file.get(), existing.st_mode & kModeBits) != 0) error = errno;
  if (!error && ::fsync(file.get()) != 0) error = errno;
  if (!file.close() && !error) error = errno;
  if (!error && ::rename(temporary.c_str(), target.c_str()) != 0) error = errno;
  if (error) {
    ::unlink(temporary.c_str());
    throw_unwritable(path, error);
  }
  sync_folder(target.has_parent_path() ? target.parent_path() : fs::path("."));
}

void write_file(const fs::path& path, std::string_view text) {
  write_file(path, std::as_bytes(std::span(text)));
}

MappedFile::MappedFile(const fs::path& path) {
  const Descriptor file(open_retrying(path.c_str(), O_RDONLY));
  const struct stat status = status_of(path, file);
  if (status.st_size == 0) return;
  const auto size = static_cast<std::size_t>(status.st_size);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) throw_unreadable(path, errno);
  bytes_ = {static_cast<const std::byte*>(address), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace polonaise::io
