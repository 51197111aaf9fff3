#pragma once

#include <filesystem>

namespace polonaise::tools {

// Plays a MIDI file into a WAV file (44.1 kHz, 16 bits, stereo) with the program fluidsynth. `soundfont` empty: the
// system's. Throws io::Error where the program, a soundfont or a folder is missing, naming the packages that have them.
void render_wav(const std::filesystem::path& midi, const std::filesystem::path& wav,
                const std::filesystem::path& soundfont, bool strict);

}  // namespace polonaise::tools
