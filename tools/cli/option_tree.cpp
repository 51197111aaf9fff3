#include "tools/cli/option_tree.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <stdexcept>

#include "tools/cli/value.h"

namespace polonaise::tools {
namespace {

std::string upper(std::string text) {
  for (char& c : text) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

Option& OptionSpec::required() {
  is_required = true;
  return *this;
}

Option& OptionSpec::range(double low_value, double high_value) {
  low = low_value;
  high = high_value;
  bounds = std::isinf(high) ? fmt::format(" of at least {}", low) : fmt::format(" from {} to {}", low, high);
  return *this;
}

Option& OptionSpec::choices(std::vector<std::string> names) {
  names_allowed = std::move(names);
  word = "NAME";
  return *this;
}

Option& OptionSpec::placeholder(std::string new_word) {
  word = std::move(new_word);
  return *this;
}

Option& OptionSpec::derived(std::string how) {
  how_derived = std::move(how);
  return *this;
}

Option& OptionSpec::transient() {
  is_transient = true;
  return *this;
}

std::string OptionSpec::display() const {
  return positional ? upper(name) : "--" + name;
}

std::string OptionSpec::environment() const {
  return "POLONAISE_" + upper(name);
}

void OptionSpec::set(std::span<const std::string> items, const std::string& origin) {
  for (const std::string& item : items) {
    if (!names_allowed.empty() && std::ranges::find(names_allowed, item) == names_allowed.end()) {
      throw UsageError(fmt::format("{}: '{}' is none of {}{}", origin, item, fmt::join(names_allowed, ", "),
                                   hint(item, names_allowed)));
    }
  }
  const Value before = value();
  try {
    assign(items);
  } catch (const std::invalid_argument& expected) {
    throw UsageError(fmt::format("{}: '{}' is not {}{}.", origin, fmt::join(items, ","), expected.what(), bounds));
  }
  const Value now = value();
  if (now.kind == Value::Kind::kNumber) {
    for (const std::string& item : now.items) {
      const double number = std::stod(item);
      if (number >= low && number <= high) continue;
      assign(before.items);
      if (std::isinf(high) && std::isinf(low)) throw UsageError(fmt::format("{}: {} is not a number.", origin, item));
      throw UsageError(std::isinf(high) ? fmt::format("{}: {} is below {}.", origin, item, low)
                                        : fmt::format("{}: {} is not from {} to {}.", origin, item, low, high));
    }
  }
  is_given = true;
}

OptionSpec* CommandSpec::find(std::string_view option) const {
  const auto found = std::ranges::find_if(options, [&](const auto& spec) { return spec->name == option; });
  return found == options.end() ? nullptr : found->get();
}

}  // namespace polonaise::tools
