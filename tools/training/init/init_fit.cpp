#include "tools/training/init/init_fit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace polonaise::tools {
namespace {

constexpr std::string_view kCore = "core.";
constexpr std::size_t kListed = 6;
constexpr int kLayers = 9999;

std::string_view bare(std::string_view name) {
  return name.starts_with(kCore) ? name.substr(kCore.size()) : name;
}

bool starts_with_one_of(std::string_view name, std::initializer_list<std::string_view> beginnings) {
  return std::ranges::any_of(beginnings, [&](std::string_view beginning) { return name.starts_with(beginning); });
}

// Whether a tensor of this name, if a model had it, would belong to its body.
bool names_a_body(std::string_view name) {
  return starts_with_one_of(bare(name), {"weight_", "bias_", "layers.", "norm.", "position."});
}

bool is_head(std::string_view parameter) {
  return parameter.starts_with("head.");
}

bool reads_events(std::string_view parameter, bool embedded) {
  if (starts_with_one_of(parameter, {"embedding.", "input."})) return true;
  return !embedded && (parameter == "core.weight_ih_l0" || parameter == "core.weight_ih_l0_reverse");
}

using ByName = std::map<std::string, const io::TensorView*, std::less<>>;

// A tensor by the parameter's own name or, else, by the name with or without "core.".
const io::TensorView* find(const ByName& index, const std::string& parameter) {
  auto found = index.find(parameter);
  if (found == index.end()) {
    found = parameter.starts_with(kCore) ? index.find(bare(parameter)) : index.find(fmt::format("core.{}", parameter));
  }
  return found == index.end() ? nullptr : found->second;
}

std::vector<std::int64_t> extents(const Shape& shape) {
  std::vector<std::int64_t> out;
  for (int axis = 0; axis < shape.rank(); ++axis) out.push_back(shape[axis]);
  return out;
}

// Number behind `beginning` in names such as "weight_hh_l3_reverse" or "layers.3.norm1.weight"; -1 in others, and for
// numbers that no layer has.
int number_behind(std::string_view name, std::string_view beginning) {
  int number = -1;
  if (name.starts_with(beginning)) {
    std::from_chars(name.data() + beginning.size(), name.data() + name.size(), number);
  }
  return number > kLayers ? -1 : number;
}

std::string recurrent_options(const ByName& index, int layers) {
  const io::TensorView* recurrent = find(index, "core.weight_hh_l0");
  if (recurrent == nullptr || recurrent->shape.size() != 2 || recurrent->shape[1] == 0) return "";
  const bool both = find(index, "core.weight_hh_l0_reverse") != nullptr;
  const std::int64_t hidden = recurrent->shape[1], gates = recurrent->shape[0] / hidden;
  if (gates * hidden != recurrent->shape[0]) return "";
  std::string_view model;
  if (gates == 1 && !both) model = "rnn";
  if (gates == 3 && !both) model = "gru";
  if (gates == 4) model = both ? "bilstm" : "lstm";
  return model.empty() ? "" : fmt::format("--model {} --hidden {} --layers {}", model, hidden, layers);
}

std::string transformer_options(const ByName& index, int layers) {
  const io::TensorView* norm = find(index, "layers.0.norm1.weight");
  const io::TensorView* inner = find(index, "layers.0.linear1.weight");
  if (norm == nullptr || norm->shape.size() != 1) return "";
  const std::int64_t hidden = norm->shape[0];
  std::string options = fmt::format("--model transformer --hidden {} --layers {}", hidden, layers);
  if (inner != nullptr && !inner->shape.empty() && inner->shape[0] != 4 * hidden) {
    options += fmt::format(" --feedforward {}", inner->shape[0]);
  }
  const io::TensorView* relative = find(index, "layers.0.self_attn.relative");
  if (relative != nullptr && relative->shape.size() == 3) {
    options += fmt::format(" --heads {} --position relative --seq {}", relative->shape[0], relative->shape[1]);
  }
  const io::TensorView* position = find(index, "position.weight");
  if (position != nullptr && position->shape.size() == 2) {
    options += fmt::format(" --position learned --seq {}", position->shape[0]);
  }
  return options;
}

ByName indexed(std::span<const io::TensorView> tensors) {
  ByName index;
  for (const io::TensorView& tensor : tensors) index[tensor.name] = &tensor;
  return index;
}

}  // namespace

std::string listed(std::span<const std::string> names) {
  if (names.size() <= kListed) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.first(kListed - 1), ", "), names.size() - kListed + 1);
}

InitFit fit_init(const Model& model, std::span<const io::TensorView> tensors, InitHead head, bool other_events) {
  const ByName index = indexed(tensors);
  const bool tokens = model.config().events.is_tokens();
  const bool has_embedding = find(index, "embedding.weight") != nullptr;
  const bool fresh = head == InitHead::fresh;
  // What reads frames cannot read tokens, nor the other way round.
  const bool other = other_events || (has_embedding && !tokens);
  InitFit fit;
  std::vector<std::string> missing, misshapen;
  std::set<const io::TensorView*> used;
  const auto& entries = model.parameters().entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string& name = entries[i].name;
    const bool reads = reads_events(name, tokens && has_embedding);
    const io::TensorView* tensor = find(index, name);
    const std::vector<std::int64_t> shape = extents(entries[i].shape);
    const bool matches = tensor != nullptr && tensor->shape == shape;
    if (fresh && (is_head(name) || (reads && (other || !matches)))) {
      fit.drawn.push_back(name);
    } else if (matches) {
      fit.taken.push_back({i, tensor});
      used.insert(tensor);
    } else if (tensor != nullptr) {
      misshapen.push_back(
          fmt::format("{} [{}], here [{}]", name, fmt::join(tensor->shape, ", "), fmt::join(shape, ", ")));
      used.insert(tensor);
    } else {
      missing.push_back(name);
    }
  }
  // A body's tensor without use tells of another network; what else there is may be left, where a head may.
  std::vector<std::string> foreign;
  for (const io::TensorView& tensor : tensors) {
    if (used.contains(&tensor)) continue;
    const bool drawn = std::ranges::any_of(fit.drawn, [&](const auto& name) { return find(index, name) == &tensor; });
    if (!drawn) fit.left_over.push_back(tensor.name);
    if (!drawn && (!fresh || names_a_body(tensor.name))) foreign.push_back(tensor.name);
  }
  if (!missing.empty()) fit.faults.push_back(fmt::format("missing {}", listed(missing)));
  if (!misshapen.empty()) fit.faults.push_back(fmt::format("of another shape {}", listed(misshapen)));
  if (!foreign.empty()) fit.faults.push_back(fmt::format("left over {}", listed(foreign)));
  return fit;
}

std::string options_told_by(std::span<const io::TensorView> tensors) {
  int recurrent = 0, transformer = 0, key_units = 0;
  for (const io::TensorView& tensor : tensors) {
    recurrent = std::max(recurrent, 1 + number_behind(bare(tensor.name), "weight_hh_l"));
    transformer = std::max(transformer, 1 + number_behind(bare(tensor.name), "layers."));
    if (tensor.name == "head.key_in" && tensor.shape.size() == 2) key_units = static_cast<int>(tensor.shape[1]);
  }
  const ByName index = indexed(tensors);
  std::string options = recurrent > 0 ? recurrent_options(index, recurrent) : "";
  if (options.empty() && transformer > 0) options = transformer_options(index, transformer);
  if (!options.empty() && key_units > 0) options += fmt::format(" --head autoregressive --head-hidden {}", key_units);
  return options;
}

}  // namespace polonaise::tools
