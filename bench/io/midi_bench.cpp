// Reading MIDI on real scores, one thread, bytes in memory: POLONAISE_TEST_DATA names the folder that holds
// asap-scores. The `midicsv` program over the same files, as one process each, is the peer (skipped where missing).

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "io/files/file.h"
#include "io/midi/csv.h"
#include "io/midi/midi.h"
#include "io/midi/notes.h"

namespace polonaise::io {
namespace {

struct Corpus {
  std::vector<std::filesystem::path> paths;
  std::vector<std::vector<std::byte>> files;
  std::int64_t bytes = 0;
};

const Corpus& corpus() {
  static const Corpus loaded = [] {
    Corpus corpus;
    const char* root = std::getenv("POLONAISE_TEST_DATA");
    const std::filesystem::path folder = std::filesystem::path(root ? root : "") / "asap-scores";
    if (root == nullptr || !std::filesystem::is_directory(folder)) return corpus;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() != ".mid") continue;
      corpus.paths.push_back(entry.path());
      corpus.files.push_back(read_file(entry.path()));
      corpus.bytes += static_cast<std::int64_t>(corpus.files.back().size());
    }
    return corpus;
  }();
  return loaded;
}

// Runs `read` over every file; it returns how many items it found.
template <class Read>
void over_corpus(benchmark::State& state, Read&& read) {
  if (corpus().files.empty()) {
    state.SkipWithError("POLONAISE_TEST_DATA names no folder with asap-scores");
    return;
  }
  std::size_t items = 0;
  for (auto _ : state) {
    items = 0;
    for (std::size_t file = 0; file < corpus().files.size(); ++file) items += read(file);
  }
  state.SetBytesProcessed(state.iterations() * corpus().bytes);
  state.counters["items"] = static_cast<double>(items);
}

void bytes_to_notes(benchmark::State& state) {
  over_corpus(state, [](std::size_t file) {
    Warnings warnings;
    return read_score(corpus().files[file], warnings).notes.size();
  });
}
BENCHMARK(bytes_to_notes)->Unit(benchmark::kMillisecond);

void bytes_to_events(benchmark::State& state) {
  over_corpus(state, [](std::size_t file) {
    Warnings warnings;
    std::size_t events = 0;
    for (const MidiTrack& track : read_midi(corpus().files[file], warnings).tracks) events += track.events.size();
    return events;
  });
}
BENCHMARK(bytes_to_events)->Unit(benchmark::kMillisecond);

void bytes_to_csv(benchmark::State& state) {
  over_corpus(state, [](std::size_t file) {
    Warnings warnings;
    return write_csv(read_midi(corpus().files[file], warnings), warnings).size();
  });
}
BENCHMARK(bytes_to_csv)->Unit(benchmark::kMillisecond);

void notes_to_bytes(benchmark::State& state) {
  std::vector<Score> scores;
  for (const std::vector<std::byte>& file : corpus().files) {
    Warnings warnings;
    scores.push_back(read_score(file, warnings));
  }
  over_corpus(state, [&](std::size_t file) { return write_score(scores[file]).size(); });
}
BENCHMARK(notes_to_bytes)->Unit(benchmark::kMillisecond);

void midicsv_program(benchmark::State& state) {
  if (std::system("command -v midicsv >/dev/null 2>&1") != 0) {
    state.SkipWithError("no midicsv program");
    return;
  }
  over_corpus(state, [](std::size_t file) {
    return static_cast<std::size_t>(
        std::system(("midicsv '" + corpus().paths[file].string() + "' >/dev/null").c_str()));
  });
}
BENCHMARK(midicsv_program)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace polonaise::io
