#include "collector/proc_text.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

constexpr Source kSource{"test", "/proc/test"};

TEST(ProcText, TextOfMoreLinesThanAnyFileHasIsRefused) {
  EXPECT_EQ(split_lines(kSource, std::string(kLinesMax, '\n')).value().size(), kLinesMax);
  const auto more = split_lines(kSource, std::string(kLinesMax + 1, '\n'));
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().text,
            "collector test: /proc/test has more than 65536 lines; its metrics are left out");
}

TEST(ProcText, ALineOfTooManyFieldsIsCutOffBeforeItCostsMemory) {
  std::string line;
  for (int i = 0; i < 2000; ++i) line += "x ";
  EXPECT_EQ(split_fields(line).size(), kFieldsMax);
}

TEST(ProcText, HexadecimalNumbersHaveNoSignAndNoPrefix) {
  EXPECT_EQ(parse_hex("0000ff0A"), 0xFF0AU);
  for (const char* text : {"", "0x1", "-1", "g", "1 ", "10000000000000000"}) {
    EXPECT_FALSE(parse_hex(text)) << text;
  }
}

TEST(ProcText, NumbersMayBeNegativeButNothingElseThanNumbers) {
  EXPECT_EQ(parse_number("-1"), -1.0);
  EXPECT_EQ(parse_number("0.25"), 0.25);
  for (const char* text : {"", "nan", "inf", "1e5", "+1", "1x"}) {
    EXPECT_FALSE(parse_number(text)) << text;
  }
}

TEST(ProcText, ALoneCountIsOneNumberAndANewline) {
  EXPECT_EQ(parse_lone_count(kSource, "42\n").value(), 42U);
  EXPECT_EQ(parse_lone_count(kSource, "  7 \n").value(), 7U);
  for (const char* text : {"", "42", "\n", "-1\n", "4 2\n", "forty\n"}) {
    EXPECT_FALSE(parse_lone_count(kSource, text)) << text;
  }
}

TEST(ProcText, ASetOfCpusIsNumbersAndRangesInOrder) {
  using Set = std::set<std::uint32_t>;
  EXPECT_EQ(parse_cpu_list(kSource, "\n").value(), Set());
  EXPECT_EQ(parse_cpu_list(kSource, "0\n").value(), (Set{0}));
  EXPECT_EQ(parse_cpu_list(kSource, "0-2,5,7-8\n").value(), (Set{0, 1, 2, 5, 7, 8}));
  EXPECT_EQ(parse_cpu_list(kSource, "0-65535\n").value().size(), kCpusMax);
  for (const char* text : {"", "0-3", "a\n", "3-1\n", "0-\n", "-3\n", "0,,1\n", "1,1\n", "0-3,2\n",
                           "0-65536\n", "0-4294967295\n", "0-99999999999999999999\n"}) {
    EXPECT_FALSE(parse_cpu_list(kSource, text)) << text;
  }
}

}  // namespace
}  // namespace muster::collector
