#include "tools/training/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "io/files/error.h"
#include "io/files/safetensors.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTrained = "trained.";  // parameters themselves, where the model's file has their average

// A slab laid out like the parameters (the values, or a moment), as one tensor for each of them.
std::vector<io::TensorView> slab_tensors(const Parameters& parameters, const float* slab, std::string_view prefix) {
  std::vector<io::TensorView> tensors;
  for (const Parameters::Entry& entry : parameters.entries()) {
    std::vector<std::int64_t> shape;
    for (int axis = 0; axis < entry.shape.rank(); ++axis) shape.push_back(entry.shape[axis]);
    const std::span values(slab + entry.offset, static_cast<std::size_t>(entry.shape.size()));
    tensors.push_back(io::tensor_view<float>(fmt::format("{}{}", prefix, entry.name), values, shape));
  }
  return tensors;
}

void read_slab(const io::SafeTensors& file, const Parameters& parameters, std::string_view prefix,
               View<float, 1> target) {
  std::vector<float> slab(static_cast<std::size_t>(target.size()));
  const std::vector<io::TensorView> own = slab_tensors(parameters, slab.data(), prefix);
  for (std::size_t i = 0; i < own.size(); ++i) {
    const io::TensorView& saved = file.at(own[i].name);
    if (saved.shape != own[i].shape) {
      throw io::Error(
          fmt::format("{}: {} has the shape [{}], and the run's configuration makes [{}]; it belongs to another model.",
                      file.file(), own[i].name, fmt::join(saved.shape, ", "), fmt::join(own[i].shape, ", ")));
    }
    std::ranges::copy(saved.read<float>(), slab.begin() + parameters.entries()[i].offset);
  }
  copy_to_device(parameters.device(), target.data(), slab.data(), slab.size() * sizeof(float));
}

void write_sealed(const fs::path& path, const std::vector<io::TensorView>& tensors, io::Metadata metadata) {
  metadata["checksum"] = io::contents_checksum(tensors, metadata);
  io::write_safetensors(path, tensors, metadata);
}

io::SafeTensors open_sealed(const fs::path& path, std::string_view format, std::size_t tensors) {
  io::SafeTensors file = io::SafeTensors::open(path);
  const auto text = [&](const char* key) {
    const auto found = file.metadata().find(key);
    return found == file.metadata().end() ? std::string() : found->second;
  };
  const auto check = [&](bool condition, std::string_view what) {
    if (!condition) throw io::Error(fmt::format("{}: {}; use another checkpoint or train again.", path.string(), what));
  };
  check(text("format") == format, fmt::format("is no {} file", format));
  check(text("checksum") == io::contents_checksum(file.tensors(), file.metadata()),
        "damaged: its contents do not have its checksum");
  check(file.tensors().size() == tensors, "its tensors are not those of the run's model");
  return file;
}

// Shortest text that reads back as the same number.
template <class T>
std::string to_text(T value) {
  return fmt::format("{}", value);
}

template <class T>
void parse(const io::SafeTensors& file, const char* key, T& value) {
  const auto found = file.metadata().find(key);
  const std::string text = found == file.metadata().end() ? "" : found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return;
  throw io::Error(fmt::format("{}: its \"{}\" is no number; it was written by another version.", file.file(), key));
}

}  // namespace

void write_model(const fs::path& file, const Model& model) {
  const Parameters& parameters = model.parameters();
  const OnHost<float, 1> values(parameters.device(), parameters.values());
  write_sealed(file, slab_tensors(parameters, values.view().data(), ""), {{"format", "polonaise-model"}});
}

void read_model(const fs::path& path, Model& model) {
  Parameters& parameters = model.parameters();
  const io::SafeTensors file = open_sealed(path, "polonaise-model", parameters.entries().size());
  read_slab(file, parameters, "", parameters.values());
  parameters.refresh();
}

void write_state(const fs::path& file, const TrainingState& state, const Parameters& parameters,
                 const Optimizer& optimizer) {
  const OnHost<float, 1> m(parameters.device(), optimizer.m()), v(parameters.device(), optimizer.v());
  const OnHost<float, 1> values(parameters.device(), parameters.values());
  std::vector<io::TensorView> tensors = slab_tensors(parameters, m.view().data(), "adamw.m.");
  std::ranges::copy(slab_tensors(parameters, v.view().data(), "adamw.v."), std::back_inserter(tensors));
  if (!optimizer.average().empty())
    std::ranges::copy(slab_tensors(parameters, values.view().data(), kTrained), std::back_inserter(tensors));
  write_sealed(file, tensors,
               {{"format", "polonaise-state"},
                {"step", to_text(state.step)},
                {"epoch", to_text(state.cursor.epoch)},
                {"batch", to_text(state.cursor.batch)},
                {"dataset", state.dataset},
                {"interval_nats", to_text(state.interval_nats)},
                {"interval_targets", to_text(state.interval_targets)},
                {"best_loss", to_text(state.best_loss)},
                {"best_step", to_text(state.best_step)},
                {"stale", to_text(state.stale)}});
}

TrainingState read_state(const fs::path& path, Parameters& parameters, Optimizer& optimizer) {
  const bool averages = !optimizer.average().empty();
  const io::SafeTensors file = open_sealed(path, "polonaise-state", (averages ? 3 : 2) * parameters.entries().size());
  TrainingState state;
  parse(file, "step", state.step);
  parse(file, "epoch", state.cursor.epoch);
  parse(file, "batch", state.cursor.batch);
  parse(file, "interval_nats", state.interval_nats);
  parse(file, "interval_targets", state.interval_targets);
  parse(file, "best_loss", state.best_loss);
  parse(file, "best_step", state.best_step);
  parse(file, "stale", state.stale);
  if (const auto found = file.metadata().find("dataset"); found != file.metadata().end()) state.dataset = found->second;
  read_slab(file, parameters, "adamw.m.", optimizer.m());
  read_slab(file, parameters, "adamw.v.", optimizer.v());
  optimizer.set_steps(static_cast<long>(state.step));
  if (averages) {
    optimizer.start_average();
    read_slab(file, parameters, kTrained, parameters.values());
    parameters.refresh();
  }
  return state;
}

}  // namespace polonaise::tools
