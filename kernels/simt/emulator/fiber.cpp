#include "kernels/simt/emulator/fiber.h"

#include <sys/mman.h>

#include <boost/context/detail/fcontext.hpp>
#include <new>

#include "kernels/simt/emulator/sanitizers.h"

namespace polonaise::simt::emulator {
namespace {

namespace context = boost::context::detail;

struct Switch {
  Fiber* from;
  Fiber* to;
};
Switch current;  // the last one: who arrives knows from here whence

// The first statement on arrival: the one who left can be resumed from now on.
void arrived(context::transfer_t transfer) {
  current.from->context = transfer.fctx;
#ifdef POLONAISE_ASAN
  const void* stack = nullptr;
  std::size_t bytes = 0;
  __sanitizer_finish_switch_fiber(current.to->fake_stack, &stack, &bytes);
  current.from->stack = stack;
  current.from->stack_bytes = bytes;
#endif
}

void trampoline(context::transfer_t transfer) {
  arrived(transfer);
  current.to->entry();
  __builtin_trap();
}

}  // namespace

void prepare(Fiber& fiber, void* low, std::size_t bytes, void (*entry)()) {
  unpoison(low, bytes);
  fiber.entry = entry;
  fiber.context = context::make_fcontext(static_cast<char*>(low) + bytes, bytes, trampoline);
  fiber.stack = low;
  fiber.stack_bytes = bytes;
  fiber.fake_stack = nullptr;
}

void switch_fibers(Fiber& from, Fiber& to, bool last) {
  current = {&from, &to};
#ifdef POLONAISE_ASAN
  __sanitizer_start_switch_fiber(last ? nullptr : &from.fake_stack, to.stack, to.stack_bytes);
#endif
  (void)last;
#ifdef POLONAISE_TSAN
  __tsan_switch_to_fiber(to.tsan, 1);  // 1: without happens-before
#endif
  arrived(context::jump_fcontext(to.context, nullptr));
}

void adopt_thread(Fiber& fiber) {
  (void)fiber;
#ifdef POLONAISE_TSAN
  fiber.tsan = __tsan_get_current_fiber();
#endif
}

void Stacks::reserve(std::size_t count, std::size_t bytes) {
  if (!kThreadSanitizer && count <= count_ && bytes == bytes_) return;
  release();
  void* memory = mmap(nullptr, count * (bytes + kGuard), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<char*>(memory);
  count_ = count;
  bytes_ = bytes;
  for (std::size_t i = 0; i < count; ++i) mprotect(memory_ + i * (bytes_ + kGuard), kGuard, PROT_NONE);
}

void Stacks::release() {
  if (memory_ != nullptr) munmap(memory_, count_ * (bytes_ + kGuard));
  memory_ = nullptr;
}

}  // namespace polonaise::simt::emulator
