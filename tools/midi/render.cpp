#include "tools/midi/render.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "io/files/error.h"
#include "io/files/file.h"
#include "io/midi/midi.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

// The first of these that exists, most faithful first.
constexpr std::array<std::string_view, 8> kSoundfonts = {
    "/usr/share/sounds/sf2/FluidR3_GM.sf2", "/usr/share/sounds/sf3/MuseScore_General.sf3",
    "/usr/share/sounds/sf3/default-GM.sf3", "/usr/share/sounds/sf2/default-GM.sf2",
    "/usr/share/sounds/sf2/TimGM6mb.sf2",   "/usr/share/soundfonts/FluidR3_GM.sf2",
    "/usr/share/soundfonts/default.sf2",    "/usr/local/share/soundfonts/default.sf2"};

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "polonaise-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      throw io::Error(fmt::format("{}: cannot create a temporary folder: {}.", pattern, std::strerror(errno)));
    }
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

fs::path find_program(std::string_view name) {
  const char* variable = std::getenv("PATH");
  std::string_view folders = variable == nullptr ? "/usr/bin:/bin" : variable;
  while (!folders.empty()) {
    const std::string_view folder = folders.substr(0, folders.find(':'));
    folders.remove_prefix(std::min(folders.size(), folder.size() + 1));
    const fs::path candidate = fs::path(folder) / name;
    std::error_code ignored;
    if (!folder.empty() && fs::is_regular_file(candidate, ignored) && access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return {};
}

fs::path find_soundfont() {
  for (const std::string_view path : kSoundfonts) {
    if (access(std::string(path).c_str(), R_OK) == 0) return path;
  }
  throw io::Error(
      "no soundfont is installed: install timgm6mb-soundfont (6 MB) or fluid-soundfont-gm (145 MB) with apt, or name a "
      "file with --soundfont.");
}

// Runs a program without a shell, its output going to `log`; its exit status.
int run_quietly(std::vector<std::string> command, const fs::path& log) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t pipe;  // which this program ignores
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &pipe);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int error = posix_spawn(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw io::Error(fmt::format("{}: cannot be started: {}.", command[0], std::strerror(error)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// The last line of what a program said.
std::string last_line(const fs::path& log) {
  std::string text = io::read_text(log);
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

void render_wav(const fs::path& midi, const fs::path& wav, const fs::path& soundfont, bool strict) {
  // The canonical form of the file: fluidsynth reads fewer kinds of it than read_midi.
  io::Warnings warnings;
  const std::vector<std::byte> bytes = io::write_midi(io::read_midi(midi, warnings, strict));
  const fs::path program = find_program("fluidsynth");
  if (program.empty()) {
    throw io::Error("sound needs the program fluidsynth: apt install fluidsynth timgm6mb-soundfont.");
  }
  const fs::path font = soundfont.empty() ? find_soundfont() : soundfont;
  if (access(font.c_str(), R_OK) != 0) {
    throw io::Error(fmt::format("{}: cannot read the soundfont: {}.", font.string(), std::strerror(errno)));
  }
  const TemporaryFolder folder;
  const fs::path input = folder.path() / "input.mid", output = folder.path() / "output.wav",
                 log = folder.path() / "log";
  io::write_file(input, bytes);
  const int status = run_quietly({program.string(), "-n", "-i", "-q", "-T", "wav", "-O", "s16", "-r", "44100", "-F",
                                  output.string(), font.string(), input.string()},
                                 log);
  constexpr std::uintmax_t kWavHeader = 44;
  std::error_code missing;
  const std::uintmax_t size = fs::file_size(output, missing);
  if (status != 0 || missing || size <= kWavHeader) {
    throw io::Error(
        fmt::format("{}: fluidsynth made no sound of it (exit status {}): {}", midi.string(), status, last_line(log)));
  }
  io::write_file(wav, io::MappedFile(output).bytes());
}

}  // namespace polonaise::tools
