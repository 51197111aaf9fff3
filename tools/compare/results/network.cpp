#include "tools/compare/results/network.h"

#include <algorithm>

namespace polonaise::tools {
namespace {

bool same_but_for_the_seed(const Combination& a, const Combination& b) {
  return a.model == b.model && a.seq == b.seq && a.device == b.device && a.parameters == b.parameters;
}

std::optional<double> above_zero(double value) {
  return value > 0 ? std::optional(value) : std::nullopt;
}

}  // namespace

bool above_unigram(double loss, double unigram) {
  return !(loss < (1 - kLeftUnigram) * unigram);
}

bool never_left(const CombinationResult& run, double unigram) {
  return std::ranges::all_of(run.curve, [&](const CurvePoint& p) { return above_unigram(p.loss, unigram); });
}

bool Network::judged() const {
  return std::ranges::all_of(runs, [](const CombinationResult* run) { return run->judged() && !run->curve.empty(); });
}

int Network::stuck(double unigram) const {
  return static_cast<int>(
      std::ranges::count_if(runs, [&](const CombinationResult* run) { return tools::never_left(*run, unigram); }));
}

std::optional<Spread> Network::spread(
    const std::function<std::optional<double>(const CombinationResult&)>& value) const {
  std::vector<double> values;
  for (const CombinationResult* run : runs) {
    if (const auto measured = value(*run)) values.push_back(*measured);
  }
  return values.size() == runs.size() ? spread_of(values) : std::nullopt;
}

std::optional<Spread> Network::end_loss() const {
  return spread([](const CombinationResult& run) {
    return run.curve.empty() ? std::nullopt : std::optional(run.curve.back().loss);
  });
}

std::optional<Spread> Network::test_loss() const {
  return spread([](const CombinationResult& run) {
    return run.stage == Stage::sampled ? std::optional(run.test_loss) : std::nullopt;
  });
}

std::optional<Spread> Network::targets_per_second() const {
  return spread([](const CombinationResult& run) { return above_zero(run.targets_per_second()); });
}

std::optional<Spread> Network::sampled_per_second() const {
  std::vector<double> values;
  for (const CombinationResult* run : runs) {
    if (const auto value = above_zero(run->sampled_per_second)) values.push_back(*value);
  }
  return spread_of(values);
}

std::vector<Network> networks_of(const Results& results) {
  std::vector<Network> networks;
  for (const CombinationResult& c : results.combinations) {
    const auto known = std::ranges::find_if(
        networks, [&](const Network& n) { return same_but_for_the_seed(n.combination(), c.combination); });
    if (known == networks.end()) {
      networks.push_back({{&c}});
    } else {
      known->runs.push_back(&c);
    }
  }
  return networks;
}

std::vector<Scope> scopes_of(const Results& results) {
  std::vector<Scope> scopes;
  for (const CombinationResult& c : results.combinations) {
    const Scope scope{c.combination.device, c.combination.parameters};
    if (std::ranges::find(scopes, scope) == scopes.end()) scopes.push_back(scope);
  }
  return scopes;
}

std::vector<Network> networks_of(const Results& results, const Scope& scope) {
  std::vector<Network> networks = networks_on(results, scope.device);
  std::erase_if(networks, [&](const Network& n) { return n.combination().parameters != scope.parameters; });
  return networks;
}

std::vector<Network> networks_on(const Results& results, std::string_view device) {
  std::vector<Network> networks = networks_of(results);
  std::erase_if(networks, [&](const Network& n) { return n.combination().device != device; });
  return networks;
}

std::vector<Network> judged(std::vector<Network> networks) {
  std::erase_if(networks, [](const Network& network) { return !network.judged(); });
  return networks;
}

}  // namespace polonaise::tools
