#include "tools/cli/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <system_error>

#include "io/files/error.h"
#include "tools/jobs/message.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool is_midi_ending(const std::string& ending) {
  return ending == ".mid" || ending == ".midi" || ending == ".kar";
}

// The name without ".gz".
fs::path expanded(const fs::path& file) {
  const fs::path name = file.filename();
  return lower(name.extension().string()) == ".gz" ? name.stem() : name;
}

void add_folder(const fs::path& folder, std::vector<fs::path>& files) {
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error), end;
  while (!error && entry != end) {
    std::error_code unreadable;
    if (entry->is_regular_file(unreadable) && is_midi_ending(lower(expanded(entry->path()).extension().string()))) {
      files.push_back(entry->path());
    }
    entry.increment(error);
  }
  if (error) throw io::Error(fmt::format("{}: cannot read the folder: {}.", folder.string(), error.message()));
}

}  // namespace

void require_folder_of(const fs::path& output) {
  std::error_code ignored;
  // The name of a folder may end in a slash.
  const fs::path name = output.has_filename() ? output : output.parent_path();
  const fs::path folder = name.has_parent_path() ? name.parent_path() : fs::path(".");
  if (fs::is_directory(folder, ignored)) return;
  throw io::Error(fmt::format("{}: {}", output.string(),
                              fs::exists(folder, ignored)
                                  ? fmt::format("{} is no folder; name another.", folder.string())
                                  : fmt::format("the folder {} does not exist; create it first.", folder.string())));
}

void check_output(const fs::path& output, std::span<const fs::path> inputs) {
  std::error_code ignored;
  require_folder_of(output);
  if (fs::is_directory(output, ignored)) {
    throw io::Error(fmt::format("{} is a folder; name a file.", output.string()));
  }
  for (const fs::path& input : inputs) {
    if (!fs::equivalent(input, output, ignored)) continue;
    throw io::Error(fmt::format("{} is read as input; choose another output.", output.string()));
  }
}

std::vector<fs::path> find_midi_files(std::span<const fs::path> folders) {
  std::vector<fs::path> files;
  for (const fs::path& folder : folders) {
    std::error_code error;
    const fs::file_status status = fs::status(folder, error);
    if (!fs::exists(status)) {
      throw io::Error(fmt::format("{}: {}.", folder.string(), error ? error.message() : "no such file or folder"));
    }
    const std::size_t before = files.size();
    if (fs::is_directory(status)) {
      add_folder(folder, files);
    } else {
      files.push_back(folder);
    }
    if (files.size() == before) {
      throw io::Error(
          fmt::format("{}: no MIDI files (.mid, .midi, .kar, also .gz) in this folder or below.", folder.string()));
    }
  }
  std::ranges::sort(files);
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

std::string piece_stem(const fs::path& file) {
  return expanded(file).stem().string();
}

void print_warnings(std::string_view program, const fs::path& file, const io::Warnings& warnings) {
  for (const io::Warnings::Entry& entry : warnings.entries()) {
    write_message(fmt::format("{}: {}: {}{}\n", program, file.string(), entry.kind,
                              entry.count == 1 ? "" : fmt::format(" ({} times)", entry.count)));
  }
}

}  // namespace polonaise::tools
