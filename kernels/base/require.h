#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace polonaise {

// Thrown when a caller breaks a contract: a bug in the program, not bad input.
class ContractError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void contract_broken(const char* message, const std::source_location& where);

// Stands at the head of every kernel and op: require(x.rows() == y.rows(), "x and y must have one shape").
inline void require(bool condition, const char* message,
                    const std::source_location& where = std::source_location::current()) {
  if (!condition) [[unlikely]]
    contract_broken(message, where);
}

}  // namespace polonaise
