#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What the lines of MIDI as CSV are made of (io/midi/csv.h), read as csvmidi reads them.
namespace polonaise::io {

inline bool is_csv_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Letters of ASCII only.
bool equal_in_any_case(std::string_view a, std::string_view b);

// A whole number at the field's start; what follows it is ignored, as by C's %ld. Numbers beyond 64 bits saturate.
std::optional<std::int64_t> csv_number(std::string_view field, int base = 10);

// Splits at commas. Spaces around a field go; in quotes, "" is a quote, \\ a backslash, \ooo a byte in octal.
std::vector<std::string> split_csv_line(std::string_view line);

}  // namespace polonaise::io
