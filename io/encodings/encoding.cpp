#include "io/encodings/encoding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/encodings/registry.h"
#include "io/files/error.h"
#include "io/files/hash.h"

namespace polonaise::io {
namespace {

// The encodings that there are, in the order in which they are listed.
struct Entry {
  std::string_view name;
  bool can_add_tokens;
  std::unique_ptr<const Encoding> (*make)(const EncodingOptions&);
};
constexpr Entry kEncodings[] = {
    {"chordvec", false, [](const EncodingOptions&) { return make_chordvec(false); }},
    {"chordvec-literal", false, [](const EncodingOptions&) { return make_chordvec(true); }},
    {"roll88", false, [](const EncodingOptions& options) { return make_roll88(options.steps_per_quarter); }},
    {"perf", true, make_perf},
    {"tsd", true, make_tsd},
    {"remi", false, [](const EncodingOptions&) { return make_remi(); }},
};

}  // namespace

double LossReport::representable_percent() const {
  return steps == 0 ? 100 : 100.0 * static_cast<double>(representable_steps) / static_cast<double>(steps);
}

double LossReport::percent_of_notes(std::int64_t count) const {
  return notes == 0 ? 0 : 100.0 * static_cast<double>(count) / static_cast<double>(notes);
}

void LossReport::merge(const LossReport& other) {
  notes += other.notes;
  steps += other.steps;
  representable_steps += other.representable_steps;
  losses.merge(other.losses);
}

std::vector<std::string> LossReport::lines() const {
  std::vector<std::string> lines;
  if (steps > 0) {
    lines.push_back(fmt::format("steps represented as they are: {} of {} ({:.1f} %)", representable_steps, steps,
                                representable_percent()));
  }
  for (const auto& [kind, count] : losses.entries()) {
    lines.push_back(fmt::format("{}: {} ({:.1f} % of notes)", kind, count, percent_of_notes(count)));
  }
  return lines;
}

std::vector<std::string> encoding_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kEncodings) names.emplace_back(entry.name);
  return names;
}

std::unique_ptr<const Encoding> make_encoding(std::string_view name, const EncodingOptions& options) {
  const auto* const entry = std::ranges::find(kEncodings, name, &Entry::name);
  if (entry == std::end(kEncodings)) {
    throw Error(fmt::format("there is no encoding \"{}\"; choose one of {}", name, fmt::join(encoding_names(), ", ")));
  }
  if (!entry->can_add_tokens && !options.tokens.empty()) {
    throw Error(fmt::format("\"{}\" has no tokens for {}; perf and tsd have", name, fmt::join(options.tokens, ", ")));
  }
  return entry->make(options);
}

std::string sealed(std::string_view table) {
  return fmt::format("{},\"hash\":\"{}\"}}", table.substr(0, table.size() - 1), hex64(hash64(table)));
}

std::unique_ptr<const Encoding> encoding_from_description(std::string_view json) {
  using Json = nlohmann::ordered_json;
  const Json table = Json::parse(json, nullptr, false);
  if (!table.is_object() || !table.contains("encoding") || !table["encoding"].is_string()) {
    throw Error("the description of the encoding is not one of this program's; prepare the data again");
  }
  const auto name = table["encoding"].get<std::string>();
  EncodingOptions options;
  if (table.contains("steps_per_quarter") && table["steps_per_quarter"].is_number_integer()) {
    const auto steps = table["steps_per_quarter"].get<std::int64_t>();
    options.steps_per_quarter = static_cast<int>(std::clamp<std::int64_t>(steps, 0, 1000));
  }
  if (table.contains("added") && table["added"].is_array()) {
    for (const Json& tokens : table["added"]) {
      if (tokens.is_string()) options.tokens.push_back(tokens.get<std::string>());
    }
  }
  auto encoding = make_encoding(name, options);
  if (encoding->describe() != table.dump()) {
    throw Error(
        fmt::format("the events were written with another definition of the encoding \"{}\" than this program's; "
                    "prepare the data again",
                    name));
  }
  return encoding;
}

}  // namespace polonaise::io
