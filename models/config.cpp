#include "models/config.h"

#include <array>
#include <stdexcept>
#include <utility>

namespace polonaise {

namespace {

constexpr std::array<std::pair<Architecture, std::string_view>, 6> kArchitectures{
    {{Architecture::rnn, "rnn"},
     {Architecture::lstm, "lstm"},
     {Architecture::gru, "gru"},
     {Architecture::bilstm, "bilstm"},
     {Architecture::transformer, "transformer"},
     {Architecture::slstm, "slstm"}}};
constexpr std::array<std::pair<Head, std::string_view>, 2> kHeads{
    {{Head::bernoulli, "bernoulli"}, {Head::autoregressive, "autoregressive"}}};
constexpr std::array<std::pair<PositionEncoding, std::string_view>, 4> kPositions{
    {{PositionEncoding::sinusoidal, "sinusoidal"},
     {PositionEncoding::learned, "learned"},
     {PositionEncoding::rotary, "rotary"},
     {PositionEncoding::relative, "relative"}}};

std::string_view find_name(const auto& table, auto value) {
  for (const auto& [candidate, name] : table)
    if (candidate == value) return name;
  return "";
}

auto find_value(const auto& table, const char* what, std::string_view name) {
  std::string known;
  for (const auto& [value, candidate] : table) {
    if (candidate == name) return value;
    known += (known.empty() ? "" : ", ") + std::string(candidate);
  }
  throw std::invalid_argument("unknown " + std::string(what) + " '" + std::string(name) + "': use one of " + known);
}

std::vector<std::string> all_names(const auto& table) {
  std::vector<std::string> names;
  for (const auto& entry : table) names.emplace_back(entry.second);
  return names;
}

void check(bool condition, const std::string& message) {
  if (!condition) throw std::invalid_argument(message);
}

}  // namespace

std::string_view name_of(Architecture value) {
  return find_name(kArchitectures, value);
}
std::string_view name_of(Head value) {
  return find_name(kHeads, value);
}
std::string_view name_of(PositionEncoding value) {
  return find_name(kPositions, value);
}
template <>
std::vector<std::string> names_of<Architecture>() {
  return all_names(kArchitectures);
}
template <>
std::vector<std::string> names_of<Head>() {
  return all_names(kHeads);
}
template <>
std::vector<std::string> names_of<PositionEncoding>() {
  return all_names(kPositions);
}
Architecture architecture_of(std::string_view name) {
  return find_value(kArchitectures, "model", name);
}
std::optional<kernels::Cell> cell_of(Architecture architecture) {
  switch (architecture) {
    case Architecture::rnn:
      return kernels::Cell::rnn;
    case Architecture::lstm:
    case Architecture::bilstm:
      return kernels::Cell::lstm;
    case Architecture::gru:
      return kernels::Cell::gru;
    case Architecture::slstm:
      return kernels::Cell::slstm;
    case Architecture::transformer:
      break;
  }
  return {};
}

Head head_of(std::string_view name) {
  return find_value(kHeads, "head", name);
}
PositionEncoding position_encoding_of(std::string_view name) {
  return find_value(kPositions, "position encoding", name);
}

void validate(const ModelConfig& c) {
  check(c.hidden >= 1 && c.hidden <= 8192, "hidden must be in 1..8192");
  check(c.layers >= 1 && c.layers <= 64, "layers must be in 1..64");
  check(c.sequence >= 1 && c.sequence <= 65536, "the sequence length must be in 1..65536");
  check(c.dropout >= 0 && c.dropout < 1, "dropout must be at least 0 and below 1");
  check(c.events.outputs() >= 1, "the dataset's events have no outputs");
  check(c.events.vocabulary <= 65535 && c.events.keys <= 256 && c.events.duration_classes <= kDurationClassCount,
        "the dataset's events have more than 65,535 tokens, 256 keys or 24 classes of lengths");
  check(c.head_dropout >= 0 && c.head_dropout < 1, "the head's dropout must be at least 0 and below 1");
  if (c.head == Head::autoregressive) {
    check(!c.events.is_tokens(),
          "an autoregressive head predicts the keys of a frame, and the dataset's events are tokens: use the head "
          "bernoulli, which tokens ignore");
    check(c.head_hidden >= 1 && c.head_hidden <= 8192, "the head's hidden units must be in 1..8192");
  }
  if (c.architecture != Architecture::transformer) return;
  check(c.heads >= 1 && c.hidden % c.heads == 0, "hidden must be a multiple of heads");
  check(c.hidden / c.heads <= 256, "a head may have 256 dimensions at most: use more heads");
  check(c.inner() <= 65536, "feedforward must be at most 65536");
  check(c.position != PositionEncoding::rotary || c.hidden / c.heads % 2 == 0,
        "rotary positions need an even head dimension: change hidden, heads or the position encoding");
  check(c.position != PositionEncoding::sinusoidal || c.hidden % 2 == 0, "sinusoidal positions need an even hidden");
}

}  // namespace polonaise
