#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace polonaise::tools {

// Values of options as TOML has them. The text of a number is canonical (the shortest that reads back as the same
// number), so that equal values compare equal however they were written.
struct Value {
  enum class Kind { kString, kNumber, kBoolean };

  Kind kind = Kind::kString;
  bool list = false;               // an array; otherwise `items` has one element
  std::vector<std::string> items;  // without quotes; "true" and "false" for booleans

  std::string toml() const;
  friend bool operator==(const Value&, const Value&) = default;
};

struct Setting {
  std::string key;  // "hidden", or "csv.dialect" for the key `dialect` of section [csv]
  Value value;
  int line = 0;  // in the file it was read from, or 0
};

// A configuration: settings in order, each key once.
struct Config {
  std::vector<Setting> settings;

  const Value* find(std::string_view key) const;  // null where absent
  // TOML that parse_config reads again: bare keys first, then the sections.
  std::string toml() const;
};

// The part of TOML that options need: comments, [section], key = value with strings (basic and literal), integers,
// floats, booleans and arrays of them. Everything else, and a key given twice, throws io::Error naming `origin` and the
// line.
Config parse_config(std::string_view text, std::string_view origin);
Config load_config(const std::filesystem::path& file);

}  // namespace polonaise::tools
