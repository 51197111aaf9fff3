#pragma once

#include <string>
#include <vector>

namespace polonaise::tools {

// Text in aligned columns, two spaces apart:
//
//   split   pieces  events
//   train       80  12,000
//   test        10   1,400
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::right;
  };

  // Columns without any title print no headline.
  explicit Table(std::vector<Column> columns);
  // A cell for each column; missing ones are empty.
  void row(std::vector<std::string> cells);
  // Lines without trailing spaces, each ended.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace polonaise::tools
