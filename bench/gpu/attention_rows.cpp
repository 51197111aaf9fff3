#include "bench/gpu/attention_rows.h"

namespace polonaise::bench {
namespace {

template <class T>
void add(Cuda& cuda, const AttentionRow& row) {
  const std::string name = row.name() + "_" + name_of<T>();
  add_row(name + "_forward", "polonaise", [&cuda, row](benchmark::State& state) {
    Attention<T> attention(cuda, row);
    time_on_card(state, cuda, row.work(sizeof(T), false), [&] { attention.forward(); });
  });
  add_row(name + "_both", "polonaise", [&cuda, row](benchmark::State& state) {
    Attention<T> attention(cuda, row);
    time_on_card(state, cuda, row.work(sizeof(T), true), [&] {
      attention.forward();
      attention.backward();
    });
  });
}

}  // namespace

std::vector<AttentionRow> attention_rows() {
  if (options().tiny) return {{{1, 5, 2, 16}, ""}, {{1, 5, 2, 16}, "_rotary"}, {{1, 5, 2, 16}, "_relative"}};
  return {{{32, 200, 8, 64}, ""},          {{32, 512, 8, 64}, ""},          {{4, 2048, 8, 64}, ""},
          {{4, 4096, 8, 64}, ""},          {{2, 8192, 8, 64}, ""},          {{32, 200, 8, 64}, "_rotary"},
          {{32, 200, 8, 64}, "_relative"}, {{8, 1024, 8, 64}, "_relative"}, {{4, 2048, 8, 64}, "_relative"}};
}

void add_attention_rows(Cuda& cuda) {
  for (const AttentionRow& row : attention_rows()) {
    add<float>(cuda, row);
    add<bf16>(cuda, row);
  }
}

}  // namespace polonaise::bench
