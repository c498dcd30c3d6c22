#include "collector/isal_gzip.h"

#include <random>
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

TEST(Gzip, WhatCannotBeMadeSmallerIsStored) {
  std::mt19937 random(7);
  Gzip gzip;
  std::string packed;
  for (const std::size_t size : {1U, 100U, 65'535U, 65'536U, 1'000'000U}) {
    std::string noise(size, ' ');
    for (char& c : noise) c = static_cast<char>(random() & 0xFFU);
    ASSERT_TRUE(gzip.compress(noise, packed));
    EXPECT_EQ(gunzip(packed), noise) << size;
  }
}

}  // namespace
}  // namespace muster::collector
