// One engine alone, told what others would say, truly or not.
#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "failover/raft_check.h"
#include "failover/raft_engine.h"

namespace muster::failover {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

raft::Blob blob(const std::string& text) { return std::make_shared<const std::string>(text); }

std::vector<raft::Server> servers(MasterId count) {
  std::vector<raft::Server> out;
  for (MasterId id = 1; id <= count; ++id) out.push_back({id, "m" + std::to_string(id), true});
  return out;
}

raft::Entry command(raft::Term term, const std::string& text = "x") {
  return {term, raft::EntryType::Command, blob(text)};
}
raft::Entry change(raft::Term term, MasterId count) {
  return {term, raft::EntryType::Change, blob(encode_configuration(servers(count)))};
}

RaftOptions options(std::uint64_t threshold = 4096, std::uint64_t trailing = 1024) {
  RaftOptions out;
  out.snapshot_threshold = threshold;
  out.snapshot_trailing = trailing;
  return out;
}

// Master 1 of three, with a disk that is at once as durable as `sync` is called.
class Lone {
 public:
  explicit Lone(const RaftOptions& how = options(), raft::Stored stored = {}, bool bootstrap = true)
      : engine(how, 1, "m1", servers(3), std::move(stored), 7, now) {
    engine.start(now, bootstrap);
    sync();
  }
  Instant now{std::chrono::seconds(10)};
  RaftEngine engine;
  std::vector<RaftEffect> effects;  // all so far
  std::uint64_t ticket = 0;

  void take() {
    for (RaftEffect& effect : engine.take_effects()) {
      if (const auto* vote = std::get_if<SaveVote>(&effect)) ticket = vote->ticket;
      if (const auto* log = std::get_if<AppendLog>(&effect)) ticket = log->ticket;
      if (const auto* put = std::get_if<PutSnapshot>(&effect)) ticket = put->ticket;
      effects.push_back(std::move(effect));
    }
  }
  void sync() {
    take();
    engine.on_durable(ticket, now);
    take();
  }
  // What the message alone brings about.
  std::vector<RaftEffect> tell(MasterId from, const raft::Message& message) {
    take();
    const std::size_t before = effects.size();
    engine.on_message(from, "m" + std::to_string(from), message, now);
    take();
    return {effects.begin() + static_cast<std::ptrdiff_t>(before), effects.end()};
  }
  template <class Effect>
  [[nodiscard]] std::vector<Effect> all() const {
    std::vector<Effect> out;
    for (const RaftEffect& effect : effects) {
      if (const auto* found = std::get_if<Effect>(&effect)) out.push_back(*found);
    }
    return out;
  }
  template <class Message>
  [[nodiscard]] Message last_sent(MasterId to) const {
    for (auto effect = effects.rbegin(); effect != effects.rend(); ++effect) {
      const auto* send = std::get_if<SendRaft>(&*effect);
      if (send == nullptr || send->to != to) continue;
      if (const auto* found = std::get_if<Message>(&send->message)) return *found;
    }
    ADD_FAILURE() << "no such message was sent";
    return {};
  }
  void pass(Duration time) {
    const Instant end = now + time;
    while (engine.deadline() <= end) {
      now = engine.deadline();
      engine.tick(now);
      sync();
    }
    now = end;
  }
  // Stands for election until it has won, with the vote of master 2.
  void lead() {
    while (engine.role() == raft::Role::Follower) pass(milliseconds(50));
    tell(2, raft::RequestVoteResult{engine.term() + 1, true, true, 1, 0xffff});
    sync();
    tell(2, raft::RequestVoteResult{engine.term(), true, false, 1, 0xffff});
    ASSERT_EQ(engine.role(), raft::Role::Leader);
    sync();
    sync();
  }
  void confirm(MasterId from, raft::Index index) {
    tell(from, raft::AppendEntriesResult{engine.term(), 0, index, 1, 0xffff});
    sync();
  }
};

raft::InstallSnapshot install(raft::Term term, raft::Index index) {
  return {term, {index, term, 1, servers(3)}, blob("state")};
}

// --- starting ---------------------------------------------------------------------------------

TEST(RaftStart, ANewClusterWritesItsFirstEntryBeforeAnythingElse) {
  const Instant now{};
  RaftEngine engine(options(), 2, "m2", {{3, "m3", true}, {1, "m1", true}, {2, "m2", true}}, {}, 1,
                    now);
  EXPECT_EQ(engine.deadline(), kNever);
  engine.start(now, true);
  const std::vector<RaftEffect> effects = engine.take_effects();
  ASSERT_EQ(effects.size(), 4U);
  EXPECT_EQ(std::get<SaveVote>(effects[0]).term, 1U);
  const auto& append = std::get<AppendLog>(effects[1]);
  ASSERT_EQ(append.entries.size(), 1U);
  EXPECT_EQ(append.first, 1U);
  EXPECT_EQ(*append.entries[0].data, encode_configuration(servers(3))) << "sorted, so all alike";
  EXPECT_EQ(std::get<ConfigurationChanged>(effects[2]).servers, servers(3));
  EXPECT_EQ(std::get<RoleChanged>(effects[3]).role, raft::Role::Follower);
}

TEST(RaftStart, MessagesWaitForTheVoteThatTheyDependOn) {
  Lone lone;
  const std::vector<RaftEffect> effects = lone.tell(2, raft::RequestVote{2, 2, 1, 1, false, false});
  ASSERT_FALSE(effects.empty());
  EXPECT_EQ(std::get<SaveVote>(effects[0]).voted_for, 2U);
  EXPECT_TRUE(std::none_of(effects.begin(), effects.end(), [](const RaftEffect& effect) {
    return std::holds_alternative<SendRaft>(effect);
  }));
  lone.sync();
  EXPECT_TRUE(lone.last_sent<raft::RequestVoteResult>(2).granted);
}

TEST(RaftStart, ADiskThatCannotBeTrustedStopsTheEngine) {
  raft::Stored good;
  good.term = 3;
  good.entries = {change(1, 3), command(2), command(3)};
  EXPECT_TRUE(check_stored(good).has_value());

  std::vector<raft::Stored> bad(8, good);
  bad[0].term = 2;                 // an entry is newer
  bad[1].first = 2;                // nothing tells what was before
  bad[2].entries[0] = command(1);  // nothing tells who the masters are
  bad[3].entries[1].term = 0;
  bad[4].entries[2].term = 1;  // falls
  bad[5].entries[0].data = blob("\x01");
  bad[6].snapshot = {9, 2, 1, servers(3)};  // the log ends before it
  bad[6].snapshot_data = blob("");
  bad[7].snapshot = {2, 1, 1, servers(3)};  // the log says term 2
  bad[7].snapshot_data = blob("");
  for (std::size_t i = 0; i < bad.size(); ++i) {
    Lone lone(options(), bad[i]);
    ASSERT_EQ(lone.all<EngineFailed>().size(), 1U) << i;
    EXPECT_EQ(lone.engine.deadline(), kNever);
    lone.tell(2, raft::RequestVote{9, 2, 9, 9, false, false});
    lone.engine.propose({{1, "x"}}, lone.now);
    lone.take();
    EXPECT_EQ(lone.all<ProposalFailed>().size(), 1U) << "nobody is left waiting";
  }
}

TEST(RaftStart, ALogThatIsGoneIsNotTakenForANewCluster) {
  raft::Stored stored;
  stored.term = 5;
  Lone lone(options(), stored);
  ASSERT_EQ(lone.all<EngineFailed>().size(), 1U);
  EXPECT_NE(lone.all<EngineFailed>()[0].text.find("the consensus log is gone"), std::string::npos);
}

TEST(RaftStart, AListOfMastersWithOneTwiceIsRefused) {
  RaftEngine engine(options(), 1, "m1", {{1, "m1", true}, {2, "m1", true}}, {}, 1, Instant{});
  engine.start(Instant{}, true);
  ASSERT_EQ(engine.take_effects().size(), 1U);
}

TEST(RaftStart, TheDeadlineNeverLiesInThePast) {
  Lone lone;
  lone.now += std::chrono::hours(1);
  lone.engine.on_durable(0, lone.now);
  EXPECT_GT(lone.engine.deadline(), lone.now);
  lone.engine.on_durable(0, lone.now - std::chrono::minutes(5));  // an event that was late
  EXPECT_GT(lone.engine.deadline(), lone.now);
}

// --- the rules, one by one --------------------------------------------------------------------

TEST(RaftRule1, AConfigurationInTheMiddleOfABatchIsKnownByItsOwnIndex) {
  Lone lone(options(4, 0));
  lone.tell(2, raft::AppendEntries{2, 1, 1, 5, {command(2), command(2), change(2, 4), command(2)}});
  lone.sync();
  EXPECT_EQ(lone.engine.configuration().size(), 4U);
  ASSERT_EQ(lone.engine.applied_index(), 5U);
  ASSERT_EQ(lone.all<WantSnapshot>().size(), 1U);
  lone.engine.provide_snapshot(5, blob("state"), lone.now);
  lone.take();
  ASSERT_EQ(lone.all<PutSnapshot>().size(), 1U);
  EXPECT_EQ(lone.all<PutSnapshot>()[0].meta.configuration_index, 4U);
  EXPECT_EQ(lone.all<PutSnapshot>()[0].meta.configuration.size(), 4U);
}

TEST(RaftRule1, EachConfigurationOfABatchIsKnownByItsOwnIndex) {
  Lone lone;
  lone.tell(2, raft::AppendEntries{
                   2, 1, 1, 4, {command(2), change(2, 4), command(2), change(2, 5), command(2)}});
  lone.sync();
  const auto told = lone.all<ConfigurationChanged>();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].index, 5U);
  EXPECT_FALSE(told[1].committed);
  lone.tell(2, raft::AppendEntries{2, 6, 2, 6, {}});
  EXPECT_EQ(lone.all<ConfigurationChanged>().back().index, 5U);
  EXPECT_TRUE(lone.all<ConfigurationChanged>().back().committed);
}

TEST(RaftRule1, AConfigurationThatIsLostWithItsLeaderIsTakenBack) {
  Lone lone;
  lone.tell(2, raft::AppendEntries{2, 1, 1, 1, {command(2), command(2), change(2, 4)}});
  lone.sync();
  EXPECT_EQ(lone.engine.configuration().size(), 4U);
  lone.tell(3, raft::AppendEntries{3, 3, 2, 3, {command(3), command(3)}});
  lone.sync();
  EXPECT_EQ(lone.engine.configuration().size(), 3U);
  EXPECT_EQ(lone.all<ConfigurationChanged>().back().index, 1U);
}

TEST(RaftRule7, AConfigurationThatIsAgreedOnStaysWhenTheNextOneIsLost) {
  Lone lone;
  lone.tell(2, raft::AppendEntries{2, 1, 1, 1, {change(2, 4)}});
  lone.sync();
  // The first hears of the agreement together with the next change, which is then lost.
  lone.tell(2, raft::AppendEntries{2, 2, 2, 2, {change(2, 5)}});
  lone.sync();
  lone.tell(3, raft::AppendEntries{3, 2, 2, 2, {command(3)}});
  lone.sync();
  EXPECT_EQ(lone.engine.configuration().size(), 4U);
}

TEST(RaftRule7, ASnapshotBetweenTwoConfigurationsHoldsTheFirst) {
  Lone lone(options(3, 0));
  lone.tell(2, raft::AppendEntries{2, 1, 1, 1, {change(2, 4), command(2)}});
  lone.sync();
  lone.tell(2, raft::AppendEntries{2, 3, 2, 3, {change(2, 5)}});
  lone.sync();
  ASSERT_EQ(lone.all<WantSnapshot>().size(), 1U);
  lone.engine.provide_snapshot(3, blob("state"), lone.now);
  lone.take();
  ASSERT_EQ(lone.all<PutSnapshot>().size(), 1U);
  EXPECT_EQ(lone.all<PutSnapshot>()[0].meta.configuration_index, 2U);
  EXPECT_EQ(lone.all<PutSnapshot>()[0].meta.configuration.size(), 4U);
}

TEST(RaftRule2, AHeartbeatFromBeforeTheOwnSnapshotIsConfirmedAsFarAsItGoes) {
  raft::Stored stored;
  stored.term = 2;
  stored.snapshot = {10, 2, 1, servers(3)};
  stored.snapshot_data = blob("state");
  stored.first = 11;
  Lone lone(options(), stored);
  lone.tell(2, raft::AppendEntries{2, 4, 1, 4, {}});
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(2).rejected, 0U);
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(2).last_index, 10U);
  // What it may not skip it refuses: an entry that follows the snapshot and is older.
  lone.tell(
      2, raft::AppendEntries{2, 9, 1, 9, {command(1), {1, raft::EntryType::Command, blob("old")}}});
  EXPECT_EQ(lone.engine.last_index(), 10U);
}

TEST(RaftRule2, EntriesFromBeforeTheOwnSnapshotAreSkippedNotRefused) {
  raft::Stored stored;
  stored.term = 2;
  stored.snapshot = {10, 2, 1, servers(3)};
  stored.snapshot_data = blob("state");
  stored.first = 11;
  for (const std::size_t beyond : {std::size_t{0}, std::size_t{1}, std::size_t{5}}) {
    Lone lone(options(), stored);
    std::vector<raft::Entry> entries(6 + beyond, command(2));  // from 5 on
    lone.tell(2, raft::AppendEntries{2, 4, 2, 0, entries});
    lone.sync();
    const auto result = lone.last_sent<raft::AppendEntriesResult>(2);
    EXPECT_EQ(result.rejected, 0U);
    EXPECT_EQ(result.last_index, 10 + beyond);
    EXPECT_EQ(lone.engine.last_index(), 10 + beyond);
  }
}

TEST(RaftRule3, AVoteThatNobodyAskedForIsNothing) {
  Lone lone;
  EXPECT_TRUE(lone.tell(2, raft::RequestVoteResult{9, true, false, 1, 0}).empty());
  lone.lead();
  EXPECT_TRUE(lone.tell(2, raft::RequestVoteResult{9, false, false, 1, 0}).empty());
  EXPECT_EQ(lone.engine.role(), raft::Role::Leader);
}

TEST(RaftRule3, AVoteForAnOlderCandidacyCountsForNothing) {
  Lone lone;
  while (lone.engine.role() == raft::Role::Follower) lone.pass(milliseconds(50));
  const raft::Term next = lone.engine.term() + 1;
  lone.tell(2, raft::RequestVoteResult{next, true, true, 1, 0xffff});
  lone.sync();
  // It was a candidate and is none any more: another leads its term.
  lone.tell(3, raft::AppendEntries{next, 1, 1, 1, {}});
  lone.sync();
  ASSERT_EQ(lone.engine.role(), raft::Role::Follower);
  EXPECT_TRUE(lone.tell(2, raft::RequestVoteResult{next, true, false, 1, 0xffff}).empty());
  EXPECT_TRUE(lone.tell(2, raft::RequestVoteResult{next + 3, false, false, 1, 0xffff}).empty());
  EXPECT_EQ(lone.engine.role(), raft::Role::Follower);
  EXPECT_EQ(lone.engine.term(), next);
}

TEST(RaftRule4, ALeaderChangesNothingAndReadsNothingBeforeItsBarrier) {
  Lone lone;
  lone.lead();
  const raft::Change add{raft::ChangeKind::Add, {4, "m4", false}};
  EXPECT_EQ(lone.engine.change(add, lone.now).error().code, Code::Unavailable);
  lone.engine.read(1, lone.now);
  lone.take();
  const auto probe = lone.last_sent<raft::ReadProbe>(2);
  lone.tell(2, raft::ReadEcho{probe.term, probe.round});
  EXPECT_TRUE(lone.all<ReadReady>().empty());
  lone.confirm(2, 2);
  ASSERT_EQ(lone.all<ReadReady>().size(), 1U);
  EXPECT_EQ(lone.all<ReadReady>()[0].index, 2U);
  EXPECT_TRUE(lone.engine.change(add, lone.now).has_value());
}

TEST(RaftRule4, ALeaderOpensItsTermEvenWhenEverythingIsCommitted) {
  Lone lone;
  lone.lead();
  EXPECT_FALSE(lone.engine.ready());
  const auto written = lone.all<AppendLog>();
  ASSERT_EQ(written.size(), 2U);
  EXPECT_EQ(written[1].entries.at(0).type, raft::EntryType::Barrier);
  EXPECT_EQ(written[1].entries.at(0).term, lone.engine.term());
  lone.confirm(2, 2);
  EXPECT_TRUE(lone.engine.ready());
  EXPECT_TRUE(lone.all<RoleChanged>().back().ready);
}

TEST(RaftRule5, ASecondSnapshotWaitsUntilTheFirstIsWritten) {
  Lone lone;
  lone.tell(2, install(3, 20));
  ASSERT_EQ(lone.all<PutSnapshot>().size(), 1U);
  EXPECT_EQ(lone.all<PutSnapshot>()[0].keep_from, 0U);
  EXPECT_TRUE(lone.tell(3, install(4, 30)).empty());
  EXPECT_TRUE(lone.all<Restore>().empty()) << "not before it is durable";
  lone.sync();
  ASSERT_EQ(lone.all<Restore>().size(), 1U);
  EXPECT_EQ(lone.engine.applied_index(), 20U);
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(2).last_index, 20U);
  lone.tell(3, install(4, 30));
  lone.sync();
  EXPECT_EQ(lone.engine.applied_index(), 30U);
}

TEST(RaftRule5, AnInstallationGoesOnWhenItsLeaderSendsTheSameAgain) {
  Lone lone;
  lone.tell(2, install(3, 20));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(lone.tell(2, install(3, 20)).empty());
  lone.sync();
  EXPECT_EQ(lone.all<PutSnapshot>().size(), 1U);
  EXPECT_EQ(lone.all<Restore>().size(), 1U);
}

TEST(RaftRule6, ARefusalOfWhatIsNotConfirmedIsHeard) {
  Lone lone;
  lone.lead();
  lone.confirm(2, 2);
  for (const raft::Index refused : {raft::Index{1}, raft::Index{2}}) {
    lone.tell(2, raft::AppendEntriesResult{lone.engine.term(), refused, refused - 1, 1, 0xffff});
    lone.pass(milliseconds(200));
    EXPECT_EQ(lone.last_sent<raft::AppendEntries>(2).prev_index, 2U) << "confirmed before";
  }
  lone.tell(3, raft::AppendEntriesResult{lone.engine.term(), 1, 0, 1, 0xffff});
  EXPECT_EQ(lone.last_sent<raft::AppendEntries>(3).prev_index, 0U) << "never confirmed";
}

TEST(RaftRule6, AnOldRefusalDoesNotSendAFollowerBack) {
  Lone lone;
  lone.lead();
  lone.confirm(2, 2);
  lone.engine.propose({{1, "a"}, {2, "b"}}, lone.now);
  lone.sync();
  lone.confirm(2, 4);
  lone.confirm(3, 4);
  // Master 3 falls silent for longer than an election timeout, 2 does not.
  for (int i = 0; i < 12; ++i) {
    lone.pass(milliseconds(100));
    lone.confirm(2, 4);
  }
  lone.tell(3, raft::AppendEntriesResult{lone.engine.term(), 4, 0, 1, 0xffff});
  lone.pass(milliseconds(200));
  EXPECT_EQ(lone.last_sent<raft::AppendEntries>(3).prev_index, 4U);
}

TEST(RaftDurability, EntriesPutBackByALaterLeaderCountWhenTheirOwnWriteDoes) {
  Lone lone;
  lone.tell(2, raft::AppendEntries{2, 1, 1, 1, {command(2), command(2)}});
  lone.tell(3, raft::AppendEntries{3, 1, 1, 1, {command(3)}});
  // Master 2 leads again and has its entries still.
  lone.tell(2, raft::AppendEntries{4, 1, 1, 1, {command(2), command(2), command(4)}});
  // All but the last write: now the disk has lost them, and the vote lets messages go.
  lone.engine.on_durable(lone.ticket - 1, lone.now);
  lone.take();
  for (const SendRaft& send : lone.all<SendRaft>()) {
    if (const auto* result = std::get_if<raft::AppendEntriesResult>(&send.message)) {
      EXPECT_LT(result->last_index, 3U);
    }
  }
  lone.sync();
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(2).last_index, 4U);
}

TEST(RaftEcho, OnlyTheLeaderOfTheOwnTermIsEchoed) {
  Lone lone;
  const auto echoes = [&lone](MasterId from, raft::Term term) {
    const std::vector<RaftEffect> effects = lone.tell(from, raft::ReadProbe{term, 5});
    return std::count_if(effects.begin(), effects.end(), [from](const RaftEffect& effect) {
      const auto* send = std::get_if<SendRaft>(&effect);
      return send != nullptr && send->to == from &&
             std::holds_alternative<raft::ReadEcho>(send->message);
    });
  };
  EXPECT_EQ(echoes(2, 1), 0) << "nobody leads yet";
  lone.tell(2, raft::AppendEntries{2, 1, 1, 1, {}});
  lone.sync();
  EXPECT_EQ(echoes(2, 2), 1);
  EXPECT_EQ(echoes(2, 1), 0);
  EXPECT_EQ(echoes(2, 3), 0);
  EXPECT_EQ(echoes(3, 2), 0) << "another leads";
  lone.tell(3, raft::RequestVote{3, 3, 1, 1, true, false});
  lone.sync();
  EXPECT_EQ(echoes(2, 2), 0) << "it has voted for a later leader";
  EXPECT_EQ(echoes(3, 3), 0) << "which has not shown itself";
}

TEST(RaftEcho, AnEchoCountsInItsOwnTermOnly) {
  Lone lone;
  lone.lead();
  lone.confirm(2, 2);
  lone.engine.read(7, lone.now);
  lone.take();
  const auto probe = lone.last_sent<raft::ReadProbe>(2);
  EXPECT_EQ(probe.term, lone.engine.term());
  lone.tell(2, raft::ReadEcho{probe.term - 1, probe.round});
  lone.tell(2, raft::ReadEcho{probe.term + 1, probe.round});
  lone.tell(2, raft::ReadEcho{probe.term, probe.round + 1});
  EXPECT_TRUE(lone.all<ReadReady>().empty());
  lone.tell(2, raft::ReadEcho{probe.term, probe.round});
  ASSERT_EQ(lone.all<ReadReady>().size(), 1U);
  EXPECT_EQ(lone.all<ReadReady>()[0].read, 7U);
}

// --- what must not come in --------------------------------------------------------------------

TEST(RaftHostile, NonsenseIsDroppedWithoutATrace) {
  const raft::Entry null{2, raft::EntryType::Command, nullptr};
  const raft::Entry odd{2, static_cast<raft::EntryType>(9), blob("x")};
  const raft::Entry cut{2, raft::EntryType::Change, blob(change(2, 3).data->substr(0, 20))};
  const raft::Entry many{2, raft::EntryType::Change, blob("\x01\xff\xff\xff\xff\xff\xff\xff\xff")};
  const raft::Entry nobody{2, raft::EntryType::Change,
                           blob(std::string("\x01", 1) + std::string(15, '\0'))};
  raft::InstallSnapshot no_masters = install(2, 9);
  no_masters.meta.configuration.clear();
  raft::InstallSnapshot no_data = install(2, 9);
  no_data.data = nullptr;
  raft::InstallSnapshot no_index = install(2, 0);
  raft::InstallSnapshot newer = install(2, 9);
  newer.meta.term = 3;
  const std::vector<raft::Message> messages = {
      raft::RequestVote{kHuge, 2, 1, 1, true, false},
      raft::RequestVote{2, 3, 1, 1, false, false},  // for somebody else
      raft::RequestVote{0, 2, 1, 1, false, false},
      raft::RequestVote{2, 2, kHuge, 1, false, false},
      raft::AppendEntries{kHuge, 1, 1, 1, {}},
      raft::AppendEntries{2, kHuge, 1, 1, {}},
      raft::AppendEntries{2, 1, 1, kHuge, {}},
      raft::AppendEntries{2, 1, 0, 1, {}},
      raft::AppendEntries{2, 0, 1, 1, {}},
      raft::AppendEntries{2, 1, 1, 1, {command(0)}},
      raft::AppendEntries{2, 1, 1, 1, {command(3)}},
      raft::AppendEntries{2, 1, 1, 1, {command(2), command(1)}},
      raft::AppendEntries{2, 1, 1, 1, {null}},
      raft::AppendEntries{2, 1, 1, 1, {odd}},
      raft::AppendEntries{2, 1, 1, 1, {cut}},
      raft::AppendEntries{2, 1, 1, 1, {many}},
      raft::AppendEntries{2, 1, 1, 1, {nobody}},
      raft::AppendEntriesResult{2, kHuge, 1, 1, 1},
      raft::AppendEntriesResult{kHuge, 0, 1, 1, 1},
      no_masters,
      no_data,
      no_index,
      newer,
      raft::TimeoutNow{kHuge, 1, 1},
      raft::ReadProbe{kHuge, 1},
      raft::ReadProbe{0, 1},
      raft::ReadEcho{1, kHuge},
  };
  Lone lone;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_TRUE(lone.tell(2, messages[i]).empty()) << i;
  }
  EXPECT_EQ(lone.engine.term(), 1U);
}

// The configuration may be old here: who leads, or asks for a vote, need not be in it.
TEST(RaftStart, AMasterThatIsNotInTheConfigurationMayLeadAndStandForElection) {
  Lone lone;
  lone.tell(77, raft::AppendEntries{2, 1, 1, 1, {command(2)}});
  lone.sync();
  EXPECT_EQ(lone.engine.leader(), 77U);
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(77).last_index, 2U);
  lone.tell(78, raft::RequestVote{3, 78, 9, 2, true, false});
  lone.sync();
  EXPECT_TRUE(lone.last_sent<raft::RequestVoteResult>(78).granted);
}

TEST(RaftStart, AMasterThatJoinsWaitsForALeaderAndGivesNoVote) {
  Lone lone(options(), {}, false);
  ASSERT_EQ(lone.effects.size(), 1U);
  EXPECT_EQ(lone.all<RoleChanged>().size(), 1U);
  EXPECT_TRUE(lone.tell(2, raft::RequestVote{9, 2, 9, 9, true, false}).empty());
  lone.pass(std::chrono::seconds(30));
  EXPECT_EQ(lone.engine.role(), raft::Role::Follower);
  EXPECT_EQ(lone.engine.term(), 0U);
  lone.tell(2, raft::AppendEntries{5, 8, 5, 8, {}});
  lone.sync();
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(2).rejected, 8U);
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(2).last_index, 0U);
  lone.tell(2, raft::AppendEntries{5, 0, 0, 2, {change(1, 3), command(2)}});
  lone.sync();
  EXPECT_EQ(lone.last_sent<raft::AppendEntriesResult>(2).last_index, 2U);
  EXPECT_EQ(lone.engine.applied_index(), 2U);
  EXPECT_EQ(lone.engine.configuration(), servers(3));
}

TEST(RaftStart, AMasterThatJoinedIsNotTakenForNewWhenItStopsBeforeItGotAnything) {
  raft::Stored heard_of_a_term;
  heard_of_a_term.term = 5;
  EXPECT_TRUE(Lone(options(), heard_of_a_term, false).all<EngineFailed>().empty());
  raft::Stored gave_a_vote = heard_of_a_term;  // so it had a configuration
  gave_a_vote.voted_for = 2;
  EXPECT_EQ(Lone(options(), gave_a_vote, false).all<EngineFailed>().size(), 1U);
}

TEST(RaftHostile, StrangersAndImpostorsAreNotHeard) {
  Lone lone;
  const raft::AppendEntries good{2, 1, 1, 1, {command(2)}};
  EXPECT_TRUE(lone.tell(77, raft::AppendEntriesResult{9, 0, 1, 1, 1}).empty());
  EXPECT_TRUE(lone.tell(77, raft::TimeoutNow{9, 1, 1}).empty());
  EXPECT_TRUE(lone.tell(1, good).empty()) << "from itself";
  EXPECT_FALSE(lone.tell(2, good).empty());
  lone.sync();
  EXPECT_EQ(lone.engine.leader(), 2U);
  // A term has one leader.
  EXPECT_TRUE(lone.tell(3, raft::AppendEntries{2, 1, 1, 1, {command(2, "y")}}).empty());
  EXPECT_TRUE(lone.tell(3, install(2, 20)).empty());
  EXPECT_EQ(lone.engine.leader(), 2U);
}

TEST(RaftHostile, ALeaderIgnoresASecondOneInItsTerm) {
  Lone lone;
  lone.lead();
  const raft::Term term = lone.engine.term();
  EXPECT_TRUE(lone.tell(3, raft::AppendEntries{term, 1, 1, 1, {command(term)}}).empty());
  EXPECT_TRUE(lone.tell(3, install(term, 20)).empty());
  lone.tell(3, raft::AppendEntriesResult{term, 0, 1000, 1, 1});  // has what was never written
  lone.tell(3, raft::AppendEntriesResult{term, 1000, 2000, 1, 1});
  lone.tell(3, raft::TimeoutNow{term, 1, 1});
  lone.sync();
  EXPECT_EQ(lone.engine.role(), raft::Role::Leader);
}

TEST(RaftHostile, ASnapshotThatWouldUndoWhatIsCommittedIsDropped) {
  Lone lone;
  lone.tell(2, raft::AppendEntries{2, 1, 1, 4, {command(2), command(2), command(2)}});
  lone.sync();
  ASSERT_EQ(lone.engine.applied_index(), 4U);
  EXPECT_TRUE(lone.tell(2, install(3, 3)).empty());
  EXPECT_EQ(lone.engine.last_index(), 4U);
}

TEST(RaftHostile, ALeaderThatContradictsWhatIsCommittedStopsTheEngine) {
  Lone lone;
  lone.tell(2, raft::AppendEntries{2, 1, 1, 3, {command(2), command(2)}});
  lone.sync();
  lone.tell(3, raft::AppendEntries{3, 1, 1, 3, {command(3)}});
  ASSERT_EQ(lone.all<EngineFailed>().size(), 1U);
  EXPECT_NE(lone.all<EngineFailed>()[0].text.find("committed"), std::string::npos);
  EXPECT_TRUE(lone.tell(3, raft::AppendEntries{3, 1, 1, 3, {}}).empty()) << "for good";
}

TEST(RaftHostile, RandomMessagesNeverBreakTheEngine) {
  Rng rng(5);
  for (int round = 0; round < 200; ++round) {
    Lone lone(options(3, 1));
    if (rng.chance(50)) lone.lead();
    const auto number = [&rng] { return rng.chance(5) ? rng.next() : rng.below(std::uint64_t{8}); };
    for (int i = 0; i < 60; ++i) {
      std::vector<raft::Entry> entries;
      const std::uint64_t count = rng.below(std::uint64_t{5});
      const raft::Term term = 1 + rng.below(std::uint64_t{4});
      for (std::uint64_t k = 0; k < count; ++k) {
        entries.push_back(rng.chance(20) ? change(term, 3 + rng.below(std::uint64_t{2}))
                                         : command(term));
      }
      const MasterId from = 1 + rng.below(std::uint64_t{4});
      raft::InstallSnapshot snapshot = install(1 + rng.below(std::uint64_t{6}), number());
      snapshot.meta.term = number();
      const std::vector<raft::Message> messages = {
          raft::RequestVote{number(), from, number(), number(), rng.chance(50), rng.chance(50)},
          raft::RequestVoteResult{number(), rng.chance(50), rng.chance(50), 1, 1},
          raft::AppendEntries{number(), number(), number(), number(), entries},
          raft::AppendEntries{number(), number(), 1 + number() % 3, number(), entries},
          raft::AppendEntriesResult{number(), number(), number(), 1, 1},
          snapshot,
          raft::TimeoutNow{number(), number(), number()},
          raft::ReadProbe{number(), number()},
          raft::ReadEcho{number(), number()}};
      if (rng.chance(10)) lone.engine.read(1 + number(), lone.now);
      lone.tell(from, messages[rng.below(messages.size())]);
      if (rng.chance(60)) lone.sync();
      if (rng.chance(20)) lone.pass(milliseconds(300));
      for (const auto& want : lone.all<WantSnapshot>()) {
        lone.engine.provide_snapshot(want.index, blob("state"), lone.now);
      }
    }
  }
}

}  // namespace
}  // namespace muster::failover
