#include "tools/compare/results/results.h"

#include <algorithm>

namespace polonaise::tools {
namespace {

constexpr std::pair<Stage, std::string_view> kStages[] = {
    {Stage::planned, "planned"}, {Stage::trained, "trained"}, {Stage::sampled, "sampled"}, {Stage::failed, "failed"}};

}  // namespace

std::string_view name_of(Stage stage) {
  return std::ranges::find(kStages, stage, &std::pair<Stage, std::string_view>::first)->second;
}

std::optional<Stage> stage_of(std::string_view name) {
  const auto known = std::ranges::find(kStages, name, &std::pair<Stage, std::string_view>::second);
  return known == std::end(kStages) ? std::nullopt : std::optional(known->first);
}

std::optional<double> Figures::metric(std::string_view name) const {
  for (const auto& [known, value] : metrics) {
    if (known == name) return value;
  }
  return std::nullopt;
}

const DeviceResult* Results::device(std::string_view name) const {
  const auto found = std::ranges::find(devices, name, &DeviceResult::name);
  return found == devices.end() ? nullptr : &*found;
}

}  // namespace polonaise::tools
