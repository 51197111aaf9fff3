#include "tools/compare/results/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/cli/cli.h"
#include "tools/jobs/progress.h"

namespace polonaise::tools {
namespace {

// A combination makes its first steps in cold memory, and its loss is measured once within its time: in less than this
// neither its pace nor its loss says anything.
constexpr double kLeastTrainingSeconds = 0.5;
constexpr double kFirstMark = 4000;
constexpr double kLastMark = 1e11;

template <class T>
void check_list(const std::vector<T>& items, std::string_view option) {
  if (items.empty()) throw UsageError(fmt::format("{} needs at least one value.", option));
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (std::find(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(i), items[i]) ==
        items.begin() + static_cast<std::ptrdiff_t>(i)) {
      continue;
    }
    throw UsageError(fmt::format("{} names {} twice; once is enough.", option, items[i]));
  }
}

std::string name_of(const Combination& c, bool sizes, bool seeds) {
  std::string name = fmt::format("{}-{}-{}", c.model, c.seq, c.device);
  std::erase(name, ':');
  if (sizes) name += fmt::format("-{}", c.parameters);
  if (seeds) name += fmt::format("-seed{}", c.seed);
  return name;
}

// "2 models x 1 length x 1 device x 1 size x 3 seeds"
std::string factors(const PlanOptions& options) {
  return fmt::format("{} x {} x {} x {} x {}", counted(std::ssize(options.models), "model"),
                     counted(std::ssize(options.lengths), "length"), counted(std::ssize(options.devices), "device"),
                     counted(std::ssize(options.parameters), "size"), counted(std::ssize(options.seeds), "seed"));
}

}  // namespace

Plan make_plan(const PlanOptions& options) {
  check_list(options.models, "--models");
  check_list(options.lengths, "--seq");
  check_list(options.devices, "--devices");
  check_list(options.parameters, "--parameters");
  check_list(options.seeds, "--seeds");
  Plan plan;
  for (const std::uint64_t seed : options.seeds) {
    for (const std::string& device : options.devices) {
      for (const std::int64_t parameters : options.parameters) {
        for (const int seq : options.lengths) {
          for (const std::string& model : options.models) {
            plan.combinations.push_back({model, seq, device, parameters, seed});
          }
        }
      }
    }
  }
  for (Combination& combination : plan.combinations) {
    combination.name = name_of(combination, options.parameters.size() > 1, options.seeds.size() > 1);
  }
  const auto count = static_cast<double>(plan.combinations.size());
  const double each = 60 * options.minutes / count;
  plan.training_seconds = kTrainingShare * each;
  plan.after_seconds = each - plan.training_seconds;
  if (!(plan.training_seconds >= kLeastTrainingSeconds)) {
    const double least = kLeastTrainingSeconds / kTrainingShare * count / 60;
    throw UsageError(
        fmt::format("--budget {} leaves {:.2g} s of training to each of {} combinations ({}), too little to measure a "
                    "pace in; the least is {:.2f} minutes, {} s each.",
                    options.minutes, plan.training_seconds, plan.combinations.size(), factors(options),
                    std::ceil(100 * least) / 100, kLeastTrainingSeconds));
  }
  plan.held_out_events = std::clamp<std::int64_t>(std::llround(100 * plan.training_seconds), 256, 2048);
  return plan;
}

std::vector<std::int64_t> course_marks() {
  std::vector<std::int64_t> marks;
  for (double mark = kFirstMark; mark < kLastMark; mark *= std::sqrt(2.0)) marks.push_back(std::llround(mark));
  return marks;
}

}  // namespace polonaise::tools
