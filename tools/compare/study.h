#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/common/config.h"

namespace polonaise::tools {

struct CompareOptions {
  std::filesystem::path dataset;
  std::filesystem::path output;
  std::filesystem::path reference;  // the Polonaise's score; may be empty
  std::vector<std::string> models = {"rnn", "lstm", "gru", "bilstm", "transformer"};
  std::vector<int> lengths = {24, 48, 64, 200};
  std::vector<std::string> devices = {"cpu"};
  double minutes = 10;
  std::int64_t parameters = 80'000;
  int layers = 2;
  std::int64_t step_targets = 512;
  double lr = 3e-3;
  std::int64_t sample_steps = 200;
  double temperature = 1;
  std::uint64_t seed = 1;
  int threads = 0;
  bool quiet = false;
};

// Does all that polonaise-compare is for, in options.output; takes up what was begun there with the same options, of
// which `config` is the record and `command` what was typed. Returns false where it was interrupted: called again it
// goes on.
bool run_study(const CompareOptions& options, const Config& config, const std::string& command);

// Writes the report of a comparison anew, from what it measured.
void render_study(const std::filesystem::path& folder);

}  // namespace polonaise::tools
