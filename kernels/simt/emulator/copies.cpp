#include "kernels/simt/emulator/grid.h"
#include "kernels/simt/emulator/sanitizers.h"

namespace polonaise::simt::emulator {
namespace {

Copy take_first(Lane& lane) {
  Lane::PendingCopy* const first = lane.first_copy;
  const Copy copy = first->copy;
  unpoison(copy.to, copy.bytes);
  lane.first_copy = first->next;
  if (lane.first_copy == nullptr) lane.last_copy = nullptr;
  delete first;
  return copy;
}

}  // namespace

void start_copy(const Copy& copy) {
  Lane& lane = *grid->running;
  auto* const pending = new Lane::PendingCopy{copy, lane.groups, nullptr};
  (lane.last_copy != nullptr ? lane.last_copy->next : lane.first_copy) = pending;
  lane.last_copy = pending;
  poison(copy.to, copy.bytes);
}

void commit_copies() {
  ++grid->running->groups;
}

bool next_copy(unsigned pending, Copy& copy) {
  Lane& lane = *grid->running;
  // Group g is due when at most `pending` committed groups come after it.
  if (lane.first_copy == nullptr || lane.first_copy->group + pending >= lane.groups) return false;
  copy = take_first(lane);
  return true;
}

void drop_copies(Lane& lane) {
  while (lane.first_copy != nullptr) take_first(lane);
}

}  // namespace polonaise::simt::emulator
