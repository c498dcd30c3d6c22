#include "collector/remembered_filter.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

// Keeps names that end with x, and counts what it is asked.
struct Counted {
  int asked = 0;
  Filter filter = remembered([this](std::string_view name) {
    ++asked;
    return name.ends_with('x');
  });

  // Asks about all of them and checks the answers; how often the filter itself was asked.
  int ask(const std::vector<std::string>& names) {
    asked = 0;
    for (const std::string& name : names) EXPECT_EQ(filter(name), name.ends_with('x')) << name;
    return asked;
  }
};

TEST(RememberedFilter, IsNotAskedAgainAboutNamesThatComeAsTheTimeBefore) {
  Counted counted;
  const std::vector<std::string> names{"ax", "b", "cx", "d"};
  EXPECT_EQ(counted.ask(names), 4);
  EXPECT_EQ(counted.ask(names), 0);
  EXPECT_EQ(counted.ask(names), 0);
}

TEST(RememberedFilter, AnswersRightWhateverChangesInTheOrder) {
  Counted counted;
  counted.ask({"ax", "b", "cx", "d"});
  EXPECT_EQ(counted.ask({"ax", "new", "cx", "d"}), 3);
  EXPECT_EQ(counted.ask({"ax", "new", "cx", "d"}), 0);
  counted.ask({"ax", "new"});  // cut off
  counted.ask({"ax", "new", "cx", "d"});
  EXPECT_EQ(counted.ask({"ax", "new", "cx", "d"}), 0);
  counted.ask({"z", "yx", "ax", "ax", "ax", "z"});
  counted.ask({});
  counted.ask({"ax", "new", "cx", "d"});
}

TEST(RememberedFilter, RemembersABoundedNumberOfNames) {
  Counted counted;
  std::vector<std::string> names;
  for (int i = 0; i < 20'000; ++i) names.push_back(std::to_string(i));
  EXPECT_EQ(counted.ask(names), 20'000);
  EXPECT_GT(counted.ask(names), 0);
}

TEST(RememberedFilter, ThatOfEverythingStaysEmpty) { EXPECT_FALSE(remembered({})); }

}  // namespace
}  // namespace muster::collector
