#pragma once

#include <string>

namespace polonaise {

// What stands between this program and training on a card, for --version and for the refusal of --device cuda:
// "this program was built without CUDA". It asks the driver where there is one; no card is opened.
std::string cuda_status();

}  // namespace polonaise
