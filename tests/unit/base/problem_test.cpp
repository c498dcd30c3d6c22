#include "base/problem.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(Problem, NamesThePathFirstAndTheWholeWithoutOne) {
  EXPECT_EQ(to_error({"a.b", "is bad"}), (Error{Code::InvalidArgument, "a.b: is bad"}));
  EXPECT_EQ(to_error({"", "is bad"}), (Error{Code::InvalidArgument, "is bad"}));
}

TEST(Problem, QuotesOutsideTextInOneAsciiLineOfBoundedLength) {
  EXPECT_EQ(in_quotes("plain"), "\"plain\"");
  EXPECT_EQ(in_quotes("a\nb\"c\\\x1b\x7f\xc3\xa9"), R"("a\x0ab\"c\\\x1b\x7f\xc3\xa9")");
  EXPECT_EQ(in_quotes(std::string(61, 'x')), "\"" + std::string(60, 'x') + "...\"");
}

TEST(Problem, TellsUtf8FromOtherBytes) {
  for (const char* good : {"", "a", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf0\x90\x80\x80",
                           "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(valid_utf8(good)) << in_quotes(good);
  }
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xe2\x28\xa1"}) {
    EXPECT_FALSE(valid_utf8(bad)) << in_quotes(bad);
  }
  EXPECT_TRUE(one_line_text("h\xc3\xa9llo"));
  EXPECT_FALSE(one_line_text("a\nb"));
  EXPECT_FALSE(one_line_text(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace muster
