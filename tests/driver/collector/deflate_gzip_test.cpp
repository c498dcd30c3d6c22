#include "collector/deflate_gzip.h"

#include <string>

#include "tests/driver/collector/gunzip.h"

namespace muster::collector {
namespace {

TEST(Gzip, WhatItPacksIsTheSameAgainWhateverWasBefore) {
  Gzip gzip;
  std::string packed = "something else";
  std::string text;
  for (int i = 0; i < 20'000; ++i)
    text += "node_cpu_seconds_total{cpu=\"" + std::to_string(i) + "\"} 1\n";
  for (const std::string& one :
       {text, std::string(), std::string("a"), std::string(200'000, 'x'), text}) {
    ASSERT_TRUE(gzip.compress(one, packed));
    EXPECT_EQ(gunzip(packed), one);
  }
  EXPECT_LT(packed.size(), text.size() / 5);
}

}  // namespace
}  // namespace muster::collector
