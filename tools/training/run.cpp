#include "tools/training/run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <functional>
#include <set>
#include <system_error>
#include <vector>

#include "io/files/error.h"
#include "io/files/file.h"
#include "tools/cli/files.h"
#include "tools/training/setup.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStep = "step_";
constexpr std::string_view kOwn[] = {"config.toml", "encoding.json", "metrics.jsonl", "checkpoints"};

// Calls `act` and says what it was about where the system refuses.
template <class Act>
auto guarded(const fs::path& path, std::string_view what, const Act& act) {
  try {
    return act();
  } catch (const fs::filesystem_error& error) {
    throw io::Error(fmt::format("{}: cannot {}: {}.", path.string(), what, error.code().message()));
  }
}

// Makes renames and links in a folder last through a loss of power.
void sync_folder(const fs::path& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) throw io::Error(fmt::format("{}: cannot open: {}.", folder.string(), std::strerror(errno)));
  const bool synced = ::fsync(file) == 0 || errno == EINVAL;  // some file systems do not sync folders
  const int reason = errno;
  ::close(file);
  if (!synced) throw io::Error(fmt::format("{}: cannot sync: {}.", folder.string(), std::strerror(reason)));
}

fs::path step_folder(std::int64_t step) {
  return fmt::format("{}{}", kStep, step);
}

// The step that the name of a checkpoint's folder tells; -1 where it is no such name.
std::int64_t step_in(std::string_view name) {
  if (!name.starts_with(kStep)) return -1;
  std::int64_t step = -1;
  std::from_chars(name.data() + kStep.size(), name.data() + name.size(), step);
  return step;
}

bool is_empty_folder(const fs::path& folder) {
  return fs::is_directory(folder) && fs::is_empty(folder);
}

void remove_run(const fs::path& folder) {
  if (!fs::exists(folder / "config.toml")) {
    throw io::Error(
        fmt::format("{} is not a run that --overwrite may replace: it has no config.toml; name another "
                    "folder.",
                    folder.string()));
  }
  for (const std::string_view name : kOwn) fs::remove_all(folder / name);
}

}  // namespace

Run::Run(fs::path folder, Config config, std::unique_ptr<const io::Encoding> encoding)
    : folder_(std::move(folder)), config_(std::move(config)), encoding_(std::move(encoding)) {
  options_ = options_of(config_, (folder_ / "config.toml").string());
}

Run Run::create(const fs::path& folder, const Config& config, const io::Encoding& encoding, bool overwrite) {
  return guarded(folder, "make the run's folder", [&] {
    const bool existed = fs::exists(fs::symlink_status(folder));
    if (existed && !is_empty_folder(folder)) {
      if (!overwrite) {
        throw io::Error(
            fmt::format("{} exists; give --resume to go on with it, --overwrite to replace it, or name "
                        "another folder with -o.",
                        folder.string()));
      }
      remove_run(folder);
    }
    if (!existed) {
      require_folder_of(folder);
      fs::create_directory(folder);
    }
    try {
      fs::create_directory(folder / "checkpoints");
      io::write_file(folder / "encoding.json", encoding.describe());
      io::write_file(folder / "config.toml", config.toml());
    } catch (...) {
      std::error_code ignored;
      for (const std::string_view name : kOwn) fs::remove_all(folder / name, ignored);
      if (!existed) fs::remove(folder, ignored);
      throw;
    }
    return Run(folder, config, io::encoding_from_description(encoding.describe()));
  });
}

Run Run::open(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) throw io::Error(fmt::format("{}: there is no such run.", folder.string()));
  if (!fs::exists(folder / "config.toml", ignored)) {
    throw io::Error(
        fmt::format("{}: is no run: it has no config.toml; name a folder that polonaise-train made.", folder.string()));
  }
  const fs::path description = folder / "encoding.json";
  std::unique_ptr<const io::Encoding> encoding;
  try {
    encoding = io::encoding_from_description(io::read_text(description));
  } catch (const io::Error& error) {
    const std::string message = error.what();
    if (message.starts_with(description.string())) throw;
    throw io::Error(fmt::format("{}: {}", description.string(), message));
  }
  return Run(folder, load_config(folder / "config.toml"), std::move(encoding));
}

void Run::set_config(const Config& config) {
  io::write_file(folder_ / "config.toml", config.toml());
  config_ = config;
  options_ = options_of(config_, (folder_ / "config.toml").string());
}

void Run::check_encoding(const io::Encoding& other, const fs::path& file) const {
  if (other.describe() == encoding_->describe()) return;
  throw io::Error(fmt::format("{}: is encoded as {}{}, and the run {} as {}; give a dataset of the run's encoding.",
                              file.string(), other.name(),
                              other.name() == encoding_->name() ? " with other options" : "", folder_.string(),
                              encoding_->name()));
}

void Run::save(const TrainingState& state, const Model& model, const Optimizer& optimizer, bool best) {
  const fs::path target = checkpoints() / step_folder(state.step);
  guarded(target, "save the checkpoint", [&] {
    if (!fs::exists(target)) {
      const fs::path temporary = checkpoints() / ".saving";
      fs::remove_all(temporary);
      fs::create_directory(temporary);
      try {
        {
          const Optimizer::Averaged averaged(optimizer);
          write_model(temporary / "model.safetensors", model);
        }
        write_state(temporary / "state.safetensors", state, model.parameters(), optimizer);
        fs::rename(temporary, target);
      } catch (...) {
        std::error_code ignored;
        fs::remove_all(temporary, ignored);
        throw;
      }
      sync_folder(checkpoints());
    }
    // In this order: until `last` is replaced, the run stands where the last checkpoint says.
    if (best) link("best", state.step);
    link("last", state.step);
    sync_folder(checkpoints());
    remove_old();
  });
}

TrainingState Run::resume(Model& model, Optimizer& optimizer) {
  const fs::path last = checkpoint("last");
  read_model(last / "model.safetensors", model);
  const TrainingState state = read_state(last / "state.safetensors", model.parameters(), optimizer);
  guarded(last, "resume", [&] {
    // A crash may have come between a checkpoint's becoming the best and the last.
    const fs::path best = checkpoints() / step_folder(state.best_step);
    if (state.best_step >= 0 && fs::exists(best)) link("best", state.best_step);
    if (state.best_step < 0) fs::remove(checkpoints() / "best");
    remove_old();
  });
  return state;
}

std::unique_ptr<Model> Run::load_model(AnyDevice& device, std::string_view name, DType activations) const {
  auto model = make_model(device, model_config(options_, encoding_->shape()), options_.seed, activations);
  read_model(checkpoint(name) / "model.safetensors", *model);
  return model;
}

std::int64_t Run::step_of(std::string_view name) const {
  return step_in(checkpoint(name).filename().string());
}

fs::path Run::checkpoint(std::string_view name) const {
  std::error_code error;
  fs::path target = fs::read_symlink(checkpoints() / name, error);
  if (error && name == "best") target = fs::read_symlink(checkpoints() / "last", error);
  if (error) {
    throw io::Error(
        fmt::format("{}: has no checkpoint yet; train it, with --overwrite to begin again.", folder_.string()));
  }
  target = checkpoints() / target.filename();
  if (!fs::is_directory(target, error) || !target.filename().string().starts_with(kStep)) {
    throw io::Error(fmt::format("{}: the checkpoint \"{}\" leads to no folder of this run; use another one.",
                                target.string(), name));
  }
  return target;
}

void Run::link(std::string_view name, std::int64_t step) const {
  const fs::path temporary = checkpoints() / ".link";
  fs::remove(temporary);
  fs::create_symlink(step_folder(step), temporary);
  fs::rename(temporary, checkpoints() / name);
}

void Run::remove_old() const {
  std::set<fs::path> kept;
  for (const char* name : {"last", "best"}) {
    std::error_code absent;
    kept.insert(fs::read_symlink(checkpoints() / name, absent).filename());
  }
  const std::int64_t last = step_of("last");
  std::vector<fs::path> loose;
  std::vector<std::int64_t> steps;  // up to the last: what lies beyond it a crash has left
  for (const auto& entry : fs::directory_iterator(checkpoints())) {
    const std::string name = entry.path().filename().string();
    const std::int64_t step = step_in(name);
    if (step >= 0 && step <= last) steps.push_back(step);
    if ((name.starts_with(kStep) && !kept.contains(name)) || name == ".saving") loose.push_back(entry.path());
  }
  std::ranges::sort(steps, std::greater());
  steps.resize(std::min(steps.size(), static_cast<std::size_t>(options_.keep_last)));
  for (const fs::path& folder : loose)
    if (std::ranges::find(steps, step_in(folder.filename().string())) == steps.end()) fs::remove_all(folder);
}

}  // namespace polonaise::tools
