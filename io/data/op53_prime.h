#pragma once

#include "io/midi/score.h"

namespace polonaise::io {

// The first ten chord steps of Chopin's Polonaise Op. 53 with the rest after the first, at 90 quarters a minute: what a
// sample continues by default.
Score op53_prime();

}  // namespace polonaise::io
