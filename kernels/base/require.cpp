#include "kernels/base/require.h"

namespace polonaise {

void contract_broken(const char* message, const std::source_location& where) {
  throw ContractError(std::string(where.function_name()) + " (" + where.file_name() + ":" +
                      std::to_string(where.line()) + "): " + message);
}

}  // namespace polonaise
