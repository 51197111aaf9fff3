#pragma once

#include <string_view>

namespace polonaise::tools {

// What of the report is not C++, built in from tools/compare/report/page/: the page with {{places}} to be filled, its style
// and its player.
std::string_view page_html();
std::string_view page_css();
std::string_view page_js();

}  // namespace polonaise::tools
