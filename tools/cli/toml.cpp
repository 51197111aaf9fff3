#include "tools/cli/toml.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <optional>
#include <set>

#include "io/files/error.h"
#include "io/files/file.h"

namespace polonaise::tools {
namespace {

std::string basic_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string utf8(std::uint32_t code) {
  std::string out;
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
  return out;
}

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// The canonical text of a TOML number, or nothing where `text` is none.
std::optional<std::string> canonical_number(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits += text[i];
    } else if (i == 0 || i + 1 == text.size() || !std::isdigit(static_cast<unsigned char>(text[i - 1])) ||
               !std::isdigit(static_cast<unsigned char>(text[i + 1]))) {
      return std::nullopt;
    }
  }
  std::string_view body = digits;
  if (body.starts_with('+')) body.remove_prefix(1);
  if (body.empty() || body.starts_with('+')) return std::nullopt;
  const bool integer = body.find_first_not_of("-0123456789") == std::string_view::npos;
  double number = 0;
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), number);
  if (end != body.data() + body.size() || error != std::errc()) return std::nullopt;
  return integer ? std::string(body) : fmt::format("{}", number);
}

class Reader {
 public:
  Reader(std::string_view text, std::string_view origin) : text_(text), origin_(origin) {}

  Config read() {
    Config config;
    std::set<std::string> keys;
    std::string section;
    for (skip_blank(); !at_end(); skip_blank()) {
      if (peek() == '[') {
        section = section_name();
        continue;
      }
      Setting setting;
      setting.line = line_;
      setting.key = section + key();
      skip_spaces();
      expect('=', "expected '=' after the key");
      skip_spaces();
      setting.value = value();
      end_of_line();
      if (!keys.insert(setting.key).second) fail(fmt::format("the key '{}' is given twice", setting.key), setting.line);
      config.settings.push_back(std::move(setting));
    }
    return config;
  }

 private:
  bool at_end() const { return position_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[position_]; }
  char next() {
    if (at_end()) fail("the file ends in the middle of a value", line_);
    const char c = text_[position_++];
    if (c == '\n') ++line_;
    return c;
  }
  [[noreturn]] void fail(std::string_view what, int line) const {
    throw io::Error(fmt::format("{} line {}: {}.", origin_, line, what));
  }
  void expect(char c, std::string_view what) {
    if (peek() != c) fail(what, line_);
    ++position_;
  }
  void skip_spaces() {
    while (peek() == ' ' || peek() == '\t') ++position_;
  }
  void skip_comment() {
    if (peek() != '#') return;
    while (!at_end() && peek() != '\n') ++position_;
  }
  // Spaces, line ends and comments.
  void skip_blank() {
    for (;;) {
      skip_spaces();
      skip_comment();
      if (peek() != '\n' && peek() != '\r') return;
      next();
    }
  }
  void end_of_line() {
    skip_spaces();
    skip_comment();
    if (peek() == '\r') ++position_;
    if (!at_end() && peek() != '\n') fail("unexpected text after the value", line_);
  }

  std::string key() {
    if (peek() == '"' || peek() == '\'') return string();
    const std::size_t start = position_;
    while (is_bare(peek())) ++position_;
    if (start == position_) fail("expected a key", line_);
    return std::string(text_.substr(start, position_ - start));
  }

  std::string section_name() {
    expect('[', "expected '['");
    skip_spaces();
    std::string name = key();
    skip_spaces();
    expect(']', "expected ']' after the section's name (sections do not nest)");
    end_of_line();
    return name + ".";
  }

  std::string string() {
    const char quote = next();
    std::string out;
    while (peek() != quote) {
      if (at_end() || peek() == '\n') fail("a string is not closed on its line", line_);
      const char c = next();
      out += (c == '\\' && quote == '"') ? escape() : std::string(1, c);
    }
    ++position_;
    return out;
  }

  std::string escape() {
    const char c = next();
    switch (c) {
      case 'b':
        return "\b";
      case 't':
        return "\t";
      case 'n':
        return "\n";
      case 'f':
        return "\f";
      case 'r':
        return "\r";
      case '"':
        return "\"";
      case '\\':
        return "\\";
      case 'u':
        return code_point(4);
      case 'U':
        return code_point(8);
      default:
        fail(fmt::format("unknown escape \\{} in a string", c), line_);
    }
  }

  std::string code_point(std::size_t length) {
    const std::string_view hex = text_.substr(position_, length);
    std::uint32_t code = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    if (hex.size() != length || end != hex.data() + length || error != std::errc() || surrogate || code > 0x10ffff) {
      fail("a \\u escape is not a Unicode character", line_);
    }
    position_ += length;
    return utf8(code);
  }

  Value value() {
    if (peek() == '[') return array();
    Value out;
    if (peek() == '"' || peek() == '\'') {
      out.items = {string()};
      return out;
    }
    const std::size_t start = position_;
    while (is_bare(peek()) || peek() == '.' || peek() == '+') ++position_;
    const std::string_view word = text_.substr(start, position_ - start);
    if (word == "true" || word == "false") {
      out.kind = Value::Kind::kBoolean;
      out.items = {std::string(word)};
    } else if (const auto number = canonical_number(word)) {
      out.kind = Value::Kind::kNumber;
      out.items = {*number};
    } else {
      fail("expected a number, true, false, an array or a string in quotes", line_);
    }
    return out;
  }

  Value array() {
    Value out;
    out.list = true;
    next();
    for (skip_blank(); peek() != ']'; skip_blank()) {
      if (peek() == '[') fail("arrays do not nest", line_);
      Value item = value();
      if (!out.items.empty() && item.kind != out.kind) fail("the elements of an array are of one type", line_);
      out.kind = item.kind;
      out.items.push_back(std::move(item.items.front()));
      skip_blank();
      if (peek() != ']') expect(',', "expected ',' or ']' in an array");
    }
    next();
    return out;
  }

  std::string_view text_;
  std::string_view origin_;
  std::size_t position_ = 0;
  int line_ = 1;
};

}  // namespace

std::string Value::toml() const {
  std::string out;
  for (const std::string& item : items) {
    if (!out.empty()) out += ", ";
    out += kind == Kind::kString ? basic_string(item) : item;
  }
  return list ? "[" + out + "]" : out;
}

const Value* Config::find(std::string_view key) const {
  const auto found = std::ranges::find(settings, key, &Setting::key);
  return found == settings.end() ? nullptr : &found->value;
}

std::string Config::toml() const {
  std::string out;
  std::vector<std::string> sections;
  for (const Setting& setting : settings) {
    const std::size_t dot = setting.key.find('.');
    if (dot == std::string::npos) {
      out += fmt::format("{} = {}\n", setting.key, setting.value.toml());
    } else if (std::ranges::find(sections, setting.key.substr(0, dot)) == sections.end()) {
      sections.push_back(setting.key.substr(0, dot));
    }
  }
  for (const std::string& section : sections) {
    out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", section);
    for (const Setting& setting : settings) {
      if (!setting.key.starts_with(section + ".")) continue;
      out += fmt::format("{} = {}\n", setting.key.substr(section.size() + 1), setting.value.toml());
    }
  }
  return out;
}

Config parse_config(std::string_view text, std::string_view origin) {
  return Reader(text, origin).read();
}

Config load_config(const std::filesystem::path& file) {
  return parse_config(io::read_text(file), file.string());
}

}  // namespace polonaise::tools
