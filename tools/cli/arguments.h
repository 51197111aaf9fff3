#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tools/cli/option_tree.h"

namespace polonaise::tools {

// A command line taken apart: which words are options, which are their values, which the subcommand and its arguments.
// What the values mean is OptionSpec's business.
struct Tokens {
  const CommandSpec* command = nullptr;                                   // the subcommand that was named
  std::vector<std::pair<OptionSpec*, std::vector<std::string>>> options;  // those given, with their values
  std::vector<std::string> unknown;                                       // what fits nothing declared, in order
  std::string mistake;  // a sentence where the words do not fit together, else empty
};

Tokens tokenize(const CommandSpec& program, std::span<const CommandSpec* const> commands,
                const std::vector<std::string>& arguments);

// "a,b" as "a" and "b"; empty items are left out.
std::vector<std::string> split_list(const std::string& text);

}  // namespace polonaise::tools
