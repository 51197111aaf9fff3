#include "io/files/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "io/files/error.h"
#include "io/files/hash.h"

namespace polonaise::io {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors are read in place: little-endian machines only");

using Json = nlohmann::json;

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr std::string_view kMetadataKey = "__metadata__";

struct DTypeFacts {
  std::string_view name;
  std::size_t size;
};
constexpr std::array<DTypeFacts, 13> kDTypes = {{{"F64", 8},
                                                 {"F32", 4},
                                                 {"F16", 2},
                                                 {"BF16", 2},
                                                 {"I64", 8},
                                                 {"I32", 4},
                                                 {"I16", 2},
                                                 {"I8", 1},
                                                 {"U64", 8},
                                                 {"U32", 4},
                                                 {"U16", 2},
                                                 {"U8", 1},
                                                 {"BOOL", 1}}};

const DTypeFacts& facts(DType dtype) {
  return kDTypes[static_cast<std::size_t>(dtype)];
}

// Bytes of a tensor, or nothing where the product leaves 64 bits.
std::optional<std::uint64_t> byte_count(DType dtype, const std::vector<std::int64_t>& shape) {
  std::uint64_t bytes = dtype_size(dtype);
  for (const std::int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) return std::nullopt;
  }
  return bytes;
}

class HeaderReader {
 public:
  HeaderReader(std::span<const std::byte> bytes, std::string_view name) : bytes_(bytes), name_(name) {}

  void read(Metadata& metadata, std::vector<TensorView>& tensors) {
    const Json header = parse_header();
    std::vector<std::pair<std::uint64_t, TensorView>> placed;
    for (const auto& [key, value] : header.items()) {
      if (key == kMetadataKey) {
        read_metadata(value, metadata);
      } else {
        placed.push_back(read_tensor(key, value));
      }
    }
    // By their bytes; empty tensors before the one that begins where they lie.
    std::ranges::stable_sort(placed, [](const auto& a, const auto& b) {
      return std::pair(a.first, a.second.data.size()) < std::pair(b.first, b.second.data.size());
    });
    std::uint64_t end = 0;
    for (auto& [begin, tensor] : placed) {
      if (begin != end) {
        fail(fmt::format("tensor \"{}\" begins at byte {} of the data, where the one before ends at {}", tensor.name,
                         begin, end));
      }
      end += tensor.data.size();
      tensors.push_back(std::move(tensor));
    }
    if (end != data_.size()) {
      fail(fmt::format("its tensors take {} bytes, but {} follow the header", end, data_.size()));
    }
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw Error(fmt::format("{}: not a whole safetensors file: {}; get or make the file again", name_, what));
  }

  Json parse_header() {
    if (bytes_.size() < 8) fail("it is shorter than 8 bytes");
    std::uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), sizeof length);
    if (length > kMaxHeaderBytes) fail(fmt::format("a header of {} bytes is over the limit of 100 MB", length));
    if (length > bytes_.size() - 8) fail("it ends inside the header");
    std::string_view text(reinterpret_cast<const char*>(bytes_.data() + 8), length);
    data_ = bytes_.subspan(8 + length);
    if (!text.starts_with('{')) fail("the header does not begin with {");
    text = text.substr(0, text.find_last_not_of(' ') + 1);
    if (!text.ends_with('}')) fail("the header does not end with }");

    std::vector<std::set<std::string>> keys;  // of the objects that are open
    std::string twice;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
      if (depth > 4 && twice.empty()) twice = "the header is nested too deep";
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get_ref<const std::string&>()).second &&
          twice.empty()) {
        twice = fmt::format("the header has the key {} twice", parsed.dump());
      }
      return twice.empty();
    };
    Json header;
    try {
      header = Json::parse(text, watch);
    } catch (const Json::exception&) {
      fail("the header is not JSON");
    }
    if (!twice.empty()) fail(twice);
    return header;
  }

  void read_metadata(const Json& value, Metadata& metadata) const {
    if (!value.is_object()) fail("__metadata__ is not an object");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) fail(fmt::format("__metadata__ has a value that is not text under \"{}\"", key));
      metadata[key] = text.get<std::string>();
    }
  }

  std::pair<std::uint64_t, TensorView> read_tensor(const std::string& name, const Json& value) const {
    const auto require = [&](bool condition, std::string_view what) {
      if (!condition) fail(fmt::format("tensor \"{}\" {}", name, what));
    };
    require(value.is_object() && value.size() == 3 && value.contains("dtype") && value.contains("shape") &&
                value.contains("data_offsets"),
            "has not just dtype, shape and data_offsets");
    TensorView tensor;
    tensor.name = name;

    const Json& dtype = value["dtype"];
    require(dtype.is_string(), "has a dtype that is not text");
    const auto known = std::ranges::find(kDTypes, dtype.get_ref<const std::string&>(), &DTypeFacts::name);
    require(known != kDTypes.end(), "has an unknown dtype");
    tensor.dtype = static_cast<DType>(known - kDTypes.begin());

    const Json& shape = value["shape"];
    require(shape.is_array(), "has a shape that is not an array");
    for (const Json& extent : shape) {
      require(extent.is_number_unsigned() && extent.get<std::uint64_t>() <= INT64_MAX, "has a shape not of counts");
      tensor.shape.push_back(extent.get<std::int64_t>());
    }

    const Json& offsets = value["data_offsets"];
    require(
        offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() && offsets[1].is_number_unsigned(),
        "has data_offsets that are not two counts");
    const auto begin = offsets[0].get<std::uint64_t>();
    const auto end = offsets[1].get<std::uint64_t>();
    require(begin <= end && end <= data_.size(), "lies outside the file");
    require(byte_count(tensor.dtype, tensor.shape) == end - begin, "has not as many bytes as its shape needs");
    tensor.data = data_.subspan(begin, end - begin);
    return {begin, std::move(tensor)};
  }

  std::span<const std::byte> bytes_;
  std::span<const std::byte> data_;
  std::string_view name_;
};

}  // namespace

std::size_t dtype_size(DType dtype) {
  return facts(dtype).size;
}
std::string_view dtype_name(DType dtype) {
  return facts(dtype).name;
}

void TensorView::check(DType wanted, std::size_t alignment) const {
  if (dtype != wanted) {
    throw Error(fmt::format("tensor \"{}\" is {}, not {} as needed here", name, dtype_name(dtype), dtype_name(wanted)));
  }
  if (reinterpret_cast<std::uintptr_t>(data.data()) % alignment != 0) {
    throw Error(fmt::format("tensor \"{}\" lies at an odd address of its file; save the file again", name));
  }
}

void TensorView::copy_to(void* destination) const {
  if (!data.empty()) std::memcpy(destination, data.data(), data.size());
}

SafeTensors SafeTensors::open(const std::filesystem::path& path) {
  MappedFile mapping(path);
  SafeTensors file = parse(mapping.bytes(), path.string());
  file.mapping_ = std::move(mapping);
  return file;
}

SafeTensors SafeTensors::parse(std::span<const std::byte> bytes, std::string_view name) {
  SafeTensors file;
  file.name_ = name;
  HeaderReader(bytes, name).read(file.metadata_, file.tensors_);
  return file;
}

const TensorView* SafeTensors::find(std::string_view name) const {
  const auto found = std::ranges::find(tensors_, name, &TensorView::name);
  return found == tensors_.end() ? nullptr : &*found;
}

const TensorView& SafeTensors::at(std::string_view name) const {
  if (const TensorView* tensor = find(name)) return *tensor;
  throw Error(fmt::format("{}: has no tensor \"{}\"; it was written by another program or version", name_, name));
}

std::string contents_checksum(std::span<const TensorView> tensors, const Metadata& metadata) {
  std::uint64_t hash = 0;
  for (const auto& [key, value] : metadata) {
    if (key != "checksum") hash = hash64(value, hash64(key, hash));
  }
  std::vector<const TensorView*> order;
  for (const TensorView& tensor : tensors) order.push_back(&tensor);
  std::ranges::sort(order, {}, &TensorView::name);
  for (const TensorView* tensor : order) {
    hash = hash64(dtype_name(tensor->dtype), hash64(tensor->name, hash));
    hash = hash64(std::as_bytes(std::span(tensor->shape)), hash);
    hash = hash64(tensor->data, hash);
  }
  return hex64(hash);
}

std::vector<std::byte> safetensors_bytes(std::span<const TensorView> tensors, const Metadata& metadata) {
  std::vector<const TensorView*> order;
  for (const TensorView& tensor : tensors) order.push_back(&tensor);
  std::ranges::sort(order, [](const TensorView* a, const TensorView* b) {
    const std::size_t size_a = dtype_size(a->dtype);
    const std::size_t size_b = dtype_size(b->dtype);
    return size_a != size_b ? size_a > size_b : a->name < b->name;
  });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[std::string(kMetadataKey)] = metadata;
  std::uint64_t end = 0;
  std::set<std::string_view> names = {kMetadataKey};
  for (const TensorView* tensor : order) {
    if (!names.insert(tensor->name).second) {
      throw Error(fmt::format("cannot save two tensors as \"{}\"; give each a name of its own", tensor->name));
    }
    if (byte_count(tensor->dtype, tensor->shape) != tensor->data.size()) {
      throw Error(fmt::format("cannot save tensor \"{}\": its {} bytes do not fit its shape", tensor->name,
                              tensor->data.size()));
    }
    const std::uint64_t begin = end;
    end += tensor->data.size();
    header[tensor->name] = {
        {"dtype", dtype_name(tensor->dtype)}, {"shape", tensor->shape}, {"data_offsets", {begin, end}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception&) {
    throw Error("cannot save tensors: a name or a metadata text is not UTF-8");
  }
  text.append((8 - text.size() % 8) % 8, ' ');

  const std::uint64_t length = text.size();
  std::vector<std::byte> bytes(8 + length + end);
  auto place = std::ranges::copy(std::as_bytes(std::span(&length, 1)), bytes.begin()).out;
  place = std::ranges::copy(std::as_bytes(std::span(text)), place).out;
  for (const TensorView* tensor : order) place = std::ranges::copy(tensor->data, place).out;
  return bytes;
}

void write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                       const Metadata& metadata) {
  write_file(path, safetensors_bytes(tensors, metadata));
}

}  // namespace polonaise::io
