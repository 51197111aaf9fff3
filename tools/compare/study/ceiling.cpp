#include "tools/compare/study/ceiling.h"

#include <algorithm>

#include "kernels/matmul/matmul.h"
#include "runtime/device/memory.h"
#include "tools/jobs/clock.h"

namespace polonaise::tools {
namespace {

constexpr Index kSize = 1024;
constexpr double kFlops = 2.0 * kSize * kSize * kSize;
constexpr double kSeconds = 0.5;

}  // namespace

double product_ceiling(AnyDevice& device) {
  const auto bytes = static_cast<std::size_t>(kSize * kSize) * sizeof(float);
  const Buffer a(device, bytes), b(device, bytes), c(device, bytes);
  for (const Buffer* buffer : {&a, &b}) fill_with(device, buffer->data(), 0x3c, bytes);  // 0.011 throughout
  const auto matrix = [](const Buffer& buffer) { return View<float, 2>(buffer.as<float>(), {kSize, kSize}); };
  // Several products to one reading of the clock hide what a launch costs.
  const auto products = [&](int count) {
    const auto begin = Clock::now();
    for (int i = 0; i < count; ++i) {
      std::visit([&](auto& d) { kernels::matmul<float>(d, {.a = matrix(a), .b = matrix(b), .c = matrix(c)}); }, device);
    }
    const OnHost<float, 1> wait(device, View<const float, 1>(c.as<float>(), {1}));
    return kFlops * count / seconds_since(begin);
  };
  double best = products(1);
  const int count = std::clamp(static_cast<int>(0.05 * best / kFlops), 1, 1000);
  for (const auto begin = Clock::now(); seconds_since(begin) < kSeconds;) best = std::max(best, products(count));
  return best;
}

}  // namespace polonaise::tools
