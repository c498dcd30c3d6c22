#include "collector/cpu_info.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"

namespace muster::collector {
namespace {

TEST(CpuInfo, EveryCpuIsASampleWithWhatTheFileSaysOfIt) {
  EXPECT_EQ(
      samples_text(parse_cpu_info("processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\n"
                                  "model\t\t: 158\nmodel name\t: Core: 8700T @ 2.40GHz\n"
                                  "stepping\t: 10\nmicrocode\t: 0xf4\ncache size\t: 12288 KB\n"
                                  "physical id\t: 1\ncore id\t\t: 3\npower management:\n\n"
                                  "processor\t: 9\nFeatures\t: fp asimd\n\n")),
      "node_cpu_info{cachesize=\"12288 KB\",core=\"3\",cpu=\"0\",family=\"6\",microcode=\"0xf4\","
      "model=\"158\",model_name=\"Core: 8700T @ 2.40GHz\",package=\"1\",stepping=\"10\","
      "vendor=\"GenuineIntel\"} 1\n"
      "node_cpu_info{cachesize=\"\",core=\"\",cpu=\"9\",family=\"\",microcode=\"\",model=\"\","
      "model_name=\"\",package=\"\",stepping=\"\",vendor=\"\"} 1\n");
}

TEST(CpuInfo, WhatNamesNoCpuIsRefusedWithTheReason) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {"processor : 0", "is cut off"},
      {"vendor_id : x\n", "names no CPU"},
      {"processor : x\n", "names no CPU"},
      {"processor\t: 0\n\nprocessor\t: 0\n", "line 3"},
  };
  for (const auto& [text, why] : cases) expect_refusal(parse_cpu_info(text), "cpu", why);
}

}  // namespace
}  // namespace muster::collector
