#include "tools/prepare/folders.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include "io/data/split.h"
#include "tools/cli/table.h"
#include "tools/jobs/progress.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRows = 12;

using Counts = std::array<std::int64_t, io::kSplits.size()>;

std::int64_t total(const Counts& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

void add_row(Table& table, const std::string& name, const Counts& counts) {
  std::vector<std::string> cells = {name, format_count(total(counts))};
  for (const std::int64_t count : counts) cells.push_back(format_count(count));
  table.row(cells);
}

}  // namespace

Folders folders_of(std::span<const Source> sources, const std::vector<std::vector<std::size_t>>& pieces,
                   std::span<const fs::path> given) {
  Folders folders;
  std::map<fs::path, std::size_t> numbers;
  std::vector<std::size_t> of_file;
  for (const Source& source : sources) {
    const fs::path name = given.empty() ? fs::path(".") : io::source_folder(source.file, given);
    const auto [number, is_new] = numbers.try_emplace(name, folders.names.size());
    if (is_new) folders.names.push_back(name);
    of_file.push_back(number->second);
  }
  folders.homes = io::group_folders(pieces, of_file);
  return folders;
}

std::string folders_text(const Folders& folders, const std::vector<std::vector<std::size_t>>& pieces,
                         std::span<const io::Split> splits) {
  std::vector<Counts> counts(folders.names.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    ++counts[folders.homes[i]][static_cast<std::size_t>(splits[pieces[i].front()])];
  }
  std::vector<std::size_t> order;
  std::map<fs::path, int> of_name;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (total(counts[i]) == 0) continue;  // its files are pieces of another folder
    order.push_back(i);
    ++of_name[folders.names[i].filename()];
  }
  if (order.size() < 2) return "";
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return total(counts[i]); });
  Table table({{"pieces of", Table::Align::left}, {"all"}, {"train"}, {"valid"}, {"test"}});
  const std::size_t shown = order.size() > kRows ? kRows - 1 : order.size();
  for (const std::size_t i : std::span(order).first(shown)) {
    const fs::path& name = folders.names[i];
    add_row(table, (of_name[name.filename()] > 1 ? name : name.filename()).string(), counts[i]);
  }
  Counts rest{};
  for (const std::size_t i : std::span(order).subspan(shown)) {
    for (std::size_t split = 0; split < rest.size(); ++split) rest[split] += counts[i][split];
  }
  if (shown < order.size()) {
    add_row(table, fmt::format("{} more", counted(std::ssize(order) - static_cast<std::ptrdiff_t>(shown), "folder")),
            rest);
  }
  return table.text();
}

}  // namespace polonaise::tools
