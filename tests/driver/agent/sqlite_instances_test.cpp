#include "agent/sqlite_instances.h"

#include <limits>

#include <gtest/gtest.h>

#include "tests/driver/temp_dir.h"

namespace muster::agent {
namespace {

StoredInstance instance(InstanceId id, const std::string& name) {
  StoredInstance stored;
  stored.assignment.instance = id;
  stored.assignment.token = 5;
  stored.assignment.revision = 2;
  stored.assignment.spec.name = name;
  stored.assignment.spec.command = {"/bin/sleep", "1000"};
  stored.assignment.spec.env = {{"A", "b"}};
  stored.pid = 1234;
  stored.start_time = 987654321;
  stored.restarts = 3;
  return stored;
}

class Instances : public testing::Test {
 protected:
  TempDir dir_;
  std::string path_ = dir_.file("instances.db");

  SqliteInstances open(const std::string& boot = "boot-1") {
    auto instances = SqliteInstances::open(path_, boot);
    if (!instances) throw std::runtime_error(instances.error().text);
    return std::move(*instances);
  }
};

TEST_F(Instances, AreFoundAgainAfterARestart) {
  const StoredInstance one = instance(1, "web");
  const StoredInstance two = instance(std::numeric_limits<std::int64_t>::max(), "db");
  {
    SqliteInstances instances = open();
    ASSERT_TRUE(instances.save(two));
    ASSERT_TRUE(instances.save(one));
  }
  const auto found = open().load();
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(*found, (std::vector<StoredInstance>{one, two}));
}

TEST_F(Instances, AreReplacedAndForgotten) {
  SqliteInstances instances = open();
  StoredInstance one = instance(1, "web");
  ASSERT_TRUE(instances.save(one));
  one.pid = 0;
  one.start_time = 0;
  one.assignment.wanted = Wanted::Stop;
  ASSERT_TRUE(instances.save(one));
  EXPECT_EQ(*instances.load(), std::vector<StoredInstance>{one});
  EXPECT_TRUE(instances.forget(1));
  EXPECT_TRUE(instances.forget(1));
  EXPECT_TRUE(instances.load()->empty());
}

TEST_F(Instances, HaveNoProcessAfterTheKernelHasBootedAgain) {
  ASSERT_TRUE(open("boot-1").save(instance(1, "web")));
  const auto found = open("boot-2").load();
  ASSERT_TRUE(found) << found.error().text;
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().pid, 0);
  EXPECT_EQ(found->front().start_time, 0U);
  EXPECT_EQ(found->front().restarts, 3U);
  EXPECT_EQ(found->front().assignment.spec.name, "web");
}

TEST_F(Instances, AreRefusedByNameWhenTheyLostABit) {
  {
    SqliteInstances instances = open();
    ASSERT_TRUE(instances.save(instance(1, "web")));
    ASSERT_TRUE(instances.save(instance(2, "needle")));
  }
  std::string bytes = read_file(path_);
  const auto at = bytes.find("needle");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  write_file(path_, bytes);
  const auto found = open().load();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::DataLoss);
  EXPECT_NE(found.error().text.find("instance 2 in " + path_), std::string::npos)
      << found.error().text;
}

TEST_F(Instances, AreNotAdoptedUnderAnotherProcessId) {
  ASSERT_TRUE(open().save(instance(1, "web")));
  {
    auto database = SqliteDatabase::open(SqliteInstances::options(path_));
    ASSERT_TRUE(database && database->execute("UPDATE instances SET pid = 1235"));
  }
  const auto found = open().load();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::DataLoss);
}

}  // namespace
}  // namespace muster::agent
