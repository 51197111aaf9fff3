#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace polonaise::tools {

// A piece as the report draws and plays it.
struct Music {
  struct Note {
    double start = 0, length = 0;  // seconds
    int pitch = 60;
    int velocity = 80;
  };
  std::vector<Note> notes;           // by start; percussion left out
  double seconds = 0;                // until the last note ends
  std::string midi;                  // the file
  std::optional<double> drawn_from;  // seconds, where it says so
};

// Throws io::Error for a file that cannot be read.
Music load_music(const std::filesystem::path& file);

// The keys from `low` to `high` over the piece's time, stretched to the box that it stands in; notes that begin before
// `opening` seconds are apart from the others. `label` is its accessible name.
std::string roll_svg(const Music& music, double opening, int low, int high, const std::string& label);

// {"title":...,"notes":[[start,length,pitch,velocity],...]}, times in whole milliseconds; safe inside a script element.
std::string music_json(const Music& music, const std::string& title);

}  // namespace polonaise::tools
