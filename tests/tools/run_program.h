#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace polonaise::tools {

struct ProgramResult {
  int status = -1;  // exit status, or 128 + the signal that ended it
  std::string out;
  std::string err;
};

struct ProgramOptions {
  std::vector<std::pair<std::string, std::string>> environment = {};  // set on top of the test's own
  std::filesystem::path stdout_path = {};                             // written here (/dev/full) instead of captured
  std::function<void(pid_t)> started = {};  // called once the program runs, before anything is read from it
  std::filesystem::path stderr_path = {};
  bool close_stdout = false;
  bool close_stderr = false;
  bool nobody_reads = false;  // the readers of both pipes have gone before the program starts
};

// Runs a program of build/.../bin, or one of an absolute path, and captures what it writes. No shell is involved.
inline ProgramResult run_program(std::string_view program, const std::vector<std::string>& arguments,
                                 const ProgramOptions& options = {}) {
  std::string path = std::filesystem::path(POLONAISE_BINARY_DIR "/bin") / program;
  std::vector<char*> argv{path.data()};
  std::vector<std::string> words = arguments;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  // Options set in the tester's shell must not reach the program.
  std::vector<std::string> variables;
  for (char** variable = environ; *variable; ++variable) {
    const std::string_view text = *variable;
    const bool replaced =
        std::ranges::any_of(options.environment, [&](const auto& own) { return text.starts_with(own.first + "="); });
    if (!replaced && !text.starts_with("POLONAISE_")) variables.emplace_back(text);
  }
  for (const auto& [name, value] : options.environment) variables.push_back(name + "=" + value);
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);

  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (options.close_stdout) {
    posix_spawn_file_actions_addclose(&actions, 1);
  } else if (options.stdout_path.empty()) {
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  } else {
    posix_spawn_file_actions_addopen(&actions, 1, options.stdout_path.c_str(), O_WRONLY, 0);
  }
  if (options.close_stderr) {
    posix_spawn_file_actions_addclose(&actions, 2);
  } else if (options.stderr_path.empty()) {
    posix_spawn_file_actions_adddup2(&actions, err[1], 2);
  } else {
    posix_spawn_file_actions_addopen(&actions, 2, options.stderr_path.c_str(), O_WRONLY, 0);
  }
  if (options.nobody_reads)
    for (const int end : {out[0], err[0]}) close(end);
  pid_t child = 0;
  const int spawned = posix_spawn(&child, path.c_str(), &actions, nullptr, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  close(err[1]);
  if (spawned == 0 && options.started) options.started(child);
  ProgramResult result;
  const bool reads = !options.nobody_reads;
  std::array<pollfd, 2> streams{pollfd{reads ? out[0] : -1, POLLIN, 0}, pollfd{reads ? err[0] : -1, POLLIN, 0}};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    if (poll(streams.data(), streams.size(), -1) < 0) break;
    for (std::size_t i = 0; i < streams.size(); ++i) {
      if (streams[i].fd < 0 || streams[i].revents == 0) continue;
      std::array<char, 65536> buffer;
      const ssize_t got = read(streams[i].fd, buffer.data(), buffer.size());
      if (got > 0) (i == 0 ? result.out : result.err).append(buffer.data(), static_cast<std::size_t>(got));
      if (got <= 0) streams[i].fd = -1;
    }
  }
  if (reads)
    for (const int end : {out[0], err[0]}) close(end);
  if (spawned != 0) throw std::runtime_error("cannot run " + path);
  int status = 0;
  waitpid(child, &status, 0);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

// A fresh, empty folder of the running test's own.
inline std::filesystem::path fresh_folder() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  std::string name = std::string(test->test_suite_name()) + "." + test->name();
  for (char& c : name) c = c == '/' ? '_' : c;
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / ("polonaise-" + name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

inline std::string read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline void write_text(const std::filesystem::path& file, std::string_view text) {
  std::ofstream out(file, std::ios::binary);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace polonaise::tools
