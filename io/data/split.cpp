#include "io/data/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "io/files/error.h"
#include "io/files/hash.h"
#include "io/files/splitmix64.h"

namespace polonaise::io {
namespace {

bool is_number(std::string_view word) {
  return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_copy_mark(std::string_view word) {
  return word == "copy" ||
         (word.size() > 2 && word.front() == '(' && word.back() == ')' && is_number(word.substr(1, word.size() - 2)));
}

// Words of a name, lower case; "_" and blanks separate, and "(" begins a word.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : name) {
    if ((c == '_' || c == ' ' || c == '(') && !words.back().empty()) words.emplace_back();
    if (c == '_' || c == ' ') continue;
    words.back() += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

// "repeat", "no repeat", "with repeats", "no 2 repeat", "no first repeat" at the end of the words.
void drop_repeat_mark(std::vector<std::string>& words) {
  const auto ends_with_one_of = [&](std::initializer_list<std::string_view> choice) {
    return !words.empty() && is_one_of(words.back(), choice);
  };
  if (!ends_with_one_of({"repeat", "repeats"})) return;
  words.pop_back();
  const bool numbered = words.size() > 1 && is_number(words.back()) && words[words.size() - 2] == "no";
  if (numbered || ends_with_one_of({"first", "second", "third", "last", "all"})) words.pop_back();
  if (ends_with_one_of({"no", "with", "without"})) words.pop_back();
}

// Union of sets over indices, the smallest index standing for its set.
class DisjointSets {
 public:
  explicit DisjointSets(std::size_t size) : parent_(size) { std::iota(parent_.begin(), parent_.end(), std::size_t{0}); }
  std::size_t find(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(std::size_t a, std::size_t b) {
    a = find(a);
    b = find(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<std::size_t> parent_;
};

}  // namespace

std::string normalised_stem(std::string_view stem) {
  const std::size_t suffix = stem.find("__");
  const std::vector<std::string> all = words_of(suffix == 0 ? stem : stem.substr(0, suffix));
  std::vector<std::string> words = all;
  for (std::size_t before = words.size() + 1; words.size() < before;) {
    before = words.size();
    while (!words.empty() && is_copy_mark(words.back())) words.pop_back();
    drop_repeat_mark(words);
  }
  if (words.empty()) words = all;
  std::string normalised;
  for (const std::string& word : words) normalised += (normalised.empty() ? "" : "_") + word;
  return normalised;
}

std::uint64_t note_content(const Score& score) {
  std::vector<std::pair<std::int64_t, std::int64_t>> notes;
  for (const Note& note : score.notes) {
    const double quarters =
        static_cast<double>(note.onset - score.notes.front().onset) / static_cast<double>(score.ticks_per_quarter);
    notes.emplace_back(std::llround(48 * quarters), note.pitch);
  }
  std::ranges::sort(notes);
  return hash64(std::as_bytes(std::span(notes)));
}

std::vector<std::vector<std::size_t>> piece_groups(std::span<const PieceId> files) {
  DisjointSets sets(files.size());
  std::unordered_map<std::string, std::size_t> by_stem;
  std::unordered_map<std::uint64_t, std::size_t> by_content;
  for (std::size_t i = 0; i < files.size(); ++i) {
    sets.join(i, by_stem.try_emplace(normalised_stem(files[i].stem), i).first->second);
    sets.join(i, by_content.try_emplace(files[i].content, i).first->second);
  }
  std::vector<std::vector<std::size_t>> members(files.size());
  for (std::size_t i = 0; i < files.size(); ++i) members[sets.find(i)].push_back(i);
  std::erase_if(members, [](const auto& group) { return group.empty(); });
  return members;
}

SplitRatios parse_split_ratios(std::string_view text) {
  std::array<double, 3> ratios{};
  const char* at = text.data();
  const char* const end = at + text.size();
  bool valid = true;
  for (std::size_t i = 0; i < ratios.size() && valid; ++i) {
    const auto [after, error] = std::from_chars(at, end, ratios[i]);
    valid = error == std::errc{} && ratios[i] >= 0 && ratios[i] <= 1;
    at = after;
    if (i + 1 < ratios.size()) valid = valid && at != end && *at++ == ',';
  }
  valid = valid && at == end && ratios[0] > 0 && std::abs(ratios[0] + ratios[1] + ratios[2] - 1) <= 0.001;
  if (!valid) {
    throw Error(
        fmt::format("\"{}\" is no division into train, valid and test; give three shares that sum to 1, the "
                    "first above 0, as 0.8,0.1,0.1",
                    text));
  }
  return {ratios[0], ratios[1], ratios[2]};
}

std::vector<Split> split_groups(const std::vector<std::vector<std::size_t>>& groups, std::size_t files,
                                const SplitRatios& ratios, std::uint64_t seed) {
  std::vector<std::size_t> order(groups.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(seed);
  shuffle(std::span(order), random);

  const double total = static_cast<double>(files);
  std::array<double, kSplits.size()> lacking = {ratios.train * total, ratios.valid * total, ratios.test * total};
  std::vector<std::size_t> empty;
  for (std::size_t i = 0; i < lacking.size(); ++i) {
    if (lacking[i] > 0) empty.push_back(i);
  }
  std::vector<Split> splits(files, Split::train);
  for (std::size_t dealt = 0; dealt < order.size(); ++dealt) {
    const std::vector<std::size_t>& group = groups[order[dealt]];
    const std::size_t to = dealt < empty.size()
                               ? empty[dealt]
                               : static_cast<std::size_t>(std::ranges::max_element(lacking) - lacking.begin());
    lacking[to] -= static_cast<double>(group.size());
    for (const std::size_t file : group) splits[file] = kSplits[to];
  }
  return splits;
}

}  // namespace polonaise::io
