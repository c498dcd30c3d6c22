#include "collector/pressure.h"

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

using namespace std::chrono_literals;

TEST(Pressure, TheTotalOfSomeIsInMicroseconds) {
  const auto waited = parse_cpu_waiting(
      "some avg10=1.53 avg60=0.87 avg300=0.22 total=58761459\n"
      "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
  ASSERT_TRUE(waited.has_value()) << waited.error().text;
  EXPECT_EQ(*waited, 58'761'459us);
}

TEST(Pressure, WhatIsNotPressureIsRefused) {
  for (const char* text :
       {"", "\n", "some", "some avg10=0.00", "full avg10=0.00 total=1\n", "some avg10=0 total=\n",
        "some avg10=0 total=12x\n", "some avg10=0 total=-1\n",
        "some avg10=0 total=99999999999999999999\n", "some avg10=0 total=9223372036854775807\n"}) {
    const auto waited = parse_cpu_waiting(text);
    ASSERT_FALSE(waited.has_value()) << text;
    EXPECT_EQ(waited.error().code, Code::DataLoss);
  }
}

}  // namespace
}  // namespace muster::collector
