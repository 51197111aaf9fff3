#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/files/file.h"

namespace polonaise::io {

// The safetensors format (huggingface/safetensors README, "Format"): a little-endian u64 length, that many bytes of
// JSON naming each tensor's type, shape and place, then the tensors' bytes without holes. Little-endian machines only.

enum class DType : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

std::size_t dtype_size(DType dtype);
std::string_view dtype_name(DType dtype);  // as the format spells it: "F32", "BF16", "BOOL"

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<std::int16_t> {
  static constexpr DType value = DType::i16;
};
template <>
struct DTypeOf<std::int8_t> {
  static constexpr DType value = DType::i8;
};
template <>
struct DTypeOf<std::uint64_t> {
  static constexpr DType value = DType::u64;
};
template <>
struct DTypeOf<std::uint32_t> {
  static constexpr DType value = DType::u32;
};
template <>
struct DTypeOf<std::uint16_t> {
  static constexpr DType value = DType::u16;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::u8;
};

// A tensor in somebody else's memory, row-major. `data` holds the product of `shape` elements (1 for a scalar).
struct TensorView {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> data;

  // The elements where they lie. Error where the dtype is another, or the file put them at an address unfit for T (a
  // file by another writer can; read() copes).
  template <class T>
  std::span<const T> view() const {
    check(DTypeOf<T>::value, alignof(T));
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }
  // A copy of the elements. Error where the dtype is another.
  template <class T>
  std::vector<T> read() const {
    check(DTypeOf<T>::value, 1);
    std::vector<T> values(data.size() / sizeof(T));
    copy_to(values.data());
    return values;
  }

 private:
  void check(DType wanted, std::size_t alignment) const;
  void copy_to(void* destination) const;
};

// `values` as a tensor; one dimension where no shape is given.
template <class T>
TensorView tensor_view(std::string name, std::span<const T> values, std::vector<std::int64_t> shape = {}) {
  if (shape.empty()) shape = {static_cast<std::int64_t>(values.size())};
  return {std::move(name), DTypeOf<T>::value, std::move(shape), std::as_bytes(values)};
}

using Metadata = std::map<std::string, std::string>;

// A file, checked throughout before anything of it is handed out: Error for a header that is cut, over 100 MB, not the
// JSON of the format, with a key twice, or whose tensors overlap, leave holes, or disagree with the file's length.
class SafeTensors {
 public:
  // Maps the file; views stay valid as long as this object or one moved from it.
  static SafeTensors open(const std::filesystem::path& path);
  // Reads bytes that the caller keeps; `name` stands for them in messages.
  static SafeTensors parse(std::span<const std::byte> bytes, std::string_view name);

  const std::string& file() const { return name_; }
  const Metadata& metadata() const { return metadata_; }
  const std::vector<TensorView>& tensors() const { return tensors_; }  // in the order of their bytes
  const TensorView* find(std::string_view name) const;                 // null where there is none
  const TensorView& at(std::string_view name) const;                   // Error where there is none

 private:
  SafeTensors() = default;

  std::string name_;
  std::optional<MappedFile> mapping_;
  Metadata metadata_;
  std::vector<TensorView> tensors_;
};

// Hash of all that a reader takes from a file, in whatever order: names, types, shapes, data, metadata. The entry
// "checksum" is left out, so that a file can carry its own; safetensors alone would not notice a changed byte of data.
std::string contents_checksum(std::span<const TensorView> tensors, const Metadata& metadata);

// The bytes of a file: tensors by falling element size, then by name, so that each is aligned; the header padded with
// spaces to a multiple of 8. The same tensors and metadata give the same bytes in whatever order they come. Error for
// two tensors of one name, the name "__metadata__", or data that does not fit its shape.
std::vector<std::byte> safetensors_bytes(std::span<const TensorView> tensors, const Metadata& metadata = {});

// Writes safetensors_bytes() to a file that is either whole or not there.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                       const Metadata& metadata = {});

}  // namespace polonaise::io
