// What a text was before it was compressed, as another program sees it.
#pragma once

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "tests/driver/temp_dir.h"

namespace muster::collector {

inline std::string gunzip(const std::string& packed) {
  const TempDir directory;
  write_file(directory.file("in"), packed);
  const std::string command = "gzip -dc < " + directory.file("in") + " > " + directory.file("out");
  EXPECT_EQ(std::system(command.c_str()), 0);
  return read_file(directory.file("out"));
}

}  // namespace muster::collector
