#pragma once

#include <cstdint>
#include <span>
#include <utility>

namespace polonaise::io {

// Random numbers for splits, shuffles and made-up music: the same on every machine and library, unlike <random>'s
// distributions. SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  // A stream of its own for each (seed, stream).
  Random(std::uint64_t seed, std::uint64_t stream) : state_(Random(Random(seed).next() + stream).next()) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // Uniform in 0..n-1 without bias; n >= 1.
  std::uint64_t below(std::uint64_t n) {
    const std::uint64_t rejected = (0 - n) % n;  // 2^64 mod n: the first values that would favour small results
    std::uint64_t x = next();
    while (x < rejected) x = next();
    return x % n;
  }
  // Uniform in [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

// Fisher and Yates; every order equally likely.
template <class T>
void shuffle(std::span<T> values, Random& random) {
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.below(i)]);
}

}  // namespace polonaise::io
