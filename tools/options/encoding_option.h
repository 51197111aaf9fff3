#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/encodings/encoding.h"
#include "tools/cli/cli.h"

namespace polonaise::tools {

// How music becomes events, of every program that encodes.
struct EncodingChoice : io::EncodingOptions {
  std::string name;
};

// Declares --encoding, which it returns, --steps-per-quarter and --tokens.
Option& declare_encoding(Cli& cli, EncodingChoice& choice);

// UsageError for options that the encoding has no use for.
std::unique_ptr<const io::Encoding> encoding_of(const Cli& cli, const EncodingChoice& choice);

}  // namespace polonaise::tools
