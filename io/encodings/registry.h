#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "io/encoding.h"

namespace polonaise::io {

// For io/encodings/ and encoding.cpp alone. A new encoding is a .cpp with one of these and a line in encoding.cpp.
std::unique_ptr<const Encoding> make_chordvec(bool literal);
std::unique_ptr<const Encoding> make_roll88(int steps_per_quarter);
std::unique_ptr<const Encoding> make_perf();

// `table` as text, with the hash of all else added under "hash".
std::string sealed(nlohmann::ordered_json table);

}  // namespace polonaise::io
