#pragma once

#include <string>

namespace polonaise {

// What --version says of cards: the first that the driver shows, or why there is none. No card is opened.
std::string cuda_status();

// Why a card that is there cannot be used, so that `auto` passes over it: too old a driver or card, a card that does
// not answer. Empty where it can be used, and where there is none; the same of `reason`, one of open_cuda()'s.
std::string unusable_card();
std::string unusable_card(const std::string& reason);

}  // namespace polonaise
