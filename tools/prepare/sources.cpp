#include "tools/prepare/sources.h"

#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <optional>

#include "io/data/synthetic.h"
#include "io/files/error.h"
#include "io/midi/notes.h"
#include "tools/cli/files.h"
#include "tools/jobs/parallel_jobs.h"
#include "tools/jobs/progress.h"

namespace polonaise::tools {
namespace {

void keep_parts(io::Score& score, Parts parts) {
  std::erase_if(score.notes, [parts](const io::Note& note) {
    constexpr int kPianos = 8;
    return note.channel == io::kPercussionChannel || (parts == Parts::piano && note.program >= kPianos);
  });
}

}  // namespace

Sources read_sources(std::span<const std::filesystem::path> files, const ReadSettings& settings) {
  struct Result {
    std::optional<Source> source;
    std::string reason;
    io::Warnings warnings;
  };
  std::vector<Result> results(files.size());
  Progress progress(static_cast<std::int64_t>(files.size()), {.quiet = settings.quiet});
  std::mutex drawing;
  std::atomic<std::int64_t> done = 0;
  parallel_for(files.size(), settings.jobs, [&](std::size_t i) {
    const std::filesystem::path& file = files[i];
    Result& result = results[i];
    try {
      io::Score score = io::read_score(file, result.warnings, settings.strict);
      keep_parts(score, settings.parts);
      if (score.notes.empty()) {
        throw io::Error(fmt::format(
            "{} has no notes{}.", file.string(),
            settings.parts == Parts::piano ? " of a piano; --parts all takes every instrument" : " but percussion"));
      }
      const io::PieceId id{io::normalised_stem(piece_stem(file)), io::note_content(score)};
      result.source = Source{file, std::move(score), id};
    } catch (const io::Error& error) {
      if (settings.strict) throw;
      result.reason = error.what();
    }
    ++done;
    const std::scoped_lock lock(drawing);
    if (progress.due()) progress.show(done, fmt::format("reading {} files", format_count(std::ssize(files))));
  });

  Sources sources;
  for (Result& result : results) {
    if (result.source) {
      sources.read.push_back(std::move(*result.source));
      sources.warnings.merge(result.warnings);
    } else {
      sources.skipped.push_back(std::move(result.reason));
    }
  }
  if (sources.read.empty()) {
    throw io::Error(
        fmt::format("none of the {} files can be used; the first says: {}", files.size(), sources.skipped.front()));
  }
  return sources;
}

Sources synthetic_sources(int count, std::uint64_t seed) {
  Sources sources;
  for (io::NamedScore& piece : io::synthetic_corpus(count, seed)) {
    const io::PieceId id{piece.name, io::note_content(piece.score)};
    sources.read.push_back({piece.name, std::move(piece.score), id});
  }
  return sources;
}

}  // namespace polonaise::tools
