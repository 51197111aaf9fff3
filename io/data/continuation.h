#pragma once

#include <cstdint>

#include "io/encodings/encoding.h"
#include "io/midi/score.h"

namespace polonaise::io {

// An opening that was given and the continuation that was drawn after it, in one piece: Score::continuation.

// decode(events), of which the first `opening` were given. Its continuation begins where time stands after these; or,
// where one of them strikes a key just then, as a chord that a time shift is to follow, with the first note after that
// chord: what is drawn into a chord of the opening belongs to it. Without an opening there is no continuation.
Score decode_continuation(const Encoding& encoding, const EventsView& events, std::int64_t opening);

// The continuation as a piece of its own that begins at tick 0, in the tempo, meter and pedal that it stood in. What
// the opening holds on is not in it. Where the score states a meter, bars stay where they were and the first may be cut
// short. A score without continuation comes back as it is.
Score without_opening(const Score& score);

// What the encoding keeps of a score, with its continuation.
Score as_kept(const Encoding& encoding, const Score& score);

}  // namespace polonaise::io
