#include "io/encodings/parts/tokens.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "io/encodings/parts/articulation.h"
#include "io/encodings/parts/controls.h"
#include "io/files/error.h"

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

void AddedTokens::describe(nlohmann::ordered_json& table) const {
  const auto add = [&](std::string_view name, const TokenRange& tokens, std::string_view meaning) {
    if (!tokens) return;
    table["tokens"].push_back({{"first", tokens.first}, {"count", tokens.count}, {"meaning", meaning}});
    table["added"].push_back(name);
  };
  add("pedal", pedal, "sustain pedal down, up");
  add("tempo", tempo, "tempo, 120 * 2^((i - 26) / 10) quarters a minute");
  add("articulation", articulation, "staccato 1/2, normal 3/4, legato 1 of the length");
}

}  // namespace polonaise::io
