#include <bit>

#include "kernels/simt/emulator/grid.h"
#include "kernels/simt/emulator/sanitizers.h"

namespace polonaise::simt::emulator {
namespace {

const char* name_of(WarpOperation operation) {
  switch (operation) {
    case WarpOperation::sync:
      return "__syncwarp()";
    case WarpOperation::shuffle:
      return "__shfl_sync()";
    case WarpOperation::shuffle_up:
      return "__shfl_up_sync()";
    case WarpOperation::shuffle_down:
      return "__shfl_down_sync()";
    case WarpOperation::shuffle_xor:
      return "__shfl_xor_sync()";
    case WarpOperation::ballot:
      return "a vote";
    case WarpOperation::together:
      return "an operation of the whole warp";
  }
  return "";
}

Lane* first_lane_of_warp(const Lane& lane) {
  return lane.block->barrier.lanes + lane.index / kWarp * kWarp;
}

void check_members(const Lane& lane, unsigned mask, const char* name, Here here) {
  if ((mask >> lane.index % kWarp & 1) == 0) fail(std::string(name) + " by a lane outside of its mask", lane, here);
  const Lane* const warp = first_lane_of_warp(lane);
  const unsigned lanes = std::min(kWarp, lane.block->barrier.count - lane.index / kWarp * kWarp);
  for (unsigned m = mask; m != 0; m &= m - 1) {
    const unsigned i = static_cast<unsigned>(std::countr_zero(m));
    if (i >= lanes) fail(std::string(name) + " with a mask that names lanes which the block does not have", lane, here);
    if (warp[i].done)
      fail(std::string(name) + " with a mask that names a lane which has exited, " + thread_text(warp[i]), lane, here);
  }
}

// The meeting that the running lane arrives at: one that waits for it, or a new one.
Meeting& find_meeting(const Lane& lane, unsigned mask, WarpOperation operation, Here here) {
  Meeting* unused = nullptr;
  for (Meeting& meeting : lane.block->warps[lane.index / kWarp].meetings) {
    if (meeting.mask == 0) {
      if (unused == nullptr) unused = &meeting;
    } else if (meeting.arrived != meeting.mask && (meeting.mask & mask) != 0) {
      if (meeting.mask != mask || meeting.operation != operation || !same_place(meeting.here, here))
        fail(std::string(name_of(operation)) + " in divergent code, others of the warp wait in " +
                 name_of(meeting.operation) + " at " + place(meeting.here),
             lane, here);
      return meeting;
    }
  }
  *unused = {mask, 0, 0, operation, here, nullptr};
  return *unused;
}

// The lane that a shuffle reads, as the PTX ISA has it for `shfl.sync`: its own where the other is out of its segment.
unsigned source_of(const Lane& lane, WarpOperation operation) {
  const int i = static_cast<int>(lane.index % kWarp), width = lane.width, begin = i / width * width;
  const int operand = static_cast<int>(lane.operand);
  int source = i;
  if (operation == WarpOperation::shuffle) source = begin + (operand & (width - 1));
  if (operation == WarpOperation::shuffle_up && i - operand >= begin) source = i - operand;
  if (operation == WarpOperation::shuffle_down && i + operand < begin + width) source = i + operand;
  if (operation == WarpOperation::shuffle_xor && (i ^ operand) < begin + width) source = i ^ operand;
  return static_cast<unsigned>(source);
}

// By the last to arrive, for all.
void work_out(const Meeting& meeting, Lane* warp) {
  if (meeting.operation == WarpOperation::together) {
    void* operands[kWarp];
    for (unsigned i = 0; i < kWarp; ++i) operands[i] = warp[i].operands;
    meeting.work(operands);
    return;
  }
  unsigned votes = 0;
  for (unsigned m = meeting.mask; m != 0; m &= m - 1)
    if (const int i = std::countr_zero(m); warp[i].word != 0) votes |= 1u << i;
  for (unsigned m = meeting.mask; m != 0; m &= m - 1) {
    Lane& lane = warp[std::countr_zero(m)];
    switch (meeting.operation) {
      case WarpOperation::sync:
        break;
      case WarpOperation::ballot:
        lane.result = votes;
        break;
      default: {
        const unsigned source = source_of(lane, meeting.operation);
        if ((meeting.mask >> source & 1) == 0)
          fail(std::string(name_of(meeting.operation)) + " from lane " + std::to_string(source) +
                   ", which is outside of the mask",
               lane, meeting.here);
        lane.result = warp[source].word;
      }
    }
  }
}

// Waits for the lanes of the mask; the running lane's word has been put down.
void meet(WarpOperation operation, unsigned mask, Here here, WarpWork work = nullptr) {
  Lane& lane = *grid->running;
  const char* const name = name_of(operation);
  check_members(lane, mask, name, here);
  Meeting& meeting = find_meeting(lane, mask, operation, here);
  meeting.work = work;
  const bool orders = operation == WarpOperation::sync;
  if (orders) release(&meeting);
  meeting.arrived |= 1u << lane.index % kWarp;
  if (meeting.arrived != mask) {
    wait(name, here);
  } else {
    Lane* const warp = first_lane_of_warp(lane);
    work_out(meeting, warp);
    for (unsigned m = mask & ~(1u << lane.index % kWarp); m != 0; m &= m - 1) wake(warp[std::countr_zero(m)]);
    reshuffle();
  }
  if (orders) acquire(&meeting);
  meeting.left |= 1u << lane.index % kWarp;
  if (meeting.left == mask) meeting = {};
}

}  // namespace

void sync_warp(unsigned mask, Here here) {
  meet(WarpOperation::sync, mask, here);
}

std::uint64_t shuffle(WarpOperation operation, unsigned mask, std::uint64_t word, unsigned operand, int width,
                      Here here) {
  if (width < 1 || width > static_cast<int>(kWarp) || (width & (width - 1)) != 0)
    fail("a shuffle's width is a power of two up to 32", here);
  Lane& lane = *grid->running;
  lane.word = word;
  lane.operand = operand;
  lane.width = width;
  meet(operation, mask, here);
  return lane.result;
}

unsigned ballot(unsigned mask, bool predicate, Here here) {
  Lane& lane = *grid->running;
  lane.word = predicate;
  meet(WarpOperation::ballot, mask, here);
  return static_cast<unsigned>(lane.result);
}

void together(WarpWork work, void* operands, Here here) {
  grid->running->operands = operands;
  meet(WarpOperation::together, ~0u, here, work);
}

}  // namespace polonaise::simt::emulator
