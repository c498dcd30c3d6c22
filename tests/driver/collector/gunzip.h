// What a text was before it was compressed, as another program sees it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace muster::collector {

inline std::string gunzip(const std::string& packed) {
  std::string directory = testing::TempDir() + "gunzip_XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) return "no temporary directory";
  std::ofstream(directory + "/in", std::ios::binary) << packed;
  const std::string command = "gzip -dc < " + directory + "/in > " + directory + "/out";
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::stringstream text;
  text << std::ifstream(directory + "/out", std::ios::binary).rdbuf();
  std::filesystem::remove_all(directory);
  return text.str();
}

}  // namespace muster::collector
