#pragma once

#include <string>

namespace polonaise {

// What --version says of cards: the first that the driver shows, or why there is none. No card is opened.
std::string cuda_status();

}  // namespace polonaise
