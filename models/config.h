#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/events/events.h"
#include "kernels/recurrent/recurrent.h"

namespace polonaise {

enum class Architecture { rnn, lstm, gru, bilstm, transformer, slstm };
// The prediction of a frame's keys: each by itself, or one after another, given the keys below it.
enum class Head { bernoulli, autoregressive };
enum class PositionEncoding { sinusoidal, learned, rotary, relative };

// Everything that makes a model's parameters and its function.
struct ModelConfig {
  Architecture architecture = Architecture::lstm;
  EventShape events = {};
  Index hidden = 64;  // units of one direction; the transformer's width
  Index layers = 2;
  Index sequence = 48;  // T: steps of a training window, and the longest context of bilstm and transformer
  float dropout = 0;
  Head head = Head::bernoulli;
  Index head_hidden = 128;  // hidden units of an autoregressive head
  float head_dropout = 0;   // of what the head reads
  // Transformer only.
  Index heads = 4;
  Index feedforward = 0;  // 0: four times hidden
  PositionEncoding position = PositionEncoding::rotary;

  // Columns of what the head makes of a state: the logits of an event and, for keys one after another, hidden units.
  Index outputs() const { return events.outputs() + (head == Head::autoregressive ? head_hidden : 0); }
  Index inner() const { return feedforward > 0 ? feedforward : 4 * hidden; }
};

// Names as on the command line; an unknown one throws std::invalid_argument naming those there are.
std::string_view name_of(Architecture);
std::string_view name_of(Head);
std::string_view name_of(PositionEncoding);
Architecture architecture_of(std::string_view name);
Head head_of(std::string_view name);
PositionEncoding position_encoding_of(std::string_view name);
// Returns the names of an enumeration, in its order: the one list that command lines and reports use.
template <class Enumeration>
std::vector<std::string> names_of();
template <>
std::vector<std::string> names_of<Architecture>();
template <>
std::vector<std::string> names_of<Head>();
template <>
std::vector<std::string> names_of<PositionEncoding>();

// The cell of a recurrent network; none of a transformer.
std::optional<kernels::Cell> cell_of(Architecture);

// Throws std::invalid_argument, saying what to change, for sizes out of range or that do not go together.
void validate(const ModelConfig&);

}  // namespace polonaise
