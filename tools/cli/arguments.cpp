#include "tools/cli/arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

namespace polonaise::tools {
namespace {

using Declared = std::vector<std::pair<OptionSpec*, CLI::Option*>>;

void declare(CLI::App& app, const CommandSpec& spec, Declared& declared) {
  app.set_help_flag();
  app.allow_extras();
  for (const auto& option : spec.options) {
    const std::string letter = option->short_name.empty() ? "" : fmt::format("-{},", option->short_name);
    CLI::Option* token = nullptr;
    if (option->is_flag) {
      token = app.add_flag(fmt::format("{}--{},!--no-{}", letter, option->name, option->name));
    } else {
      const std::string names = option->positional ? option->name : fmt::format("{}--{}", letter, option->name);
      token = app.add_option_function<std::vector<std::string>>(names, [](const std::vector<std::string>&) {});
      token->expected(option->positional && option->list ? -1 : 1);
      token->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      if (!option->positional) token->allow_extra_args(false);
    }
    declared.emplace_back(option.get(), token);
  }
}

// Lists are split at commas; of anything else that is repeated the last counts.
std::vector<std::string> values_of(const OptionSpec& option, const std::vector<std::string>& results) {
  if (option.positional) return results;
  if (!option.list) return {results.back()};
  std::vector<std::string> values;
  for (const std::string& result : results) {
    for (std::string& item : split_list(result)) values.push_back(std::move(item));
  }
  return values;
}

// CLI11 takes the argument after "--name=" for its value: an empty one is to stand by itself.
std::vector<std::string> with_empty_values(const std::vector<std::string>& arguments, const Declared& declared) {
  std::vector<std::string> separate;
  for (const std::string& argument : arguments) {
    const bool is_empty = std::ranges::any_of(declared, [&](const auto& known) {
      const OptionSpec& option = *known.first;
      return !option.positional && !option.is_flag && argument == fmt::format("--{}=", option.name);
    });
    separate.push_back(is_empty ? argument.substr(0, argument.size() - 1) : argument);
    if (is_empty) separate.emplace_back();
  }
  return separate;
}

}  // namespace

Tokens tokenize(const CommandSpec& program, std::span<const CommandSpec* const> commands,
                const std::vector<std::string>& arguments) {
  Tokens tokens;
  CLI::App app;
  Declared declared;
  declare(app, program, declared);
  app.require_subcommand(0, 1);
  for (const CommandSpec* command : commands) {
    CLI::App* sub = app.add_subcommand(command->name);
    sub->fallthrough();
    declare(*sub, *command, declared);
    sub->preparse_callback([&tokens, command](std::size_t) { tokens.command = command; });
  }
  try {
    std::vector<std::string> words = with_empty_values(arguments, declared);
    std::ranges::reverse(words);
    app.parse(std::move(words));
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string text = error.what();  // "--hidden: 1 required TEXT missing"
    tokens.mistake = text.substr(0, text.find(':')) + " needs a value.";
  } catch (const CLI::ParseError& error) {
    tokens.mistake = fmt::format("{}.", error.what());
  }
  tokens.unknown = app.remaining(true);
  for (const auto& [option, token] : declared) {
    if (token->count() > 0) tokens.options.emplace_back(option, values_of(*option, token->results()));
  }
  return tokens;
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> items;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    if (comma > start) items.push_back(text.substr(start, comma - start));
    start = comma + 1;
  }
  return items;
}

}  // namespace polonaise::tools
