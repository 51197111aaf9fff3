#include "io/data/split.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <utility>

#include "io/files/splitmix64.h"

namespace polonaise::io {
namespace {

namespace fs = std::filesystem;

using Group = std::vector<std::size_t>;

constexpr double kRoomOfAShare = 2;
constexpr double kRoomOfAFew = 10;

// Gives groups to splits, one after another, and knows what each split lacks.
class Dealer {
 public:
  Dealer(const std::vector<Group>& groups, std::size_t files, const SplitRatios& ratios)
      : groups_(groups),
        ratios_{ratios.train, ratios.valid, ratios.test},
        splits_(files, Split::train),
        left_(groups.size()) {
    for (std::size_t i = 0; i < ratios_.size(); ++i) {
      if (ratios_[i] > 0) wanted_.push_back(i);
    }
    empty_ = wanted_;
  }

  const std::vector<std::size_t>& wanted() const { return wanted_; }

  // How many folders may have a group in each split.
  std::ptrdiff_t room() const {
    double least = 1;
    for (const std::size_t split : wanted_) least = std::min(least, ratios_[split]);
    return static_cast<std::ptrdiff_t>(
        std::max(kRoomOfAFew, kRoomOfAShare * least * static_cast<double>(groups_.size())));
  }

  // From now on there are so many files more to deal out.
  void expect(std::size_t files) {
    for (std::size_t i = 0; i < ratios_.size(); ++i) lacking_[i] += ratios_[i] * static_cast<double>(files);
  }

  void deal(std::size_t group, std::size_t split) {
    for (const std::size_t file : groups_[group]) splits_[file] = kSplits[split];
    lacking_[split] -= static_cast<double>(groups_[group].size());
    std::erase(empty_, split);
    --left_;
  }

  void deal(std::size_t group) {
    const bool last_chance = left_ <= empty_.size() && !empty_.empty();
    deal(group, last_chance ? empty_.front()
                            : *std::ranges::max_element(wanted_, {}, [&](std::size_t i) { return lacking_[i]; }));
  }

  std::vector<Split> splits() && { return std::move(splits_); }

 private:
  const std::vector<Group>& groups_;
  const std::array<double, kSplits.size()> ratios_;
  std::array<double, kSplits.size()> lacking_{};  // files
  std::vector<Split> splits_;
  std::vector<std::size_t> wanted_, empty_;  // splits of a ratio above 0, and those of them without a group yet
  std::size_t left_;                         // groups
};

}  // namespace

fs::path source_folder(const fs::path& file, std::span<const fs::path> given) {
  for (const fs::path& folder : given) {
    const fs::path inside = file.lexically_relative(folder);
    if (inside.empty() || *inside.begin() == ".." || inside == ".") continue;
    // Without the slash that the name of a folder may end in.
    const fs::path name = folder.has_filename() || !folder.has_relative_path() ? folder : folder.parent_path();
    return std::next(inside.begin()) == inside.end() ? name : name / *inside.begin();
  }
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

std::vector<std::size_t> group_folders(const std::vector<Group>& groups, std::span<const std::size_t> folders) {
  std::vector<std::size_t> homes;
  for (const Group& group : groups) {
    std::map<std::size_t, std::size_t> counts;
    for (const std::size_t file : group) ++counts[folders[file]];
    homes.push_back(std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; })->first);
  }
  return homes;
}

std::vector<Split> split_groups_by_folder(const std::vector<Group>& groups, std::span<const std::size_t> homes,
                                          std::size_t files, const SplitRatios& ratios, std::uint64_t seed) {
  if (std::ranges::all_of(homes, [&](std::size_t home) { return home == homes.front(); })) {
    return split_groups(groups, files, ratios, seed);
  }
  std::vector<std::size_t> order(groups.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(seed);
  shuffle(std::span(order), random);

  // Folders with their groups in this order; they themselves in that of their first groups, the small ones first.
  std::vector<std::vector<std::size_t>> members;
  std::map<std::size_t, std::size_t> place;
  for (const std::size_t group : order) {
    const auto [at, is_new] = place.try_emplace(homes[group], members.size());
    if (is_new) members.emplace_back();
    members[at->second].push_back(group);
  }
  std::ranges::stable_sort(members, {}, [](const auto& folder) { return folder.size(); });

  // First those that have a group in each split, so that the larger ones among them, and then all others, make up for
  // what small folders have too many of in the small splits.
  Dealer dealer(groups, files, ratios);
  const std::size_t splits = dealer.wanted().size();
  const auto large_enough = std::ranges::count_if(members, [&](const auto& folder) { return folder.size() >= splits; });
  const std::ptrdiff_t in_all = std::min(large_enough, dealer.room());
  std::rotate(members.begin(), members.end() - in_all, members.end());
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::vector<std::size_t>& folder = members[i];
    for (const std::size_t group : folder) dealer.expect(groups[group].size());
    std::size_t next = 0;
    if (std::cmp_less(i, in_all)) {
      for (const std::size_t split : dealer.wanted()) dealer.deal(folder[next++], split);
    }
    for (; next < folder.size(); ++next) dealer.deal(folder[next]);
  }
  return std::move(dealer).splits();
}

}  // namespace polonaise::io
