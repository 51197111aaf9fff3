#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace polonaise::io {

// What a gzip file may expand to before read_file refuses it.
inline constexpr std::size_t kMaxExpandedBytes = std::size_t{256} << 20;

// The whole file (or pipe), empty when it is. A file that begins with gzip's magic (.mid.gz) is expanded, members one
// after another. Throws Error, with the system's reason, for what cannot be read, for folders, and for gzip data that
// is corrupt, cut short or expands beyond kMaxExpandedBytes.
std::vector<std::byte> read_file(const std::filesystem::path& path);
std::string read_text(const std::filesystem::path& path);  // as text

// Replaces `path` as one step: readers, and what survives a crash, see the old content or the new, never a part. The
// bytes go to a temporary name in the same folder, are synced, renamed over `path`, and the folder is synced. An
// existing file keeps its permissions; a symbolic link is followed; a device or pipe (/dev/stdout) is written in place.
// On any failure the temporary is removed, `path` is as it was, and Error says why and what to do.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file(const std::filesystem::path& path, std::string_view text);

// A file's bytes, read-only, mapped for as long as the object lives. The file must not be cut short meanwhile; files
// that write_file replaces are safe, since the mapping keeps the old one.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);  // throws Error; an empty file is an empty span
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace polonaise::io
