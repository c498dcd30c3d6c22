#include "collector/exposition_parse.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "collector/exposition.h"

namespace muster::collector {
namespace {

constexpr std::size_t kMany = 1000;

// What comes out of `text` when it is written again; or why it is refused.
std::string again(const std::string& text, std::size_t series_max = kMany) {
  const auto families = parse_exposition(text, series_max);
  return families ? exposition_text(*families) : families.error().text;
}

TEST(ExpositionParse, WhatItReadsIsWrittenAgainAlike) {
  const std::string text =
      "# HELP a_total With \\\\ and \\n in it.\n# TYPE a_total counter\n"
      "a_total{x=\"b\\\\s \\\"q\\\"\\nl\",y=\"2\"} 3\na_total{x=\"\"} 1.5\n"
      "# HELP b Gauge.\n# TYPE b gauge\nb NaN\n"
      "# HELP c Untyped.\n# TYPE c untyped\nc -Inf\n";
  EXPECT_EQ(again(text), text);
}

TEST(ExpositionParse, BlanksCommentsAndEmptyLinesDoNotMatter) {
  EXPECT_EQ(again("\n # a comment\n#\n# HELP\n# HELP a\n# TYPE a \n\t a\t{ x = \"1\" , } \t+1e3\t\n"
                  "#TYPE b GAUGE\nb{}2\n"),
            "# HELP a \n# TYPE a untyped\na{x=\"1\"} 1000\n# HELP b \n# TYPE b gauge\nb 2\n");
  EXPECT_EQ(again(""), "");
  EXPECT_EQ(again("# TYPE a gauge\n"), "");
}

TEST(ExpositionParse, LabelsComeOutSortedByName) {
  EXPECT_EQ(again("a{b=\"1\",a=\"2\",_=\"3\"} 1\n"),
            "# HELP a \n# TYPE a untyped\na{_=\"3\",a=\"2\",b=\"1\"} 1\n");
}

TEST(ExpositionParse, HistogramsHaveSortedBucketsAndOneForAll) {
  EXPECT_EQ(again("# TYPE h histogram\nh_bucket{p=\"/\",le=\"1e6\"} 6\nh_count{p=\"/\"} 7.9\n"
                  "h_bucket{le=\"0.0050\",p=\"/\"} 3\nh_sum{p=\"/\"} -17.5\nh_sum{p=\"b\"} 1\n"),
            "# HELP h \n# TYPE h histogram\n"
            "h_bucket{p=\"/\",le=\"0.005\"} 3\nh_bucket{p=\"/\",le=\"1e+06\"} 6\n"
            "h_bucket{p=\"/\",le=\"+Inf\"} 7\nh_sum{p=\"/\"} -17.5\nh_count{p=\"/\"} 7\n"
            "h_bucket{p=\"b\",le=\"+Inf\"} 0\nh_sum{p=\"b\"} 1\nh_count{p=\"b\"} 0\n");
}

TEST(ExpositionParse, SummariesHaveSortedQuantiles) {
  EXPECT_EQ(
      again("# TYPE s summary\ns{quantile=\"0.99\"} NaN\ns{quantile=\".5\"} 2\ns_sum 8\n"
            "s_count 2693\n"),
      "# HELP s \n# TYPE s summary\ns{quantile=\"0.5\"} 2\ns{quantile=\"0.99\"} NaN\ns_sum 8\n"
      "s_count 2693\n");
}

TEST(ExpositionParse, SuffixesMeanNothingWithoutATypeThatHasThem) {
  EXPECT_EQ(again("# TYPE g gauge\ng_sum 1\nx_count{le=\"1\"} 2\n"),
            "# HELP g_sum \n# TYPE g_sum untyped\ng_sum 1\n"
            "# HELP x_count \n# TYPE x_count untyped\nx_count{le=\"1\"} 2\n");
}

TEST(ExpositionParse, APartMayNotHaveTheNameOfAnotherMetric) {
  for (const char* text : {"x_count 1\n# TYPE x histogram\nx_bucket{le=\"1\"} 2\nx_sum 1\n",
                           "# TYPE x_sum gauge\nx_sum 1\n# TYPE x summary\nx_count 1\n"}) {
    const auto families = parse_exposition(text, 9);
    ASSERT_FALSE(families) << text;
    EXPECT_NE(families.error().text.find(" is a metric of its own, and a part of x"),
              std::string::npos)
        << families.error().text;
  }
  // A summary has no buckets.
  EXPECT_TRUE(parse_exposition("x_bucket 1\n# TYPE x summary\nx_count 1\n", 9));
}

TEST(ExpositionParse, WhatIsNotUnderstoodIsRefusedWithItsLine) {
  const std::pair<std::string, std::string> cases[] = {
      {"a 1", "line 1 does not end: the text is cut off"},
      {"a 1\n\n# HELP", "line 3 does not end: the text is cut off"},
      {"a 1 1395066363000\n", "line 1 has a timestamp, which a scrape gives itself"},
      {"a\n", "line 1 does not begin with a valid name"},
      {"a \n", "line 1 does not hold a number"},
      {"a one\n", "line 1 does not hold a number"},
      {"a 1_000\n", "line 1 does not hold a number"},
      {"a 1\r\n", "line 1 does not hold a number"},
      {"1a 1\n", "line 1 does not begin with a metric's name"},
      {"{\"a\"} 1\n", "line 1 does not begin with a metric's name"},
      {"a-b 1\n", "line 1 does not begin with a valid name"},
      {"a{x=\"1\"\n", "line 1 has a label list that does not end"},
      {"a{x=\"1\" y=\"2\"} 1\n", "line 1 has a label list that does not end"},
      {"a{x=\"1} 1\n", "line 1 has a label value that does not end"},
      {"a{x=\"1\\\"} 1\n", "line 1 has a label value that does not end"},
      {"a{x=\"1\\", "line 1 does not end: the text is cut off"},
      {"a{x=\"1\\\n", "line 1 has a label value that does not end"},
      {"a{x=\"\\t\"} 1\n", "line 1 has an unknown escape"},
      {"a{x=1} 1\n", "line 1 has a label without a quoted value"},
      {"a{x} 1\n", "line 1 has no label where one must be"},
      {"a{,} 1\n", "line 1 has no label where one must be"},
      {"a{x:y=\"1\"} 1\n", "line 1 has no label where one must be"},
      {"a{__name__=\"b\"} 1\n", "line 1 has the label __name__, which is reserved"},
      {"a{x=\"1\",x=\"2\"} 1\n", "line 1 has the label x twice"},
      {"a{x=\"\xFF\"} 1\n", "line 1 has a label value that is not UTF-8"},
      {"a 1\na 2\n", "line 2 has a series that is there already"},
      {"a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n", "line 2 has a series that is there already"},
      {"a 1\na{x=\"\"} 1\n", "line 2 has a series that is there already"},
      {"# TYPE a gauge\n# TYPE a gauge\n",
       "line 2 is a second TYPE, or one behind the first sample"},
      {"a 1\n# TYPE a gauge\n", "line 2 is a second TYPE, or one behind the first sample"},
      {"# HELP a x\n# HELP a x\n", "line 2 is a second HELP"},
      {"# HELP a x\\t\n", "line 1 has an unknown escape"},
      {"# HELP a-b x\n", "line 1 has no valid name behind its keyword"},
      {"# TYPE a gaugehistogram\n", "line 1 has an unknown type"},
      {"# TYPE h histogram\nh 1\n", "line 2 is no part of a histogram"},
      {"# TYPE h histogram\nh_bucket 1\n", "line 2 has no number for its le or quantile"},
      {"# TYPE h histogram\nh_bucket{le=\"x\"} 1\n", "line 2 has no number for its le or quantile"},
      {"# TYPE h histogram\nh_bucket{le=\"NaN\"} 1\n",
       "line 2 has no number for its le or quantile"},
      {"# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1.0\"} 1\n",
       "line 3 has a series that is there already"},
      {"# TYPE h histogram\nh_count -1\n", "line 2 does not hold a count"},
      {"# TYPE h histogram\nh_bucket{le=\"1\"} NaN\n", "line 2 does not hold a count"},
      {"# TYPE s summary\ns 1\n", "line 2 has no number for its le or quantile"},
      {"# TYPE s summary\ns_sum 1\ns_sum 1\n", "line 3 has a series that is there already"},
      {std::string("\0\xFF\x80\n", 4), "line 1 does not begin with a metric's name"},
  };
  for (const auto& [text, why] : cases) EXPECT_EQ(again(text), why) << text;
}

TEST(ExpositionParse, SeriesAreLimited) {
  EXPECT_NE(again("a 1\nb 1\n", 2).find("# TYPE b"), std::string::npos);
  EXPECT_EQ(again("a 1\nb 1\nc 1\n", 2), "line 3 is one series more than 2");
}

TEST(ExpositionParse, BoundsAreWrittenAsGoWritesThem) {
  const std::pair<double, const char*> cases[] = {
      {0, "0"},
      {1, "1"},
      {0.005, "0.005"},
      {100000, "100000"},
      {999999, "999999"},
      {1e6, "1e+06"},
      {1234567, "1.234567e+06"},
      {0.0001, "0.0001"},
      {0.00001, "1e-05"},
      {-2.5, "-2.5"},
      {1e100, "1e+100"},
      {std::numeric_limits<double>::infinity(), "+Inf"}};
  for (const auto& [bound, text] : cases) EXPECT_EQ(bound_text(bound), text);
}

}  // namespace
}  // namespace muster::collector
