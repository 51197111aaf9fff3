#include "io/midi/csv_fields.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace polonaise::io {

bool equal_in_any_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::int64_t> csv_number(std::string_view field, int base) {
  while (!field.empty() && is_csv_space(field.front())) field.remove_prefix(1);
  if (field.size() > 1 && field[0] == '+' && field[1] != '-') field.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value, base);
  if (error == std::errc::result_out_of_range) {
    return field.front() == '-' ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
  }
  if (error != std::errc{}) return std::nullopt;
  return value;
}

std::vector<std::string> split_csv_line(std::string_view line) {
  std::vector<std::string> fields;
  std::size_t at = 0;
  while (at < line.size()) {
    std::string& field = fields.emplace_back();
    while (at < line.size() && is_csv_space(line[at])) ++at;
    const bool quoted = at < line.size() && line[at] == '"';
    if (quoted) {
      for (++at; at < line.size(); ++at) {
        const char next = at + 1 < line.size() ? line[at + 1] : '\0';
        if (line[at] == '"') {
          if (next != '"') break;
          field += line[++at];
        } else if (line[at] == '\\' && next == '\\') {
          field += line[++at];
        } else if (line[at] == '\\') {
          unsigned value = 0;
          for (int digit = 0; digit < 3 && at + 1 < line.size() && line[at + 1] >= '0' && line[at + 1] <= '7';
               ++digit) {
            value = value << 3 | static_cast<unsigned>(line[++at] - '0');
          }
          field += static_cast<char>(value);
        } else {
          field += line[at];
        }
      }
      if (at < line.size()) ++at;  // the closing quote
    }
    while (at < line.size() && line[at] != ',') field += line[at++];
    if (at < line.size()) ++at;
    if (!quoted) {
      while (!field.empty() && is_csv_space(field.back())) field.pop_back();
    }
  }
  return fields;
}

}  // namespace polonaise::io
