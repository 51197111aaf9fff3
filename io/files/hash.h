#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace polonaise::io {

// 64-bit hash against accidents, not against enemies: checksums of datasets, fingerprints of descriptions and of notes.
// Each step is a bijection of the state for a given word, so two inputs of one length that differ in a single word
// never agree. Chain inputs by giving the last result as `seed`; each input is hashed with its length.
inline std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed = 0) {
  constexpr std::uint64_t kMultiplier = 0x9e3779b97f4a7c15;
  const auto mix = [](std::uint64_t state, std::uint64_t word) { return (std::rotl(state, 23) ^ word) * kMultiplier; };
  std::uint64_t state = mix(seed, bytes.size());
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + at, 8);
    state = mix(state, word);
  }
  std::uint64_t tail = 0;
  if (at < bytes.size()) std::memcpy(&tail, bytes.data() + at, bytes.size() - at);
  state = mix(state, tail);
  state = (state ^ (state >> 32)) * kMultiplier;
  return state ^ (state >> 29);
}

inline std::uint64_t hash64(std::string_view text, std::uint64_t seed = 0) {
  return hash64(std::as_bytes(std::span(text.data(), text.size())), seed);
}

// 16 lower-case hexadecimal digits.
inline std::string hex64(std::uint64_t value) {
  std::string digits(16, '0');
  for (int i = 15; i >= 0; --i, value >>= 4) digits[static_cast<std::size_t>(i)] = "0123456789abcdef"[value & 15];
  return digits;
}

}  // namespace polonaise::io
