#include "agent/changes.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

std::shared_ptr<const View> view_of(const ClusterState& state, std::uint64_t members = 0) {
  MasterView master;
  master.state = std::make_shared<const ClusterState>(state);
  View view;
  view.member_changes = members;
  view.master = std::make_shared<const MasterView>(master);
  return std::make_shared<const View>(view);
}

bool news(const Changes& changes, Topic topic, std::uint64_t index) {
  return changes.news({topic, "", false, index, {}});
}

TEST(Changes, ATopicHasNewsOnlyWhenItsOwnPartOfTheStateChanged) {
  Changes changes;
  ClusterState state;
  state.index = 10;
  changes.observe(view_of(state));
  EXPECT_TRUE(news(changes, Topic::Nodes, 9));  // whatever happened before: nobody knows
  EXPECT_FALSE(news(changes, Topic::Nodes, 10));
  ++state.index;
  state.leases.put("l", {});
  changes.observe(view_of(state));
  EXPECT_TRUE(news(changes, Topic::Leases, 10));
  EXPECT_FALSE(news(changes, Topic::Nodes, 10));
  EXPECT_FALSE(news(changes, Topic::Silences, 10));
  ++state.index;
  state.placements[1].node = "n1";
  changes.observe(view_of(state));
  EXPECT_TRUE(news(changes, Topic::Workloads, 11));
  EXPECT_TRUE(news(changes, Topic::Nodes, 11));
  EXPECT_FALSE(news(changes, Topic::Leases, 11));
  EXPECT_EQ(changes.index(Topic::Leases), 12U);
}

TEST(Changes, AnIndexThatIsAheadIsWaitedFor) {
  Changes changes;
  ClusterState state;
  state.index = 10;
  changes.observe(view_of(state));
  EXPECT_FALSE(news(changes, Topic::Nodes, 99));
  EXPECT_FALSE(news(changes, Topic::Keys, 99));
}

TEST(Changes, MembersCountForThemselvesAndACountThatFellMeansANewBeginning) {
  Changes changes;
  changes.observe(view_of({}, 5));
  EXPECT_FALSE(news(changes, Topic::Members, 5));
  changes.observe(view_of({}, 6));
  EXPECT_TRUE(news(changes, Topic::Members, 5));
  EXPECT_TRUE(news(changes, Topic::Members, 7));
}

TEST(Changes, ABlockingReadIsWhatItsQuerySays) {
  const auto parse = [](Page page, const char* query) {
    return blocking(page, "name", *Query::parse(query));
  };
  EXPECT_FALSE(parse(Page::Nodes, "").value());
  EXPECT_FALSE(parse(Page::Nodes, "wait=5s"));
  EXPECT_FALSE(parse(Page::Nodes, "index=x"));
  const auto key = parse(Page::Key, "index=7&wait=2h").value();
  ASSERT_TRUE(key);
  EXPECT_EQ(key->prefix, "name");
  EXPECT_TRUE(key->exact);
  EXPECT_EQ(key->index, 7U);
  EXPECT_EQ(key->wait, kWaitMax);
  const auto keys = parse(Page::Keys, "index=7&prefix=a/").value();
  EXPECT_EQ(keys->prefix, "a/");
  EXPECT_FALSE(keys->exact);
  EXPECT_EQ(keys->wait, kWaitUsual);
}

}  // namespace
}  // namespace muster::agent
