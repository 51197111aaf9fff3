#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "io/data/dataset.h"
#include "io/files/safetensors.h"
#include "tests/tools/runs.h"
#include "tools/options/device_option.h"
#include "tools/training/evaluate.h"
#include "tools/training/run.h"

// What docs/weights.md shows, run as it stands there, with PyTorch.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

struct Block {
  std::string language;
  std::string text;
};

// The fenced blocks of a page, in order.
std::vector<Block> blocks_of(const std::string& page) {
  std::vector<Block> blocks;
  std::istringstream lines(page);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) blocks.push_back({line.substr(3), ""});
    } else if (inside) {
      blocks.back().text += line + "\n";
    }
  }
  return blocks;
}

// A Python that has PyTorch, the first on PATH or Debian's.
std::optional<std::string> python_with_torch() {
  for (const char* name : {"python3", "/usr/bin/python3"}) {
    if (run_program("/bin/sh", {"-c", std::string(name) + " -c 'import torch'"}).status == 0) return name;
  }
  return std::nullopt;
}

// A piece as dense rows behind the start event's, [1, events, width].
void write_dense(const fs::path& file, const EventsView& piece, const EventShape& shape) {
  const auto width = static_cast<std::size_t>(shape.width);
  std::vector<float> rows(width * static_cast<std::size_t>(piece.size()));
  for (std::int64_t i = 0; i + 1 < piece.size(); ++i) {
    float* const row = rows.data() + width * static_cast<std::size_t>(i + 1);
    for (const std::uint8_t key : piece.frame(i)) row[key] = 1;
    row[width - 1] = duration_value(shape.duration_input, piece.quarters[static_cast<std::size_t>(i)]);
  }
  io::write_safetensors(file, std::vector{io::tensor_view<float>("x", rows, {1, piece.size(), shape.width})});
}

// The loss of frame `i`, all of it, by these logits.
double loss_of(const EventsView& piece, std::int64_t i, const EventShape& shape, std::span<const float> logits) {
  double loss = 0, sum = 0;
  for (int key = 0; key < shape.keys; ++key) {
    const double logit = static_cast<double>(logits[static_cast<std::size_t>(key)]);
    loss += std::log1p(std::exp(logit));
    if (std::ranges::count(piece.frame(i), static_cast<std::uint8_t>(key))) loss -= logit;
  }
  const auto classes = logits.subspan(static_cast<std::size_t>(shape.keys));
  for (const float logit : classes) sum += std::exp(static_cast<double>(logit));
  return loss + std::log(sum) - static_cast<double>(classes[piece.classes[static_cast<std::size_t>(i)]]);
}

class Weights : public testing::Test {
 protected:
  void SetUp() override {
    const auto python = python_with_torch();
    if (!python) GTEST_SKIP() << "PyTorch cannot be imported; bash tools/install_packages.sh torch";
    python_ = *python;
    folder_ = fresh_folder();
    small_dataset(folder_ / "piano.data", "chordvec", 30);
  }

  std::string run(const std::string& command) const {
    const char* const path = std::getenv("PATH");
    const ProgramOptions options{.environment = {{"PATH", POLONAISE_BINARY_DIR "/bin:" + std::string(path ? path : "")},
                                                 {"PYTHONPATH", POLONAISE_SOURCE_DIR "/tools/torch"},
                                                 {"PYTHONDONTWRITEBYTECODE", "1"},
                                                 {"POLONAISE_STOP_AT", "2"},
                                                 {"POLONAISE_VALIDATE_EVERY", "1"},
                                                 {"POLONAISE_BATCH", "4"}}};
    const ProgramResult result = run_program("/bin/sh", {"-c", "cd '" + folder_.string() + "' && " + command}, options);
    EXPECT_EQ(result.status, 0) << command << "\n" << result.err;
    return result.out;
  }

  std::string run(const Block& block, const std::string& more = "") const {
    if (block.language == "sh") return run(block.text);
    write_text(folder_ / "script.py", block.text + more);
    return run(python_ + " script.py");
  }

  std::string python_;
  fs::path folder_;
};

TEST_F(Weights, GoBothWaysAsThePageShows) {
  const std::vector<Block> blocks = blocks_of(read_text(POLONAISE_SOURCE_DIR "/docs/weights.md"));
  ASSERT_EQ(blocks.size(), 4U);
  const io::Dataset data = io::Dataset::open(folder_ / "piano.data");
  const EventsView piece = data.piece(io::Split::test, 0);
  write_dense(folder_ / "x.safetensors", piece, data.shape());

  run(blocks[0]);
  run(blocks[1],
      "from safetensors.torch import save_file\n"
      "x = load_file('x.safetensors')['x']\n"
      "save_file({'logits': head(lstm(x)[0])}, 'logits.safetensors')\n");
  const io::SafeTensors file = io::SafeTensors::open(folder_ / "logits.safetensors");
  const std::vector<float> theirs = file.at("logits").read<float>();
  EXPECT_EQ(file.at("logits").shape, (std::vector<std::int64_t>{1, piece.size(), 130}));
  AnyDevice device = device_of("cpu", 1);
  const std::unique_ptr<Model> model = tools::Run::open(folder_ / "run").load_model(device, "best");
  const std::vector<EventsView> pieces = {piece};
  const std::vector<double> ours = Scorer(*model, data.shape()).score(pieces).front().total();
  for (std::int64_t i = 0; i < piece.size(); ++i) {
    const auto logits = std::span(theirs).subspan(static_cast<std::size_t>(130 * i), 130);
    EXPECT_NEAR(ours[static_cast<std::size_t>(i)], loss_of(piece, i, data.shape(), logits), 1e-3) << i;
  }

  run(blocks[2]);
  const std::string said = run(blocks[3]);
  EXPECT_NE(said.find("lstm.safetensors: 8 parameters taken; drawn anew head.weight, head.bias\n"), std::string::npos)
      << said;
  // Of a run that learns nothing, PyTorch's numbers are the parameters.
  run("polonaise-train piano.data --model lstm --hidden 64 --layers 2 --lr 0 --init lstm.safetensors --init-head new "
      "-o still");
  const io::SafeTensors torch = io::SafeTensors::open(folder_ / "lstm.safetensors");
  const io::SafeTensors still = io::SafeTensors::open(folder_ / "still/checkpoints/last/model.safetensors");
  for (const io::TensorView& tensor : torch.tensors()) {
    EXPECT_EQ(still.at("core." + tensor.name).read<float>(), tensor.read<float>()) << tensor.name;
  }
}

}  // namespace
}  // namespace polonaise::tools
