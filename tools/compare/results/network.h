#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/compare/results/results.h"
#include "tools/compare/results/spread.h"

namespace polonaise::tools {

// A network learned something where its loss on held-out events fell below the unigram's by more than this share of it
// at one measurement at least. One that did not has at most found out how often each event occurs, which counting does
// without it, and where it stands among such networks is chance: it "never left the unigram", and has no rank.
inline constexpr double kLeftUnigram = 0.01;
bool never_left(const CombinationResult& run, double unigram);
// Whether one measured loss is no lower than that.
bool above_unigram(double loss, double unigram);

// Runs that differ in their seed alone.
struct Network {
  std::vector<const CombinationResult*> runs;  // by seed; one at least

  const Combination& combination() const { return runs.front()->combination; }
  const Size& size() const { return runs.front()->size; }
  // Whether every run saw enough; a network with a run that failed or saw less is left out.
  bool judged() const;
  // How many runs never left the unigram; all of them: the network has no rank.
  int stuck(double unigram) const;
  bool never_left(double unigram) const { return stuck(unigram) == static_cast<int>(runs.size()); }

  // Spread of a value; none where a run lacks it.
  std::optional<Spread> spread(const std::function<std::optional<double>(const CombinationResult&)>& value) const;
  std::optional<Spread> end_loss() const;
  std::optional<Spread> test_loss() const;
  std::optional<Spread> targets_per_second() const;
  // Over the runs that samples were drawn of.
  std::optional<Spread> sampled_per_second() const;
};

// In the order of the results.
std::vector<Network> networks_of(const Results& results);

// What is ranked together: the networks of a device and a size.
struct Scope {
  std::string device;
  std::int64_t parameters = 0;  // asked for

  friend bool operator==(const Scope&, const Scope&) = default;
};
// By device, then size.
std::vector<Scope> scopes_of(const Results& results);
std::vector<Network> networks_of(const Results& results, const Scope& scope);
// Networks of a device, of all sizes.
std::vector<Network> networks_on(const Results& results, std::string_view device);
// Networks that saw enough to be judged.
std::vector<Network> judged(std::vector<Network> networks);

}  // namespace polonaise::tools
