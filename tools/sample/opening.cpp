#include "tools/sample/opening.h"

#include <fmt/format.h>

#include "io/data/continuation.h"
#include "io/data/op53_prime.h"
#include "io/files/error.h"
#include "io/midi/notes.h"
#include "tools/cli/files.h"

namespace polonaise::tools {

void declare(Cli& cli, OpeningOptions& options) {
  cli.group("Opening");
  cli.option("--prime", options.prime,
             "the piece to go on from; or op53, the first ten chords of Chopin's Polonaise Op. 53; or none, to draw "
             "all from the start event alone, where nothing is marked (a file of such a name is ./none)")
      .placeholder("FILE.mid|op53|none");
  cli.option("--prime-steps", options.steps, "only its first N events, as the run's encoding counts them; 0 for all")
      .range(0, 1e8);
  cli.option("--opening", options.kept,
             "what becomes of the opening: it is kept as it is, or with a MIDI marker \"continuation\" where drawing "
             "begins, from which polonaise-metrics measures; or it is dropped with the notes that it holds on, so "
             "that the file begins with what was drawn")
      .choices({"keep", "mark", "drop"});
}

void check(const Cli& cli, const OpeningOptions& options) {
  if (options.prime.empty()) {
    throw UsageError(
        "--prime is empty; name a MIDI file, or give op53 for the Polonaise or none to draw from the start event "
        "alone.");
  }
  if (options.is_none()) {
    cli.refuse_flags({"prime-steps", "opening"}, "speaks of an opening, and --prime none has none; leave it out");
  }
}

Events opening_events(const OpeningOptions& options, std::string_view program, const io::Encoding& encoding) {
  if (options.is_none()) return Events(encoding.shape().kind);
  io::Score score = io::op53_prime();
  if (options.is_file()) {
    io::Warnings warnings;
    score = io::read_score(options.prime, warnings);
    print_warnings(program, options.prime, warnings);
  }
  io::LossReport report;
  Events all = encoding.encode(score, report);
  if (all.size() == 0) {
    throw io::Error(fmt::format("{}: has no notes to go on from; give another --prime.", options.prime.string()));
  }
  if (options.steps == 0 || options.steps >= all.size()) return all;
  Events events(all.kind);
  events.append(all.view().slice(0, options.steps));
  return events;
}

io::Score sample_score(const OpeningOptions& options, const io::Encoding& encoding, const EventsView& events,
                       std::int64_t opening) {
  if (options.kept == "keep") return encoding.decode(events);
  const io::Score whole = io::decode_continuation(encoding, events, opening);
  return options.kept == "drop" ? io::without_opening(whole) : whole;
}

std::string opening_provenance(const OpeningOptions& options) {
  if (options.is_none()) return "prime=none";
  return fmt::format("prime={} prime-steps={} opening={}", options.prime.filename().string(), options.steps,
                     options.kept);
}

}  // namespace polonaise::tools
