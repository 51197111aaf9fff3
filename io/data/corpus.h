#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/midi/score.h"
#include "kernels/events/events.h"

namespace polonaise::io {

enum class Split : std::uint8_t { train, valid, test };
inline constexpr std::array<Split, 3> kSplits = {Split::train, Split::valid, Split::test};

inline std::string_view split_name(Split split) {
  constexpr std::array<std::string_view, 3> kNames = {"train", "valid", "test"};
  return kNames[static_cast<std::size_t>(split)];
}

struct NamedScore {
  std::string name;
  Score score;
};

// One encoded piece under the name it is reported by: a file's stem, "train 17".
struct Piece {
  std::string name;
  Events events;
};

// Encoded pieces, divided. The order inside a split is kept by everything that reads or writes one.
struct Corpus {
  std::array<std::vector<Piece>, kSplits.size()> splits;

  std::vector<Piece>& operator[](Split split) { return splits[static_cast<std::size_t>(split)]; }
  const std::vector<Piece>& operator[](Split split) const { return splits[static_cast<std::size_t>(split)]; }
};

// Views of pieces, in order; they live as long as the pieces.
inline std::vector<EventsView> views(const std::vector<Piece>& pieces) {
  std::vector<EventsView> result;
  result.reserve(pieces.size());
  for (const Piece& piece : pieces) result.push_back(piece.events.view());
  return result;
}

}  // namespace polonaise::io
