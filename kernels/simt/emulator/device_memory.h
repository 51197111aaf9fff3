#pragma once

#include <cstddef>

namespace polonaise::simt::emulator {

// The emulated card's memory. It is the host's, but the host has no business there: AddressSanitizer finds every access
// while no stream runs.

// Exactly `bytes`, of NaN.
void* take_device_memory(std::size_t bytes);
void give_back_device_memory(void*);
std::size_t device_memory_taken();

// Mark the begin and the end of a stream's work; they nest, since one stream may wait for another.
void begin_device_work();
void end_device_work();

}  // namespace polonaise::simt::emulator
