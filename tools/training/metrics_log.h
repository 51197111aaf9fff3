#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace polonaise::tools {

// metrics.jsonl, what a run measured: one JSON object a line, each with its "type" and "step":
//   train       the mean loss since the line before, gradient norm, learning rate, pace
//   validation  the loss on the validation split, and whether it is the best so far
//               both with the targets learned from and the seconds of training steps until then
//   end         of a session: its seconds and the most memory that steps took
// Each line is on its way to the disk when write() returns; sync() waits until they are there.
class MetricsLog {
 public:
  // A new file; or with `resume` >= 0 the old one, cut to what was known at that step, so that no line comes twice.
  MetricsLog(const std::filesystem::path& file, std::int64_t resume);
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  // `object` without a line break.
  void write(std::string_view object);
  void sync();

 private:
  [[noreturn]] void fail() const;

  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace polonaise::tools
