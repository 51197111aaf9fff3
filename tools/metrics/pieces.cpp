#include "tools/metrics/pieces.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include "io/files/error.h"
#include "io/metrics/pitched.h"
#include "io/midi/notes.h"
#include "tools/cli/files.h"
#include "tools/jobs/parallel_jobs.h"
#include "tools/jobs/progress.h"

namespace polonaise::tools {
namespace {

void require_continuation(const io::Score& score, const std::filesystem::path& file) {
  if (!score.continuation || io::pitched_notes(score).empty()) return;
  if (!io::pitched_notes(score, *score.continuation).empty()) return;
  throw io::Error(
      fmt::format("{}: nothing begins after its marker '{}', so that there is nothing to measure; --whole measures all "
                  "of it.",
                  file.string(), io::kContinuationMarker));
}

}  // namespace

void for_each_piece(std::size_t count, const ReadOptions& options, std::string_view title,
                    const std::function<void(std::size_t)>& work) {
  Progress progress(static_cast<std::int64_t>(count), {.quiet = options.quiet});
  std::mutex drawing;
  std::atomic<std::int64_t> done = 0;
  parallel_for(count, options.jobs, [&](std::size_t i) {
    work(i);
    ++done;
    const std::scoped_lock lock(drawing);
    if (progress.due()) progress.show(done, title);
  });
}

Pieces read_pieces(std::span<const std::filesystem::path> folders, const ReadOptions& options) {
  Pieces pieces;
  std::vector<std::string> names;
  for (const std::filesystem::path& folder : folders) names.push_back(folder.string());
  pieces.label = fmt::format("{}", fmt::join(names, " "));
  const std::vector<std::filesystem::path> files = find_midi_files(folders);
  struct Result {
    std::optional<io::Score> score;
    std::string reason;
  };
  std::vector<Result> results(files.size());
  for_each_piece(files.size(), options, fmt::format("reading {}", pieces.label), [&](std::size_t i) {
    try {
      io::Warnings repairs;
      io::Score score = io::read_score(files[i], repairs, options.strict);
      if (options.whole) score.continuation.reset();
      require_continuation(score, files[i]);
      results[i].score = std::move(score);
    } catch (const io::Error& error) {
      if (options.strict) throw;
      results[i].reason = error.what();
    }
  });
  const auto name = [&](const std::filesystem::path& file) {
    if (folders.size() > 1 || file == folders.front()) return file.string();
    return file.lexically_relative(folders.front()).string();
  };
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (results[i].score) {
      pieces.scores.push_back({name(files[i]), std::move(*results[i].score)});
    } else {
      pieces.skipped.push_back(std::move(results[i].reason));
    }
  }
  if (pieces.scores.empty()) {
    throw io::Error(fmt::format("{}: none of the {} files can be read and measured; the first says: {}", pieces.label,
                                files.size(), pieces.skipped.front()));
  }
  return pieces;
}

std::int64_t continuations(const Pieces& pieces) {
  return std::ranges::count_if(pieces.scores,
                               [](const io::NamedScore& piece) { return piece.score.continuation.has_value(); });
}

Pieces decoded_pieces(const io::Dataset& data, io::Split split, const std::string& label, const ReadOptions& options) {
  Pieces pieces;
  pieces.label = label;
  pieces.scores.resize(static_cast<std::size_t>(data.pieces(split)));
  for_each_piece(pieces.scores.size(), options, fmt::format("decoding {}", label), [&](std::size_t i) {
    const auto piece = static_cast<std::int64_t>(i);
    pieces.scores[i] = {data.name(split, piece), data.encoding().decode(data.piece(split, piece))};
  });
  return pieces;
}

}  // namespace polonaise::tools
