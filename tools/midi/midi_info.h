#pragma once

#include <filesystem>
#include <string>

namespace polonaise::tools {

// What a MIDI file holds, for people or as one JSON object. Throws io::Error; `strict` as in io::read_midi.
std::string midi_info(const std::filesystem::path& file, bool json, bool strict);

}  // namespace polonaise::tools
