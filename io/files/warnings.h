#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace polonaise::io {

// Findings that do not stop a reading (repaired, skipped or dropped things), counted by kind, so that a file with ten
// thousand of one fault reports one line. Kinds keep the order in which they were first seen.
class Warnings {
 public:
  struct Entry {
    std::string kind;
    std::int64_t count = 0;
  };

  void add(std::string_view kind, std::int64_t count = 1) {
    for (Entry& entry : entries_) {
      if (entry.kind == kind) {
        entry.count += count;
        return;
      }
    }
    entries_.push_back({std::string(kind), count});
  }
  void merge(const Warnings& other) {
    for (const Entry& entry : other.entries_) add(entry.kind, entry.count);
  }
  const std::vector<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }

 private:
  std::vector<Entry> entries_;
};

}  // namespace polonaise::io
