#include "collector/glob.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

TEST(Glob, StarsQuestionMarksAndClassesStandForCharacters) {
  for (const auto& [pattern, name] : {std::pair{"*", ""},
                                      {"*", "abc"},
                                      {"a*c", "abbc"},
                                      {"a*b*c", "axbxbxc"},
                                      {"?b", "ab"},
                                      {"[a-c]x", "bx"},
                                      {"[^a-c]x", "dx"},
                                      {"[!a]", "b"},
                                      {"[]a]", "]"},
                                      {"[a", "[a"},
                                      {"a**", "a"},
                                      {"*.prom", ".prom.prom"}}) {
    EXPECT_TRUE(glob_matches(pattern, name)) << pattern << " " << name;
  }
  for (const auto& [pattern, name] : {std::pair{"", "a"},
                                      {"a", ""},
                                      {"?", ""},
                                      {"a*c", "abcd"},
                                      {"[a-c]", "d"},
                                      {"[^a-c]", "b"},
                                      {"ab", "abc"},
                                      {"a?", "a"},
                                      {"*b", "a"}}) {
    EXPECT_FALSE(glob_matches(pattern, name)) << pattern << " " << name;
  }
}

TEST(Glob, ManyStarsTakeNoLongerThanTheirText) {
  std::string pattern;
  for (int i = 0; i < 2000; ++i) pattern += "*a";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(4000, 'a')));
}

TEST(Glob, PathsAreThoseThatExist) {
  MadeUpHost host;
  host.files = {{"/a/x1/m", ""}, {"/a/x2/m", ""}, {"/a/y/m", ""}};
  EXPECT_EQ(glob_paths(host, "/a/x?", 10), (std::vector<std::string>{"/a/x1", "/a/x2"}));
  EXPECT_EQ(glob_paths(host, "/a/*/m", 2), (std::vector<std::string>{"/a/x1/m", "/a/x2/m"}));
  EXPECT_EQ(glob_paths(host, "/a/z*", 10), (std::vector<std::string>{"/a/z*"}));
  EXPECT_EQ(glob_paths(host, "/none/at/all", 10), (std::vector<std::string>{"/none/at/all"}));
}

}  // namespace
}  // namespace muster::collector
