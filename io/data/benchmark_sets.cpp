#include "io/data/benchmark_sets.h"

#include <fmt/format.h>

#include <string_view>

#include "io/files/error.h"
#include "io/files/file.h"

namespace polonaise::io {
namespace {

constexpr int kLowest = 21;
constexpr int kHighest = 108;

// One line of the format, read in a single pass.
class LineReader {
 public:
  LineReader(std::string_view line, std::string_view where) : line_(line), where_(where) {}

  Events read() {
    Events events(EventKind::frames);
    std::vector<std::uint8_t> keys;
    expect('[', "a sequence begins with [");
    if (!take(']')) {
      do {
        read_frame(keys);
        events.push_frame(keys);
      } while (take(','));
      expect(']', "frames are separated by , and end with ]");
    }
    if (at_ != line_.size()) fail("nothing may follow the sequence on its line");
    return events;
  }

 private:
  [[noreturn]] void fail(std::string_view rule) const {
    throw Error(
        fmt::format("{}, character {}: {}; give piano rolls as JSON lines, [[60,64],[],[62]]", where_, at_ + 1, rule));
  }
  bool take(char c) {
    if (at_ >= line_.size() || line_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c, std::string_view rule) {
    if (!take(c)) fail(rule);
  }

  void read_frame(std::vector<std::uint8_t>& keys) {
    keys.clear();
    expect('[', "a frame begins with [");
    if (take(']')) return;
    int before = 0;
    do {
      int pitch = 0;
      const std::size_t begin = at_;
      while (at_ < line_.size() && line_[at_] >= '0' && line_[at_] <= '9' && at_ - begin < 3) {
        pitch = 10 * pitch + (line_[at_++] - '0');
      }
      if (at_ == begin || pitch < kLowest || pitch > kHighest) fail("a pitch is a number from 21 to 108");
      if (pitch <= before) fail("a frame's pitches ascend");
      before = pitch;
      keys.push_back(static_cast<std::uint8_t>(pitch - kLowest));
    } while (take(','));
    expect(']', "pitches are separated by , and end with ]");
  }

  std::string_view line_;
  std::string_view where_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<Events> read_rolls(const std::filesystem::path& path) {
  const std::string content = read_text(path);
  std::string_view text = content;
  std::vector<Events> sequences;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string where = fmt::format("line {} of {}", sequences.size() + 1, path.string());
    sequences.push_back(LineReader(text.substr(0, end), where).read());
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return sequences;
}

Corpus read_rolls_folder(const std::filesystem::path& folder) {
  Corpus corpus;
  for (const Split split : kSplits) {
    int number = 0;
    for (Events& events : read_rolls(folder / fmt::format("{}.jsonl", split_name(split)))) {
      corpus[split].push_back({fmt::format("{} {}", split_name(split), ++number), std::move(events)});
    }
  }
  return corpus;
}

}  // namespace polonaise::io
