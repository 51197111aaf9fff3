#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/encodings/grammar_options.h"
#include "io/files/warnings.h"
#include "io/midi/score.h"
#include "kernels/events/event_grammar.h"
#include "kernels/events/events.h"

namespace polonaise::io {

// What an encoding could not keep of the scores given to it. Counts add up over scores.
struct LossReport {
  std::int64_t notes = 0;                // in the scores
  std::int64_t steps = 0;                // chord encodings: chords (rests not counted) ...
  std::int64_t representable_steps = 0;  // ... and those whose notes come back as they were, see encodings/chordvec.cpp
  Warnings losses;                       // by kind: "percussion notes dropped", "notes cut at the next chord", ...

  // Percentage of the steps; 100 where there is nothing to lose.
  double representable_percent() const;
  // `count` as a percentage of the notes.
  double percent_of_notes(std::int64_t count) const;
  void merge(const LossReport& other);
  // One line a kind: "notes cut at the next chord: 12 (3.4 % of notes)"; first the representable steps, where counted.
  std::vector<std::string> lines() const;
};

// Where time stands in a decoded score after some of its events.
struct Standing {
  std::int64_t tick = 0;
  bool struck = false;  // one of them strikes a key just then: a chord that a time shift follows
};

// Turns music into events and back. Immutable; may be used by several threads at once.
//   encode   any valid Score. Percussion (channel 9) is dropped, time starts at the first note, several tracks become
//            one; what is lost is added to the report. No notes make no events.
//   decode   any events of this shape, also ones drawn at random, into a valid Score on one track and channel: every
//            token or frame has a meaning in every place.
//   Encoding what was decoded gives the same events again, from the first encoding on.
class Encoding {
 public:
  virtual ~Encoding() = default;
  virtual std::string name() const = 0;
  virtual EventShape shape() const = 0;
  // The table of dimensions or tokens as a JSON object, with the options it was made with and a hash of all that: kept
  // in every dataset and checkpoint, so that events are never read by another definition than they were written by.
  virtual std::string describe() const = 0;
  virtual Events encode(const Score& score, LossReport& report) const = 0;
  virtual Score decode(const EventsView& events) const = 0;
  // Where time stands in decode(events) after the first `count` of them. Where these are of an encoded score, the notes
  // that they strike begin no later.
  virtual Standing standing(const EventsView& events, std::int64_t count) const = 0;
  // What may follow what: every encoding of a score is legal where nothing is asked, and what is legal decodes to what
  // was asked. Error, saying what can be had, for options that leave no key or a length that this encoding cannot hold.
  virtual EventGrammar grammar(const GrammarOptions& options) const = 0;
};

struct EncodingOptions {
  int steps_per_quarter = 4;             // roll88: 1..96 frames to a quarter note
  std::vector<std::string> tokens = {};  // perf, tsd: of added_token_names(), in any order
};

// "chordvec", "chordvec-literal", "roll88", "perf", "tsd", "remi".
std::vector<std::string> encoding_names();

// "pedal", "tempo", "articulation".
std::vector<std::string> added_token_names();

// Error for an unknown name (naming those there are) or an option out of range.
std::unique_ptr<const Encoding> make_encoding(std::string_view name, const EncodingOptions& options = {});

// The encoding that describe() described; Error where this program has none of that name, or another table for it.
std::unique_ptr<const Encoding> encoding_from_description(std::string_view json);

}  // namespace polonaise::io
