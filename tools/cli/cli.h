#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tools/cli/toml.h"

namespace polonaise::tools {

// The command line of a program: one tree of options that are set, in this order of precedence, by
//   a flag           --batch-size 32
//   the environment  POLONAISE_BATCH_SIZE=32
//   a TOML file      --config FILE with the line `batch-size = 32`
//   the default      what the bound variable held when the option was declared.
// Names nobody declared are refused with the nearest one that was. Every program also has --help, --version, --config
// and --dump-config (prints the resolved options as TOML, which --config reads again).
//
//   Cli cli("polonaise-example", "counts the notes of a MIDI file");
//   cli.positional("FILE", file, "the MIDI file").required();
//   cli.option("-n,--top", top, "how many to print").range(1, 128);
//   cli.example("polonaise-example song.mid --top 3", "the three commonest notes");
//   cli.action([&] { count(file, top); });
//   return cli.run(argc, argv);

// A mistake in how a program was called: printed like every error, but the exit status is 2. Actions throw it for what
// only they can know ("--top is larger than the file has notes").
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

// What an option accepts and how --help shows it. The conditions hold for every element of a list.
class Option {
 public:
  virtual ~Option() = default;
  virtual Option& required() = 0;
  // Numbers from `low` to `high`, both included; NaN never.
  virtual Option& range(double low, double high = std::numeric_limits<double>::infinity()) = 0;
  virtual Option& choices(std::vector<std::string> names) = 0;
  // The word for the value in --help (FILE); by default it follows from the type.
  virtual Option& placeholder(std::string word) = 0;
  // Belongs to one call and not to a configuration (--resume, --overwrite): flag and environment alone set it, and
  // config() and --dump-config leave it out.
  virtual Option& transient() = 0;
  // The default follows from other options, set by Cli::derive(); --help shows `how` in its place.
  virtual Option& derived(std::string how) = 0;
};

class Cli {
 public:
  // `summary` is one line without a full stop.
  Cli(std::string program, std::string summary);
  ~Cli();
  Cli(const Cli&) = delete;
  Cli& operator=(const Cli&) = delete;

  // A subcommand with options of its own; the options of the program are understood after its name too. In a
  // configuration file its options stand in the section [name]. The reference lives as long as the program's Cli.
  Cli& command(std::string name, std::string summary);

  // `names` is "--long" or "-s,--long". T: int, std::int64_t, std::uint64_t, double, std::string,
  // std::filesystem::path, or a std::vector of one of those (given with commas or repeated). `value` is the default
  // and receives the result.
  template <class T>
  Option& option(std::string names, T& value, std::string help);
  // One of an enumeration, whose enumerators count from 0 in the order of `words`; choices() may narrow these.
  template <class E>
  Option& choice(std::string names, E& value, std::vector<std::string> words, std::string help) {
    return choice(
        std::move(names), std::move(words), [&value] { return static_cast<std::size_t>(value); },
        [&value](std::size_t word) { value = static_cast<E>(word); }, std::move(help));
  }
  // A switch; --no-NAME turns off what is on by default.
  Option& flag(std::string names, bool& value, std::string help);
  // An argument without a name; a std::vector takes all that are left.
  template <class T>
  Option& positional(std::string name, T& value, std::string help);

  // Headline in --help for the options declared after it.
  void group(std::string title);
  // Paragraphs that --help ends with.
  void epilogue(std::string text);
  // A line of the Examples section of --help, and what it does.
  void example(std::string command, std::string explanation);
  // Called when all that the user has set is known, before --dump-config and the action: sets variables that were not
  // given by what others have become.
  void derive(std::function<void()> defaults);
  // What the program, or the subcommand, does.
  void action(std::function<void()> run);
  // What helps where memory runs out, in the words of the program's own options: errors for want of it end in this.
  void memory_remedy(std::string remedy);

  // Reads the arguments and runs the action; the value is main's. Exceptions become one line on standard error,
  // "polonaise-midi: sentence". Output that could not be written in full (a full disk, a closed standard output) is a
  // failure.
  int run(int argc, const char* const* argv);
  // The first half of run(): reads the arguments, the environment and the file, and throws UsageError. Neither --help
  // nor any action is carried out.
  void parse(const std::vector<std::string>& arguments);

  // Whether flag, environment or file set the option of this long name (of the chosen subcommand or the program).
  bool given(std::string_view name) const;
  // Throws UsageError, "--heads WHY.", where a flag or argument of the command line itself set one of the options
  // `names`: for what would have no effect. The environment and files may hold options for more than one call.
  void refuse_flags(std::initializer_list<std::string_view> names, std::string_view why) const;
  // The options as they now stand, defaults included, in the order in which they were declared.
  Config config() const;
  // Sets every option that is not given() to its value in `config`, as if --config had named it: how --resume takes up
  // a run's options. `origin` names the source in errors. Unknown keys throw UsageError.
  void adopt(const Config& config, std::string_view origin);

  // The text of --help, for a terminal `width` columns wide.
  std::string help(int width = 100) const;

 private:
  Option& choice(std::string names, std::vector<std::string> words, std::function<std::size_t()> value,
                 std::function<void(std::size_t)> assign, std::string help);

  struct State;
  explicit Cli(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Writes to standard output. Where that fails the work goes on, no more is written, and run() returns a failure at the
// end; none where the reader of a pipe has gone.
void print(std::string_view text);

}  // namespace polonaise::tools
