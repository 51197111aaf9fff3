#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace polonaise::tools {

// "0.8 s", "42 s", "2 min 05 s", "1 h 02 min", "3 d 04 h".
std::string format_duration(double seconds);
// "681,607"
std::string format_count(std::int64_t count);
// "1 piece", "681,607 pieces", of a word whose plural has an s more.
std::string counted(std::int64_t count, std::string_view word);

// How far a long job is. On a terminal one line is redrawn, at most ten times a second; elsewhere (a log file, a pipe)
// a line is written at intervals; with `quiet` nothing is.
//
//   Progress progress(steps, {.quiet = quiet});
//   for (step = 1; step <= steps; ++step) {
//     ...
//     if (progress.due()) progress.show(step, fmt::format("step {} loss {:.3f}", step, loss));
//   }
class Progress {
 public:
  struct Options {
    bool quiet = false;
    std::int64_t start = 0;        // where the job begins, which a resumed one does not at 0
    double seconds_per_line = 10;  // where the output is no terminal
    std::FILE* stream = stderr;
  };

  Progress(std::int64_t total, const Options& options);
  ~Progress();  // takes the line off the terminal
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Whether show() would write now: the text need not be made otherwise.
  bool due() const;
  // Writes `text`, the share done and the time left ("... 42 % ETA 2 min 05 s"), and starts the next interval.
  void show(std::int64_t done, std::string_view text);
  // Writes a line that stays, above the one that is redrawn; also with `quiet` off only.
  void note(std::string_view line);

  double elapsed() const;  // seconds since construction

 private:
  using Clock = std::chrono::steady_clock;
  void clear();

  std::int64_t total_;
  Options options_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point next_;
};

// The time left of a job that got from `start` to `done` of `total` in `elapsed` seconds at a steady pace; negative
// where nothing is known yet.
double time_left(std::int64_t start, std::int64_t done, std::int64_t total, double elapsed);

}  // namespace polonaise::tools
