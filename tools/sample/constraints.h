#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/encodings/grammar_options.h"
#include "tools/cli/cli.h"

namespace polonaise::tools {

// The options by which a sample is held to a key, a range, and so on.
struct ConstraintOptions {
  std::string key = {};    // "F# minor", or "C,E,G"; empty: any
  std::string range = {};  // "A0..C8"; empty: any
  int max_polyphony = 0;
  double bars = 0, seconds = 0;
  bool grammar = true;  // no event that cannot follow is drawn
};

void declare(Cli& cli, ConstraintOptions& options);

// What they ask of an encoding; UsageError, naming the option, for what they cannot mean.
io::GrammarOptions grammar_options(const ConstraintOptions& options);

// Options that are not at their defaults, as they were given: {"--key F# minor", "--bars 8"}.
std::vector<std::string> asked(const ConstraintOptions& options);

// Bit c: pitch class c, 0 being C. "C", "c# major", "Bb minor" (the natural minor scale), or notes: "C,E,G".
std::uint16_t pitch_classes(std::string_view key);

// A MIDI key by its number or name: "60" and "C4" are one.
int midi_key(std::string_view text);

}  // namespace polonaise::tools
