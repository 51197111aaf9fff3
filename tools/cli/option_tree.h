#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tools/cli/cli.h"

namespace polonaise::tools {

// The declared options as data: what Cli fills while a program declares them, and what parsing, --help and
// --dump-config read.

struct OptionSpec final : Option {
  std::string name;        // long name without dashes, or the name of a positional argument
  std::string short_name;  // one letter, or empty
  std::string help;
  std::string group;
  std::string word;  // for the value, in --help
  bool positional = false;
  bool list = false;
  bool is_flag = false;
  bool default_on = false;  // a flag that is on until --no-NAME
  bool is_required = false;
  bool is_transient = false;
  std::string how_derived;  // what --help shows as the default; empty: the value
  std::vector<std::string> names_allowed;
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  std::string bounds;  // the end of "is not a whole number from 1 to 8"
  bool is_given = false;
  bool is_flagged = false;                                   // by the command line itself
  std::function<void(std::span<const std::string>)> assign;  // throws std::invalid_argument
  std::function<Value()> value;

  Option& required() override;
  Option& range(double low_value, double high_value) override;
  Option& choices(std::vector<std::string> names) override;
  Option& placeholder(std::string new_word) override;
  Option& transient() override;
  Option& derived(std::string how) override;

  // "--hidden", or the upper-case name of a positional argument.
  std::string display() const;
  // "POLONAISE_HIDDEN"
  std::string environment() const;
  // Checks the items against choices and range and assigns them; throws UsageError, whose sentence begins with
  // `origin`.
  void set(std::span<const std::string> items, const std::string& origin);
};

// The group of the options that every program has.
inline constexpr std::string_view kCommonGroup = "Common options";

struct Example {
  std::string command;
  std::string explanation;
};

struct CommandSpec {
  std::string program;  // "polonaise-midi", or "polonaise-midi csv"
  std::string name;     // of a subcommand; empty for the program
  std::string summary;
  std::vector<std::unique_ptr<OptionSpec>> options;
  std::vector<Example> examples;
  std::string epilogue;
  std::function<void()> action;

  OptionSpec* find(std::string_view option) const;  // null where there is none
};

// The text of --help. `commands` are the subcommands of a program; `parent`, for a subcommand, the program.
std::string help_text(const CommandSpec& spec, std::span<const CommandSpec* const> commands, const CommandSpec* parent,
                      int width);

}  // namespace polonaise::tools
