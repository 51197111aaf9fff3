#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/encodings/encoding.h"
#include "io/midi/score.h"
#include "kernels/events/events.h"
#include "tools/cli/cli.h"

namespace polonaise::tools {

// What samples go on from, and what becomes of it in their files.
struct OpeningOptions {
  std::filesystem::path prime = "op53";  // or "none", or a MIDI file
  std::int64_t steps = 0;                // events of it; 0: all
  std::string kept = "mark";             // keep, mark, drop

  bool is_none() const { return prime == "none"; }
  bool is_file() const { return !is_none() && prime != "op53"; }
};

void declare(Cli& cli, OpeningOptions& options);
// UsageError where options contradict each other.
void check(const Cli& cli, const OpeningOptions& options);

// The events of the opening; none without one. Throws io::Error for a file that cannot be read or has no notes.
Events opening_events(const OpeningOptions& options, std::string_view program, const io::Encoding& encoding);

// What is written of events of which the first `opening` are those.
io::Score sample_score(const OpeningOptions& options, const io::Encoding& encoding, const EventsView& events,
                       std::int64_t opening);

// As a sample's text event says it: "prime=op53 prime-steps=0 opening=mark".
std::string opening_provenance(const OpeningOptions& options);

}  // namespace polonaise::tools
