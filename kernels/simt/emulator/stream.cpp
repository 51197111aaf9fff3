#include "kernels/simt/emulator/stream.h"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "kernels/simt/emulator/device_memory.h"
#include "kernels/simt/emulator/sanitizers.h"

namespace {

using namespace polonaise::simt::emulator;

constexpr std::size_t kStackBytes = std::size_t{1} << 20;

std::vector<CUstream_st*>& all_streams() {
  static std::vector<CUstream_st*> streams;
  return streams;
}

CUstream_st* begun = nullptr;  // the stream whose fiber is about to begin

bool lost = false;  // the card

}  // namespace

CUstream_st::CUstream_st() {
  stack_.reserve(1, kStackBytes);
  prepare(fiber_, stack_.low(0), kStackBytes, entry);
#ifdef POLONAISE_TSAN
  fiber_.tsan = __tsan_create_fiber(0);
  __tsan_set_fiber_name(fiber_.tsan, "stream");
#endif
  all_streams().push_back(this);
}

CUstream_st::~CUstream_st() {
  std::erase(all_streams(), this);
  run_all();
#ifdef POLONAISE_TSAN
  __tsan_destroy_fiber(fiber_.tsan);
#endif
  if (!error_) return;
  try {
    std::rethrow_exception(error_);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nobody waited for a stream whose work failed: %s\n", error.what());
  }
  std::abort();
}

void CUstream_st::queue(std::function<void()> work, bool always) {
  if (recording) {
    recording->work.push_back(std::move(work));
    return;
  }
  tasks_.push_back({std::move(work), always});
  release(&tasks_.back().order);
  ++queued_;
}

void CUstream_st::run_until(std::size_t target) {
  if (recording) throw std::runtime_error("the card could not finish its work: the stream is being captured");
  if (finished_ >= target) return;
  target_ = target;
  begun = this;
  adopt_thread(caller_);
  begin_device_work();
  switch_fibers(caller_, fiber_);
  end_device_work();
}

void CUstream_st::run_all() {
  run_until(queued_);
  acquire(&done_);
}

void CUstream_st::entry() {
  CUstream_st& stream = *begun;
  for (;;) {
    while (stream.finished_ < stream.target_) stream.run_next();
    release(&stream.done_);
    switch_fibers(stream.fiber_, stream.caller_);
  }
}

void CUstream_st::run_next() {
  Task& task = tasks_.front();
  acquire(&task.order);
  try {
    if ((!error_ && !lost) || task.always) task.work();
  } catch (...) {
    error_ = std::current_exception();
  }
  tasks_.pop_front();
  ++finished_;
}

void CUstream_st::check() {
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  if (lost) throw std::runtime_error("the card could not finish its work: a kernel before it failed");
}

namespace polonaise::simt::emulator {

void lose_card() {
  lost = true;
}

void run_all_streams() {
  for (CUstream_st* stream : all_streams())
    if (!stream->recording) stream->run_all();
}

void refuse_during_capture() {
  for (const CUstream_st* stream : all_streams())
    if (stream->recording) throw std::runtime_error("the card could not give memory: a stream is being captured");
}

void end_recording(const std::shared_ptr<Recording>& recording) {
  for (CUstream_st* stream : all_streams())
    if (stream->recording == recording) stream->recording = nullptr;
}

}  // namespace polonaise::simt::emulator
