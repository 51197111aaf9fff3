#include "tools/cli/toml.h"

#include <gtest/gtest.h>

#include "io/files/error.h"

namespace polonaise::tools {
namespace {

std::string refusal(std::string_view text) {
  try {
    parse_config(text, "f.toml");
  } catch (const io::Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Config, ReadsTheTypesOfToml) {
  const Config config = parse_config(
      "a = 1_000 # comment\n\n  b=\"x # \\\"y\\\" \\u00e9\\n\"\r\n'c' = 'C:\\dir'\nd = [1, 2,\n # inside\n 3,]\n"
      "e = +1.50\n[s]\nf = false\ng = []\n",
      "f.toml");
  ASSERT_EQ(config.settings.size(), 7u);
  EXPECT_EQ(config.find("a")->items.front(), "1000");
  EXPECT_EQ(config.find("b")->items.front(), "x # \"y\" \u00e9\n");
  EXPECT_EQ(config.find("c")->items.front(), "C:\\dir");
  EXPECT_EQ(config.find("d")->items, (std::vector<std::string>{"1", "2", "3"}));
  EXPECT_EQ(config.find("e")->items.front(), "1.5");
  EXPECT_EQ(config.find("s.f")->kind, Value::Kind::kBoolean);
  EXPECT_TRUE(config.find("s.g")->items.empty());
  EXPECT_EQ(config.settings[5].line, 10);
  EXPECT_EQ(config.find("f"), nullptr);
}

TEST(Config, WhatItPrintsReadsBackTheSame) {
  const Config first = parse_config("a = \"\\u0001 \\\\ \\t\"\nb = [\"x\", \"y,z\"]\n[s]\nc = -1e-5\n", "f");
  const Config second = parse_config(first.toml(), "f");
  ASSERT_EQ(second.settings.size(), first.settings.size());
  for (const Setting& setting : first.settings) EXPECT_EQ(*second.find(setting.key), setting.value) << setting.key;
}

TEST(Config, RefusesWhatIsNotToml) {
  EXPECT_EQ(refusal("a = 1\na = 2\n"), "f.toml line 2: the key 'a' is given twice.");
  EXPECT_EQ(refusal("a 1\n"), "f.toml line 1: expected '=' after the key.");
  EXPECT_EQ(refusal("\n= 1\n"), "f.toml line 2: expected a key.");
  EXPECT_EQ(refusal("a = lstm\n"), "f.toml line 1: expected a number, true, false, an array or a string in quotes.");
  EXPECT_EQ(refusal("a = \"x\n"), "f.toml line 1: a string is not closed on its line.");
  EXPECT_EQ(refusal("a = [1, 2"), "f.toml line 1: expected ',' or ']' in an array.");
  EXPECT_EQ(refusal("a = [1, \"x\"]\n"), "f.toml line 1: the elements of an array are of one type.");
  EXPECT_EQ(refusal("a = 1 2\n"), "f.toml line 1: unexpected text after the value.");
  EXPECT_EQ(refusal("[a.b]\n"), "f.toml line 1: expected ']' after the section's name (sections do not nest).");
  EXPECT_EQ(refusal("a = \"\\q\"\n"), "f.toml line 1: unknown escape \\q in a string.");
  EXPECT_EQ(refusal("a = \"\\ud800\"\n"), "f.toml line 1: a \\u escape is not a Unicode character.");
  EXPECT_EQ(refusal("a ="), "f.toml line 1: expected a number, true, false, an array or a string in quotes.");
}

TEST(Config, EveryPrefixOfAFileIsReadOrRefused) {
  const std::string text = "a = \"x\\u00e9\"\nb = [1, 2]\n[s]\nc = 'y' # z\nd = 1e3\n";
  for (std::size_t length = 0; length <= text.size(); ++length) {
    try {
      EXPECT_LE(parse_config(text.substr(0, length), "f").settings.size(), 4u);
    } catch (const io::Error&) {
    }
  }
}

}  // namespace
}  // namespace polonaise::tools
