#include "tools/cli/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <type_traits>

namespace polonaise::tools {
namespace {

template <class T>
struct Element {
  using type = T;
  static constexpr bool kList = false;
};
template <class T>
struct Element<std::vector<T>> {
  using type = T;
  static constexpr bool kList = true;
};

template <class T>
T parse(const std::string& text) {
  if constexpr (std::is_same_v<T, bool>) {
    if (text == "true" || text == "1" || text == "on" || text == "yes") return true;
    if (text == "false" || text == "0" || text == "off" || text == "no") return false;
    throw std::invalid_argument("true or false");
  } else if constexpr (std::is_arithmetic_v<T>) {
    std::string_view digits = text;
    if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
    T number{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size()) {
      if constexpr (std::is_floating_point_v<T>) throw std::invalid_argument("a number");
      throw std::invalid_argument("a whole number");
    }
    return number;
  } else {
    return T(text);
  }
}

template <class T>
std::string print_value(const T& value) {
  if constexpr (std::is_same_v<T, std::filesystem::path>) {
    return value.string();
  } else {
    return fmt::format("{}", value);
  }
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitution = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

}  // namespace

template <class T>
void assign(T& value, std::span<const std::string> items) {
  using E = typename Element<T>::type;
  if constexpr (Element<T>::kList) {
    T list;
    for (const std::string& item : items) list.push_back(parse<E>(item));
    value = std::move(list);
  } else {
    if (items.size() != 1) throw std::invalid_argument("one value");
    value = parse<T>(items.front());
  }
}

template <class T>
Value to_value(const T& value) {
  using E = typename Element<T>::type;
  Value out;
  out.kind = std::is_same_v<E, bool>   ? Value::Kind::kBoolean
             : std::is_arithmetic_v<E> ? Value::Kind::kNumber
                                       : Value::Kind::kString;
  out.list = Element<T>::kList;
  if constexpr (Element<T>::kList) {
    for (const E& element : value) out.items.push_back(print_value(element));
  } else {
    out.items = {print_value(value)};
  }
  return out;
}

template <class T>
std::string type_bounds() {
  using E = typename Element<T>::type;
  if constexpr (std::is_integral_v<E> && !std::is_same_v<E, bool>) {
    return fmt::format(" from {} to {}", std::numeric_limits<E>::min(), std::numeric_limits<E>::max());
  }
  return "";
}

template <class T>
std::string_view placeholder() {
  using E = typename Element<T>::type;
  if constexpr (std::is_same_v<E, bool>) return "";
  if constexpr (std::is_integral_v<E>) return "N";
  if constexpr (std::is_floating_point_v<E>) return "X";
  if constexpr (std::is_same_v<E, std::filesystem::path>) return "PATH";
  return "TEXT";
}

std::string nearest(std::string_view name, std::span<const std::string> names) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : names) {
    // An abbreviation (--temp for --temperature) is as near as one slip.
    const bool prefix = name.size() >= 3 && candidate.starts_with(name);
    const std::size_t d = prefix ? 1 : distance(name, candidate);
    if (d < best_distance && d < std::max(name.size(), candidate.size())) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

std::string hint(std::string_view name, std::span<const std::string> names) {
  const std::string near = nearest(name, names);
  return near.empty() ? "." : fmt::format("; did you mean '{}'?", near);
}

#define POLONAISE_VALUE(T)                                   \
  template void assign<T>(T&, std::span<const std::string>); \
  template Value to_value<T>(const T&);                      \
  template std::string type_bounds<T>();                     \
  template std::string_view placeholder<T>();
POLONAISE_VALUE(bool)
POLONAISE_VALUE(int)
POLONAISE_VALUE(std::int64_t)
POLONAISE_VALUE(std::uint64_t)
POLONAISE_VALUE(double)
POLONAISE_VALUE(std::string)
POLONAISE_VALUE(std::filesystem::path)
POLONAISE_VALUE(std::vector<int>)
POLONAISE_VALUE(std::vector<std::int64_t>)
POLONAISE_VALUE(std::vector<std::uint64_t>)
POLONAISE_VALUE(std::vector<double>)
POLONAISE_VALUE(std::vector<std::string>)
POLONAISE_VALUE(std::vector<std::filesystem::path>)
#undef POLONAISE_VALUE

}  // namespace polonaise::tools
