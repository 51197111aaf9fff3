#include "io/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/files/error.h"

namespace polonaise::io {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kFormat = "polonaise-dataset";
constexpr std::string_view kVersion = "1";

std::string tensor_name(Split split, std::string_view part) {
  return fmt::format("{}.{}", split_name(split), part);
}
std::string names_key(Split split) {
  return tensor_name(split, "names");
}

// Throws a sentence about one file where a condition fails.
struct Checker {
  std::string file;
  std::string_view problem = "damaged dataset";
  std::string_view remedy = "prepare the data again";

  void operator()(bool condition, std::string_view what) const {
    if (!condition) throw Error(fmt::format("{}: {}: {}; {}", file, problem, what, remedy));
  }
  const std::string& text(const Metadata& metadata, const std::string& key) const {
    const auto found = metadata.find(key);
    (*this)(found != metadata.end(), fmt::format("it has no \"{}\"", key));
    return found->second;
  }
};

// Offsets begin at 0, never fall, and end at `total`.
bool are_offsets(std::span<const std::int64_t> offsets, std::size_t total) {
  return !offsets.empty() && offsets.front() == 0 && offsets.back() == static_cast<std::int64_t>(total) &&
         std::ranges::is_sorted(offsets);
}

void check_events(const EventsView& events, const EventShape& shape, const Checker& check) {
  if (shape.kind == EventKind::tokens) {
    check(std::ranges::all_of(events.tokens, [&](int token) { return token < shape.vocabulary; }),
          "a token is outside the vocabulary");
    return;
  }
  check(are_offsets(events.rows, events.keys.size()), "its frames do not fit its keys");
  for (std::int64_t i = 0; i < events.size(); ++i) {
    const auto frame = events.frame(i);
    check(std::ranges::is_sorted(frame, std::less_equal<>{}) && (frame.empty() || frame.back() < shape.keys),
          "a frame's keys are out of order or range");
  }
  const std::size_t lengths = shape.has_durations() ? static_cast<std::size_t>(events.size()) : 0;
  check(events.quarters.size() == lengths && events.classes.size() == lengths, "its frames do not fit their lengths");
  for (std::size_t i = 0; i < lengths; ++i) {
    const float quarters = events.quarters[i];
    check(
        quarters >= kShortestQuarters && quarters <= kLongestQuarters && events.classes[i] == duration_class(quarters),
        "a frame's length is out of range");
  }
}

}  // namespace

Dataset Dataset::open(const std::filesystem::path& path) {
  return Dataset(SafeTensors::open(path));
}

Dataset::Dataset(SafeTensors file) : file_(std::move(file)) {
  const Metadata& metadata = file_.metadata();
  const auto format = metadata.find("format");
  if (format == metadata.end() || format->second != kFormat) {
    throw Error(
        fmt::format("{}: is a safetensors file, but no dataset; give one that polonaise-prepare made", file_.file()));
  }
  const Checker check{file_.file()};
  if (check.text(metadata, "version") != kVersion) {
    throw Error(fmt::format("{}: is a dataset of another version; prepare the data again", file_.file()));
  }
  checksum_ = check.text(metadata, "checksum");
  check(contents_checksum(file_.tensors(), metadata) == checksum_, "its contents do not have its checksum");
  source_ = check.text(metadata, "source");
  try {
    encoding_ = encoding_from_description(check.text(metadata, "encoding"));
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", file_.file(), error.what()));
  }
  shape_ = encoding_->shape();
  for (const Split split : kSplits) parts_[static_cast<std::size_t>(split)] = load(split);
}

Dataset::Part Dataset::load(Split split) const {
  const Checker check{file_.file()};
  Part part;
  part.events.kind = shape_.kind;
  if (shape_.kind == EventKind::tokens) {
    part.events.tokens = file_.at(tensor_name(split, "tokens")).view<std::uint16_t>();
  } else {
    part.events.rows = file_.at(tensor_name(split, "rows")).view<std::int64_t>();
    part.events.keys = file_.at(tensor_name(split, "keys")).view<std::uint8_t>();
    if (shape_.has_durations()) {
      part.events.quarters = file_.at(tensor_name(split, "quarters")).view<float>();
      part.events.classes = file_.at(tensor_name(split, "classes")).view<std::uint8_t>();
    }
  }
  check_events(part.events, shape_, check);

  const Json names = Json::parse(check.text(file_.metadata(), names_key(split)), nullptr, false);
  check(names.is_array() && std::ranges::all_of(names, [](const Json& name) { return name.is_string(); }),
        "the names of its pieces are no list");
  part.names = names.get<std::vector<std::string>>();
  part.starts = file_.at(tensor_name(split, "starts")).view<std::int64_t>();
  check(part.starts.size() == part.names.size() + 1 &&
            are_offsets(part.starts, static_cast<std::size_t>(part.events.size())),
        "its pieces do not fit its events");
  return part;
}

EventsView Dataset::piece(Split split, std::int64_t i) const {
  const Part& from = part(split);
  const std::int64_t start = from.starts[static_cast<std::size_t>(i)];
  return from.events.slice(start, from.starts[static_cast<std::size_t>(i) + 1] - start);
}

std::vector<EventsView> Dataset::all(Split split) const {
  std::vector<EventsView> result;
  for (std::int64_t i = 0; i < pieces(split); ++i) result.push_back(piece(split, i));
  return result;
}

void write_dataset(const std::filesystem::path& path, const Corpus& corpus, const Encoding& encoding,
                   std::string_view source) {
  const EventShape shape = encoding.shape();
  const Checker check{path.string(), "not written", "encode the pieces with the encoding given"};
  Metadata metadata = {{"format", std::string(kFormat)},
                       {"version", std::string(kVersion)},
                       {"encoding", encoding.describe()},
                       {"source", std::string(source)}};
  std::array<Events, kSplits.size()> joined;
  std::array<std::vector<std::int64_t>, kSplits.size()> starts;
  std::vector<TensorView> tensors;
  for (const Split split : kSplits) {
    Events& events = joined[static_cast<std::size_t>(split)];
    std::vector<std::int64_t>& begins = starts[static_cast<std::size_t>(split)];
    events.kind = shape.kind;
    begins = {0};
    Json names = Json::array();
    for (const Piece& piece : corpus[split]) {
      if (piece.events.size() == 0) continue;
      check_events(piece.events.view(), shape, check);
      events.append(piece.events.view());
      begins.push_back(events.size());
      names.push_back(piece.name);
    }
    // Names come from file systems, which allow any bytes.
    metadata[names_key(split)] = names.dump(-1, ' ', false, Json::error_handler_t::replace);
    tensors.push_back(tensor_view<std::int64_t>(tensor_name(split, "starts"), begins));
    if (shape.kind == EventKind::tokens) {
      tensors.push_back(tensor_view<std::uint16_t>(tensor_name(split, "tokens"), events.tokens));
      continue;
    }
    tensors.push_back(tensor_view<std::int64_t>(tensor_name(split, "rows"), events.rows));
    tensors.push_back(tensor_view<std::uint8_t>(tensor_name(split, "keys"), events.keys));
    if (shape.has_durations()) {
      tensors.push_back(tensor_view<float>(tensor_name(split, "quarters"), events.quarters));
      tensors.push_back(tensor_view<std::uint8_t>(tensor_name(split, "classes"), events.classes));
    }
  }
  metadata["checksum"] = contents_checksum(tensors, metadata);
  write_safetensors(path, tensors, metadata);
}

}  // namespace polonaise::io
