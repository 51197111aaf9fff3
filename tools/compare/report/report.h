#pragma once

#include <filesystem>
#include <string>

#include "tools/compare/results/results.h"

namespace polonaise::tools {

// report.html: one file without references to others, of the results and of the pieces of music in `folder` that they
// name. Throws io::Error for one that cannot be read.
std::string report_html(const Results& results, const std::filesystem::path& folder);

}  // namespace polonaise::tools
