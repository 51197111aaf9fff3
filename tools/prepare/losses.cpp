#include "tools/prepare/losses.h"

#include <fmt/format.h>

#include <algorithm>

namespace polonaise::tools {
namespace {

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::int64_t count_of(const io::LossReport& report, std::string_view kind) {
  for (const io::Warnings::Entry& entry : report.losses.entries()) {
    if (entry.kind == kind) return entry.count;
  }
  return 0;
}

}  // namespace

std::string losses_csv(std::span<const Source> sources, std::span<const io::Split> splits, const Encoded& encoded) {
  const bool chords = encoded.losses.steps > 0;
  std::string out = "file,split,notes,events";
  if (chords) out += ",chords,chords represented as they are";
  for (const io::Warnings::Entry& entry : encoded.losses.losses.entries()) out += "," + csv_field(entry.kind);
  out += "\r\n";
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const EncodedSource& source = encoded.sources[i];
    out += fmt::format("{},{},{},{}", csv_field(sources[i].file.string()), io::split_name(splits[i]),
                       source.losses.notes, source.events);
    if (chords) out += fmt::format(",{},{}", source.losses.steps, source.losses.representable_steps);
    for (const io::Warnings::Entry& entry : encoded.losses.losses.entries()) {
      out += fmt::format(",{}", count_of(source.losses, entry.kind));
    }
    out += "\r\n";
  }
  return out;
}

}  // namespace polonaise::tools
