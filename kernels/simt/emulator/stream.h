#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "kernels/cuda/host/api.h"
#include "kernels/simt/emulator/fiber.h"

// Emulated streams. What is queued runs only when somebody waits for it, on a fiber of the stream's own, so that
// ThreadSanitizer sees host, streams and lanes ordered by nothing but what CUDA orders them by: queueing before
// running, running before the end of a wait, an event's point before what waits for it.

namespace polonaise::simt::emulator {

struct Task {
  std::function<void()> work;
  bool always;  // even after an error
  char order = 0;
};

// A capture that begin_capture() began; its streams share it.
struct Recording {
  std::vector<std::function<void()>> work;
};

}  // namespace polonaise::simt::emulator

struct CUstream_st {
  CUstream_st();
  ~CUstream_st();
  CUstream_st(const CUstream_st&) = delete;
  CUstream_st& operator=(const CUstream_st&) = delete;

  void queue(std::function<void()> work, bool always = false);
  std::size_t queued() const { return queued_; }
  void run_until(std::size_t target);  // the tasks before that number
  void run_all();                      // and orders what they did before what the caller does
  void check();                        // throws the first error since the last call

  std::shared_ptr<polonaise::simt::emulator::Recording> recording;

 private:
  static void entry();
  void run_next();

  polonaise::simt::emulator::Fiber fiber_, caller_;
  polonaise::simt::emulator::Stacks stack_;
  std::list<polonaise::simt::emulator::Task> tasks_;
  std::size_t queued_ = 0, finished_ = 0, target_ = 0;
  std::exception_ptr error_;
  char done_ = 0;  // orders
};

namespace polonaise::simt::emulator {

// Makes every stream stop working and every wait throw, as on a GPU after a kernel has failed.
void lose_card();

// Runs all that is queued anywhere, as CUDA does before it frees memory. Errors stay with their streams.
void run_all_streams();

// std::runtime_error where a stream is being captured, as CUDA refuses then to give memory.
void refuse_during_capture();

// The streams of that capture run again what is queued to them.
void end_recording(const std::shared_ptr<Recording>&);

}  // namespace polonaise::simt::emulator
