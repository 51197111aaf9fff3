#include "io/baselines/protocol.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "io/files/error.h"

namespace polonaise::io {
namespace {

constexpr std::string_view kNames[] = {"bl2012", "bai2018", "tsbn"};

}  // namespace

std::string_view protocol_name(Protocol protocol) {
  return kNames[static_cast<std::size_t>(protocol)];
}

std::vector<std::string> protocol_names() {
  return {std::begin(kNames), std::end(kNames)};
}

Protocol protocol_from_name(std::string_view name) {
  for (const Protocol protocol : {Protocol::bl2012, Protocol::bai2018, Protocol::tsbn}) {
    if (name == protocol_name(protocol)) return protocol;
  }
  throw Error(fmt::format("there is no protocol \"{}\"; choose one of {}", name, fmt::join(kNames, ", ")));
}

void ProtocolMean::add(std::span<const double> nats) {
  nats = nats.subspan(std::min(nats.size(), uncounted_events(protocol_)));
  if (nats.empty()) return;
  const double sum = std::accumulate(nats.begin(), nats.end(), 0.0);
  sum_ += protocol_ == Protocol::tsbn ? sum / static_cast<double>(nats.size()) : sum;
  targets_ += static_cast<std::int64_t>(nats.size());
  ++sequences_;
}

double ProtocolMean::value() const {
  const std::int64_t of = protocol_ == Protocol::tsbn ? sequences_ : targets_;
  if (of == 0)
    throw Error(fmt::format("no event of these sequences counts by the protocol {}", protocol_name(protocol_)));
  return sum_ / static_cast<double>(of);
}

}  // namespace polonaise::io
