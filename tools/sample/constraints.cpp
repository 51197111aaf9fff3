#include "tools/sample/constraints.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>

#include "tools/cli/arguments.h"

namespace polonaise::tools {
namespace {

constexpr int kMajor[] = {0, 2, 4, 5, 7, 9, 11};
constexpr int kMinor[] = {0, 2, 3, 5, 7, 8, 10};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Takes a letter and its sharps or flats off the front of `text`; -1 where there is no note. B# is 12, Cb is -1 + 12.
int take_note(std::string_view& text) {
  constexpr int kLetters[] = {9, 11, 0, 2, 4, 5, 7};  // from A
  if (text.empty()) return -1;
  const int letter = std::toupper(static_cast<unsigned char>(text.front())) - 'A';
  if (letter < 0 || letter > 6) return -1;
  int note = kLetters[letter];
  text.remove_prefix(1);
  for (; !text.empty() && (text.front() == '#' || text.front() == 'b'); text.remove_prefix(1)) {
    note += text.front() == '#' ? 1 : -1;
  }
  return note;
}

std::uint16_t bit_of(int note) {
  return static_cast<std::uint16_t>(1 << ((note % 12 + 12) % 12));
}

bool is_note(std::string_view text, int& note) {
  const std::string_view before = text;
  note = take_note(text);
  return text.size() < before.size() && text.empty();
}

bool number_of(std::string_view text, int& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::uint16_t pitch_classes(std::string_view key) {
  const auto refuse = [&] {
    return UsageError(fmt::format(
        "--key: '{}' is no key; say one as C, \"F# minor\" or \"Bb major\", or list the notes as C,E,G.", key));
  };
  int note = 0;
  if (key.find(',') != std::string_view::npos) {
    std::uint16_t classes = 0;
    for (const std::string& item : split_list(std::string(key))) {
      if (!is_note(trimmed(item), note)) throw refuse();
      classes |= bit_of(note);
    }
    if (classes == 0) throw refuse();
    return classes;
  }
  std::string_view text = trimmed(key);
  const std::size_t length = text.find(' ');
  const std::string_view mode = length == std::string_view::npos ? "major" : trimmed(text.substr(length));
  if (!is_note(text.substr(0, length), note) || (mode != "major" && mode != "minor")) throw refuse();
  std::uint16_t classes = 0;
  for (const int step : mode == "major" ? kMajor : kMinor) classes |= bit_of(note + step);
  return classes;
}

int midi_key(std::string_view text) {
  int number = 0;
  std::string_view rest = text;
  if (!number_of(text, number)) {
    const int note = take_note(rest);
    int octave = 0;
    if (rest.size() == text.size() || !number_of(rest, octave) || octave < -1 || octave > 9)
      number = -1;
    else
      number = note + 12 * (octave + 1);
  }
  if (number < 0 || number > 127) {
    throw UsageError(fmt::format("--range: '{}' is no key from 0 to 127, or C-1 to G9; middle C is 60, or C4.", text));
  }
  return number;
}

void declare(Cli& cli, ConstraintOptions& options) {
  cli.group("What may be drawn");
  cli.option("--key", options.key,
             "only notes of this key, as C, \"F# minor\" or \"Bb major\", or only these, as C,E,G")
      .placeholder("KEY");
  cli.option("--range", options.range, "only keys from LOW to HIGH, as A0..C8 or 21..108").placeholder("LOW..HIGH");
  cli.option("--max-polyphony", options.max_polyphony, "at most N notes at once; 0 for any number").range(0, 128);
  cli.option("--bars", options.bars,
             "draw exactly so many bars, the opening included; 0 for --steps. Not with the encoding "
             "perf, which counts seconds; with remi whole bars only")
      .range(0, 1e6);
  cli.option("--seconds", options.seconds,
             "draw exactly so many seconds, the opening included; 0 for --steps. Not with tsd where tempo has tokens")
      .range(0, 1e6);
  cli.flag("--grammar", options.grammar,
           "draw what cannot follow too, as the end of a note that does not sound: to compare");
}

io::GrammarOptions grammar_options(const ConstraintOptions& options) {
  io::GrammarOptions asked_for;
  if (!options.key.empty()) asked_for.pitch_classes = pitch_classes(options.key);
  if (!options.range.empty()) {
    const std::size_t dots = options.range.find("..");
    if (dots == std::string::npos) {
      throw UsageError(fmt::format("--range: '{}' is no range; say it as A0..C8 or 21..108.", options.range));
    }
    asked_for.lowest = midi_key(std::string_view(options.range).substr(0, dots));
    asked_for.highest = midi_key(std::string_view(options.range).substr(dots + 2));
    if (asked_for.lowest > asked_for.highest) {
      throw UsageError(fmt::format("--range: '{}' ends below where it begins.", options.range));
    }
  }
  if (options.bars > 0 && options.seconds > 0) throw UsageError("give --bars or --seconds, not both.");
  asked_for.max_polyphony = options.max_polyphony;
  asked_for.bars = options.bars;
  asked_for.seconds = options.seconds;
  if (!options.grammar && !asked(options).empty()) {
    throw UsageError(fmt::format("--no-grammar takes all constraints off; leave out {}.", asked(options).front()));
  }
  return asked_for;
}

std::vector<std::string> asked(const ConstraintOptions& options) {
  std::vector<std::string> given;
  if (!options.key.empty()) given.push_back("--key " + options.key);
  if (!options.range.empty()) given.push_back("--range " + options.range);
  if (options.max_polyphony > 0) given.push_back(fmt::format("--max-polyphony {}", options.max_polyphony));
  if (options.bars > 0) given.push_back(fmt::format("--bars {}", options.bars));
  if (options.seconds > 0) given.push_back(fmt::format("--seconds {}", options.seconds));
  return given;
}

}  // namespace polonaise::tools
