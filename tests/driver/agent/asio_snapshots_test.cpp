#include "agent/asio_snapshots.h"

#include <mutex>
#include <vector>

#include <gtest/gtest.h>

#include "agent/posix_clock.h"
#include "base/protobuf_codec.h"
#include "failover/openssl_seal.h"
#include "tests/driver/temp_dir.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class AsioSnapshotsTest : public testing::Test {
 protected:
  TempDir dir_;
  Config config_;
  std::mutex mutex_;
  std::vector<Result<std::string>> done_;

  void SetUp() override {
    config_.cluster = "prod";
    config_.data_dir = dir_.path();
    config_.snapshots.interval = 1h;
    config_.snapshots.keep = 2;
  }
  static View view_at(raft::Index index) {
    auto state = std::make_shared<ClusterState>();
    state->index = index;
    auto master = std::make_shared<MasterView>();
    master->term = 3;
    master->state = state;
    View view;
    view.master = master;
    view.self.name = "n1";
    return view;
  }
  // What came of looking once.
  std::vector<Result<std::string>> look(const View& view) {
    done_.clear();
    asio::thread_pool pool(1);
    AsioSnapshots snapshots(config_, pool, [this](const Result<std::string>& path) {
      const std::lock_guard lock(mutex_);
      done_.push_back(path);
    });
    snapshots.look(view, control_now());
    pool.join();
    return done_;
  }
};

TEST_F(AsioSnapshotsTest, KeepsOneWhenNoneIsThereAndNotAgainBeforeTheInterval) {
  ASSERT_EQ(look(view_at(7)).size(), 1U);
  ASSERT_TRUE(done_[0]) << done_[0].error().text;
  const auto snapshot = failover::decode_snapshot(read_file(*done_[0]));
  ASSERT_TRUE(snapshot) << snapshot.error().text;
  EXPECT_EQ(snapshot->info.index, 7U);
  EXPECT_EQ(snapshot->info.taken_by, "n1");
  EXPECT_TRUE(protobuf_codec().decode_state(snapshot->state));
  EXPECT_TRUE(look(view_at(8)).empty());  // also after a restart
}

TEST_F(AsioSnapshotsTest, TakesNoneOnAnAgentOrWhenSwitchedOffOrOfNothing) {
  EXPECT_TRUE(look(View{}).empty());
  EXPECT_TRUE(look(view_at(0)).empty());
  config_.snapshots.interval = Duration::zero();
  EXPECT_TRUE(look(view_at(7)).empty());
}

TEST_F(AsioSnapshotsTest, EncryptsThemUnderAConfiguredPassphrase) {
  config_.snapshots.passphrase_file = dir_.file("passphrase");
  write_file(config_.snapshots.passphrase_file, "correct horse\n");
  fs::permissions(config_.snapshots.passphrase_file, fs::perms::owner_read);
  ASSERT_EQ(look(view_at(7)).size(), 1U);
  ASSERT_TRUE(done_[0]) << done_[0].error().text;
  const auto opened = failover::unseal(read_file(*done_[0]), "correct horse");
  ASSERT_TRUE(opened);
  EXPECT_TRUE(failover::decode_snapshot(*opened));
}

TEST_F(AsioSnapshotsTest, SaysWhyThereIsNone) {
  write_file(dir_.file("taken"), "a file");
  config_.snapshots.dir = dir_.file("taken/here");
  ASSERT_EQ(look(view_at(7)).size(), 1U);
  ASSERT_FALSE(done_[0]);
  EXPECT_NE(done_[0].error().text.find("taken/here"), std::string::npos);
}

TEST_F(AsioSnapshotsTest, RemovesTheOldest) {
  SnapshotsConfig options = config_.snapshots;
  options.dir = dir_.file("snapshots");
  ClusterState state;
  for (raft::Index index = 1; index <= 4; ++index) {
    state.index = index;
    failover::SnapshotInfo info;
    info.cluster = "prod";
    info.index = index;
    ASSERT_TRUE(keep_snapshot(options, state, info));
  }
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(options.dir)) files += entry.exists() ? 1 : 0;
  EXPECT_EQ(files, 2U);
}

}  // namespace
}  // namespace muster::agent
