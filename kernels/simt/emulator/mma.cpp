#include <bit>

#include "kernels/simt/emulator/grid.h"

// The tensor cores' part, in float and in the order of k: a card adds in another one.

namespace polonaise::simt::emulator {
namespace {

struct Product {
  float* d;
  const std::uint32_t *a, *b;
};

struct Matrices {
  std::uint32_t* registers;
  const std::uint32_t* words;
  int count;
  bool transposed;
};

float low(std::uint32_t word) {
  return std::bit_cast<float>(word << 16);
}
float high(std::uint32_t word) {
  return std::bit_cast<float>(word & 0xFFFF0000);
}
float tf32(std::uint32_t word) {
  return std::bit_cast<float>(word & 0xFFFFE000);
}

// d[16,8] += a[16,K] b[K,8], d spread over the lanes.
template <int K>
void multiply(const float (&a)[16][K], const float (&b)[K][8], void* const (&operands)[kWarp]) {
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    const Product& product = *static_cast<const Product*>(operands[lane]);
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      for (int k = 0; k < K; ++k) product.d[i] += a[row][k] * b[k][column];
    }
  }
}

void multiply_bf16(void* const (&operands)[kWarp]) {
  float a[16][16], b[16][8];
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    const Product& product = *static_cast<const Product*>(operands[lane]);
    const unsigned g = lane / 4, t = lane % 4;
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned row = g + i % 2 * 8, column = 2 * t + i / 2 * 8;
      a[row][column] = low(product.a[i]);
      a[row][column + 1] = high(product.a[i]);
    }
    for (unsigned i = 0; i < 2; ++i) {
      b[2 * t + 8 * i][g] = low(product.b[i]);
      b[2 * t + 8 * i + 1][g] = high(product.b[i]);
    }
  }
  multiply(a, b, operands);
}

void multiply_tf32(void* const (&operands)[kWarp]) {
  float a[16][8], b[8][8];
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    const Product& product = *static_cast<const Product*>(operands[lane]);
    const unsigned g = lane / 4, t = lane % 4;
    for (unsigned i = 0; i < 4; ++i) a[g + i % 2 * 8][t + i / 2 * 4] = tf32(product.a[i]);
    for (unsigned i = 0; i < 2; ++i) b[t + 4 * i][g] = tf32(product.b[i]);
  }
  multiply(a, b, operands);
}

void distribute(void* const (&operands)[kWarp]) {
  // Element (row, column) of matrix m; a row's eight are in four words.
  const auto element = [&](unsigned m, unsigned row, unsigned column) {
    const auto& source = *static_cast<const Matrices*>(operands[8 * m + row]);
    return source.words[column / 2] >> column % 2 * 16 & 0xFFFF;
  };
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    const auto& target = *static_cast<const Matrices*>(operands[lane]);
    const unsigned g = lane / 4, t = lane % 4;
    for (unsigned m = 0; m < static_cast<unsigned>(target.count); ++m)
      target.registers[m] = target.transposed ? element(m, 2 * t, g) | element(m, 2 * t + 1, g) << 16
                                              : element(m, g, 2 * t) | element(m, g, 2 * t + 1) << 16;
  }
}

}  // namespace

void mma_bf16(float* d, const std::uint32_t* a, const std::uint32_t* b, Here here) {
  Product product{d, a, b};
  together(multiply_bf16, &product, here);
}

void mma_tf32(float* d, const std::uint32_t* a, const std::uint32_t* b, Here here) {
  Product product{d, a, b};
  together(multiply_tf32, &product, here);
}

void distribute_matrices(std::uint32_t* registers, const std::uint32_t* words, int matrices, bool transposed,
                         Here here) {
  Matrices request{registers, words, matrices, transposed};
  together(distribute, &request, here);
}

}  // namespace polonaise::simt::emulator
