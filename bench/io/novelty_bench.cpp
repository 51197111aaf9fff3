// The novelty index of io/copies/novelty.h, one thread: adding a corpus of a million notes and comparing pieces.
// Rule-made pieces (which repeat themselves much) and, where POLONAISE_TEST_DATA names the folder that holds
// asap-scores, these.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "io/copies/novelty.h"
#include "io/data/corpus.h"
#include "io/data/synthetic.h"
#include "io/midi/notes.h"

namespace polonaise::io {
namespace {

constexpr std::int64_t kNotes = 1'000'000;

std::int64_t notes_of(const std::vector<NamedScore>& corpus) {
  std::int64_t notes = 0;
  for (const NamedScore& piece : corpus) notes += std::ssize(piece.score.notes);
  return notes;
}

const std::vector<NamedScore>& rule_made() {
  static const std::vector<NamedScore> corpus = [] {
    int pieces = 1000;
    std::vector<NamedScore> made = synthetic_corpus(pieces, 1);
    while (notes_of(made) < kNotes) made = synthetic_corpus(pieces += 500, 1);
    return made;
  }();
  return corpus;
}

const std::vector<NamedScore>& scores() {
  static const std::vector<NamedScore> corpus = [] {
    std::vector<NamedScore> read;
    const char* root = std::getenv("POLONAISE_TEST_DATA");
    const std::filesystem::path folder = std::filesystem::path(root ? root : "") / "asap-scores";
    if (root == nullptr || !std::filesystem::is_directory(folder)) return read;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() != ".mid") continue;
      Warnings warnings;
      read.push_back({entry.path().stem().string(), read_score(entry.path(), warnings)});
    }
    return read;
  }();
  return corpus;
}

void add(benchmark::State& state, const std::vector<NamedScore>& corpus) {
  if (corpus.empty()) return state.SkipWithError("POLONAISE_TEST_DATA holds no asap-scores");
  for (auto _ : state) {
    NoveltyIndex index;
    for (const NamedScore& piece : corpus) index.add(piece.name, piece.score);
    state.counters["notes"] = static_cast<double>(index.notes());
    state.counters["bytes_per_note"] = static_cast<double>(index.bytes()) / static_cast<double>(index.notes());
  }
  state.SetItemsProcessed(state.iterations() * notes_of(corpus));
}

void compare(benchmark::State& state, const std::vector<NamedScore>& corpus) {
  if (corpus.empty()) return state.SkipWithError("POLONAISE_TEST_DATA holds no asap-scores");
  NoveltyIndex index;
  for (std::size_t i = 0; i < corpus.size(); i += 2) index.add(corpus[i].name, corpus[i].score);
  std::int64_t notes = 0;
  for (auto _ : state) {
    for (std::size_t i = 1; i < corpus.size(); i += 2) {
      benchmark::DoNotOptimize(index.compare(corpus[i].score));
      notes += std::ssize(corpus[i].score.notes);
    }
  }
  state.SetItemsProcessed(notes);
}

void BM_NoveltyAddRuleMade(benchmark::State& state) {
  add(state, rule_made());
}
void BM_NoveltyAddScores(benchmark::State& state) {
  add(state, scores());
}
void BM_NoveltyCompareScores(benchmark::State& state) {
  compare(state, scores());
}
BENCHMARK(BM_NoveltyAddRuleMade)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NoveltyAddScores)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NoveltyCompareScores)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace polonaise::io
