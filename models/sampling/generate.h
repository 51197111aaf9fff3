#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "kernels/events/event_grammar.h"
#include "kernels/events/events.h"
#include "kernels/sampling/sampling.h"
#include "models/model.h"

namespace polonaise {

// The reason why a sample ended.
enum class Ending {
  steps,            // as many events as were asked for
  grammar,          // the grammar's end: the clock, or the end counter
  nothing_allowed,  // no event may follow
  stopped,          // by `progress`
};

// Events as a model drew them.
struct Generated {
  Events events;
  Ending ending = Ending::steps;

  Index size() const { return events.size(); }
};

// A veto of the host against events of one stream, event by event. It has seen the prime.
class Veto {
 public:
  virtual ~Veto() = default;
  // Sets to 0 what must not come next of `allowed` [V].
  virtual void forbid(std::span<std::uint8_t> allowed) = 0;
  // Whether a frame must not come next: its keys, ascending, and its duration class, -1 where frames have no length.
  virtual bool forbids(std::span<const std::uint8_t> keys, std::int32_t length) = 0;
  // Takes the event that was drawn.
  virtual void take(std::int32_t token) = 0;
  virtual void take(std::span<const std::uint8_t> keys, std::int32_t length) = 0;
};

struct GenerateOptions {
  Index steps = 256;                       // events to draw after the prime, at most
  kernels::SamplingOptions sampling = {};  // for tokens, keys and durations alike
  std::uint64_t seed = 1;
  Index stream = 0;                       // which sample of the seed this is
  const EventGrammar* grammar = nullptr;  // what may be drawn, and where it ends; the prime is taken unasked
  // Makes the veto of a stream, or none. Tokens that it forbids are not drawn. A frame that it forbids is drawn anew,
  // up to 15 times, with the random numbers of further positions. Then the first draw is changed: it gets another
  // length, from the likeliest on; else one key is struck or left out, from the one whose logit is nearest to 0 on, of
  // equals the lower first.
  std::function<std::unique_ptr<Veto>()> veto = {};
  // Events drawn before `progress` is called and the end is looked for, in recurrent models and transformers without a
  // veto. 0: 256 on a CPU; on a GPU, which waits for the host in between, 4096, or fewer where more than 256 streams
  // would need too much memory.
  Index events_per_launch = 0;
};

// Continues `prime` (which may be empty) by events drawn one by one from the model's own predictions. A function of the
// model, the prime and the options alone: samples of other streams or threads do not change it. Memory does not grow
// with the steps but for the result. `progress`, where given, is called with the number of events drawn, after each, or
// after options.events_per_launch where that counts; it returns false to stop early.
Generated generate(const Model&, const EventsView& prime, const GenerateOptions&,
                   const std::function<bool(Index)>& progress = {});

// The streams options.stream, options.stream + 1, ..., as generate() draws each. Recurrent models without a veto draw
// them all at once, which on a card is one launch for options.events_per_launch events of all; others one after the
// other, a transformer on a card by a graph that is replayed for each event. `progress` is told of the events of all.
std::vector<Generated> generate_streams(const Model&, const EventsView& prime, const GenerateOptions&, Index streams,
                                        const std::function<bool(Index)>& progress = {});

}  // namespace polonaise
