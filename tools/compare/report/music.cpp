#include "tools/compare/report/music.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "io/files/file.h"
#include "io/midi/notes.h"
#include "io/midi/tempo_map.h"
#include "tools/compare/report/html.h"

namespace polonaise::tools {
namespace {

constexpr double kLane = 10;  // height of a key
constexpr double kSecond = 100;

}  // namespace

Music load_music(const std::filesystem::path& file) {
  io::Warnings warnings;
  const io::Score score = io::read_score(file, warnings);
  const io::TempoMap tempo(score);
  Music music;
  music.midi = io::read_text(file);
  if (score.continuation) music.drawn_from = tempo.seconds(*score.continuation);
  for (const io::Note& note : score.notes) {
    if (note.channel == io::kPercussionChannel) continue;
    const double start = tempo.seconds(note.onset), end = tempo.seconds(note.end());
    music.notes.push_back({start, end - start, note.pitch, note.velocity});
    music.seconds = std::max(music.seconds, end);
  }
  return music;
}

std::string roll_svg(const Music& music, double opening, int low, int high, const std::string& label) {
  const double width = kSecond * std::max(music.seconds, 0.1), height = kLane * (high - low + 1);
  std::string octaves, given, drawn;
  for (int pitch = (low + 11) / 12 * 12; pitch <= high; pitch += 12) {
    octaves += fmt::format("M0 {}H{:.0f}", kLane * (high - pitch + 1), width);
  }
  for (const Music::Note& note : music.notes) {
    if (note.pitch < low || note.pitch > high) continue;
    // Half a millisecond of an opening's end is rounding.
    (note.start < opening - 0.0005 ? given : drawn) +=
        fmt::format("M{:.0f} {:.0f}h{:.0f}", kSecond * note.start, kLane * (high - note.pitch + 0.5),
                    std::max(kSecond * note.length - 1, 2.0));
  }
  std::string svg =
      fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
                  width, height, escape_html(label));
  svg += fmt::format("<path class=\"octaves\" d=\"{}\"/>", octaves);
  if (opening > 0) {
    svg += fmt::format("<rect class=\"opening\" width=\"{:.0f}\" height=\"{:.0f}\"/>",
                       std::min(kSecond * opening, width), height);
  }
  const auto path = [&](const char* classes, const std::string& d) {
    if (!d.empty()) svg += fmt::format("<path class=\"{}\" stroke-width=\"{}\" d=\"{}\"/>", classes, kLane - 1, d);
  };
  path("notes given", given);
  path("notes", drawn);
  return svg + "</svg>";
}

std::string music_json(const Music& music, const std::string& title) {
  nlohmann::ordered_json json;
  json["title"] = title;
  json["notes"] = nlohmann::ordered_json::array();
  for (const Music::Note& note : music.notes) {
    json["notes"].push_back(nlohmann::ordered_json::array(
        {std::llround(1000 * note.start), std::llround(1000 * note.length), note.pitch, note.velocity}));
  }
  std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  for (std::size_t at = text.find("</"); at != std::string::npos; at = text.find("</", at + 3))
    text.insert(at + 1, "\\");
  return text;
}

}  // namespace polonaise::tools
