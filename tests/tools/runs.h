#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/dataset.h"
#include "io/data/synthetic.h"
#include "io/encodings/encoding.h"
#include "tests/tools/run_program.h"

// Small datasets and runs, for the tests of the programs that read them.
namespace polonaise::tools {

// Ten pieces by rule, cut to `events` each: six to train on, two each to validate and to test.
inline std::filesystem::path small_dataset(const std::filesystem::path& file, std::string_view encoding,
                                           std::int64_t events = 90) {
  const auto encoder = io::make_encoding(encoding);
  io::Corpus corpus;
  int i = 0;
  for (const io::NamedScore& piece : io::synthetic_corpus(10, 3)) {
    io::LossReport report;
    const Events all = encoder->encode(piece.score, report);
    Events cut(all.kind);
    cut.append(all.view().slice(0, std::min(events + i, all.size())));
    const io::Split split = i < 6 ? io::Split::train : i < 8 ? io::Split::valid : io::Split::test;
    corpus[split].push_back({piece.name, std::move(cut)});
    ++i;
  }
  io::write_dataset(file, corpus, *encoder, "{}");
  return file;
}

// Options of a run that takes well under a second.
inline std::vector<std::string> small_model(std::string_view model) {
  std::vector<std::string> options = {"--model", std::string(model), "--hidden", "12", "--seq",
                                      "16",      "--batch",          "9",        "-q"};
  if (model == "transformer") options.insert(options.end(), {"--heads", "2"});
  return options;
}

inline std::vector<std::string> joined(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline ProgramResult train(const std::vector<std::string>& arguments) {
  return run_program("polonaise-train", arguments);
}

// A trained run of `steps` steps in `folder`/run, on `folder`/data.
inline std::filesystem::path small_run(const std::filesystem::path& folder, std::string_view encoding,
                                       std::string_view model, const std::vector<std::string>& more = {}) {
  const std::filesystem::path data = small_dataset(folder / "data", encoding);
  const ProgramResult result =
      train(joined(joined({data, "-o", folder / "run", "--steps", "6"}, small_model(model)), more));
  EXPECT_EQ(result.status, 0) << result.err;
  return folder / "run";
}

// The same bytes in the checkpoints' files.
inline void expect_same_checkpoint(const std::filesystem::path& a, const std::filesystem::path& b) {
  for (const char* name : {"model.safetensors", "state.safetensors"}) {
    const std::string bytes = read_text(a / name);
    EXPECT_FALSE(bytes.empty()) << a << name;
    EXPECT_TRUE(bytes == read_text(b / name)) << name << " of " << a << " and " << b;
  }
}

// Changes one byte; `at` counts from the end where negative.
inline void flip_byte(const std::filesystem::path& file, std::ptrdiff_t at) {
  std::string bytes = read_text(file);
  char& byte = bytes[static_cast<std::size_t>(at < 0 ? std::ssize(bytes) + at : at)];
  byte = static_cast<char>(byte ^ 0x10);
  write_text(file, bytes);
}

inline void cut_file(const std::filesystem::path& file, std::size_t bytes) {
  write_text(file, read_text(file).substr(0, bytes));
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline void expect_failure(const ProgramResult& result, int status, std::string_view part) {
  EXPECT_EQ(result.status, status) << result.out << result.err;
  EXPECT_TRUE(contains(result.err, part)) << result.err;
  EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
}

}  // namespace polonaise::tools
