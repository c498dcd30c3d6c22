#include "collector/entropy.h"

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

TEST(Entropy, WhatIsThereAndWhatFitsIsShownInBits) {
  MadeUpHost machine;
  machine.files = {{"/proc/sys/kernel/random/entropy_avail", "251\n"},
                   {"/proc/sys/kernel/random/poolsize", "256\n"}};
  EXPECT_EQ(samples_text(collect_entropy(machine)),
            "node_entropy_available_bits 251\nnode_entropy_pool_size_bits 256\n");
  machine.files["/proc/sys/kernel/random/poolsize"] = "256";
  expect_refusal(collect_entropy(machine), "entropy", "poolsize is empty or cut off");
  machine.files["/proc/sys/kernel/random/entropy_avail"] = "-1\n";
  expect_refusal(collect_entropy(machine), "entropy", "is not a number");
}

}  // namespace
}  // namespace muster::collector
