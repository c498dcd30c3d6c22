#include "collector/filefd.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"

namespace muster::collector {
namespace {

TEST(Filefd, TheFirstAndTheLastNumberAreShown) {
  EXPECT_EQ(samples_text(parse_filefd("1312\t0\t1632741\n")),
            "node_filefd_allocated 1312\nnode_filefd_maximum 1632741\n");
  EXPECT_EQ(samples_text(parse_filefd("1\t0\t9223372036854775807\n")),
            "node_filefd_allocated 1\nnode_filefd_maximum 9223372036854775808\n");
}

TEST(Filefd, WhatIsNotThreeNumbersIsRefused) {
  for (const char* text : {"", "1 0 2", "1 0\n", "1 0 2 3\n", "x 0 2\n", "1 0 -2\n", "1 0 2\n\n"}) {
    EXPECT_FALSE(parse_filefd(text)) << text;
  }
}

}  // namespace
}  // namespace muster::collector
