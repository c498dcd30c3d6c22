#include "base/quantity.h"

#include <utility>

#include <gtest/gtest.h>

namespace muster {
namespace {

using namespace std::chrono_literals;

TEST(Quantity, ReadsDurationsWithTheirUnit) {
  EXPECT_EQ(parse_duration("500ms"), Duration(500ms));
  EXPECT_EQ(parse_duration("10s"), Duration(10s));
  EXPECT_EQ(parse_duration("1.5h"), Duration(90min));
  EXPECT_EQ(parse_duration("5m"), Duration(5min));
  EXPECT_EQ(parse_duration("0s"), Duration(0));
  EXPECT_EQ(parse_duration("7d"), Duration(7 * 24h));
  EXPECT_EQ(parse_duration("1h30m"), Duration(90min));
  EXPECT_EQ(parse_duration("1d2h3m4s5ms"), Duration(26h + 3min + 4s + 5ms));
}

TEST(Quantity, RefusesDurationsThatNeedGuessing) {
  for (const char* bad : {"", "10", "s", "-1s", "+1s", "1e3s", " 1s", "1 s", "1s ", "1y", "1.s",
                          ".5s", "1.2.3s", "0x1s", "nans", "infs", "30m1h", "1h2h", "1h30"}) {
    const auto duration = parse_duration(bad);
    ASSERT_FALSE(duration) << bad;
    EXPECT_NE(duration.error().text.find("500ms, 10s, 5m, 1h or 7d"), std::string::npos);
  }
  EXPECT_FALSE(parse_duration("99999999999999999999h"));
}

TEST(Quantity, ReadsSecondsWithoutUnit) {
  EXPECT_EQ(parse_seconds("0.2"), Duration(200ms));
  EXPECT_EQ(parse_seconds("10"), Duration(10s));
  for (const char* bad : {"", "10s", "-1", "1e2", "99999999999"}) EXPECT_FALSE(parse_seconds(bad));
}

TEST(Quantity, ReadsSizesInPowersOf1024And1000) {
  const std::pair<const char*, std::uint64_t> cases[] = {{"0", 0},
                                                         {"1048576", 1048576},
                                                         {"256MiB", 256U << 20},
                                                         {"256Mi", 256U << 20},
                                                         {"100M", 100000000},
                                                         {"100MB", 100000000},
                                                         {"1KiB", 1024},
                                                         {"1.5GiB", 1610612736},
                                                         {"7B", 7},
                                                         {"2TiB", std::uint64_t{2} << 40}};
  for (const auto& [text, bytes] : cases) EXPECT_EQ(parse_size(text), bytes) << text;
  for (const char* bad : {"", "MiB", "-1", "1 MiB", "1mib", "1XB", "1MiBB", "9000TiB", "1e3"}) {
    EXPECT_FALSE(parse_size(bad)) << bad;
  }
}

TEST(Quantity, ReadsSharesOfProcessorsInThousandths) {
  EXPECT_EQ(parse_cpu("500m"), 500U);
  EXPECT_EQ(parse_cpu("1.5"), 1500U);
  EXPECT_EQ(parse_cpu("0.001"), 1U);
  EXPECT_EQ(parse_cpu("2"), 2000U);
  for (const char* bad : {"", "m", "0.0001", "1.5m", "-1", "2000000", "1 m", "1cpu"}) {
    EXPECT_FALSE(parse_cpu(bad)) << bad;
  }
}

TEST(Quantity, WritesWhatItReads) {
  for (const char* text : {"0s", "200ms", "10s", "90s", "5m", "4h", "0.5ms"}) {
    EXPECT_EQ(duration_text(parse_duration(text).value()), text);
  }
  for (const char* text : {"0", "1000", "1KiB", "10MiB", "1TiB"}) {
    EXPECT_EQ(size_text(parse_size(text).value()), text);
  }
}

}  // namespace
}  // namespace muster
