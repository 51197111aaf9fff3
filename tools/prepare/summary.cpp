#include "tools/prepare/summary.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "io/baselines/baselines.h"
#include "io/files/hash.h"
#include "io/midi/tempo_map.h"
#include "tools/cli/files.h"
#include "tools/cli/table.h"
#include "tools/jobs/progress.h"
#include "tools/training/evaluate.h"
#include "tools/training/split_gap.h"

namespace polonaise::tools {
namespace {

std::int64_t events_in(const std::vector<io::Piece>& pieces) {
  std::int64_t events = 0;
  for (const io::Piece& piece : pieces) events += piece.events.size();
  return events;
}

std::string warnings_text(std::string_view title, const io::Warnings& warnings) {
  if (warnings.empty()) return "";
  std::string out = fmt::format("{}:\n", title);
  for (const io::Warnings::Entry& entry : warnings.entries()) {
    out += fmt::format("  {}: {}\n", entry.kind, format_count(entry.count));
  }
  return out;
}

std::uint64_t content(const Events& events) {
  const std::uint64_t keys = io::hash64(std::as_bytes(std::span(events.keys)));
  return io::hash64(std::as_bytes(std::span(events.rows)), keys);
}

}  // namespace

std::string groups_text(std::span<const Source> sources, const std::vector<std::vector<std::size_t>>& groups,
                        std::span<const io::Split> splits) {
  std::string out;
  for (const auto& group : groups) {
    if (group.size() < 2) continue;
    const auto same_name = [&](std::size_t file) {
      return std::ranges::count_if(
          group, [&](std::size_t other) { return sources[other].file.filename() == sources[file].file.filename(); });
    };
    std::vector<std::string> names;
    for (const std::size_t file : group) {
      const auto& path = sources[file].file;
      names.push_back((same_name(file) > 1 ? path : path.filename()).string());
    }
    out += fmt::format("  {}: {}\n", io::split_name(splits[group.front()]), fmt::join(names, ", "));
  }
  return out.empty() ? "" : "files that are one piece, and so stay together:\n" + out;
}

std::string summary_text(const Sources& sources, std::span<const io::Split> splits, const Encoded& encoded) {
  struct Sum {
    std::int64_t files = 0;
    std::int64_t notes = 0;
    double hours = 0;
  };
  std::array<Sum, io::kSplits.size()> sums;
  for (std::size_t i = 0; i < sources.read.size(); ++i) {
    Sum& sum = sums[static_cast<std::size_t>(splits[i])];
    ++sum.files;
    sum.notes += std::ssize(sources.read[i].score.notes);
    sum.hours += io::seconds_of(sources.read[i].score) / 3600;
  }
  Table table({{"split", Table::Align::left}, {"files"}, {"sequences"}, {"events"}, {"notes"}, {"hours"}});
  for (const io::Split split : io::kSplits) {
    const Sum& sum = sums[static_cast<std::size_t>(split)];
    const auto& pieces = encoded.corpus[split];
    table.row({std::string(io::split_name(split)), format_count(sum.files), format_count(std::ssize(pieces)),
               format_count(events_in(pieces)), format_count(sum.notes), fmt::format("{:.2f}", sum.hours)});
  }
  std::string out = table.text();
  out += warnings_text("repaired while reading", sources.warnings);
  const std::vector<std::string> losses = encoded.losses.lines();
  if (!losses.empty()) out += fmt::format("what the encoding keeps and loses:\n  {}\n", fmt::join(losses, "\n  "));
  return out + warnings_text("dropped by the augmentation", encoded.warnings);
}

std::string mix_text(const io::Corpus& corpus, const EventShape& shape) {
  for (const io::Split split : io::kSplits) {
    if (events_in(corpus[split]) == 0) return "";
  }
  const std::vector<EventsView> train = io::views(corpus[io::Split::train]);
  return explain_gap(io::baselines(train, io::views(corpus[io::Split::valid]), shape),
                     io::baselines(train, io::views(corpus[io::Split::test]), shape), loss_unit(shape));
}

std::string rolls_text(const io::Corpus& corpus, const io::Warnings& dropped) {
  Table table({{"split", Table::Align::left}, {"sequences"}, {"events"}, {"notes"}});
  std::map<std::uint64_t, std::vector<std::pair<io::Split, const io::Piece*>>> same;
  for (const io::Split split : io::kSplits) {
    std::int64_t notes = 0;
    for (const io::Piece& piece : corpus[split]) {
      notes += std::ssize(piece.events.keys);
      same[content(piece.events)].emplace_back(split, &piece);
    }
    table.row({std::string(io::split_name(split)), format_count(std::ssize(corpus[split])),
               format_count(events_in(corpus[split])), format_count(notes)});
  }
  std::string leaks;
  for (const auto& [hash, pieces] : same) {
    if (std::ranges::all_of(pieces, [&](const auto& piece) { return piece.first == pieces.front().first; })) continue;
    std::vector<std::string> names;
    for (const auto& piece : pieces) names.push_back(piece.second->name);
    leaks += fmt::format("  {}\n", fmt::join(names, " = "));
  }
  return table.text() + (leaks.empty() ? "" : "the same sequence in more than one split:\n" + leaks) +
         warnings_text("dropped by the augmentation", dropped);
}

}  // namespace polonaise::tools
