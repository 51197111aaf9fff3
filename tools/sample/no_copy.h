#pragma once

#include <vector>

#include "io/copies/ngrams.h"
#include "models/sampling/generate.h"

namespace polonaise::tools {

// Forbids what would complete one of the N-grams. Holds a stream's last N - 1 events.
class NoCopy final : public Veto {
 public:
  // `ngrams` must outlive it.
  NoCopy(const io::Ngrams& ngrams, const EventsView& opening);

  void forbid(std::span<std::uint8_t> allowed) override;
  bool forbids(std::span<const std::uint8_t> keys, std::int32_t length) override;
  void take(std::int32_t token) override { push(token); }
  void take(std::span<const std::uint8_t> keys, std::int32_t length) override { push(ngrams_.frame(keys, length)); }

 private:
  void push(std::int32_t event);

  const io::Ngrams& ngrams_;
  std::vector<std::int32_t> last_;
};

}  // namespace polonaise::tools
