#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace polonaise::io {

// Which frames of a test set count, and how they are averaged, in the piano-roll benchmark:
//   bl2012   every frame of every sequence, the first included; sum / frames (Boulanger-Lewandowski et al. 2012)
//   bai2018  all but each sequence's first frame; sum / frames (Bai et al. 2018, locuslab/TCN music_test.py)
//   tsbn     every frame; the mean over sequences of each sequence's mean (Gan et al. 2015)
enum class Protocol : std::uint8_t { bl2012, bai2018, tsbn };

// Events at the beginning of a sequence that do not count.
constexpr std::size_t uncounted_events(Protocol protocol) {
  return protocol == Protocol::bai2018 ? 1 : 0;
}

std::string_view protocol_name(Protocol protocol);
// Error for an unknown name.
Protocol protocol_from_name(std::string_view name);
std::vector<std::string> protocol_names();

// Averages the negative log-likelihoods of whole sequences as a protocol says. Sequences may come in any order.
class ProtocolMean {
 public:
  explicit ProtocolMean(Protocol protocol) : protocol_(protocol) {}
  // One sequence: its nats, an element for each event, from the first on.
  void add(std::span<const double> nats);
  // Events that counted.
  std::int64_t targets() const { return targets_; }
  // Nats per event. Error where none counted: of nothing there is no mean.
  double value() const;

 private:
  Protocol protocol_;
  std::int64_t targets_ = 0;
  std::int64_t sequences_ = 0;
  double sum_ = 0;
};

}  // namespace polonaise::io
