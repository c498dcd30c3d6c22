// Do restore and recover make of files on the disk what the next start of an agent needs?
#include "agent/cli_snapshot.h"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include "agent/cli_recover.h"
#include "agent/posix_lock.h"
#include "base/protobuf_codec.h"
#include "failover/found_anew.h"
#include "failover/posix_snapshots.h"
#include "failover/sqlite_log.h"
#include "tests/driver/temp_dir.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;
using asio::ip::tcp;

// A place where somebody listens, or nobody does.
class Port {
 public:
  explicit Port(bool open) : acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    number_ = acceptor_.local_endpoint().port();
    if (!open) acceptor_.close();
  }
  [[nodiscard]] Address address() const { return {"127.0.0.1", number_}; }

 private:
  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::uint16_t number_;
};

class CliSnapshotTest : public testing::Test {
 protected:
  TempDir dir_;
  std::string config_ = dir_.file("muster.yaml");
  std::string data_ = dir_.file("data");
  std::string database_ = data_ + "/consensus.db";

  void SetUp() override {
    fs::create_directory(data_);
    write_file(config_, "cluster: prod\nnode: {name: n1}\ndata_dir: " + data_ +
                            "\nmasters: [{name: n1, rpc: \"127.0.0.1:7947\"}]\n");
  }
  static ClusterState state() {
    ClusterState state;
    state.index = 1234;
    state.id = "c0ffee";
    state.term = 7;
    state.next_token = 42;
    state.masters["n1"] = {{"127.0.0.1", 7947}, master_id("n1")};
    return state;
  }
  std::string save(const ClusterState& saved, const std::string& cluster = "prod") {
    const std::string path = dir_.file("saved.snap");
    const auto info = failover::info_of(saved, cluster, 7, "n1", WallTime{});
    EXPECT_TRUE(failover::write_private_file(
        path, failover::encode_snapshot(info, protobuf_codec().encode_state(saved))));
    return path;
  }
  Exit restore(const std::string& file) {
    SnapshotArguments arguments;
    arguments.verb = "restore";
    arguments.file = file;
    arguments.config = config_;
    return run_snapshot({}, arguments);
  }
  Exit recover(bool yes) {
    RecoverArguments arguments;
    arguments.from_surviving_master = true;
    arguments.yes = yes;
    arguments.config = config_;
    return run_recover(arguments);
  }
  raft::Stored stored() {
    auto log = failover::SqliteLog::open(database_, "prod");
    EXPECT_TRUE(log) << log.error().text;
    auto found = (*log)->load();
    EXPECT_TRUE(found) << found.error().text;
    return *found;
  }
  // What a master of these three had on its disk when the machine went down.
  void lay_out(const Address& second, const Address& third) {
    auto log = failover::SqliteLog::open(database_, "prod");
    ASSERT_TRUE(log && (*log)->load());
    (*log)->start({[](const std::vector<std::uint64_t>&) {}, [](bool, const Error&) {}});
    (*log)->submit({1, failover::SqliteLog::SaveVote{7, master_id("n2")}});
    const raft::SnapshotMeta meta{1234,
                                  7,
                                  1,
                                  {{master_id("n1"), "127.0.0.1:7947", true},
                                   {master_id("n2"), second.text(), true},
                                   {master_id("n3"), third.text(), true}}};
    (*log)->submit(
        {2, failover::SqliteLog::PutSnapshot{
                meta, std::make_shared<const std::string>(protobuf_codec().encode_state(state())),
                0}});
    Command command;
    command.body = SetMaster{"n2", second};
    const auto data = std::make_shared<const std::string>(protobuf_codec().encode_command(command));
    (*log)->submit(
        {3, failover::SqliteLog::AppendEntries{1235, {{7, raft::EntryType::Command, data}}}});
  }
};

TEST_F(CliSnapshotTest, RestoreBeginsTheClusterAgainWithThisNodeAlone) {
  ASSERT_EQ(restore(save(state())), Exit::Done);
  const raft::Stored found = stored();
  EXPECT_GT(found.term, failover::kTermsAhead);
  ASSERT_EQ(found.snapshot.configuration.size(), 1U);
  EXPECT_EQ(found.snapshot.configuration[0].id, found.self);
  EXPECT_NE(found.self, master_id("n1")) << "it must not be taken for the master of before";
  const auto begun = protobuf_codec().decode_state(*found.snapshot_data);
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->id, "c0ffee");
  EXPECT_EQ(begun->next_token, 42 + failover::kTokensAhead);
  EXPECT_EQ(begun->index, found.snapshot.index);
}

TEST_F(CliSnapshotTest, RestoreChangesNothingWhereThereIsALogOrAnotherCluster) {
  EXPECT_EQ(restore(save(state(), "staging")), Exit::Failed);
  EXPECT_FALSE(fs::exists(database_));
  ASSERT_EQ(restore(save(state())), Exit::Done);
  const std::string before = read_file(database_);
  EXPECT_EQ(restore(save(state())), Exit::Failed);
  EXPECT_TRUE(read_file(database_) == before);
  write_file(dir_.file("other"), "no snapshot");
  EXPECT_EQ(restore(dir_.file("other")), Exit::BadConfiguration);
}

TEST_F(CliSnapshotTest, RecoverDoesNothingWithoutYes) {
  const Port second(false);
  const Port third(false);
  lay_out(second.address(), third.address());
  const std::string before = read_file(database_);
  EXPECT_EQ(recover(false), Exit::Failed);
  EXPECT_TRUE(read_file(database_) == before);
}

TEST_F(CliSnapshotTest, RecoverMakesTheSurvivorTheOnlyMasterWithAllThatItHad) {
  const Port second(false);
  const Port third(false);
  lay_out(second.address(), third.address());
  ASSERT_EQ(recover(true), Exit::Done);
  const raft::Stored found = stored();
  EXPECT_EQ(found.term, 7 + failover::kTermsAhead);
  EXPECT_EQ(found.snapshot.configuration.size(), 1U);
  EXPECT_TRUE(found.entries.empty());
  const auto begun = protobuf_codec().decode_state(*found.snapshot_data);
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->masters.size(), 1U);
  EXPECT_EQ(begun->index, 1235 + failover::kIndexesAhead);
  // What there was before is kept, with the entry that was only in the log.
  std::size_t copies = 0;
  for (const auto& file : fs::directory_iterator(data_)) {
    if (!file.path().filename().string().starts_with("before-recovery-")) continue;
    ++copies;
    const auto copy = failover::decode_snapshot(read_file(file.path().string()));
    ASSERT_TRUE(copy);
    EXPECT_EQ(copy->info.masters.size(), 2U);
  }
  EXPECT_EQ(copies, 1U);
  EXPECT_EQ(recover(true), Exit::Failed);  // it is the only master already
}

TEST_F(CliSnapshotTest, RecoverRefusesWhileAMajorityCanBeReached) {
  const Port second(true);
  const Port third(false);
  lay_out(second.address(), third.address());
  const std::string before = read_file(database_);
  EXPECT_EQ(recover(true), Exit::Failed);
  EXPECT_TRUE(read_file(database_) == before);
}

TEST_F(CliSnapshotTest, RecoverRefusesWhileTheAgentRunsAndWhereThereIsNoLog) {
  EXPECT_EQ(recover(true), Exit::BadConfiguration);
  const Port second(false);
  lay_out(second.address(), second.address());
  const auto lock = lock_file(data_ + "/lock");
  ASSERT_TRUE(lock);
  const std::string before = read_file(database_);
  EXPECT_EQ(recover(true), Exit::Failed);
  EXPECT_TRUE(read_file(database_) == before);
}

}  // namespace
}  // namespace muster::agent
