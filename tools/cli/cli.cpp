#include "tools/cli/cli.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "io/files/error.h"
#include "kernels/cuda/host/api.h"
#include "tools/cli/arguments.h"
#include "tools/cli/option_tree.h"
#include "tools/cli/value.h"
#include "tools/cli/version.h"
#include "tools/jobs/message.h"

namespace polonaise::tools {
namespace {

// A descriptor that is closed would be given to the next file opened, and messages would end up in it. Standing in for
// them is a descriptor on which writing fails, so that lost output is noticed.
void open_standard_streams() {
  for (int descriptor = 0; descriptor <= 2; ++descriptor) {
    if (fcntl(descriptor, F_GETFD) == -1 && open("/dev/null", O_RDONLY) == -1) std::_Exit(kExitFailure);
  }
}

// Why standard output took no more, as errno; 0 while it does.
int output_error = 0;

}  // namespace

struct Cli::State {
  CommandSpec spec;
  std::vector<std::unique_ptr<Cli>> commands;
  Cli* chosen = nullptr;  // the subcommand that was named
  std::string group;
  std::string memory_remedy;
  std::function<void()> derive;

  bool help = false;
  bool show_version = false;
  bool dump_config = false;
  std::filesystem::path config_file;

  std::vector<const CommandSpec*> command_specs() const {
    std::vector<const CommandSpec*> specs;
    for (const auto& command : commands) specs.push_back(&command->state_->spec);
    return specs;
  }

  const OptionSpec& declared(std::string_view name) const;
  const CommandSpec& active() const { return chosen ? chosen->state_->spec : spec; }

  OptionSpec& add(std::string names, std::string help_line) {
    auto option = std::make_unique<OptionSpec>();
    if (const std::size_t comma = names.find(','); comma != std::string::npos) {
      option->short_name = names.substr(1, comma - 1);
      names.erase(0, comma + 1);
    }
    option->name = names.substr(2);
    option->help = std::move(help_line);
    option->group = group;
    spec.options.push_back(std::move(option));
    return *spec.options.back();
  }

  std::string memory_hint() const { return memory_remedy.empty() ? "." : ": " + memory_remedy + "."; }

  void read_arguments(const std::vector<std::string>& arguments);
  void refuse_unknown(const std::vector<std::string>& left) const;
  void read_environment();
  void check_required() const;
  void add_settings(Config& config, const CommandSpec& from) const;
};

namespace {

template <class T>
OptionSpec& bind(OptionSpec& option, T& value) {
  option.word = placeholder<T>();
  option.list = to_value(value).list;
  option.bounds = type_bounds<T>();
  option.assign = [&value](std::span<const std::string> items) { assign(value, items); };
  option.value = [&value] { return to_value(value); };
  return option;
}

}  // namespace

Cli::Cli(std::unique_ptr<State> state) : state_(std::move(state)) {}

Cli::Cli(std::string program, std::string summary) : state_(std::make_unique<State>()) {
  state_->spec.program = std::move(program);
  state_->spec.summary = std::move(summary);
  group(std::string(kCommonGroup));
  option("--config", state_->config_file, "read options from this TOML file").placeholder("FILE").transient();
  flag("--dump-config", state_->dump_config, "print the resolved options as TOML and exit").transient();
  flag("-h,--help", state_->help, "print this and exit").transient();
  flag("--version", state_->show_version, "print version, devices and libraries and exit").transient();
  group("");
}

Cli::~Cli() = default;

Cli& Cli::command(std::string name, std::string summary) {
  auto state = std::make_unique<State>();
  state->spec.program = state_->spec.program + " " + name;
  state->spec.name = std::move(name);
  state->spec.summary = std::move(summary);
  state_->commands.push_back(std::unique_ptr<Cli>(new Cli(std::move(state))));
  return *state_->commands.back();
}

template <class T>
Option& Cli::option(std::string names, T& value, std::string help) {
  return bind(state_->add(std::move(names), std::move(help)), value);
}

Option& Cli::choice(std::string names, std::vector<std::string> words, std::function<std::size_t()> value,
                    std::function<void(std::size_t)> assign, std::string help) {
  OptionSpec& option = state_->add(std::move(names), std::move(help));
  option.value = [words, value] { return to_value(words.at(value())); };
  option.assign = [words, assign](std::span<const std::string> items) {
    std::string word;
    tools::assign(word, items);
    assign(static_cast<std::size_t>(std::ranges::find(words, word) - words.begin()));
  };
  return option.choices(std::move(words));
}

Option& Cli::flag(std::string names, bool& value, std::string help) {
  OptionSpec& option = bind(state_->add(std::move(names), std::move(help)), value);
  option.is_flag = true;
  option.default_on = value;
  return option;
}

template <class T>
Option& Cli::positional(std::string name, T& value, std::string help) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  OptionSpec& option = bind(state_->add("--" + name, std::move(help)), value);
  option.positional = true;
  return option;
}

#define POLONAISE_OPTION(T)                                                                \
  template Option& Cli::option<T>(std::string, T&, std::string);                           \
  template Option& Cli::option<std::vector<T>>(std::string, std::vector<T>&, std::string); \
  template Option& Cli::positional<T>(std::string, T&, std::string);                       \
  template Option& Cli::positional<std::vector<T>>(std::string, std::vector<T>&, std::string);
POLONAISE_OPTION(int)
POLONAISE_OPTION(std::int64_t)
POLONAISE_OPTION(std::uint64_t)
POLONAISE_OPTION(double)
POLONAISE_OPTION(std::string)
POLONAISE_OPTION(std::filesystem::path)
#undef POLONAISE_OPTION

void Cli::group(std::string title) {
  state_->group = std::move(title);
}

void Cli::example(std::string command, std::string explanation) {
  state_->spec.examples.push_back({std::move(command), std::move(explanation)});
}

void Cli::epilogue(std::string text) {
  state_->spec.epilogue = std::move(text);
}

void Cli::action(std::function<void()> run) {
  state_->spec.action = std::move(run);
}

void Cli::derive(std::function<void()> defaults) {
  state_->derive = std::move(defaults);
}

void Cli::memory_remedy(std::string remedy) {
  state_->memory_remedy = std::move(remedy);
}

void Cli::State::refuse_unknown(const std::vector<std::string>& left) const {
  const CommandSpec& command = active();
  for (const std::string& argument : left) {
    if (argument.size() < 2 || argument.front() != '-') continue;
    std::vector<std::string> names;
    for (const CommandSpec* owner : {&command, &spec}) {
      for (const auto& option : owner->options) {
        if (!option->positional) names.push_back("--" + option->name);
      }
    }
    const std::string name = argument.substr(0, argument.find('='));
    const std::string near = nearest(name, names);
    throw UsageError(fmt::format("unknown option {}{}", name,
                                 near.empty() ? fmt::format("; '{} --help' lists the options.", command.program)
                                              : fmt::format("; did you mean {}?", near)));
  }
  if (left.empty()) return;
  if (!commands.empty() && chosen == nullptr) {
    std::vector<std::string> names;
    for (const CommandSpec* known : command_specs()) names.push_back(known->name);
    const std::string near = nearest(left.front(), names);
    throw UsageError(fmt::format("unknown command '{}'{}", left.front(),
                                 near.empty() ? fmt::format("; the commands are {}.", fmt::join(names, ", "))
                                              : fmt::format("; did you mean '{}'?", near)));
  }
  throw UsageError(
      fmt::format("unexpected argument '{}'; '{} --help' shows what may be given.", left.front(), command.program));
}

void Cli::State::read_arguments(const std::vector<std::string>& arguments) {
  const Tokens tokens = tokenize(spec, command_specs(), arguments);
  for (const auto& command : commands) {
    if (&command->state_->spec == tokens.command) chosen = command.get();
  }
  refuse_unknown(tokens.unknown);
  for (const auto& [option, values] : tokens.options) {
    if (help || show_version) return;  // declared first, so they answer whatever else is wrong
    const bool takes_value = !option->is_flag && !option->positional;
    if (takes_value && values.size() == 1 && values.front().starts_with("--")) {
      throw UsageError(fmt::format("{} needs a value.", option->display()));
    }
    option->set(values, option->display());
    option->is_flagged = true;
  }
  if (!tokens.mistake.empty()) throw UsageError(tokens.mistake);
}

void Cli::State::read_environment() {
  const auto read = [](const CommandSpec& from) {
    for (const auto& option : from.options) {
      if (option->is_given || option->positional) continue;
      const char* text = std::getenv(option->environment().c_str());
      if (text == nullptr || *text == '\0') continue;
      option->set(option->list ? split_list(text) : std::vector<std::string>{text}, option->environment());
    }
  };
  read(spec);
  if (chosen) read(chosen->state_->spec);
}

void Cli::State::check_required() const {
  const CommandSpec& command = active();
  for (const auto& option : command.options) {
    if (!option->is_required || option->is_given) continue;
    throw UsageError(option->positional ? fmt::format("{} is missing; '{} --help' shows how to call it.",
                                                      option->display(), command.program)
                                        : fmt::format("the option {} {} is missing.", option->display(), option->word));
  }
}

void Cli::parse(const std::vector<std::string>& arguments) {
  state_->read_arguments(arguments);
  if (state_->help || state_->show_version) return;
  state_->read_environment();
  if (!state_->config_file.empty()) adopt(load_config(state_->config_file), state_->config_file.string());
  if (state_->derive) state_->derive();
  if (state_->dump_config) return;
  if (!state_->commands.empty() && state_->chosen == nullptr) {
    std::vector<std::string> names;
    for (const CommandSpec* command : state_->command_specs()) names.push_back(command->name);
    throw UsageError(fmt::format("a command is missing: {}.", fmt::join(names, ", ")));
  }
  state_->check_required();
}

const OptionSpec& Cli::State::declared(std::string_view name) const {
  const OptionSpec* option = active().find(name);
  if (option == nullptr) option = spec.find(name);
  if (option == nullptr) throw std::logic_error(fmt::format("no option --{} was declared", name));
  return *option;
}

bool Cli::given(std::string_view name) const {
  return state_->declared(name).is_given;
}

void Cli::refuse_flags(std::initializer_list<std::string_view> names, std::string_view why) const {
  for (const std::string_view name : names) {
    const OptionSpec& option = state_->declared(name);
    if (option.is_flagged) throw UsageError(fmt::format("{} {}.", option.display(), why));
  }
}

void Cli::State::add_settings(Config& config, const CommandSpec& from) const {
  for (const auto& option : from.options) {
    if (option->is_transient) continue;
    const std::string section = from.name.empty() ? "" : from.name + ".";
    Value value = option->value();
    // An empty string is "not given": a path, say, that has no default.
    if (!option->is_given && !option->list && value.items.front().empty()) continue;
    config.settings.push_back({section + option->name, std::move(value)});
  }
}

Config Cli::config() const {
  Config config;
  state_->add_settings(config, state_->spec);
  if (state_->chosen) state_->add_settings(config, state_->chosen->state_->spec);
  return config;
}

void Cli::adopt(const Config& config, std::string_view origin) {
  for (const Setting& setting : config.settings) {
    const std::string place = setting.line > 0 ? fmt::format("{} line {}", origin, setting.line) : std::string(origin);
    const CommandSpec* owner = &state_->spec;
    std::string key = setting.key;
    if (const std::size_t dot = key.find('.'); dot != std::string::npos) {
      const std::string section = key.substr(0, dot);
      const auto specs = state_->command_specs();
      const auto found = std::ranges::find(specs, section, &CommandSpec::name);
      if (found == specs.end()) throw UsageError(fmt::format("{}: unknown section [{}].", place, section));
      owner = *found;
      key.erase(0, dot + 1);
    }
    OptionSpec* option = owner->find(key);
    if (option == nullptr || option->is_transient) {
      std::vector<std::string> names;
      for (const auto& known : owner->options) {
        if (!known->is_transient) names.push_back(known->name);
      }
      throw UsageError(fmt::format("{}: unknown key '{}'{}", place, key,
                                   option ? "; it belongs to one call and is no configuration." : hint(key, names)));
    }
    if (option->is_given) continue;
    option->set(setting.value.items, fmt::format("{}: {}", place, key));
  }
}

std::string Cli::help(int width) const {
  if (state_->chosen) return help_text(state_->chosen->state_->spec, {}, &state_->spec, width);
  const auto specs = state_->command_specs();
  return help_text(state_->spec, specs, nullptr, width);
}

int Cli::run(int argc, const char* const* argv) {
  open_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);  // writing then fails with EPIPE, which ends nothing
  const auto fail = [&](std::string_view sentence, int status) {
    std::fflush(stdout);
    write_message(fmt::format("{}: {}\n", state_->spec.program, sentence));
    return status;
  };
  try {
    parse(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
    if (state_->help) {
      print(help());
    } else if (state_->show_version) {
      print(version_text(state_->spec.program));
    } else if (state_->dump_config) {
      print(config().toml());
    } else {
      state_->active().action();
    }
    print("");
    // A reader that went away, as `head` does, had what it wanted.
    if (output_error == 0 || output_error == EPIPE) return kExitOk;
    return fail(fmt::format("cannot write to standard output: {}.", std::strerror(output_error)), kExitFailure);
  } catch (const UsageError& error) {
    return fail(error.what(), kExitUsage);
  } catch (const std::bad_alloc&) {
    return fail("out of memory" + state_->memory_hint(), kExitFailure);
  } catch (const OutOfMemory& error) {
    return fail(error.what() + state_->memory_hint(), kExitFailure);
  } catch (const std::exception& error) {
    return fail(error.what(), kExitFailure);
  }
}

void print(std::string_view text) {
  if (output_error != 0) return;
  errno = 0;
  const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (whole && std::fflush(stdout) == 0 && !std::ferror(stdout)) return;
  output_error = errno == 0 ? EIO : errno;
}

}  // namespace polonaise::tools
