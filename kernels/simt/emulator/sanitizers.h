#pragma once

// The sanitizers' interfaces, as calls that are nothing without them. Much of the emulator itself is compiled without
// them, so the build says POLONAISE_ASAN or POLONAISE_TSAN where its callers have one.

#include <cstddef>

#ifdef POLONAISE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#ifdef POLONAISE_TSAN
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_set_fiber_name(void* fiber, const char* name);
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}
#endif

namespace polonaise::simt::emulator {

#ifdef POLONAISE_ASAN
inline constexpr bool kAddressSanitizer = true;
inline void poison(const void* at, std::size_t bytes) {
  __asan_poison_memory_region(at, bytes);
}
inline void unpoison(const void* at, std::size_t bytes) {
  __asan_unpoison_memory_region(at, bytes);
}
#else
inline constexpr bool kAddressSanitizer = false;
inline void poison(const void*, std::size_t) {}
inline void unpoison(const void*, std::size_t) {}
#endif

// Happens-before: what was done before the release of an object is seen after an acquire that follows it.
#ifdef POLONAISE_TSAN
inline constexpr bool kThreadSanitizer = true;
inline void release(void* object) {
  __tsan_release(object);
}
inline void acquire(void* object) {
  __tsan_acquire(object);
}
#else
inline constexpr bool kThreadSanitizer = false;
inline void release(void*) {}
inline void acquire(void*) {}
#endif

}  // namespace polonaise::simt::emulator
