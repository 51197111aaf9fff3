#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Pieces of HTML.
namespace polonaise::tools {

// Text as HTML may hold it, also between quotes: markup escaped, control characters left out.
std::string escape_html(std::string_view text);

// Numbers as the report writes them; a dash for what is not there or not finite. `format` is fmt's for a double.
std::string number(std::optional<double> value, std::string_view format = "{:.3f}");
// "1.2 G", "84.1 k": three digits and a prefix.
std::string with_prefix(std::optional<double> value);

struct HtmlTable {
  struct Column {
    std::string title;
    std::string hint = {};  // what it means, shown where the pointer rests
    bool text = false;      // set to the left
  };
  struct Cell {
    std::string html;
    std::string css_class = {};
  };
  std::string caption;
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  // a row's first cell names it

  // In a box of its own that scrolls where the table is wider than the screen.
  std::string html() const;
};

// `page` with each {{name}} replaced. Every place must have a value, and every value a place (std::logic_error).
std::string fill(std::string_view page, const std::vector<std::pair<std::string, std::string>>& values);

std::string base64(std::string_view bytes);

}  // namespace polonaise::tools
