#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/corpus.h"
#include "io/encodings/encoding.h"
#include "io/files/safetensors.h"
#include "kernels/events/events.h"

namespace polonaise::io {

// A prepared dataset: one safetensors file, mapped, holding for each split the pieces' events end to end, where each
// piece begins, and their names; besides the description of the encoding and a text saying where it all came from.
// Opening checks the file's structure, every index in it, and a checksum over all of it: Error for a file cut short,
// with a byte changed, of another kind, or written with another definition of its encoding.
class Dataset {
 public:
  static Dataset open(const std::filesystem::path& path);

  const EventShape& shape() const { return shape_; }
  const Encoding& encoding() const { return *encoding_; }
  // Text that write_dataset was given: facts about the sources, JSON by convention.
  const std::string& source() const { return source_; }
  // The file's name, for messages.
  const std::string& file() const { return file_.file(); }
  // Hash of all contents: equal for equal pieces, names, encoding and source.
  const std::string& checksum() const { return checksum_; }

  std::int64_t pieces(Split split) const { return static_cast<std::int64_t>(part(split).names.size()); }
  // Events of all pieces of a split.
  std::int64_t events(Split split) const { return part(split).events.size(); }
  // 0 <= i < pieces(split). Views live as long as this object or one moved from it.
  EventsView piece(Split split, std::int64_t i) const;
  const std::string& name(Split split, std::int64_t i) const { return part(split).names[static_cast<std::size_t>(i)]; }
  std::vector<EventsView> all(Split split) const;

 private:
  struct Part {
    EventsView events;
    std::span<const std::int64_t> starts;  // pieces + 1
    std::vector<std::string> names;
  };
  explicit Dataset(SafeTensors file);
  const Part& part(Split split) const { return parts_[static_cast<std::size_t>(split)]; }
  Part load(Split split) const;

  SafeTensors file_;
  std::string source_;
  std::string checksum_;
  std::unique_ptr<const Encoding> encoding_;
  EventShape shape_;
  std::array<Part, kSplits.size()> parts_;
};

// Writes `corpus`, encoded by `encoding`, to a file that is either whole or not there. Pieces without events are left
// out. Error where events do not fit the encoding's shape.
void write_dataset(const std::filesystem::path& path, const Corpus& corpus, const Encoding& encoding,
                   std::string_view source);

}  // namespace polonaise::io
