#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/files/safetensors.h"
#include "models/model.h"
#include "tests/kernels/support.h"
#include "tests/runtime/steps.h"

namespace polonaise {
namespace {

const std::string kFolder = POLONAISE_SOURCE_DIR "/tests/models/torch/";

// Each file of that folder holds a model's parameters and what PyTorch makes of them; the script that wrote it says
// what is in it.
class Reference {
 public:
  explicit Reference(const std::string& name)
      : file_(io::SafeTensors::open(kFolder + name + ".safetensors")),
        lengths_(file_.at("length").read<std::int32_t>()) {
    tokens_ = file_.metadata().at("input") == "tokens";
    rows_ = static_cast<Index>(lengths_.size());
    steps_ = number("sequence");
    many_to_one_ = file_.metadata().at("model") == "bilstm";
    if (tokens_) {
      inputs_ = file_.at("input").read<std::int32_t>();
      targets_ = file_.at("target").read<std::int32_t>();
    } else {
      gather_frames();
    }
  }

  ModelConfig config() const {
    ModelConfig c;
    c.architecture = architecture_of(file_.metadata().at("model"));
    c.hidden = number("hidden");
    c.layers = number("layers");
    c.sequence = steps_;
    if (c.architecture == Architecture::transformer) {
      c.heads = number("heads");
      c.feedforward = number("feedforward");
      c.position = position_encoding_of(file_.metadata().at("position"));
    }
    c.events.kind = tokens_ ? EventKind::tokens : EventKind::frames;
    if (tokens_) {
      c.events.vocabulary = number("vocabulary");
    } else {
      c.events.keys = number("keys");
      c.events.duration_classes = number("duration_classes");
      c.events.width = c.events.keys + (c.events.has_durations() ? 1 : 0);
    }
    return c;
  }

  Batch batch() const {
    Batch b;
    b.rows = rows_;
    b.steps = steps_;
    b.targets_per_row = many_to_one_ ? 1 : steps_;
    b.lengths = lengths_;
    b.inputs = inputs_;
    b.targets = targets_;
    b.input_rows = input_rows_;
    b.input_columns = input_columns_;
    b.input_values = input_values_;
    b.target_rows = target_rows_;
    b.target_keys = target_keys_;
    b.target_classes = target_classes_;
    return b;
  }

  std::vector<float> floats(const std::string& name) const { return file_.at(name).read<float>(); }
  Index rows() const { return rows_; }
  // Targets of row b that are not padding.
  Index targets(Index b) const { return many_to_one_ ? 1 : lengths_[static_cast<std::size_t>(b)]; }
  Index target_count() const {
    Index count = 0;
    for (Index b = 0; b < rows_; ++b) count += targets(b);
    return count;
  }
  Index targets_per_row() const { return many_to_one_ ? 1 : steps_; }

  std::vector<std::string> parameter_names() const {
    std::vector<std::string> names;
    for (const io::TensorView& tensor : file_.tensors()) {
      if (tensor.name.starts_with("parameter.")) names.push_back(tensor.name.substr(10));
    }
    return names;
  }
  std::vector<std::int64_t> shape(const std::string& name) const { return file_.at(name).shape; }

 private:
  int number(const std::string& key) const { return std::stoi(file_.metadata().at(key)); }

  void gather_frames() {
    input_rows_ = {0};
    const io::TensorView& input = file_.at("input");
    gather(input.read<float>(), input.shape.back(), input_rows_, input_columns_, &input_values_);
    target_rows_ = {0};
    const io::TensorView& keys = file_.at("target.keys");
    gather(keys.read<float>(), keys.shape.back(), target_rows_, target_keys_, nullptr);
    if (number("duration_classes") > 0) target_classes_ = file_.at("target.duration").read<std::int32_t>();
  }

  // The entries of dense rows that are not 0.
  static void gather(const std::vector<float>& dense, std::int64_t width, std::vector<std::int64_t>& rows,
                     std::vector<std::int32_t>& columns, std::vector<float>* values) {
    for (std::size_t i = 0; i < dense.size(); ++i) {
      const auto column = static_cast<std::int64_t>(i) % width;
      if (dense[i] != 0) {
        columns.push_back(static_cast<std::int32_t>(column));
        if (values) values->push_back(dense[i]);
      }
      if (column == width - 1) rows.push_back(static_cast<std::int64_t>(columns.size()));
    }
  }

  io::SafeTensors file_;
  Index rows_ = 0, steps_ = 0;
  bool tokens_ = false, many_to_one_ = false;
  std::vector<std::int32_t> lengths_, inputs_, targets_, input_columns_, target_keys_, target_classes_;
  std::vector<std::int64_t> input_rows_, target_rows_;
  std::vector<float> input_values_;
};

class AgreesWithTorch : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kFolder)) GTEST_SKIP() << "the sources are not on this machine";
    reference.emplace(GetParam());
    model = make_model(device, reference->config(), /*seed=*/1);
    Parameters& parameters = model->parameters();
    for (const Parameters::Entry& entry : parameters.entries()) {
      const std::vector<float> values = reference->floats("parameter." + entry.name);
      require(std::ssize(values) == entry.shape.size(), "a parameter has another size than PyTorch's");
      std::copy(values.begin(), values.end(), parameters.values().data() + entry.offset);
    }
    parameters.refresh();
  }

  std::optional<Reference> reference;
  AnyDevice device = Cpu{1};
  std::unique_ptr<Model> model;
};

void expect_close(double ours, double theirs, const std::string& what) {
  EXPECT_NEAR(ours, theirs, 1e-5 * std::max(1.0, std::abs(theirs))) << what;
}

TEST_P(AgreesWithTorch, InNamesAndShapesOfParameters) {
  std::vector<std::string> ours;
  for (const Parameters::Entry& entry : model->parameters().entries()) {
    ours.push_back(entry.name);
    std::vector<std::int64_t> shape;
    for (int axis = 0; axis < entry.shape.rank(); ++axis) shape.push_back(entry.shape[axis]);
    EXPECT_EQ(shape, reference->shape("parameter." + entry.name)) << entry.name;
  }
  std::sort(ours.begin(), ours.end());
  std::vector<std::string> theirs = reference->parameter_names();
  std::sort(theirs.begin(), theirs.end());
  EXPECT_EQ(ours, theirs);
}

TEST_P(AgreesWithTorch, InLogits) {
  Arena arena(device);
  Tape tape = Tape::inference(device, arena);
  const TargetLosses losses = model->losses(tape, reference->batch(), {0, reference->rows()});
  const Var logits = model->logits(tape, losses.arranged);
  const std::vector<float> theirs = reference->floats("logits");
  const Index outputs = model->config().events.outputs();
  const auto* ours = static_cast<const float*>(logits.value().data);
  for (Index b = 0; b < reference->rows(); ++b) {
    for (Index t = 0; t < reference->targets(b); ++t) {
      for (Index o = 0; o < outputs; ++o) {
        const Index cell = b * reference->targets_per_row() + t;
        expect_close(ours[losses.arranged.target_index(b, t) * outputs + o],
                     theirs[static_cast<std::size_t>(cell * outputs + o)],
                     "row " + std::to_string(b) + ", step " + std::to_string(t) + ", output " + std::to_string(o));
      }
    }
  }
}

TEST_P(AgreesWithTorch, InLossAndGradients) {
  Shards shards(model->parameters());
  const Batch batch = reference->batch();
  const auto count = static_cast<double>(reference->target_count());
  const LossSum sum = testing::train(shards, device, batch.rows, {},
                                     [&](Tape& tape, Shards::Rows rows) { return model->losses(tape, batch, rows); });
  expect_close(sum.total() / count, reference->floats("loss").front(), "loss");
  for (const Parameters::Entry& entry : model->parameters().entries()) {
    const float* ours = shards.gradients().data() + entry.offset;
    std::vector<double> theirs = testing::to_double(reference->floats("gradient." + entry.name));  // of the mean loss
    for (double& value : theirs) value *= count;
    EXPECT_LT(testing::relative_error(std::vector<float>(ours, ours + entry.shape.size()), theirs),
              testing::kFloatTolerance)
        << entry.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Model, AgreesWithTorch,
                         ::testing::Values("rnn", "lstm", "gru", "bilstm", "slstm", "lstm_roll", "lstm_tokens",
                                           "transformer_sinusoidal", "transformer_learned", "transformer_rotary",
                                           "transformer_relative"),
                         [](const auto& model) { return model.param; });

}  // namespace
}  // namespace polonaise
