#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "tools/cli/option_tree.h"

namespace polonaise::tools {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
  }
  return lines;
}

// Two columns under a headline; the second wraps.
std::string section(std::string_view title, const Rows& rows, std::size_t width) {
  if (rows.empty()) return "";
  constexpr std::size_t kWidestLeft = 30;
  std::size_t left = 0;
  for (const auto& row : rows) {
    if (row.first.size() <= kWidestLeft) left = std::max(left, row.first.size());
  }
  const std::size_t indent = left + 4;
  std::string out = fmt::format("\n{}:\n", title);
  for (const auto& [name, text] : rows) {
    out += fmt::format("  {:<{}}", name, left + 2);
    if (name.size() > left) out += fmt::format("\n{:{}}", "", indent);
    const std::size_t room = width > indent + 20 ? width - indent : 20;
    out += fmt::format("{}\n", fmt::join(wrap(text, room), fmt::format("\n{:{}}", "", indent)));
  }
  return out;
}

std::string description(const OptionSpec& option) {
  std::string out = option.help;
  if (!option.names_allowed.empty()) out += fmt::format(": {}", fmt::join(option.names_allowed, ", "));
  const Value value = option.value();
  const std::string standing =
      option.how_derived.empty() ? fmt::format("{}", fmt::join(value.items, ",")) : option.how_derived;
  if (option.is_required) {
    out += " (required)";
  } else if (!option.is_flag && !standing.empty()) {
    out += fmt::format(" [{}]", standing);
  }
  return out;
}

std::string left_column(const OptionSpec& option) {
  if (option.positional) return option.display() + (option.list ? "..." : "");
  const std::string letter = option.short_name.empty() ? "    " : fmt::format("-{}, ", option.short_name);
  const std::string name = fmt::format("--{}{}", option.default_on ? "no-" : "", option.name);
  return letter + name + (option.is_flag ? "" : " " + option.word);
}

// The options under their groups, in order of declaration; those that every program has come last, with the program's
// own where a subcommand's help is shown.
std::string option_sections(const CommandSpec& spec, const CommandSpec* parent, std::size_t width) {
  std::vector<std::pair<std::string, Rows>> groups;
  const auto add = [&groups](const OptionSpec& option, const std::string& title) {
    auto group = std::ranges::find(groups, title, &std::pair<std::string, Rows>::first);
    if (group == groups.end()) group = groups.insert(groups.end(), {title, {}});
    group->second.emplace_back(left_column(option), description(option));
  };
  const std::string common(kCommonGroup);
  for (const auto& option : spec.options) {
    if (option->positional) add(*option, "Arguments");
  }
  for (const auto& option : spec.options) {
    if (!option->positional && option->group != common) add(*option, option->group.empty() ? "Options" : option->group);
  }
  for (const CommandSpec* owner : {&spec, parent}) {
    if (owner == nullptr) continue;
    for (const auto& option : owner->options) {
      if (owner == parent || option->group == common) add(*option, common);
    }
  }
  std::string out;
  for (const auto& [title, rows] : groups) out += section(title, rows, width);
  return out;
}

// "POLONAISE_TOP_K sets --top-k", of an option that the program has: its own first, and of these one of two words.
std::string environment_example(const CommandSpec& spec, const CommandSpec* parent) {
  const auto rank = [](const OptionSpec& option) {
    if (option.positional) return 0;
    if (option.group == kCommonGroup) return 1;
    return option.name.find('-') == std::string::npos ? 2 : 3;
  };
  std::string text;
  int best = 0;
  for (const CommandSpec* owner : {&spec, parent}) {
    if (owner == nullptr) continue;
    for (const auto& option : owner->options) {
      if (rank(*option) <= best) continue;
      best = rank(*option);
      text = fmt::format("{} sets --{}", option->environment(), option->name);
    }
  }
  return text;
}

}  // namespace

std::string help_text(const CommandSpec& spec, std::span<const CommandSpec* const> commands, const CommandSpec* parent,
                      int width) {
  const auto columns = static_cast<std::size_t>(std::max(width, 40));
  std::string usage = "Usage: " + spec.program;
  if (!commands.empty()) usage += " COMMAND";
  for (const auto& option : spec.options) {
    if (!option->positional) continue;
    const std::string word = option->display() + (option->list ? "..." : "");
    usage += option->is_required ? " " + word : " [" + word + "]";
  }
  for (const auto& option : spec.options) {
    if (option->is_required && !option->positional) {
      usage += fmt::format(" {} {}", option->short_name.empty() ? option->display() : "-" + option->short_name,
                           option->word);
    }
  }
  std::string out = fmt::format("{}: {}\n\n{} [OPTIONS]\n", spec.program, spec.summary, usage);
  Rows command_rows;
  for (const CommandSpec* command : commands) command_rows.emplace_back(command->name, command->summary);
  out += section("Commands", command_rows, columns);
  out += option_sections(spec, parent, columns);
  if (!spec.examples.empty()) {
    out += "\nExamples:\n";
    for (const Example& example : spec.examples) {
      out += fmt::format("  {}\n", example.command);
      for (const std::string& line : wrap(example.explanation, columns - 6)) out += fmt::format("      {}\n", line);
    }
  }
  if (!commands.empty()) out += fmt::format("\n'{} COMMAND --help' shows the options of a command.\n", spec.program);
  out += section("Environment",
                 {{"POLONAISE_OPTION",
                   fmt::format("sets --option ({}); a flag wins over it, and it wins over the file of --config",
                               environment_example(spec, parent))}},
                 columns);
  if (!spec.epilogue.empty()) out += "\n" + spec.epilogue;
  return out;
}

}  // namespace polonaise::tools
