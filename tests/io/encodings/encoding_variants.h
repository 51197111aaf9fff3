#pragma once

#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "io/encodings/encoding.h"

namespace polonaise::io {

// Every encoding, and those that take added tokens with each kind of these and with all.
struct EncodingVariant {
  std::string name;
  EncodingOptions options = {};

  std::unique_ptr<const Encoding> make() const { return make_encoding(name, options); }
  std::string label() const {
    std::string label = name;
    for (const std::string& tokens : options.tokens) label += "_" + tokens;
    std::ranges::replace(label, '-', '_');
    return label;
  }
  friend std::ostream& operator<<(std::ostream& out, const EncodingVariant& variant) { return out << variant.label(); }
};

inline std::vector<EncodingVariant> encoding_variants() {
  std::vector<EncodingVariant> variants;
  for (const std::string& name : encoding_names()) {
    variants.push_back({name});
    if (name != "perf" && name != "tsd") continue;
    for (const std::string& tokens : added_token_names()) variants.push_back({name, {.tokens = {tokens}}});
    variants.push_back({name, {.tokens = added_token_names()}});
  }
  return variants;
}

}  // namespace polonaise::io
