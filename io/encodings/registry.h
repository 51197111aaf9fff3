#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "io/encodings/encoding.h"

namespace polonaise::io {

// For this folder alone. A new encoding is a .cpp with one of these and a line in encoding.cpp's table.
std::unique_ptr<const Encoding> make_chordvec(bool literal);
std::unique_ptr<const Encoding> make_roll88(int steps_per_quarter);
std::unique_ptr<const Encoding> make_perf(const EncodingOptions& options);
std::unique_ptr<const Encoding> make_tsd(const EncodingOptions& options);
std::unique_ptr<const Encoding> make_remi();

// A JSON object, without blanks, with a hash of it added as its last member, "hash".
std::string sealed(std::string_view table);

}  // namespace polonaise::io
