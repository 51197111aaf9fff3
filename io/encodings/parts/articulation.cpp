#include "io/encodings/parts/articulation.h"

#include <algorithm>

namespace polonaise::io {
namespace {

constexpr int kRest = -1;

int articulation_of(std::int64_t sounding, std::int64_t notated) {
  if (8 * sounding < 3 * notated) return kRest;
  if (8 * sounding < 5 * notated) return 0;
  return 8 * sounding < 7 * notated ? 1 : kLegato;
}

}  // namespace

std::int64_t sounding_length(std::int64_t notated, int articulation) {
  return std::max<std::int64_t>((notated * (articulation + 2) + 2) / 4, 1);
}

std::vector<int> articulate(std::vector<GridNote>& notes, std::int64_t longest,
                            const std::function<std::int64_t(std::int64_t)>& writable, LossReport& report) {
  std::vector<std::int64_t> onsets;
  onsets.reserve(notes.size());
  for (const GridNote& note : notes) onsets.push_back(note.on);
  std::vector<int> articulations(notes.size(), kLegato);
  std::int64_t changed = 0;
  for (std::size_t i = 0; i < notes.size(); ++i) {
    GridNote& note = notes[i];
    const auto next = std::lower_bound(onsets.begin(), onsets.end(), note.off);
    if (next == onsets.end() || *next - note.on > longest) continue;
    const std::int64_t notated = *next - note.on;
    const int articulation = articulation_of(note.length(), notated);
    if (articulation == kRest) continue;
    const std::int64_t written = writable(notated);
    const std::int64_t sounding = writable(sounding_length(written, articulation));
    const auto again = std::lower_bound(onsets.begin(), onsets.end(), note.on + sounding);
    if (again == onsets.end() || *again != *next || articulation_of(sounding, notated) != articulation) continue;
    changed += sounding != note.length();
    note.off = note.on + written;
    articulations[i] = articulation;
  }
  count_loss(report, "lengths changed to their articulation's", changed);
  return articulations;
}

}  // namespace polonaise::io
