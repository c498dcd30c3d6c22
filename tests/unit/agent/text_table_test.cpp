#include "agent/text_table.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

TEST(TextTable, AlignsColumnsAndEndsLinesWithoutBlanks) {
  TextTable table({"NAME", "STATE"});
  table.add({"a-long-name", "up"});
  table.add({"b"});
  EXPECT_EQ(table.text(),
            "NAME         STATE\n"
            "a-long-name  up\n"
            "b\n");
}

TEST(TextTable, CountsCharactersAndNotBytes) {
  TextTable table({"ZONE", "X"});
  table.add({"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa9", "1"});
  EXPECT_EQ(table.text(), "ZONE   X\n\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa9  1\n");
}

TEST(TextTable, OutsideTextCannotMoveTheCursor) {
  EXPECT_EQ(printable("a\x1b[2J\n\tb\x7f"), "a?[2J??b?");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "?2J");
  EXPECT_EQ(printable("\xff\xc3\xa4"), "???");
  EXPECT_EQ(printable("\xc3\xa4"), "\xc3\xa4");
}

TEST(TextTable, AgesHaveOneUnit) {
  EXPECT_EQ(age_text(1000, 4999), "3s");
  EXPECT_EQ(age_text(1, 12 * 60'000 + 1), "12m");
  EXPECT_EQ(age_text(1, 5 * 3'600'000 + 1), "5h");
  EXPECT_EQ(age_text(1, 9 * 86'400'000LL + 1), "9d");
  EXPECT_EQ(age_text(0, 5), "-");
  EXPECT_EQ(age_text(5000, 1000), "0s");
}

TEST(Wrapped, LinesAreBrokenAtBlanksAndIndented) {
  EXPECT_EQ(wrapped("one two three", 2, 9), "  one two\n  three\n");
  EXPECT_EQ(wrapped("one two three", 2, 10), "  one two\n  three\n");
  EXPECT_EQ(wrapped("one  two", 0), "one two\n");
  EXPECT_EQ(wrapped("", 4), "");
}

TEST(Wrapped, AWordThatIsTooLongHasALineOfItsOwn) {
  EXPECT_EQ(wrapped("a muchtoolong b", 1, 6), " a\n muchtoolong\n b\n");
}

TEST(Wrapped, CharactersAreCountedAndNotBytes) {
  EXPECT_EQ(wrapped("\u00e9\u00e9 \u00e9\u00e9", 0, 5), "\u00e9\u00e9 \u00e9\u00e9\n");
}

}  // namespace
}  // namespace muster::agent
