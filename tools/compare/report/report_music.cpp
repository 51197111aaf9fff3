#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/compare/report/html.h"
#include "tools/compare/report/music.h"
#include "tools/compare/report/report_parts.h"
#include "tools/jobs/progress.h"

namespace polonaise::tools {
namespace {

constexpr std::string_view kPlayIcon =
    "<svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M7 4.5v15l12-7.5z\"/></svg>";

std::string clock(double seconds) {
  const auto total = static_cast<int>(std::lround(seconds));
  return fmt::format("{}:{:02}", total / 60, total % 60);
}

struct Shown {
  const OpeningResult* opening;
  const PieceOfMusic* piece;
  Music music;
  std::string id;
  std::string title;    // heads the figure
  std::string spoken;   // names it where it stands alone
  std::string classes;  // its colour
};

std::string figure(const Shown& shown, bool without_opening, int low, int high) {
  const std::string label = fmt::format("Piano roll of {}: {} in {}.", shown.spoken,
                                        counted(std::ssize(shown.music.notes), "note"), clock(shown.music.seconds));
  std::string note = fmt::format("<span class=\"note length\">{}, {}</span>",
                                 counted(std::ssize(shown.music.notes), "note"), clock(shown.music.seconds));
  if (shown.piece->figures && shown.piece->figures->transposed.longest > 0 && shown.classes != "ink") {
    note += fmt::format(" <span class=\"note\">longest known run{} {}</span>",
                        without_opening ? " after the opening" : "", shown.piece->figures->transposed.longest);
  }
  return fmt::format(
      "<figure class=\"{0}\"><figcaption>{1} {2} <a class=\"note\" download=\"{3}.mid\" "
      "href=\"data:audio/midi;base64,{4}\" aria-label=\"MIDI file of {5}\">MIDI</a></figcaption>\n<div class=\"roll\">"
      "<button type=\"button\" class=\"play\" data-piece=\"{3}\" aria-label=\"Play {5}\">{6}</button><div "
      "class=\"sheet\">"
      "{7}<span class=\"playhead\"></span></div></div></figure>\n",
      shown.classes, escape_html(shown.title), note, escape_html(shown.id), base64(shown.music.midi),
      escape_html(shown.spoken), kPlayIcon,
      roll_svg(shown.music, shown.music.drawn_from.value_or(shown.opening->seconds), low, high, label));
}

}  // namespace

MusicParts music_parts(const Results& results, const std::filesystem::path& folder) {
  std::vector<Shown> all;
  for (const OpeningResult& opening : results.openings) {
    if (opening.real) {
      all.push_back({&opening, &*opening.real, load_music(folder / opening.real->file), "real-" + opening.key,
                     "As it really goes on", fmt::format("{} as it really goes on", opening.title), "ink"});
    }
    for (const CombinationResult& c : results.combinations) {
      for (const PieceOfMusic& piece : c.samples) {
        if (piece.opening != opening.key) continue;
        const std::string title = title_of(results, c.combination);
        all.push_back({&opening, &piece, load_music(folder / piece.file), c.combination.name + "-" + opening.key, title,
                       fmt::format("{}, going on from {}", title, opening.title),
                       fmt::format("s{}", style_of(c.combination.model))});
      }
    }
  }
  int low = 127, high = 0;
  for (const Shown& shown : all) {
    for (const Music::Note& note : shown.music.notes) {
      low = std::min(low, note.pitch);
      high = std::max(high, note.pitch);
    }
  }
  MusicParts parts{"", "{"};
  for (const OpeningResult& opening : results.openings) {
    std::string real, samples;
    for (const Shown& shown : all) {
      if (shown.opening != &opening) continue;
      (shown.classes == "ink" ? real : samples) += figure(shown, results.without_opening, std::min(low, high), high);
    }
    if (samples.empty()) continue;
    parts.html +=
        fmt::format("<h3>{} “{}”</h3>\n",
                    opening.key == "polonaise" ? "From the opening of the" : "From the opening of the held-out piece",
                    escape_html(opening.title));
    if (real.empty()) {
      parts.html += fmt::format(
          "<p class=\"aside\">How it really goes on is not shown, as its score was not given. A comparison with "
          "<code>--reference FILE.mid</code>, a MIDI file of the whole piece, shows it beside the samples.</p>\n<div "
          "class=\"beside\"><div class=\"alone\">{}</div></div>\n",
          samples);
    } else {
      parts.html +=
          fmt::format("<div class=\"beside\"><div class=\"real-side\">{}</div><div>{}</div></div>\n", real, samples);
    }
  }
  for (const Shown& shown : all) {
    if (parts.json.size() > 1) parts.json += ",\n";
    parts.json += fmt::format("\"{}\":{}", shown.id, music_json(shown.music, shown.spoken));
  }
  parts.json += "}";
  return parts;
}

}  // namespace polonaise::tools
