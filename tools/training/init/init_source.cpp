#include "tools/training/init/init_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "io/files/error.h"
#include "tools/jobs/progress.h"
#include "tools/training/checkpoint.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kModelFile = "model.safetensors";

// The run that the file is a checkpoint of: RUN/checkpoints/STEP/model.safetensors.
std::optional<Run> run_around(const fs::path& file) {
  std::error_code ignored;
  const fs::path whole = fs::canonical(file, ignored);
  const fs::path checkpoints = whole.parent_path().parent_path();
  if (checkpoints.filename() != "checkpoints") return std::nullopt;
  const fs::path folder = checkpoints.parent_path();
  if (!fs::exists(folder / "config.toml", ignored) || !fs::exists(folder / "encoding.json", ignored)) {
    return std::nullopt;
  }
  return Run::open(folder);
}

// torch.save writes archives of pickled objects, formerly the objects alone: only Python can read either.
bool is_pickle(const fs::path& file) {
  std::array<char, 4> begin{};
  std::ifstream(file, std::ios::binary).read(begin.data(), begin.size());
  const std::string_view magic(begin.data(), begin.size());
  return magic == "PK\x03\x04" || magic == "\x80\x02\x8a\x0a";
}

io::SafeTensors open_tensors(const fs::path& file) {
  try {
    return io::SafeTensors::open(file);
  } catch (const io::Error&) {
    if (!is_pickle(file)) throw;
  }
  throw io::Error(
      fmt::format("{}: is what torch.save writes, which only Python can read; save model.state_dict() by "
                  "safetensors.torch.save_file, as docs/weights.md shows.",
                  file.string()));
}

void check_ours(const io::SafeTensors& file) {
  const auto text = [&](const char* key) {
    const auto found = file.metadata().find(key);
    return found == file.metadata().end() ? std::string() : found->second;
  };
  const std::string format = text("format");
  if (!format.starts_with("polonaise-")) return;
  if (format != "polonaise-model") {
    throw io::Error(fmt::format("{}: is a {} file and holds no parameters; give a run's folder or a model.safetensors.",
                                file.file(), format));
  }
  if (text("checksum") != io::contents_checksum(file.tensors(), file.metadata())) {
    throw io::Error(
        fmt::format("{}: damaged: its contents do not have its checksum; use another checkpoint.", file.file()));
  }
  const auto other = std::ranges::find_if(file.tensors(), [](const auto& t) { return t.dtype != io::DType::f32; });
  if (other == file.tensors().end()) return;
  throw io::Error(fmt::format("{}: its {} is {}, and checkpoints hold F32 alone; use another checkpoint.", file.file(),
                              other->name, io::dtype_name(other->dtype)));
}

InitSource open_file(const fs::path& file, std::string name, std::optional<Run> run) {
  InitSource source{std::move(name), open_tensors(file), std::move(run)};
  check_ours(source.file);
  return source;
}

}  // namespace

InitSource open_init(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    throw io::Error(fmt::format(
        "{}: there is no such file or folder; --init takes a run's folder or a safetensors file.", path.string()));
  }
  if (!fs::is_directory(path, ignored)) return open_file(path, path.string(), run_around(path));
  if (fs::exists(path / kModelFile, ignored)) {
    return open_file(path / kModelFile, path.string(), run_around(path / kModelFile));
  }
  if (!fs::exists(path / "config.toml", ignored)) {
    throw io::Error(
        fmt::format("{}: is neither a run nor a checkpoint; --init takes a run's folder or a safetensors "
                    "file.",
                    path.string()));
  }
  Run run = Run::open(path);
  const std::string name =
      fmt::format("{}, its best checkpoint (step {})", path.string(), format_count(run.step_of("best")));
  const fs::path file = run.checkpoint("best") / kModelFile;
  return open_file(file, name, std::move(run));
}

}  // namespace polonaise::tools
