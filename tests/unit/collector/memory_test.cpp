#include "collector/memory.h"

#include <string>

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

TEST(Memory, EachLineBecomesOneGauge) {
  const auto families = parse_memory(
      "MemTotal:       24684096 kB\n"
      "\n"
      "Active(anon):       1568 kB\n"
      "HugePages_Total:       3\n"
      "VmallocTotal:   34359738367 kB\n"
      "DirectMap4k:       30720 kB\n");
  ASSERT_TRUE(families) << families.error().text;
  const std::pair<std::string, double> expected[] = {{"MemTotal_bytes", 25276514304.0},
                                                     {"Active_anon_bytes", 1605632.0},
                                                     {"HugePages_Total", 3.0},
                                                     {"VmallocTotal_bytes", 35184372087808.0},
                                                     {"DirectMap4k_bytes", 31457280.0}};
  ASSERT_EQ(families->size(), std::size(expected));
  for (std::size_t i = 0; i < families->size(); ++i) {
    const auto& [name, value] = expected[i];
    EXPECT_EQ((*families)[i], (Family{"node_memory_" + name,
                                      "Memory information field " + name + ".",
                                      MetricType::Gauge,
                                      {{{}, value}}}));
  }
}

TEST(Memory, WhatIsNotAMeminfoFileIsRefusedWithTheReason) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {"MemTotal:       24684096 kB\nMemFree:  244", "is cut off"},
      {"MemTotal 24684096 kB\n", "does not begin with a name and a colon"},
      {"MemTotal:\n", "does not hold a number"},
      {"MemTotal: lots kB\n", "does not hold a number"},
      {"MemTotal: -1 kB\n", "does not hold a number"},
      {"MemTotal: 1 MB\n", "has a unit other than kB"},
      {"MemTotal: 1 kB 2\n", "has a unit other than kB"},
      {"Mem\"Total: 1 kB\n", "does not begin with a name and a colon"},
      {"Active(an)on: 1 kB\n", "does not begin with a name and a colon"},
      {":\n", "does not begin with a name and a colon"},
      {"MemTotal: 1 kB\nMemTotal: 1 kB\n", "line 2"},
      {"MemFree: 1 kB\n", "has no line MemTotal"},
      {std::string("\0\xFF\xFE\n", 4), "does not begin with a name and a colon"},
  };
  for (const auto& [text, why] : cases) {
    const auto families = parse_memory(text);
    ASSERT_FALSE(families) << text;
    EXPECT_EQ(families.error().text.find("collector meminfo: /proc/meminfo "), 0U);
    EXPECT_NE(families.error().text.find(why), std::string::npos) << families.error().text;
  }
}

}  // namespace
}  // namespace muster::collector
