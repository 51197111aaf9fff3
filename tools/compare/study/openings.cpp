#include "tools/compare/study/openings.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/data/continuation.h"
#include "io/data/op53_prime.h"
#include "io/encodings/encoding.h"
#include "io/files/error.h"
#include "io/midi/notes.h"
#include "io/midi/tempo_map.h"
#include "tools/cli/files.h"
#include "tools/compare/study/held_out.h"

namespace polonaise::tools {
namespace {

Opening polonaise(const io::Encoding& encoding, const std::filesystem::path& reference, std::int64_t steps) {
  io::LossReport report;
  Opening opening{"polonaise", "Polonaise Op. 53", encoding.encode(io::op53_prime(), report), 0, {}};
  opening.seconds = io::seconds_of(encoding.decode(opening.events.view()));
  if (reference.empty()) return opening;
  io::Warnings warnings;
  const io::Score score = io::read_score(reference, warnings);
  print_warnings("polonaise-compare", reference, warnings);
  const Events real = encoding.encode(score, report);
  if (real.size() <= opening.events.size()) {
    throw io::Error(
        fmt::format("{}: has {} events and does not go on after the opening's {}; give --reference the whole "
                    "piece.",
                    reference.string(), real.size(), opening.events.size()));
  }
  opening.continuation = beginning(encoding, real.view(), opening.events.size(), steps);
  return opening;
}

}  // namespace

io::Score beginning(const io::Encoding& encoding, const EventsView& piece, std::int64_t opening, std::int64_t steps) {
  const EventsView events = piece.slice(0, std::min(opening + steps, piece.size()));
  return opening < events.size() ? io::decode_continuation(encoding, events, opening) : encoding.decode(events);
}

std::vector<Opening> find_openings(const io::Dataset& data, const std::filesystem::path& reference,
                                   std::int64_t steps) {
  const io::Encoding& encoding = data.encoding();
  std::vector<Opening> openings = {polonaise(encoding, reference, steps)};
  const std::int64_t count = openings.front().events.size();
  const io::Split split = split_or(data, io::Split::test, io::Split::valid);
  std::int64_t longest = -1;
  for (std::int64_t i = 0; i < data.pieces(split); ++i) {
    if (longest < 0 || data.piece(split, i).size() > data.piece(split, longest).size()) longest = i;
  }
  if (longest < 0 || data.piece(split, longest).size() <= count) return openings;
  const EventsView piece = data.piece(split, longest);
  Opening opening{"held-out", data.name(split, longest), Events(piece.kind), 0, {}};
  opening.events.append(piece.slice(0, count));
  opening.seconds = io::seconds_of(encoding.decode(opening.events.view()));
  opening.continuation = beginning(encoding, piece, count, steps);
  openings.push_back(std::move(opening));
  return openings;
}

}  // namespace polonaise::tools
