#include "collector/exposition.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

TEST(Exposition, WritesHelpTypeAndSamplesOfEachFamily) {
  const Families families{
      {"a_total", "First.", MetricType::Counter, {{{}, 3}}},
      {"b", "Second.", MetricType::Gauge, {{{{"x", "1"}, {"y", "2"}}, 0.5}, {{{"x", "3"}}, -1}}},
      {"c", "Third.", MetricType::Untyped, {{{}, 0}}}};
  EXPECT_EQ(exposition_text(families),
            "# HELP a_total First.\n# TYPE a_total counter\na_total 3\n"
            "# HELP b Second.\n# TYPE b gauge\nb{x=\"1\",y=\"2\"} 0.5\nb{x=\"3\"} -1\n"
            "# HELP c Third.\n# TYPE c untyped\nc 0\n");
}

TEST(Exposition, WritesFamiliesOfOneNameAsOneAndLeavesOutEmptyOnes) {
  const Families families{{"a", "One.", MetricType::Gauge, {{{{"x", "1"}}, 1}}},
                          {"b", "Other.", MetricType::Gauge, {{{}, 2}}},
                          {"none", "Empty.", MetricType::Gauge, {}},
                          {"a", "Again.", MetricType::Counter, {{{{"x", "2"}}, 3}}}};
  EXPECT_EQ(exposition_text(families),
            "# HELP a One.\n# TYPE a gauge\na{x=\"1\"} 1\na{x=\"2\"} 3\n"
            "# HELP b Other.\n# TYPE b gauge\nb 2\n");
  EXPECT_EQ(exposition_text({}), "");
}

TEST(Exposition, WritesThePartsOfHistogramsAndSummariesWithTheirSuffixes) {
  const Families families{{"h",
                           "H.",
                           MetricType::Histogram,
                           {{{{"x", "1"}, {"le", "+Inf"}}, 3, SamplePart::Bucket},
                            {{{"x", "1"}}, 1.5, SamplePart::Sum},
                            {{{"x", "1"}}, 3, SamplePart::Count}}},
                          {"s",
                           "S.",
                           MetricType::Summary,
                           {{{{"quantile", "0.5"}}, 7, SamplePart::Value},
                            {{}, 8, SamplePart::Sum},
                            {{}, 2, SamplePart::Count}}}};
  EXPECT_EQ(exposition_text(families),
            "# HELP h H.\n# TYPE h histogram\nh_bucket{x=\"1\",le=\"+Inf\"} 3\nh_sum{x=\"1\"} 1.5\n"
            "h_count{x=\"1\"} 3\n# HELP s S.\n# TYPE s summary\ns{quantile=\"0.5\"} 7\ns_sum 8\n"
            "s_count 2\n");
}

TEST(Exposition, EscapesHelpAndLabelValues) {
  const Families families{
      {"a", "back\\slash \"quote\"\nline", MetricType::Gauge, {{{{"x", "b\\s \"q\"\nl"}}, 1}}}};
  EXPECT_EQ(exposition_text(families),
            "# HELP a back\\\\slash \"quote\"\\nline\n# TYPE a gauge\n"
            "a{x=\"b\\\\s \\\"q\\\"\\nl\"} 1\n");
}

TEST(Exposition, EscapesWhereverInALongTextItIsNeeded) {
  const std::string plain = "a text longer than several words";
  for (std::size_t at = 0; at <= plain.size(); ++at) {
    for (const auto& [one, written] :
         {std::pair{"\"", "\\\""}, std::pair{"\\", "\\\\"}, std::pair{"\n", "\\n"},
          std::pair{"\xFF", "\xEF\xBF\xBD"}, std::pair{"\xC3\xA9", "\xC3\xA9"}}) {
      std::string text = plain;
      std::string expected = plain;
      const Families families{{"a", "", MetricType::Gauge, {{{{"x", text.insert(at, one)}}, 1}}}};
      EXPECT_EQ(exposition_text(families),
                "# HELP a \n# TYPE a gauge\na{x=\"" + expected.insert(at, written) + "\"} 1\n");
    }
  }
}

TEST(Exposition, TellsNamesApartThatAreAlikeInLengthAndEnd) {
  Families families;
  std::string expected;
  for (const char* name : {"b_seconds", "a_seconds", "a_second", "c", "s", "b_seconds"}) {
    families.push_back({name, "", MetricType::Gauge, {{{}, 1}}});
  }
  for (const char* name : {"b_seconds", "a_seconds", "a_second", "c", "s"}) {
    const std::string text(name);
    expected += "# HELP " + text + " \n# TYPE " + text + " gauge\n" + text + " 1\n";
    if (text == "b_seconds") expected += "b_seconds 1\n";
  }
  EXPECT_EQ(exposition_text(families), expected);
}

TEST(Exposition, ReplacesWhatIsNotUtf8) {
  const std::string bad = "\xEF\xBF\xBD";
  const std::pair<std::string, std::string> cases[] = {
      {"plain", "plain"},
      {"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"},
      {"\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},
      {std::string("a\0b", 3), "a" + bad + "b"},
      {"\x80", bad},                                // a continuation alone
      {"\xC3", bad},                                // cut off
      {"\xC3\"", bad + "\\\""},                     // does not swallow what follows
      {"\xE2\x82", bad + bad},                      // cut off
      {"\xC0\xAF", bad + bad},                      // overlong
      {"\xE0\x9F\xBF", bad + bad + bad},            // overlong
      {"\xF0\x8F\xBF\xBF", bad + bad + bad + bad},  // overlong
      {"\xED\xA0\x80", bad + bad + bad},            // surrogate
      {"\xF4\x90\x80\x80", bad + bad + bad + bad},  // beyond U+10FFFF
      {"\xFF", bad},
  };
  for (const auto& [raw, written] : cases) {
    const std::string out = exposition_text({{"a", raw, MetricType::Gauge, {{{{"x", raw}}, 1}}}});
    EXPECT_TRUE(out.ends_with("\na{x=\"" + written + "\"} 1\n")) << out;
  }
}

std::string open_metrics(const Families& families) {
  std::string out;
  append_families(out, {&families}, Format::OpenMetrics);
  append_end(out, Format::OpenMetrics);
  return out;
}

TEST(OpenMetrics, NamesCountersWithoutTotalAndEndsWithEof) {
  const Families families{{"a_total", "First.", MetricType::Counter, {{{}, 3}}},
                          {"b", "The \"second\".", MetricType::Gauge, {{{{"x", "1"}}, 0.5}}},
                          {"c", "Third.", MetricType::Untyped, {{{}, 0}}}};
  EXPECT_EQ(open_metrics(families),
            "# HELP a First.\n# TYPE a counter\na_total 3\n"
            "# HELP b The \\\"second\\\".\n# TYPE b gauge\nb{x=\"1\"} 0.5\n"
            "# HELP c Third.\n# TYPE c unknown\nc 0\n"
            "# EOF\n");
  EXPECT_EQ(open_metrics({}), "# EOF\n");
}

TEST(OpenMetrics, ACounterThatCannotBeOneThereKeepsItsName) {
  const Families families{{"a", "Help.", MetricType::Gauge, {{{}, 1}}},
                          {"a_total", "Help.", MetricType::Counter, {{{}, 2}}},
                          {"b", "Help.", MetricType::Counter, {{{}, 3}}}};
  EXPECT_EQ(open_metrics(families),
            "# HELP a Help.\n# TYPE a gauge\na 1\n"
            "# HELP a_total Help.\n# TYPE a_total unknown\na_total 2\n"
            "# HELP b Help.\n# TYPE b unknown\nb 3\n"
            "# EOF\n");
}

TEST(OpenMetrics, BoundsOfBucketsAndQuantilesHaveAFraction) {
  const Families families{{"h",
                           "Help.",
                           MetricType::Histogram,
                           {{{{"le", "0.5"}}, 1, SamplePart::Bucket},
                            {{{"le", "1"}}, 2, SamplePart::Bucket},
                            {{{"le", "+Inf"}}, 2, SamplePart::Bucket},
                            {{}, 3, SamplePart::Sum},
                            {{}, 2, SamplePart::Count}}},
                          {"s", "Help.", MetricType::Summary, {{{{"quantile", "1"}}, 4}}},
                          {"g", "Help.", MetricType::Gauge, {{{{"le", "1"}}, 5}}}};
  EXPECT_EQ(open_metrics(families),
            "# HELP h Help.\n# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\n"
            "h_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n"
            "# HELP s Help.\n# TYPE s summary\ns{quantile=\"1.0\"} 4\n"
            "# HELP g Help.\n# TYPE g gauge\ng{le=\"1\"} 5\n"
            "# EOF\n");
  EXPECT_NE(exposition_text(families).find("h_bucket{le=\"1\"} 2\n"), std::string::npos);
}

TEST(Exposition, WritesWholeNumbersAsShortAsAnyOthers) {
  EXPECT_EQ(number_text(-0.0), "-0");
  EXPECT_EQ(number_text(99999), "99999");
  EXPECT_EQ(number_text(10000), "10000");
  EXPECT_EQ(number_text(100000), "1e+05");
  EXPECT_EQ(number_text(1200000), "1200000");
  EXPECT_EQ(number_text(12000000), "1.2e+07");
  for (double value = 1; value < 0x1p60; value *= 2.5) {
    for (const double whole : {std::floor(value), std::floor(value / 1e5) * 1e5}) {
      char text[32];
      const auto end = std::to_chars(std::begin(text), std::end(text), whole).ptr;
      EXPECT_EQ(number_text(whole), std::string(text, end));
      EXPECT_EQ(number_text(-whole), std::string("-") + std::string(text, end));
    }
  }
}

TEST(Exposition, WritesNumbersThatReadBackAsTheSame) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(number_text(std::nan("")), "NaN");
  EXPECT_EQ(number_text(-std::nan("")), "NaN");
  EXPECT_EQ(number_text(infinity), "+Inf");
  EXPECT_EQ(number_text(-infinity), "-Inf");
  EXPECT_EQ(number_text(0), "0");
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(1795221526), "1795221526");
  for (const double value : {1.0 / 3, 9007199254740993.0, 25276514304.0, 1e300, 5e-324, -2.5e-7,
                             std::numeric_limits<double>::max()}) {
    EXPECT_EQ(std::strtod(number_text(value).c_str(), nullptr), value);
  }
}

}  // namespace
}  // namespace muster::collector
