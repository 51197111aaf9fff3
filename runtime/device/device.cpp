#include "runtime/device/device.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

#include "kernels/base/info.h"
#include "kernels/cpu/team.h"
#include "runtime/device/cuda_status.h"

namespace polonaise {
namespace {

AnyDevice open_cpu(int threads) {
  return Cpu{threads > 0 ? threads : kernels::processors()};
}

// The number of the card in "cuda:2"; 0 for "cuda"; nothing for what names no card.
std::optional<int> card_named(std::string_view name) {
  if (name == "cuda") return 0;
  constexpr std::string_view kPrefix = "cuda:";
  int ordinal = 0;
  const char* const end = name.data() + name.size();
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const auto [stop, error] = std::from_chars(name.data() + kPrefix.size(), end, ordinal);
  if (error != std::errc() || stop != end || ordinal < 0) return std::nullopt;
  return ordinal;
}

#ifdef POLONAISE_HAS_CUDA

AnyDevice open_card(int ordinal) {
  const OpenedCuda opened = open_cuda(ordinal);
  if (opened.cuda) return *opened.cuda;
  throw std::runtime_error("--device cuda is not to be had, " + opened.reason + ": use --device cpu");
}

// The emulator is there for tests: nobody gets it without asking.
#ifdef POLONAISE_CUDA_EMULATED
constexpr bool kAutoTakesCards = false;
#else
constexpr bool kAutoTakesCards = true;
#endif

BestDevice best_of(int threads) {
  const OpenedCuda opened = kAutoTakesCards ? open_cuda() : OpenedCuda();
  if (opened.cuda) return {*opened.cuda, ""};
  return {open_cpu(threads), opened.unusable ? opened.reason : ""};
}

void set_matrix_math(Cuda& cuda, std::string_view precision) {
  // What stays float beside bf16 needs no more digits than tf32 has.
  cuda.set_matrix_math(precision == "float" ? MatrixMath::exact : MatrixMath::tf32);
}

std::string text_of(const Cuda& cuda) {
  return "cuda:" + std::to_string(cuda.properties().ordinal) + ", " + describe(cuda.properties());
}
int threads_of(const Cuda&) {
  return 1;
}

#else

AnyDevice open_card(int) {
  throw std::runtime_error("--device cuda is not to be had, " + cuda_status() + ": use --device cpu");
}

BestDevice best_of(int threads) {
  return {open_cpu(threads), ""};
}

#endif

void set_matrix_math(Cpu&, std::string_view precision) {
  if (precision != "float") refuse_precision(precision);
}

std::string text_of(const Cpu& cpu) {
  return "cpu, " + std::to_string(cpu.threads) + (cpu.threads == 1 ? " thread, " : " threads, ") +
         kernels::vector_target();
}
int threads_of(const Cpu& cpu) {
  return cpu.threads;
}

}  // namespace

AnyDevice open_device(std::string_view name, int threads) {
  if (name == "cpu") return open_cpu(threads);
  if (name == "auto") return best_of(threads).device;
  if (const std::optional<int> ordinal = card_named(name)) return open_card(*ordinal);
  throw std::invalid_argument("unknown device '" + std::string(name) + "': use auto, cpu, cuda or cuda:N");
}

BestDevice open_best_device(int threads) {
  return best_of(threads);
}

std::string describe(const AnyDevice& any) {
  return std::visit([](const auto& device) { return text_of(device); }, any);
}

AnyDevice one_shard(const AnyDevice& device) {
  if (std::holds_alternative<Cpu>(device)) return Cpu{1};
  return device;
}

int shard_threads(const AnyDevice& any) {
  return std::visit([](const auto& device) { return threads_of(device); }, any);
}

DType set_precision(AnyDevice& any, std::string_view name) {
  if (name != "float" && name != "tf32" && name != "bf16")
    throw std::invalid_argument("unknown precision '" + std::string(name) + "': use float, tf32 or bf16");
  std::visit([&](auto& device) { set_matrix_math(device, name); }, any);
  return name == "bf16" ? DType::bf16 : DType::f32;
}

void refuse_precision(std::string_view name) {
  throw std::runtime_error(std::string(name) + " needs --device cuda: use --precision float on a CPU");
}

}  // namespace polonaise
