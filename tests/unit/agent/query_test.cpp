#include "agent/query.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

using std::chrono::seconds;

TEST(Query, NamesAndValuesAreDecodedOnce) {
  const auto query = Query::parse("prefix=a%2Fb%2520&keys_only&x=");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->text("prefix"), "a/b%20");
  EXPECT_TRUE(query->has("keys_only"));
  EXPECT_TRUE(query->has("x"));
  EXPECT_FALSE(query->has("y"));
  EXPECT_EQ(query->raw("x"), "prefix=a/b%2520&keys_only");
}

TEST(Query, WhatIsNoEncodingAndWhatIsThereTwiceIsRefused) {
  for (const char* raw : {"a=%", "a=%1", "a=%zz", "a=1&a=2", "a&%61"}) {
    EXPECT_FALSE(Query::parse(raw)) << raw;
  }
}

TEST(Query, ANameWithBracketsMayHaveManyValues) {
  const auto query = Query::parse("collect[]=cpu&x=1&collect%5B%5D=mem%20info&collect[]");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->all("collect[]"), (std::vector<std::string>{"cpu", "mem info", ""}));
  EXPECT_EQ(query->all("x"), std::vector<std::string>{"1"});
  EXPECT_TRUE(query->all("y").empty());
}

TEST(Query, NumbersAndDurationsAreWholeAndBounded) {
  const auto query = Query::parse("n=17&big=18446744073709551616&minus=-1&wait=2h&no=5");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->number("n", 0, 17).value(), 17U);
  EXPECT_EQ(query->number("other", 5, 17).value(), 5U);
  EXPECT_FALSE(query->number("n", 0, 16));
  EXPECT_FALSE(query->number("big", 0, ~std::uint64_t{0}));
  EXPECT_FALSE(query->number("minus", 0, 10));
  EXPECT_EQ(query->duration("wait", seconds(1), seconds(600)).value(), seconds(600));
  EXPECT_EQ(query->duration("other", seconds(1), seconds(600)).value(), seconds(1));
  EXPECT_FALSE(query->duration("no", seconds(1), seconds(600)));
}

TEST(Query, AStrangerIsNamed) {
  const auto query = Query::parse("prefix=a&keysonly");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->stranger("prefix,keys_only"), "keysonly");
  EXPECT_EQ(query->stranger("keysonly,prefix"), "");
  EXPECT_EQ(Query::parse("pre=1")->stranger("prefix"), "pre");
}

TEST(Query, EncodingAndDecodingAreInverse) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(percent_decoded(percent_encoded(all)), all);
  EXPECT_EQ(percent_encoded("a/b-c_d.e~f"), "a/b-c_d.e~f");
}

}  // namespace
}  // namespace muster::agent
