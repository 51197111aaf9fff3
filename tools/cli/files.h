#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/files/warnings.h"

namespace polonaise::tools {

// Throws io::Error where the folder that `output` is to be made in, a file or a folder itself, is not there.
void require_folder_of(const std::filesystem::path& output);

// Throws io::Error where `output` cannot become a file: its folder is missing, or it is itself a folder or one of
// `inputs`. Called before the work, so that an hour of it is not lost to a slip in a name.
void check_output(const std::filesystem::path& output, std::span<const std::filesystem::path> inputs);

// The files below `folders` whose names end in .mid, .midi, .kar or one of these and .gz, in any case, sorted. An
// element that is a file itself is taken as it is. Links to folders are not followed. Throws io::Error for what does
// not exist or cannot be read, and where nothing is found.
std::vector<std::filesystem::path> find_midi_files(std::span<const std::filesystem::path> folders);

// A file's name without folder and ending: "song" of "a/song.mid.gz".
std::string piece_stem(const std::filesystem::path& file);

// Writes "PROGRAM: FILE: KIND (N times)" to standard error for each kind.
void print_warnings(std::string_view program, const std::filesystem::path& file, const io::Warnings& warnings);

}  // namespace polonaise::tools
