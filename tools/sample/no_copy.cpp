#include "tools/sample/no_copy.h"

#include <algorithm>

namespace polonaise::tools {

NoCopy::NoCopy(const io::Ngrams& ngrams, const EventsView& opening) : ngrams_(ngrams) {
  for (std::int64_t i = std::max<std::int64_t>(0, opening.size() - ngrams.n() + 1); i < opening.size(); ++i) {
    push(ngrams.event(opening, i));
  }
}

void NoCopy::forbid(std::span<std::uint8_t> allowed) {
  for (const std::int32_t token : ngrams_.after(last_)) allowed[static_cast<std::size_t>(token)] = 0;
}

bool NoCopy::forbids(std::span<const std::uint8_t> keys, std::int32_t length) {
  return ngrams_.completes(last_, ngrams_.frame(keys, length));
}

void NoCopy::push(std::int32_t event) {
  if (last_.size() + 1 == static_cast<std::size_t>(ngrams_.n())) last_.erase(last_.begin());
  last_.push_back(event);
}

}  // namespace polonaise::tools
