#pragma once

#include <filesystem>
#include <string>

#include "tools/compare/study/options.h"

namespace polonaise::tools {

// Does all that polonaise-compare is for, in options.output; takes up what was begun there with the same options.
// `command` is what was typed. Returns false where it was interrupted: called again it goes on.
bool run_study(const CompareOptions& options, const std::string& command);

// Writes the report of a comparison anew, from what it measured.
void render_study(const std::filesystem::path& folder);

}  // namespace polonaise::tools
