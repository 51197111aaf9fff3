// The card's benchmarks: every row of ours and of cuDNN, one JSON line each as soon as it is measured.
//   polonaise_gpu_bench [--filter REGEX] [--runs N] [--tiny] [--card N] [--machine]
// bench/gpu.sh runs it with the other steps and collects the lines; bench/README.md says what a row is.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/gpu/machine.h"
#include "bench/gpu/measure.h"

namespace polonaise::bench {
namespace {

// One JSON line a run: {"row", "who", "median_us", ...}, or {"row", "who", "error"} where it failed.
class Lines final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const std::string& name = run.run_name.function_name;
      const auto slash = name.rfind('/');
      nlohmann::ordered_json line{{"row", name.substr(0, slash)}, {"who", name.substr(slash + 1)}};
      if (const auto error = error_of(run); !error.empty()) line["error"] = error;
      for (const auto& [counter, value] : run.counters) line[counter] = value.value;
      std::printf("%s\n", line.dump().c_str());
      std::fflush(stdout);
    }
  }

 private:
  // The member changed its name in Google Benchmark 1.8.
  template <class R>
  static std::string error_of(const R& run) {
    if constexpr (requires { run.error_occurred; })
      return run.error_occurred ? run.error_message : std::string();
    else
      return run.skipped != decltype(run.skipped)() ? run.skip_message : std::string();
  }
};

int run(int argc, char** argv) {
  std::string filter = ".";
  int card = 0;
  bool only_machine = false;
  CLI::App app("The card's benchmarks, one JSON line a row");
  app.add_option("--filter", filter, "Rows to measure: a regular expression of ROW/WHO")->capture_default_str();
  app.add_option("--runs", options().runs, "Runs of each row")->check(CLI::Range(3, 100000))->capture_default_str();
  app.add_option("--card", card, "Number of the card")->capture_default_str();
  app.add_flag("--tiny", options().tiny, "The smallest shapes: to rehearse where there is no card");
  app.add_flag("--machine", only_machine, "The machine's line alone");
  CLI11_PARSE(app, argc, argv);

  OpenedCuda opened = open_cuda(card);
  if (!opened.cuda) throw std::runtime_error(opened.reason);
  Cuda& cuda = *opened.cuda;
  std::printf("%s\n", machine_line(cuda).c_str());
  std::fflush(stdout);
  if (only_machine) return 0;

  add_ceiling_rows(cuda);
  add_flat_rows(cuda);
  add_linear_rows(cuda);
  add_attention_rows(cuda);
  add_recurrent_rows(cuda);
  add_generation_rows(cuda);
  add_training_rows(cuda);
#ifdef POLONAISE_HAS_CUDNN
  add_cudnn_attention_rows(cuda);
  add_cudnn_rows(cuda);
#endif
  char program[] = "polonaise_gpu_bench", only[] = "--benchmark_filter=.";
  char* arguments[] = {program, only, nullptr};
  int count = 2;
  benchmark::Initialize(&count, arguments);
  Lines lines;
  if (benchmark::RunSpecifiedBenchmarks(&lines, filter) == 0)
    throw std::runtime_error("no row matches --filter " + filter);
  return 0;
}

}  // namespace
}  // namespace polonaise::bench

int main(int argc, char** argv) {
  try {
    return polonaise::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "polonaise_gpu_bench: %s\n", error.what());
    return 1;
  }
}
