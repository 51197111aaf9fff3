#include "tools/prepare/encode_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>

#include "io/data/augment.h"
#include "tools/cli/cli.h"
#include "tools/cli/files.h"
#include "tools/jobs/parallel_jobs.h"
#include "tools/jobs/progress.h"

namespace polonaise::tools {
namespace {

constexpr int kFarthest = 24;

// One encoding to be made.
struct Task {
  const Source* source;
  io::Split split;
  int semitones = 0;
  double tempo = 1;
  bool first = true;  // of its source's repetitions
};

struct Result {
  io::Piece piece;
  io::LossReport losses;
  io::Warnings warnings;
};

std::vector<Task> tasks_of(std::span<const Source> sources, std::span<const io::Split> splits,
                           const Augmentation& augmentation) {
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (splits[i] != io::Split::train) {
      tasks.push_back({&sources[i], splits[i]});
      continue;
    }
    bool first = true;
    for (const double tempo : augmentation.tempos) {
      for (int semitones = augmentation.lowest; semitones <= augmentation.highest; ++semitones) {
        tasks.push_back({&sources[i], splits[i], semitones, tempo, first});
        first = false;
      }
    }
  }
  return tasks;
}

std::string moved_name(std::string name, int semitones) {
  if (semitones != 0) name += fmt::format(" {:+}", semitones);
  return name;
}

std::string name_of(const Task& task) {
  std::string name = moved_name(piece_stem(task.source->file), task.semitones);
  if (task.tempo != 1) name += fmt::format(" x{}", task.tempo);
  return name;
}

Result encode(const Task& task, const io::Encoding& encoding) {
  Result result{{name_of(task), Events()}, {}, {}};
  const io::Score& score = task.source->score;
  result.piece.events =
      task.semitones == 0 && task.tempo == 1
          ? encoding.encode(score, result.losses)
          : encoding.encode(io::scale_tempo(io::transpose(score, task.semitones, result.warnings), task.tempo),
                            result.losses);
  return result;
}

void require_tempos_matter(std::span<const Task> tasks, const io::Encoding& encoding) {
  const auto faster = std::ranges::find_if(tasks, [](const Task& task) { return task.tempo != 1; });
  if (faster == tasks.end()) return;
  Task plain = *faster;
  plain.tempo = 1;
  if (!equal(encode(*faster, encoding).piece.events.view(), encode(plain, encoding).piece.events.view())) return;
  throw UsageError(fmt::format("--tempo makes no difference to what the encoding {} keeps.", encoding.name()));
}

}  // namespace

void parse_transposition(std::string_view text, Augmentation& augmentation) {
  const auto number = [](std::string_view digits, int& out) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return error == std::errc() && end == digits.data() + digits.size() && out >= -kFarthest && out <= kFarthest;
  };
  const std::size_t dots = text.find("..");
  int lowest = 0, highest = 0;
  if (dots == std::string_view::npos || !number(text.substr(0, dots), lowest) ||
      !number(text.substr(dots + 2), highest) || lowest > highest) {
    throw UsageError(fmt::format("--transpose: '{}' is not LO..HI in semitones from -{} to {}, as in -5..6.", text,
                                 kFarthest, kFarthest));
  }
  augmentation.lowest = lowest;
  augmentation.highest = highest;
}

void repeat_rolls(std::vector<io::Piece>& pieces, const Augmentation& augmentation, io::Warnings& warnings) {
  std::vector<io::Piece> repeated;
  for (const io::Piece& piece : pieces) {
    for (int semitones = augmentation.lowest; semitones <= augmentation.highest; ++semitones) {
      repeated.push_back(
          {moved_name(piece.name, semitones), io::transpose_roll(piece.events.view(), semitones, warnings)});
    }
  }
  pieces = std::move(repeated);
}

Encoded encode_sources(std::span<const Source> sources, std::span<const io::Split> splits, const io::Encoding& encoding,
                       const Augmentation& augmentation, int jobs, bool quiet) {
  const std::vector<Task> tasks = tasks_of(sources, splits, augmentation);
  require_tempos_matter(tasks, encoding);
  std::vector<Result> results(tasks.size());
  Progress progress(std::ssize(tasks), {.quiet = quiet});
  std::mutex drawing;
  std::atomic<std::int64_t> done = 0;
  parallel_for(tasks.size(), jobs, [&](std::size_t i) {
    results[i] = encode(tasks[i], encoding);
    ++done;
    const std::scoped_lock lock(drawing);
    if (progress.due()) progress.show(done, fmt::format("encoding {} pieces", format_count(std::ssize(tasks))));
  });

  Encoded encoded;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].first) {
      encoded.losses.merge(results[i].losses);
      encoded.sources.push_back({results[i].piece.events.size(), std::move(results[i].losses)});
    }
    encoded.warnings.merge(results[i].warnings);
    if (results[i].piece.events.view().empty()) continue;
    encoded.corpus[tasks[i].split].push_back(std::move(results[i].piece));
  }
  return encoded;
}

}  // namespace polonaise::tools
