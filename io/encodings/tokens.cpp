#include "io/encodings/tokens.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "io/encodings/articulation.h"
#include "io/encodings/controls.h"
#include "io/error.h"

namespace polonaise::io {

std::vector<std::string> added_token_names() {
  return {"pedal", "tempo", "articulation"};
}

AddedTokens::AddedTokens(int own, const EncodingOptions& options) : vocabulary(own) {
  for (const std::string& name : options.tokens) {
    if (std::ranges::count(added_token_names(), name) == 0) {
      throw Error(
          fmt::format("there are no tokens \"{}\" to add; choose of {}", name, fmt::join(added_token_names(), ", ")));
    }
  }
  const auto add = [&](std::string_view name, TokenRange& range, int count) {
    if (std::ranges::count(options.tokens, name) == 0) return;
    range = {vocabulary, count};
    vocabulary += count;
  };
  add("pedal", pedal, 2);
  add("tempo", tempo, kTempos);
  add("articulation", articulation, kArticulations);
}

std::vector<std::string> AddedTokens::names() const {
  std::vector<std::string> names;
  if (pedal) names.emplace_back("pedal");
  if (tempo) names.emplace_back("tempo");
  if (articulation) names.emplace_back("articulation");
  return names;
}

std::vector<AddedTokens::Meaning> AddedTokens::meanings() const {
  std::vector<Meaning> meanings;
  if (pedal) meanings.push_back({pedal, "sustain pedal down, up"});
  if (tempo) meanings.push_back({tempo, "tempo, 120 * 2^((i - 26) / 10) quarters a minute"});
  if (articulation) meanings.push_back({articulation, "staccato 1/2, normal 3/4, legato 1 of the length"});
  return meanings;
}

}  // namespace polonaise::io
