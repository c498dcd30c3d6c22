#include "collector/sys_attributes.h"

#include <cmath>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "collector/proc_text.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

TEST(SysAttributes, AreReadWithoutTheirNewline) {
  MadeUpHost host;
  host.files = {{"/sys/a/text", " two words \n"},
                {"/sys/a/minus", "-12\n"},
                {"/sys/a/hex", "0x1f\n"},
                {"/sys/a/count", "18446744073709551615\n"}};
  SysAttributes sys(host, "test");
  EXPECT_EQ(sys.text("/sys/a/text"), "two words");
  EXPECT_EQ(sys.integer("/sys/a/minus"), -12);
  EXPECT_EQ(sys.integer("/sys/a/hex"), 31);
  EXPECT_EQ(sys.count("/sys/a/count"), 18446744073709551615U);
  EXPECT_EQ(sys.names("/sys/a"), (std::vector<std::string>{"count", "hex", "minus", "text"}));
  EXPECT_FALSE(sys.error());
}

TEST(SysAttributes, WhatIsGoneOrRefusedByADriverIsAbsentAndNoError) {
  MadeUpHost host;
  for (const Code code : {Code::PermissionDenied, Code::Internal, Code::InvalidArgument}) {
    host.broken["/sys/a/refused"] = {code, "cannot read it"};
    SysAttributes sys(host, "test");
    EXPECT_FALSE(sys.text("/sys/a/refused"));
    EXPECT_FALSE(sys.integer("/sys/a/gone"));
    EXPECT_TRUE(sys.names("/sys/gone").empty());
    EXPECT_FALSE(sys.error());
  }
}

TEST(SysAttributes, WhatCannotBeTrueIsAnErrorThatNamesTheFirstFile) {
  MadeUpHost host;
  const std::pair<std::string, std::string> cases[] = {
      {"", "does not hold a whole number"},
      {"12 MB\n", "does not hold a whole number"},
      {"0x\n", "does not hold a whole number"},
      {"0x-1\n", "does not hold a whole number"},
      {"99999999999999999999\n", "does not hold a whole number"},
      {std::string("\0\xFF\n", 3), "does not hold a whole number"},
      {std::string(10 << 20, '1'), "is larger than a page"},
  };
  for (const auto& [content, why] : cases) {
    host.files = {{"/sys/a/bad", content}, {"/sys/a/worse", "x"}};
    SysAttributes sys(host, "test");
    EXPECT_FALSE(sys.integer("/sys/a/bad"));
    EXPECT_FALSE(sys.count("/sys/a/worse"));
    ASSERT_TRUE(sys.error());
    EXPECT_EQ(sys.error()->code, Code::DataLoss);
    EXPECT_EQ(sys.error()->text,
              "collector test: /sys/a/bad " + why + "; its metrics are left out");
  }
  host.broken["/sys/a/huge"] = {Code::Exhausted, "cannot read /sys/a/huge: it is larger"};
  SysAttributes sys(host, "test");
  EXPECT_FALSE(sys.text("/sys/a/huge"));
  ASSERT_TRUE(sys.error());
  EXPECT_EQ(sys.error()->code, Code::Exhausted);
}

TEST(SysAttributes, LinksAreFollowedAsTheKernelDoes) {
  EXPECT_EQ(resolved("/sys/class/hwmon", "../../devices/platform/coretemp.0/hwmon/hwmon1"),
            "/sys/devices/platform/coretemp.0/hwmon/hwmon1");
  EXPECT_EQ(resolved("/sys/devices/a/hwmon/hwmon1", "../../../a/."), "/sys/devices/a");
  EXPECT_EQ(resolved("/sys", "/proc//1"), "/proc/1");
  EXPECT_EQ(resolved("/sys", "../../../.."), "/");
  EXPECT_EQ(base_name("/sys/devices/coretemp.0/"), "coretemp.0");
  EXPECT_EQ(base_name("lo"), "lo");
  EXPECT_EQ(base_name("/"), "");
}

TEST(ProcText, FloatsAreWhatGoTakesForOne) {
  EXPECT_EQ(parse_float("+1.5e3"), 1500);
  EXPECT_EQ(parse_float("-12500"), -12500);
  EXPECT_EQ(parse_float("+Inf"), HUGE_VAL);
  EXPECT_TRUE(std::isnan(parse_float("NaN").value_or(0)));
  for (const char* text : {"", "+", "+-1", "-+1", "1 ", "0x10", "1_000", "nan(1)", "1e999"}) {
    EXPECT_FALSE(parse_float(text)) << text;
  }
}

}  // namespace
}  // namespace muster::collector
