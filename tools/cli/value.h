#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/cli/toml.h"

namespace polonaise::tools {

// How a C++ type is written on the command line and in a configuration. T: bool, int, std::int64_t, std::uint64_t,
// double, std::string, std::filesystem::path, or a std::vector of one of the last six.

// Replaces `value` by what `items` say: one item, or any number of them for a vector. Throws std::invalid_argument with
// what was expected ("a whole number") where they say something else; `value` is then unchanged.
template <class T>
void assign(T& value, std::span<const std::string> items);

template <class T>
Value to_value(const T& value);

// What numbers of type T have room for, " from -2147483648 to 2147483647"; empty for everything but whole numbers.
template <class T>
std::string type_bounds();

// The word for a value of type T in --help: N, X, TEXT, PATH.
template <class T>
std::string_view placeholder();

// The element of `names` nearest to `name` by edit distance (insertions, deletions, substitutions and swaps of
// neighbours), or empty where none is near enough to be what was meant.
std::string nearest(std::string_view name, std::span<const std::string> names);

// The end of a sentence that refuses `name`: "; did you mean 'hidden'?", or "." where no name is near.
std::string hint(std::string_view name, std::span<const std::string> names);

}  // namespace polonaise::tools
