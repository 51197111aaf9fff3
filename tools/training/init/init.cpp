#include "tools/training/init/init.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "io/files/error.h"
#include "io/files/floats.h"
#include "tools/jobs/progress.h"
#include "tools/training/init/init_fit.h"
#include "tools/training/init/init_source.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

// The options that make a model, as the user writes them.
std::string options_of_model(const TrainOptions& o) {
  std::string text = fmt::format("--model {} --hidden {} --layers {}", name_of(o.model), o.hidden, o.layers);
  if (o.model == Architecture::transformer)
    text += fmt::format(" --heads {} --position {}", o.heads, name_of(o.position));
  if (o.head != Head::bernoulli) text += fmt::format(" --head {} --head-hidden {}", name_of(o.head), o.head_hidden);
  return text;
}

// What shapes do not tell: two transformers may have the same parameters, and mean something else by them.
std::vector<std::string> hidden_faults(const TrainOptions& here, const TrainOptions& there) {
  std::vector<std::string> faults;
  if (here.model != Architecture::transformer || there.model != Architecture::transformer) return faults;
  if (here.heads != there.heads) faults.push_back(fmt::format("--heads {}, here {}", there.heads, here.heads));
  if (here.position != there.position) {
    faults.push_back(fmt::format("--position {}, here {}", name_of(there.position), name_of(here.position)));
  }
  return faults;
}

std::string encoding_fault(const io::Encoding& here, const io::Encoding& there) {
  const bool options = here.name() == there.name();
  return fmt::format("the encoding {}, here {}{}", there.name(), here.name(), options ? " with other options" : "");
}

[[noreturn]] void refuse(const InitSource& source, const TrainOptions& o, const std::vector<std::string>& faults,
                         bool new_head_helps) {
  const std::string told = options_told_by(source.file.tensors());
  std::string remedy = "give a model trained with these options";
  if (new_head_helps) {
    remedy = "--init-head new takes the body alone and draws anew what reads and writes events";
  } else if (!told.empty()) {
    remedy = fmt::format("its tensors are of {}", told);
  }
  throw io::Error(
      fmt::format("{}: does not fit {}: {}; {}.", source.name, options_of_model(o), fmt::join(faults, "; "), remedy));
}

std::vector<float> finite_floats(const InitSource& source, const io::TensorView& tensor) {
  std::vector<float> values;
  try {
    values = io::read_floats(tensor);
  } catch (const io::Error& error) {
    throw io::Error(fmt::format("{}: {}.", source.name, error.what()));
  }
  const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (bad != values.end()) {
    throw io::Error(fmt::format("{}: {} has {} as its element {}; give a file whose numbers are all finite as floats.",
                                source.name, tensor.name, *bad, bad - values.begin()));
  }
  return values;
}

std::string report(const InitSource& source, const InitFit& fit) {
  std::string text = fmt::format("start from {}: {} taken", source.name, counted(std::ssize(fit.taken), "parameter"));
  if (!fit.drawn.empty()) text += fmt::format("; drawn anew {}", listed(fit.drawn));
  if (!fit.left_over.empty()) text += fmt::format("; left over {}", listed(fit.left_over));
  return text + "\n";
}

}  // namespace

void refuse_own(const TrainOptions& options, const fs::path& run) {
  if (options.init.empty()) return;
  std::error_code ignored;
  const fs::path folder = fs::weakly_canonical(fs::absolute(run), ignored);
  for (fs::path at = fs::weakly_canonical(options.init, ignored); at.has_relative_path(); at = at.parent_path()) {
    if (at != folder) continue;
    throw UsageError(
        fmt::format("--init {} lies in the run that -o names, and a run cannot begin from itself; name another folder "
                    "with -o, or --resume it.",
                    options.init.string()));
  }
}

std::string initialise(Model& model, const TrainOptions& options, const io::Encoding& encoding) {
  if (options.init.empty()) return "";
  const InitSource source = open_init(options.init);
  const InitHead head = options.init_head;
  const bool other_events = source.run && source.run->encoding().describe() != encoding.describe();
  const auto& tensors = source.file.tensors();
  InitFit fit = fit_init(model, tensors, head, other_events);
  const std::vector<std::string> hidden =
      source.run ? hidden_faults(options, source.run->options()) : std::vector<std::string>();
  if (other_events && head == InitHead::keep) {
    fit.faults.insert(fit.faults.begin(), encoding_fault(encoding, source.run->encoding()));
  }
  std::ranges::copy(hidden, std::back_inserter(fit.faults));
  if (!fit.faults.empty()) {
    const bool helps = head == InitHead::keep && hidden.empty() &&
                       fit_init(model, tensors, InitHead::fresh, other_events).faults.empty();
    refuse(source, options, fit.faults, helps);
  }
  Parameters& parameters = model.parameters();
  std::vector<std::vector<float>> values;
  for (const InitFit::Match& match : fit.taken) values.push_back(finite_floats(source, *match.tensor));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Parameters::Entry& entry = parameters.entries()[fit.taken[i].entry];
    copy_to_device(parameters.device(), parameters.values().data() + entry.offset, values[i].data(),
                   values[i].size() * sizeof(float));
  }
  parameters.refresh();
  return report(source, fit);
}

}  // namespace polonaise::tools
