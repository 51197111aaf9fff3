#include "tools/cli/table.h"

#include <gtest/gtest.h>

namespace polonaise::tools {
namespace {

TEST(Table, ColumnsAlignAndLinesHaveNoTrailingSpaces) {
  Table table({{"split", Table::Align::left}, {"pieces"}, {"note", Table::Align::left}});
  table.row({"train", "1,280", "most"});
  table.row({"tést", "9"});
  EXPECT_EQ(table.text(),
            "split  pieces  note\n"
            "train   1,280  most\n"
            "tést        9\n");
}

TEST(Table, WithoutTitlesThereIsNoHeadline) {
  Table table({{"", Table::Align::left}, {""}});
  table.row({"hidden", "64"});
  EXPECT_EQ(table.text(), "hidden  64\n");
}

}  // namespace
}  // namespace polonaise::tools
