#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/files/safetensors.h"
#include "models/model.h"
#include "tools/options/train_options.h"

namespace polonaise::tools {

// Which tensors of a file become which parameters of a model. Names are those of the model or, both ways, the same with
// or without "core." before them: a bare torch.nn.LSTM has weight_ih_l0 where ours has core.weight_ih_l0.
//
// A model has three parts. The head is all of head.*. What reads events is embedding.weight of tokens, input.* of a
// transformer's frames, and weight_ih_l0 of both directions where frames, or whatever a file without an embedding was
// trained on, enter a recurrent network. The rest, the body, belongs to no encoding.
struct InitFit {
  struct Match {
    std::size_t entry;  // of Parameters::entries()
    const io::TensorView* tensor;
  };
  std::vector<Match> taken;
  std::vector<std::string> drawn;      // parameters that stay as they were drawn
  std::vector<std::string> left_over;  // tensors without use
  std::vector<std::string> faults;     // why the file does not fit, as parts of a sentence; empty where it does
};

// `other_events`: the file's model is known to have been trained on another encoding, so that nothing of what reads
// events matches, whatever its shape.
InitFit fit_init(const Model& model, std::span<const io::TensorView> tensors, InitHead head, bool other_events);

// The options of polonaise-train that names and shapes of a state dict tell of, "--model gru --hidden 12 --layers 2";
// empty where they are of none of our networks.
std::string options_told_by(std::span<const io::TensorView> tensors);

// "a, b, c and 4 more".
std::string listed(std::span<const std::string> names);

}  // namespace polonaise::tools
