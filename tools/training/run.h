#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "io/encodings/encoding.h"
#include "tools/cli/toml.h"
#include "tools/options/train_options.h"
#include "tools/training/checkpoint.h"

namespace polonaise::tools {

// A training run's folder:
//   config.toml        the options, resolved; --config reads it
//   encoding.json      the encoding's description, as in the dataset
//   metrics.jsonl      what was measured (tools/training/metrics_log.h)
//   checkpoints/
//     step_N/          model.safetensors, state.safetensors; whole whenever it has this name
//     last, best       links to one of these, replaced as one step
// A crash at any moment leaves both links on whole checkpoints. Of the others each save removes all but the newest, as
// many as the option keep-last says, the last one among them.
class Run {
 public:
  // A new folder with the first two files. Where one is already: io::Error, or its run is removed with `overwrite`.
  // What does not belong to a run is never removed: a folder with other contents is refused.
  static Run create(const std::filesystem::path& folder, const Config& config, const io::Encoding& encoding,
                    bool overwrite);
  // Opens a run that is there. Throws io::Error where it is none, or where its encoding is not one of this program.
  static Run open(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  const Config& config() const { return config_; }
  const TrainOptions& options() const { return options_; }
  const io::Encoding& encoding() const { return *encoding_; }
  std::filesystem::path metrics_file() const { return folder_ / "metrics.jsonl"; }

  // A resumed run's options, where they changed.
  void set_config(const Config& config);
  // Throws io::Error where `dataset_encoding` is not the run's; `file` is the dataset.
  void check_encoding(const io::Encoding& dataset_encoding, const std::filesystem::path& file) const;

  // Writes the checkpoint of `state` and makes it the last and, with `best`, the best.
  void save(const TrainingState& state, const Model& model, const Optimizer& optimizer, bool best);
  // Sets model and optimizer to the last checkpoint; the best one is the one that its state names.
  TrainingState resume(Model& model, Optimizer& optimizer);
  // A model of the run with the parameters of `checkpoint`, "best" or "last"; without a best one the last is it.
  std::unique_ptr<Model> load_model(AnyDevice& device, std::string_view checkpoint,
                                    DType activations = DType::f32) const;
  // The step that a checkpoint was made at.
  std::int64_t step_of(std::string_view checkpoint) const;
  // The folder of a checkpoint, checked to be there.
  std::filesystem::path checkpoint(std::string_view name) const;

 private:
  Run(std::filesystem::path folder, Config config, std::unique_ptr<const io::Encoding> encoding);

  std::filesystem::path checkpoints() const { return folder_ / "checkpoints"; }
  void link(std::string_view name, std::int64_t step) const;
  void remove_old() const;

  std::filesystem::path folder_;
  Config config_;
  TrainOptions options_;
  std::unique_ptr<const io::Encoding> encoding_;
};

}  // namespace polonaise::tools
