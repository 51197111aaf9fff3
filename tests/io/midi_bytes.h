#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/files/warnings.h"

// MIDI files made by hand, for tests.
namespace polonaise::io::test {

using Bytes = std::vector<std::byte>;

// "90 3c 40" as bytes; spaces are free.
inline Bytes hex(std::string_view digits) {
  Bytes bytes;
  int high = -1;
  for (const char digit : digits) {
    if (digit == ' ') continue;
    const int value = digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
    if (high < 0) {
      high = value;
    } else {
      bytes.push_back(static_cast<std::byte>(high * 16 + value));
      high = -1;
    }
  }
  return bytes;
}

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

inline Bytes big_endian(std::size_t value, int size) {
  Bytes bytes;
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) bytes.push_back(static_cast<std::byte>(value >> shift));
  return bytes;
}

inline Bytes chunk(std::string_view tag, const Bytes& body) {
  Bytes bytes;
  for (const char letter : tag) bytes.push_back(static_cast<std::byte>(letter));
  return bytes + big_endian(body.size(), 4) + body;
}

inline Bytes header(int format, std::size_t tracks, int division) {
  return chunk("MThd", big_endian(static_cast<std::size_t>(format), 2) + big_endian(tracks, 2) +
                           big_endian(static_cast<std::size_t>(division), 2));
}

// A file of division 96 whose tracks hold the given events, as they are.
inline Bytes midi_file(std::initializer_list<std::string_view> tracks, int format = 1, int division = 96) {
  Bytes bytes = header(format, tracks.size(), division);
  for (const std::string_view events : tracks) bytes = std::move(bytes) + chunk("MTrk", hex(events));
  return bytes;
}

// One track that holds every type of event, running status across a meta event, and a note of velocity 0.
inline Bytes rich_file() {
  return midi_file(
      {"00 ff 00 02 00 07  00 ff 01 05 41 22 5c 0a a1  00 ff 02 01 63  00 ff 03 00  00 ff 04 01 69  00 ff 05 01 6c"
       "00 ff 06 01 6d  00 ff 07 01 71  00 ff 08 01 70  00 ff 09 01 64  00 ff 20 01 03  00 ff 21 01 02"
       "00 ff 54 05 60 01 02 03 04  00 ff 51 03 07 a1 20  00 ff 58 04 06 03 24 08  00 ff 59 02 fd 01"
       "00 ff 7f 03 00 41 ff  00 ff 60 02 01 80  00 f0 04 7e 7f 09 f7  00 f7 02 f3 01  00 ff 2f 00",
       "00 c0 05  00 b0 40 7f  00 90 3c 40  30 40 50  00 ff 01 01 78  81 40 3c 00  00 80 40 20  00 a0 3c 11"
       "10 d1 22  00 e2 01 40  83 ff 7f b0 40 00  00 ff 2f 00"});
}

// The folder of real music, or nothing where POLONAISE_TEST_DATA does not name one that holds it.
inline std::optional<std::filesystem::path> music_folder(std::string_view name) {
  const char* root = std::getenv("POLONAISE_TEST_DATA");
  if (root == nullptr) return std::nullopt;
  std::filesystem::path folder = std::filesystem::path(root) / name;
  if (!std::filesystem::is_directory(folder)) return std::nullopt;
  return folder;
}

inline std::vector<std::filesystem::path> midi_files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".mid") paths.push_back(entry.path());
  }
  return paths;
}

// How often `warnings` counts a finding whose text contains `part`.
inline std::int64_t count(const Warnings& warnings, std::string_view part) {
  std::int64_t sum = 0;
  for (const Warnings::Entry& entry : warnings.entries()) {
    if (entry.kind.find(part) != std::string::npos) sum += entry.count;
  }
  return sum;
}

}  // namespace polonaise::io::test
