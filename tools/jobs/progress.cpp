#include "tools/jobs/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "tools/jobs/message.h"

namespace polonaise::tools {
namespace {

std::chrono::steady_clock::duration seconds(double count) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(count));
}

std::size_t terminal_width(std::FILE* stream) {
  winsize size{};
  return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string format_duration(double seconds) {
  if (seconds < 9.95) return fmt::format("{:.1f} s", std::max(seconds, 0.0));
  const auto total = static_cast<std::int64_t>(std::llround(seconds));
  if (total < 60) return fmt::format("{} s", total);
  if (total < 3600) return fmt::format("{} min {:02} s", total / 60, total % 60);
  if (total < 86400) return fmt::format("{} h {:02} min", total / 3600, total % 3600 / 60);
  return fmt::format("{} d {:02} h", total / 86400, total % 86400 / 3600);
}

std::string format_count(std::int64_t count) {
  const std::string digits = std::to_string(count);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const bool after_digit = i > 0 && digits[i - 1] != '-';
    if (after_digit && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string counted(std::int64_t count, std::string_view word) {
  return fmt::format("{} {}{}", format_count(count), word, count == 1 ? "" : "s");
}

double time_left(std::int64_t start, std::int64_t done, std::int64_t total, double elapsed) {
  if (done <= start) return -1;
  return elapsed * static_cast<double>(std::max<std::int64_t>(total - done, 0)) / static_cast<double>(done - start);
}

Progress::Progress(std::int64_t total, const Options& options)
    : total_(total), options_(options), terminal_(isatty(fileno(options.stream)) == 1) {
  next_ = begin_ + seconds(terminal_ ? 0 : options_.seconds_per_line);
}

Progress::~Progress() {
  clear();
}

bool Progress::due() const {
  return !options_.quiet && Clock::now() >= next_;
}

double Progress::elapsed() const {
  return std::chrono::duration<double>(Clock::now() - begin_).count();
}

void Progress::show(std::int64_t done, std::string_view text) {
  if (options_.quiet) return;
  std::string line(text);
  if (total_ > 0) {
    line += fmt::format(" {} %", 100 * std::clamp<std::int64_t>(done, 0, total_) / total_);
    const double left = time_left(options_.start, done, total_, elapsed());
    if (left >= 0) line += fmt::format(" ETA {}", format_duration(left));
  }
  if (terminal_) {
    // A line that wraps could not be redrawn.
    line.resize(std::min(line.size(), terminal_width(options_.stream) - 1));
    write_message(fmt::format("\r{}\x1b[K", line), options_.stream);
    drawn_ = true;
  } else {
    write_message(line + "\n", options_.stream);
  }
  next_ = Clock::now() + seconds(terminal_ ? 0.1 : options_.seconds_per_line);
}

void Progress::note(std::string_view line) {
  if (options_.quiet) return;
  clear();
  write_message(fmt::format("{}\n", line), options_.stream);
}

void Progress::clear() {
  if (!drawn_) return;
  write_message("\r\x1b[K", options_.stream);
  drawn_ = false;
}

}  // namespace polonaise::tools
