#include "io/files/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <numeric>
#include <string>

#include "io/files/error.h"
#include "io/files/splitmix64.h"

namespace polonaise::io {
namespace {

std::vector<std::byte> file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::vector<std::byte> bytes(8 + header.size() + data_bytes);
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

std::string refusal(const std::vector<std::byte>& bytes) {
  try {
    SafeTensors::parse(bytes, "model.safetensors");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::vector<std::byte> sample() {
  static const std::vector<float> weights = {1, 2, 3, 4, 5, 6};
  static const std::vector<std::uint8_t> odd = {7, 8, 9};
  static const std::vector<std::int64_t> step = {1234567890123};
  const std::vector<TensorView> tensors = {tensor_view<std::uint8_t>("odd", odd),
                                           tensor_view<float>("weight", weights, {2, 3}),
                                           tensor_view<std::int64_t>("step", step),
                                           {"empty", DType::bf16, {0, 4}, {}}};
  return safetensors_bytes(tensors, {{"format", "pt"}, {"who", "\"quoted\" ünïcode"}});
}

TEST(SafeTensors, ReturnsWhatWasWritten) {
  const auto bytes = sample();
  const SafeTensors file = SafeTensors::parse(bytes, "sample");
  EXPECT_EQ(file.metadata().at("who"), "\"quoted\" ünïcode");
  EXPECT_EQ(file.tensors().size(), 4U);
  EXPECT_EQ(file.at("weight").shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(file.at("weight").read<float>(), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(file.at("weight").view<float>()[5], 6);
  EXPECT_EQ(file.at("step").view<std::int64_t>()[0], 1234567890123);
  EXPECT_EQ(file.at("odd").view<std::uint8_t>()[2], 9);
  EXPECT_EQ(file.at("empty").data.size(), 0U);
  EXPECT_EQ(file.find("none"), nullptr);
  EXPECT_THROW(file.at("none"), Error);
  EXPECT_THROW(file.at("weight").view<double>(), Error);
}

TEST(SafeTensors, FileIsMappedAndSurvivesAMove) {
  const auto path = std::filesystem::path(testing::TempDir()) / "polonaise_move.safetensors";
  const std::vector<float> values = {1.5F, -2};
  const std::vector<TensorView> tensors = {tensor_view<float>("x", values)};
  write_safetensors(path, tensors);
  SafeTensors first = SafeTensors::open(path);
  const SafeTensors second = std::move(first);
  EXPECT_EQ(second.at("x").read<float>(), values);
  std::filesystem::remove(path);
}

TEST(SafeTensors, BytesDoNotDependOnTheOrderOfTensors) {
  const std::vector<float> a = {1};
  const std::vector<std::uint8_t> b = {2};
  const std::vector<TensorView> one = {tensor_view<float>("a", a), tensor_view<std::uint8_t>("b", b)};
  const std::vector<TensorView> other = {one[1], one[0]};
  const auto bytes = safetensors_bytes(one);
  EXPECT_EQ(bytes, safetensors_bytes(other));
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0U);
  EXPECT_EQ(bytes.size(), 8 + length + 5);
}

TEST(SafeTensors, WriterRefusesWhatItCouldNotReadBack) {
  const std::vector<float> a = {1, 2};
  EXPECT_THROW(safetensors_bytes(std::vector<TensorView>{tensor_view<float>("a", a), tensor_view<float>("a", a)}),
               Error);
  EXPECT_THROW(safetensors_bytes(std::vector<TensorView>{tensor_view<float>("__metadata__", a)}), Error);
  EXPECT_THROW(safetensors_bytes(std::vector<TensorView>{tensor_view<float>("a", a, {3})}), Error);
  EXPECT_THROW(safetensors_bytes(std::vector<TensorView>{tensor_view<float>("\xff", a)}), Error);
}

TEST(SafeTensors, HeadersThatDisagreeWithTheFileAreRefused) {
  const auto tensor = [](const std::string& name, const std::string& body) {
    return "\"" + name + "\":{" + body + "}";
  };
  const std::string f32 = R"("dtype":"F32","shape":[1],"data_offsets":)";
  const struct {
    std::string header;
    std::size_t data;
    std::string says;
  } cases[] = {
      {"{" + tensor("a", f32 + "[0,4]") + "}", 3, "outside the file"},
      {"{" + tensor("a", f32 + "[0,4]") + "}", 5, "follow the header"},
      {"{" + tensor("a", f32 + "[4,8]") + "}", 8, "begins at byte 4"},
      {"{" + tensor("a", f32 + "[0,4]") + "," + tensor("b", f32 + "[2,6]") + "}", 6, "begins at byte 2"},
      {"{" + tensor("a", f32 + "[0,4]") + "," + tensor("b", f32 + "[8,12]") + "}", 12, "begins at byte 8"},
      {"{" + tensor("a", f32 + "[0,4]") + "," + tensor("a", f32 + "[4,8]") + "}", 8, "twice"},
      {"{" + tensor("a", R"("dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4])") + "}", 4, "twice"},
      {"{" + tensor("a", f32 + "[4,0]") + "}", 4, "outside the file"},
      {"{" + tensor("a", f32 + "[0,-4]") + "}", 4, "two counts"},
      {"{" + tensor("a", f32 + "[0,4.0]") + "}", 4, "two counts"},
      {"{" + tensor("a", f32 + "[0,4,4]") + "}", 4, "two counts"},
      {"{" + tensor("a", f32 + "[0,8]") + "}", 8, "as its shape"},
      {"{" + tensor("a", R"("dtype":"F33","shape":[1],"data_offsets":[0,4])") + "}", 4, "unknown dtype"},
      {"{" + tensor("a", R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])") + "}", 4, "shape"},
      {"{" + tensor("a", R"("dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0])") + "}", 0, "shape"},
      {"{" + tensor("a", R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1)") + "}", 4, "just dtype"},
      {R"({"__metadata__":{"a":1}})", 0, "not text"},
      {R"({"__metadata__":[]})", 0, "not an object"},
      {"[]", 0, "begin with {"},
      {" {}", 0, "begin with {"},
      {"{}\n", 0, "end with }"},
      {"{} {}", 0, "not JSON"},
      {"{\"a\":{{}}", 0, "not JSON"},
      {R"({"a":[[[[[[[[]]]]]]]]})", 0, "nested too deep"},
      {"{\"\xff\":{}}", 0, "not JSON"},
  };
  for (const auto& [header, data, says] : cases) {
    const std::string message = refusal(file_of(header, data));
    EXPECT_NE(message.find(says), std::string::npos) << header << "\n -> " << message;
    EXPECT_EQ(message.rfind("model.safetensors: ", 0), 0U) << message;
  }
  EXPECT_EQ(refusal(file_of("{}", 0)), "");
  EXPECT_EQ(refusal(file_of("{}     ", 0)), "");
}

TEST(SafeTensors, HeaderLengthsBeyondTheFileOrTheLimitAreRefused) {
  for (const std::uint64_t length :
       {std::uint64_t{3}, std::uint64_t{99'999'999}, std::uint64_t{100'000'001}, ~std::uint64_t{0}}) {
    std::vector<std::byte> bytes = file_of("{}", 0);
    std::memcpy(bytes.data(), &length, 8);
    EXPECT_NE(refusal(bytes), "") << length;
  }
}

TEST(SafeTensors, CutAnywhereIsRefused) {
  const auto bytes = sample();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // A block of its own, so that a sanitizer sees any reading past the cut.
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(refusal(cut), "") << size;
  }
}

TEST(SafeTensors, ChangedBytesNeverCrash) {
  const auto bytes = sample();
  Random random(1);
  for (int round = 0; round < 20000; ++round) {
    auto changed = bytes;
    for (std::uint64_t n = 1 + random.below(3); n > 0; --n) {
      changed[random.below(changed.size())] = static_cast<std::byte>(random.next());
    }
    try {
      const SafeTensors file = SafeTensors::parse(changed, "changed");
      for (const TensorView& tensor : file.tensors()) {
        const std::size_t sum = std::accumulate(tensor.data.begin(), tensor.data.end(), std::size_t{0},
                                                [](std::size_t s, std::byte b) { return s + std::to_integer<int>(b); });
        EXPECT_LE(sum, 255 * changed.size());
      }
    } catch (const Error&) {
    }
  }
}

TEST(SafeTensors, MisalignedTensorsCanBeReadButNotViewed) {
  std::string header =
      R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"f":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})";
  header.append(8 - header.size() % 8, ' ');
  const auto bytes = file_of(header, 5);
  const SafeTensors file = SafeTensors::parse(bytes, "odd");
  EXPECT_THROW(file.at("f").view<float>(), Error);
  EXPECT_EQ(file.at("f").read<float>(), std::vector<float>{0});
}

}  // namespace
}  // namespace polonaise::io
