#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/base/bf16.h"
#include "kernels/simt/language.h"

// Matrix products of a warp on the tensor cores: d += a b, sums in float. All lanes call together. Where the elements
// lie (PTX ISA, "Matrix Fragments for mma"), with g = lane / 4 and t = lane % 4:
//
//   bf16, a [16,16], b [16,8], two neighbouring elements a register, the lower one in its lower half
//     a[0] (g, 2t)   a[1] (g+8, 2t)   a[2] (g, 2t+8)   a[3] (g+8, 2t+8)      along a's rows
//     b[0] (2t, g)   b[1] (2t+8, g)                                          along b's columns
//   tf32, a [16,8], b [8,8], one float a register, of whose fraction 10 bits count
//     a[0] (g, t)    a[1] (g+8, t)    a[2] (g, t+4)    a[3] (g+8, t+4)
//     b[0] (t, g)    b[1] (t+4, g)
//   d [16,8] of both
//     d[0] (g, 2t)   d[1] (g, 2t+1)   d[2] (g+8, 2t)   d[3] (g+8, 2t+1)
//
// ldmatrix fills such fragments from shared memory: n matrices of 8 x 8 elements of 16 bits, row r of matrix i at the
// 16-byte aligned address that lane 8 i + r gives. Register i gets of matrix i the elements (g, 2t) and (g, 2t+1), with
// `transposed` (2t, g) and (2t+1, g).

namespace polonaise::simt {

// Returns two elements packed into a register of a fragment.
__device__ inline std::uint32_t pack(bf16 low, bf16 high) {
  return static_cast<std::uint32_t>(low.bits) | static_cast<std::uint32_t>(high.bits) << 16;
}

#ifdef __CUDACC__

__device__ inline void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ inline void mma_m16n8k8(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Rounds to the nearest tf32, ties away from 0.
__device__ inline std::uint32_t to_tf32(float value) {
  std::uint32_t word;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(value));
  return word;
}

template <bool transposed = false>
__device__ void ldmatrix_x4(std::uint32_t (&registers)[4], const void* row) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (transposed)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
                 : "r"(address)
                 : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
                 : "r"(address)
                 : "memory");
}

// The addresses of lanes 16 to 31 are not used.
template <bool transposed = false>
__device__ void ldmatrix_x2(std::uint32_t (&registers)[2], const void* row) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (transposed)
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
                 : "=r"(registers[0]), "=r"(registers[1])
                 : "r"(address)
                 : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                 : "=r"(registers[0]), "=r"(registers[1])
                 : "r"(address)
                 : "memory");
}

#else

inline void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                         Here here = Here::current()) {
  emulator::mma_bf16(d, a, b, here);
}

inline void mma_m16n8k8(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                        Here here = Here::current()) {
  emulator::mma_tf32(d, a, b, here);
}

inline std::uint32_t to_tf32(float value) {
  std::uint32_t word = from_word<std::uint32_t>(to_word(value));
  if ((word & 0x7F800000) != 0x7F800000) word += 0x1000;
  return word & 0xFFFFE000;
}

// A lane reads the row that it gives, so that the sanitizers see who reads what.
template <int kMatrices>
void ldmatrix(std::uint32_t* registers, const void* row, bool transposed, Here here) {
  std::uint32_t words[4] = {};
  if (threadIdx.x % 32 < 8 * kMatrices) {
    if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0)
      emulator::fail("ldmatrix from an address that is not aligned to 16 bytes", here);
    std::memcpy(words, row, sizeof words);
  }
  emulator::distribute_matrices(registers, words, kMatrices, transposed, here);
}

template <bool transposed = false>
void ldmatrix_x4(std::uint32_t (&registers)[4], const void* row, Here here = Here::current()) {
  ldmatrix<4>(registers, row, transposed, here);
}

template <bool transposed = false>
void ldmatrix_x2(std::uint32_t (&registers)[2], const void* row, Here here = Here::current()) {
  ldmatrix<2>(registers, row, transposed, here);
}

#endif

}  // namespace polonaise::simt
