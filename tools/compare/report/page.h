#pragma once

#include <string_view>

namespace polonaise::tools {

// The parts of the report that are not C++, built in from page/: the page with {{places}} to be filled, its style
// and its player.
std::string_view page_html();
std::string_view page_css();
std::string_view page_js();

}  // namespace polonaise::tools
