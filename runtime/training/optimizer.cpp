#include "runtime/training/optimizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>
#include <utility>

namespace polonaise {

namespace {

constexpr std::array<std::pair<Decay, std::string_view>, 5> kDecays{{{Decay::cosine, "cosine"},
                                                                     {Decay::linear, "linear"},
                                                                     {Decay::constant, "constant"},
                                                                     {Decay::wsd, "wsd"},
                                                                     {Decay::inverse_sqrt, "inverse-sqrt"}}};
constexpr double kStableShare = 0.8;  // of a wsd plan

// What is left of the way from 1 down to the floor, 1 to 0, at `progress`, 0 to 1, between warm-up and end.
double height(Decay decay, double progress) {
  switch (decay) {
    case Decay::cosine:
      return 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    case Decay::linear:
      return 1.0 - progress;
    case Decay::wsd:
      return std::min(1.0, (1.0 - progress) / (1.0 - kStableShare));
    case Decay::constant:
    case Decay::inverse_sqrt:
      break;
  }
  return 1;
}

void copy_slab(AnyDevice& device, View<float, 1> from, View<float, 1> to) {
  convert(device, {from.data(), {from.size()}, DType::f32}, {to.data(), {to.size()}, DType::f32}, Accumulate::no);
}

}  // namespace

std::string_view name_of(Decay decay) {
  return std::ranges::find(kDecays, decay, [](const auto& entry) { return entry.first; })->second;
}

Decay decay_of(std::string_view name) {
  std::string known;
  for (const auto& [decay, candidate] : kDecays) {
    if (candidate == name) return decay;
    known += (known.empty() ? "" : ", ") + std::string(candidate);
  }
  throw std::invalid_argument("unknown schedule '" + std::string(name) + "': use one of " + known);
}

std::vector<std::string> decay_names() {
  std::vector<std::string> names;
  for (const auto& entry : kDecays) names.emplace_back(entry.second);
  return names;
}

float Schedule::rate_at(float rate, long step) const {
  if (step < warmup) return rate * static_cast<float>(step) / static_cast<float>(warmup);
  if (decay == Decay::inverse_sqrt) {
    const double share = std::sqrt(static_cast<double>(std::max(warmup, 1L)) / static_cast<double>(std::max(step, 1L)));
    return static_cast<float>(rate * std::max(static_cast<double>(floor), share));
  }
  if (total <= warmup) return rate;
  const double progress = std::min(1.0, static_cast<double>(step - warmup) / static_cast<double>(total - warmup));
  return static_cast<float>(rate * (floor + (1.0 - floor) * height(decay, progress)));
}

Optimizer::Optimizer(Parameters& parameters, const OptimizerOptions& options)
    : parameters_(parameters),
      schedule_(options.schedule),
      adamw_{.beta1 = options.beta1, .beta2 = options.beta2, .epsilon = options.epsilon, .clip = options.clip},
      for_muon_{.rate = options.muon_rate, .weight_decay = options.weight_decay, .clip = options.clip},
      weight_decay_(options.weight_decay),
      ema_(options.ema) {
  const std::size_t bytes = static_cast<std::size_t>(parameters.size()) * sizeof(float);
  m_ = Buffer(parameters.device(), bytes);
  v_ = Buffer(parameters.device(), bytes);
  if (options.rule == Rule::muon && std::ranges::any_of(parameters.entries(), MuonSteps::moves))
    muon_.emplace(parameters);
  if (ema_ == 0) return;
  average_ = Buffer(parameters.device(), bytes);
  start_average();
}

void Optimizer::start_average() {
  if (!average().empty()) copy_slab(parameters_.device(), parameters_.values(), average());
}

kernels::AdamWStep Optimizer::next(float scale) {
  ++steps_;
  kernels::AdamWStep step = kernels::adamw_at(adamw_, steps_, schedule_.at(steps_), scale);
  step.average = std::max(1.0f - ema_, 9.0f / (10.0f + static_cast<float>(steps_)));
  step.share = schedule_.share_at(steps_);
  return step;
}

View<float, 1> Optimizer::average() const {
  return average_.bytes() > 0 ? View<float, 1>(average_.as<float>(), {parameters_.size()}) : View<float, 1>();
}

void Optimizer::update(View<const float, 1> gradients, const kernels::AdamWStep* numbers, double* squared_norm) {
  std::visit(
      [&](auto& device) {
        kernels::squared_norm(device, gradients, squared_norm);
        kernels::AdamW adamw = adamw_;
        // Neighbours in the slab with the same decay are one flat kernel; a matrix of Muon's is alone.
        const auto& entries = parameters_.entries();
        const auto decay = [&](std::size_t i) {
          return entries[i].kind == Parameters::Kind::vector ? 0.0f : weight_decay_;
        };
        for (std::size_t i = 0; i < entries.size();) {
          if (by_muon(entries[i])) {
            muon_->step(entries[i++], for_muon_, numbers, squared_norm, gradients, m(), parameters_.values());
            continue;
          }
          std::size_t end = i + 1;
          while (end < entries.size() && decay(end) == decay(i) && !by_muon(entries[end])) ++end;
          const Index first = entries[i].offset;
          const Index count = (end < entries.size() ? entries[end].offset : parameters_.size()) - first;
          const auto part = [&](auto view) { return decltype(view)(view.data() + first, {count}); };
          adamw.weight_decay = decay(i);
          kernels::adamw_step(device, {.options = adamw,
                                       .step = numbers,
                                       .squared_norm = squared_norm,
                                       .parameters = part(parameters_.values()),
                                       .gradients = part(gradients),
                                       .m = part(m()),
                                       .v = part(v())});
          i = end;
        }
        if (!average().empty())
          kernels::average_step(device, {.step = numbers,
                                         .squared_norm = squared_norm,
                                         .parameters = parameters_.values(),
                                         .average = average()});
      },
      parameters_.device());
  parameters_.refresh();
}

Optimizer::Averaged::Averaged(const Optimizer& optimizer) : optimizer_(optimizer) {
  if (optimizer.average_.bytes() > 0) held_ = Buffer(optimizer.parameters_.device(), optimizer.average_.bytes());
  exchange();
}

Optimizer::Averaged::~Averaged() {
  exchange();
}

void Optimizer::Averaged::exchange() {
  const View<float, 1> average = optimizer_.average();
  if (average.empty()) return;
  Parameters& parameters = optimizer_.parameters_;
  AnyDevice& device = parameters.device();
  const View<float, 1> between(held_.as<float>(), {average.size()});
  copy_slab(device, parameters.values(), between);
  copy_slab(device, average, parameters.values());
  copy_slab(device, between, average);
  parameters.refresh();
}

}  // namespace polonaise
