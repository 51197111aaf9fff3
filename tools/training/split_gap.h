#pragma once

#include <string>
#include <string_view>

#include "io/baselines/baselines.h"
#include "tools/training/evaluate.h"

namespace polonaise::tools {

// Validation and test are held back alike, so a loss that is much higher on one of them is read as overfitting to the
// other. Where counting, which learns nothing by heart, finds the same difference, the two are other music. A line says
// so, with the figures, where the losses lie more than a tenth apart and counting, by unigram or bigram, finds at least
// half of that; else nothing. `unit` is that of the losses.
std::string explain_gap(const Evaluation& valid, const Evaluation& test, std::string_view unit);

// Explains a gap between splits that no model has seen yet: a line where the bigrams lie more than a tenth apart.
std::string explain_gap(const io::Baselines& valid, const io::Baselines& test, std::string_view unit);

// Whether two losses lie more than a tenth of the lower one apart.
bool far_apart(double a, double b);

}  // namespace polonaise::tools
