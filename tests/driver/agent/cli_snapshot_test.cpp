// Do restore and recover make of files on the disk what the next start of an agent needs?
#include "agent/cli_snapshot.h"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include "agent/cli_init.h"
#include "agent/cli_keyring.h"
#include "agent/cli_recover.h"
#include "agent/posix_clock.h"
#include "agent/posix_lock.h"
#include "agent/posix_own_identity.h"
#include "agent/yaml_config.h"
#include "base/protobuf_codec.h"
#include "failover/commands.h"
#include "failover/found_anew.h"
#include "failover/posix_snapshots.h"
#include "failover/sqlite_log.h"
#include "identity/founding.h"
#include "identity/openssl_authority.h"
#include "identity/openssl_certificate.h"
#include "identity/posix_identity.h"
#include "identity/token.h"
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
  void lay_out(const Address& second, const Address& third, const ClusterState& held = state()) {
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
        {2,
         failover::SqliteLog::PutSnapshot{
             meta, std::make_shared<const std::string>(protobuf_codec().encode_state(held)), 0}});
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

// The same with what `muster init` writes: a configuration and an identity.
class SecuredCliSnapshotTest : public CliSnapshotTest {
 protected:
  std::string identity_ = data_ + "/identity";

  void SetUp() override {
    fs::create_directory(data_);
    init(identity_);
  }
  void init(const std::string& identity) {
    InitArguments arguments;
    arguments.name = "n1";
    arguments.cluster = "prod";
    arguments.advertise = "10.0.0.1";  // not loopback
    arguments.data_dir = fs::path(identity).parent_path().string();
    arguments.config = fs::path(identity).parent_path().string() + ".yaml";
    ASSERT_EQ(run_init(arguments), Exit::Done);
    config_ = arguments.config;
  }
  // As the first coordinator makes it, which then removes `founding`.
  ClusterState secured_state() {
    const auto text = identity::load_founding(identity_);
    EXPECT_TRUE(text && *text);
    const auto founding = identity::parse_founding(**text, "founding");
    EXPECT_TRUE(founding);
    ClusterState state = CliSnapshotTest::state();
    for (CommandBody& body : identity::founding_commands(state, *founding)) {
      Command command;
      command.at = wall_now();
      command.body = std::move(body);
      EXPECT_TRUE(failover::apply(state, state.index + 1, command));
    }
    EXPECT_TRUE(identity::remove_founding(identity_));
    state.index = CliSnapshotTest::state().index;
    return state;
  }
  ClusterState begun() {
    const auto begun = protobuf_codec().decode_state(*stored().snapshot_data);
    EXPECT_TRUE(begun);
    return *begun;
  }
  // The agent has with what to prove who it is, and it is on record.
  void expect_proved(const ClusterState& state) {
    const auto config = load_config(config_);
    ASSERT_TRUE(config) << config.error().text;
    const auto own = OwnIdentity::open(*config);
    ASSERT_TRUE(own) << own.error().text;
    EXPECT_EQ(state.certificates.at("n1").serial, (*own)->certificate().serial);
    EXPECT_EQ(state.certificates.at("n1").role, NodeRole::Master);
    const auto admin = identity::load_secret(identity_ + "/admin.token");
    ASSERT_TRUE(admin) << admin.error().text;
    const auto token = identity::parse_api_token(*admin);
    ASSERT_TRUE(token);
    ASSERT_TRUE(state.tokens.contains(token->id));
    EXPECT_EQ(state.tokens.at(token->id).role, Role::Admin);
    EXPECT_EQ(state.tokens.at(token->id).sha256, identity::sha256(token->secret));
  }
};

TEST_F(SecuredCliSnapshotTest, RecoverGoesOnWithTheIdentityThatTheSurvivorHas) {
  const Port second(false);
  const Port third(false);
  lay_out(second.address(), third.address(), secured_state());
  const std::string certificate = read_file(identity_ + "/node.pem");
  EXPECT_EQ(recover(false), Exit::Failed);
  ASSERT_EQ(recover(true), Exit::Done);
  EXPECT_EQ(read_file(identity_ + "/node.pem"), certificate);
  expect_proved(begun());
}

TEST_F(SecuredCliSnapshotTest, RestoreKeepsTheIdentityThatIsThere) {
  const std::string file = save(secured_state());
  const std::string certificate = read_file(identity_ + "/node.pem");
  ASSERT_EQ(restore(file), Exit::Done);
  EXPECT_EQ(read_file(identity_ + "/node.pem"), certificate);
  expect_proved(begun());
}

TEST_F(SecuredCliSnapshotTest, RestoreTakesACertificateThatWasRenewedSince) {
  ClusterState old = secured_state();
  const CertificateRecord now = old.certificates.at("n1");
  old.certificates["n1"].serial = "5";
  ASSERT_EQ(restore(save(old)), Exit::Done);
  const ClusterState state = begun();
  expect_proved(state);
  ASSERT_EQ(state.certificates.at("n1").former.size(), 1U);  // to be revoked with it
  EXPECT_EQ(state.certificates.at("n1").former[0].serial, "5");
  EXPECT_EQ(state.certificates.at("n1").key, now.key);
  EXPECT_EQ(state.certificates.at("n1").authority, now.authority);
}

TEST_F(SecuredCliSnapshotTest, RestoreMakesANewIdentityAndAnAdminsTokenWhereThereIsNone) {
  const ClusterState before = secured_state();
  const std::string file = save(before);
  const std::string bundle = read_file(identity_ + "/ca.pem");
  const std::string keyring = read_file(identity_ + "/keyring");
  fs::rename(identity_, dir_.file("gone"));
  ASSERT_EQ(restore(file), Exit::Done);
  const ClusterState state = begun();
  expect_proved(state);
  EXPECT_EQ(state.tokens.size(), 2U);  // the one of before too
  EXPECT_NE(state.certificates.at("n1").serial, before.certificates.at("n1").serial);
  ASSERT_EQ(state.certificates.at("n1").former.size(), 1U);
  EXPECT_EQ(read_file(identity_ + "/ca.pem"), bundle);
  EXPECT_EQ(read_file(identity_ + "/keyring"), keyring);
  for (const auto& file_there : fs::directory_iterator(identity_)) {
    EXPECT_EQ(file_there.status().permissions(), fs::perms::owner_read | fs::perms::owner_write);
  }
}

TEST_F(SecuredCliSnapshotTest, RestoreRefusesAnIdentityThatTheOthersWouldNotBelieve) {
  const ClusterState good = secured_state();
  ClusterState revoked = good;
  revoked.revoked[good.certificates.at("n1").serial] = {"n1", {}, "root", {}};
  testing::internal::CaptureStderr();
  EXPECT_EQ(restore(save(revoked)), Exit::Failed);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("was revoked"), std::string::npos) << said;
  EXPECT_NE(said.find("move " + identity_ + " away"), std::string::npos) << said;
  // Of a cluster that `muster init` has just made on this machine.
  init(dir_.file("other/identity"));
  fs::rename(identity_, dir_.file("gone"));
  fs::rename(dir_.file("other/identity"), identity_);
  config_ = data_ + ".yaml";
  testing::internal::CaptureStderr();
  EXPECT_EQ(restore(save(good)), Exit::Failed);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("signed by no authority"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(database_));
}

TEST_F(SecuredCliSnapshotTest, PlainAndSecuredDoNotMix) {
  const std::string secured = save(secured_state());
  const std::string mine = config_;
  config_ = dir_.file("plain.yaml");
  write_file(config_, "cluster: prod\nnode: {name: n1}\ndata_dir: " + data_ +
                          "\nmasters: [{name: n1, rpc: \"127.0.0.1:7947\"}]\n");
  EXPECT_EQ(restore(secured), Exit::Failed);
  config_ = mine;
  EXPECT_EQ(restore(save(state())), Exit::Failed);
  EXPECT_FALSE(fs::exists(database_));
}

TEST_F(SecuredCliSnapshotTest, TheKeyringIsFoundInTheConfigurationToo) {
  KeyringArguments arguments;
  arguments.verb = "list";
  arguments.config = config_;
  EXPECT_EQ(run_keyring(arguments), Exit::Done);
}

}  // namespace
}  // namespace muster::agent
