#pragma once

#include <string>

#include "runtime/device/device.h"
#include "tools/cli/cli.h"

namespace polonaise::tools {

// --device and --threads, of every program that computes.
void declare_device(Cli& cli, std::string& device, int& threads);

// open_device(); UsageError for a name of no device. Where auto passes over a card that is there, a line on standard
// error says why.
AnyDevice device_of(const std::string& device, int threads);

// --precision, of programs that train or score; its value is set_precision()'s.
void declare_precision(Cli& cli, std::string& precision);

}  // namespace polonaise::tools
