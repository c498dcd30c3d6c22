#include <gtest/gtest.h>

#include "failover/commands.h"
#include "state_fixture.h"

namespace muster::failover {
namespace {

struct KeysTest : StateTest {
  static Blob value(std::string bytes) {
    return std::make_shared<const std::string>(std::move(bytes));
  }
  Result<Outcome> write(const std::string& key, std::string bytes,
                        std::optional<std::uint64_t> expected = {}, std::string request = {}) {
    return put(PutKey{key, value(std::move(bytes)), expected}, std::move(request));
  }
  std::string read(const std::string& key) const {
    const auto found = state.kv.find(key);
    return found == state.kv.end() ? "(none)" : *found->second.value;
  }
};

TEST_F(KeysTest, AKeyKnowsWhenItWasMadeAndWritten) {
  ASSERT_TRUE(write("a", "1"));
  const std::uint64_t made = index;
  ASSERT_TRUE(write("b", "x"));
  const Result<Outcome> again = write("a", "2");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->index, index);
  const KeyRecord& record = state.kv.at("a");
  EXPECT_EQ(*record.value, "2");
  EXPECT_EQ(record.created, made);
  EXPECT_EQ(record.modified, index);
  EXPECT_EQ(record.version, 2U);
}

TEST_F(KeysTest, CompareAndSetIsByTheModifiedIndex) {
  EXPECT_EQ(write("a", "1", 7).error().code, Code::Conflict);
  ASSERT_TRUE(write("a", "1", 0));
  const std::uint64_t modified = index;
  const Result<Outcome> exists = write("a", "2", 0);
  ASSERT_FALSE(exists);
  EXPECT_EQ(exists.error().code, Code::Conflict);
  EXPECT_NE(exists.error().text.find("index " + std::to_string(modified)), std::string::npos)
      << exists.error().text;
  ASSERT_TRUE(write("a", "2", modified));
  EXPECT_EQ(write("a", "3", modified).error().code, Code::Conflict);
  EXPECT_EQ(read("a"), "2");
  EXPECT_EQ(put(DeleteKey{"a", modified}).error().code, Code::Conflict);
  ASSERT_TRUE(put(DeleteKey{"a", state.kv.at("a").modified}));
  EXPECT_EQ(read("a"), "(none)");
}

TEST_F(KeysTest, WhatTakesSpaceIsCountedAndGivenBack) {
  ASSERT_TRUE(write("ab", "123"));
  EXPECT_EQ(state.kv_bytes, 5U);
  ASSERT_TRUE(write("ab", "1"));
  EXPECT_EQ(state.kv_bytes, 3U);
  ASSERT_TRUE(write("ac", ""));
  EXPECT_EQ(state.kv_bytes, 5U);
  ASSERT_TRUE(put(DeleteKey{"ab", {}}));
  EXPECT_EQ(state.kv_bytes, 2U);
  ASSERT_TRUE(put(DeletePrefix{"a"}));
  EXPECT_EQ(state.kv_bytes, 0U);
}

TEST_F(KeysTest, APrefixTakesEverythingBelowItAndNothingElse) {
  for (const char* key : {"a", "a/1", "a/2", "a0", "b"}) ASSERT_TRUE(write(key, "x"));
  EXPECT_EQ(put(DeletePrefix{"a/"}), "2 keys deleted at index 6");
  EXPECT_EQ(state.kv.size(), 3U);
  EXPECT_EQ(put(DeletePrefix{"a/"}).error().code, Code::NotFound);
  ASSERT_TRUE(put(DeletePrefix{""}));
  EXPECT_TRUE(state.kv.empty());
}

TEST_F(KeysTest, KeysAndValuesOutOfBoundsAreRefused) {
  EXPECT_EQ(write("", "x").error().code, Code::InvalidArgument);
  EXPECT_EQ(write(std::string(kKeyBytesMax + 1, 'k'), "x").error().code, Code::InvalidArgument);
  EXPECT_EQ(write("a\nb", "x").error().code, Code::InvalidArgument);
  EXPECT_EQ(write("\xff", "x").error().code, Code::InvalidArgument);
  EXPECT_EQ(write("a", std::string(kValueBytesMax + 1, 'v')).error().code, Code::InvalidArgument);
  EXPECT_TRUE(state.kv.empty());
  EXPECT_TRUE(write(std::string(kKeyBytesMax, 'k'), std::string(kValueBytesMax, 'v')));
}

TEST_F(KeysTest, ARetriedPutAnswersAsItDidThoughTheKeyIsGone) {
  const Result<Outcome> first = write("a", "1", 0, "r1");
  ASSERT_TRUE(first);
  ASSERT_TRUE(put(DeleteKey{"a", {}}));
  const Result<Outcome> again = write("a", "1", 0, "r1");
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->index, first->index);
  EXPECT_EQ(read("a"), "(none)");
}

TEST_F(KeysTest, EveryChangeIsRememberedForThoseWhoWatch) {
  ASSERT_TRUE(write("a/1", "x"));
  ASSERT_TRUE(write("b", "x"));
  ASSERT_TRUE(put(DeleteKey{"a/1", {}}));
  ASSERT_TRUE(put(DeletePrefix{"b"}));
  std::vector<KeyChange> changes(state.kv_changes.begin(), state.kv_changes.end());
  EXPECT_EQ(changes, (std::vector<KeyChange>{
                         {1, "a/1", false}, {2, "b", false}, {3, "a/1", false}, {4, "b", true}}));
  EXPECT_EQ(state.kv_changes_from, 0U);
  EXPECT_TRUE(concerns(changes[0], "a/"));
  EXPECT_FALSE(concerns(changes[0], "b"));
  EXPECT_TRUE(concerns(changes[3], "b/deep"));
  EXPECT_FALSE(concerns(changes[1], "b/deep"));
  for (std::size_t i = 0; i < kKeyChangesMax; ++i) ASSERT_TRUE(write("c", "x"));
  EXPECT_EQ(state.kv_changes.size(), kKeyChangesMax);
  EXPECT_EQ(state.kv_changes_from, 4U);
}

TEST_F(KeysTest, ALeaseHasOneHolderAndItsTokensOnlyGrow) {
  const Result<Outcome> first = put(GrantLease{"leader", "n1", 5000});
  ASSERT_TRUE(first);
  EXPECT_NE(first->token, 0U);
  EXPECT_EQ(put(GrantLease{"leader", "n2", 5000}).error().code, Code::Conflict);
  EXPECT_EQ(put(RenewLease{"leader", "n2", first->token}).error().code, Code::Conflict);
  ASSERT_TRUE(put(RenewLease{"leader", "n1", first->token}));
  const Result<Outcome> second = put(GrantLease{"leader", "n1", 5000});
  ASSERT_TRUE(second);
  EXPECT_GT(second->token, first->token);
  EXPECT_EQ(put(RenewLease{"leader", "n1", first->token}).error().code, Code::Conflict);
  EXPECT_EQ(put(ReleaseLease{"leader", "n1", first->token}).error().code, Code::Conflict);
  ASSERT_TRUE(put(ReleaseLease{"leader", "n1", second->token}));
  EXPECT_EQ(put(RenewLease{"leader", "n1", second->token}).error().code, Code::NotFound);
  EXPECT_GT(put(GrantLease{"leader", "n2", 5000})->token, second->token);
}

TEST_F(KeysTest, ALeaseThatWasRenewedMeanwhileDoesNotExpire) {
  const std::uint64_t token = put(GrantLease{"leader", "n1", 5000})->token;
  const std::uint64_t granted = state.leases.at("leader").renewed;
  ASSERT_TRUE(put(RenewLease{"leader", "n1", token}));
  EXPECT_EQ(put(ExpireLease{"leader", token, granted}).error().code, Code::Conflict);
  ASSERT_TRUE(put(ExpireLease{"leader", token, state.leases.at("leader").renewed}));
  EXPECT_TRUE(state.leases.empty());
  EXPECT_EQ(kinds(), std::vector<std::string>{"lease-expired"});
}

TEST_F(KeysTest, ThereAreOnlySoManyKeys) {
  for (std::size_t i = 0; i < kKeysMax; ++i) {
    const std::string key = "key" + std::to_string(i);
    state.kv.put(key, {.value = value(""), .modified = 1});
    state.kv_bytes += key.size();
  }
  const Result<Outcome> more = write("one-more", "");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, Code::Exhausted);
  EXPECT_NE(more.error().text.find("500000 keys"), std::string::npos) << more.error().text;
  EXPECT_TRUE(write("key7", "")) << "one that is there may change";
  EXPECT_EQ(put(DeletePrefix{"key"}).error().code, Code::Exhausted);
  EXPECT_EQ(state.kv.size(), kKeysMax) << "all or nothing";
  EXPECT_TRUE(put(DeletePrefix{"key1234"}));
  EXPECT_TRUE(write("one-more", ""));
}

TEST_F(KeysTest, KeysAndValuesTogetherHaveALimit) {
  const std::size_t whole = kKeyValueBytesMax / kValueBytesMax;
  const Blob large = value(std::string(kValueBytesMax, 'v'));
  for (std::size_t i = 0; i + 1 < whole; ++i) {
    ASSERT_TRUE(put(PutKey{"k" + std::to_string(i), large, {}}));
  }
  const Result<Outcome> more = put(PutKey{"last", large, {}});
  ASSERT_FALSE(more) << "the keys take room, too";
  EXPECT_EQ(more.error().code, Code::Exhausted);
  EXPECT_TRUE(put(PutKey{"k0", large, {}})) << "what is replaced does not count";
  ASSERT_TRUE(put(DeleteKey{"k0", {}}));
  EXPECT_TRUE(put(PutKey{"last", large, {}}));
}

TEST_F(KeysTest, LeasesAreBoundedInNumberAndTime) {
  EXPECT_EQ(put(GrantLease{"a", "n1", kLeaseTtlMsMin - 1}).error().code, Code::InvalidArgument);
  EXPECT_EQ(put(GrantLease{"a", "n1", kLeaseTtlMsMax + 1}).error().code, Code::InvalidArgument);
  EXPECT_EQ(put(GrantLease{"", "n1", 5000}).error().code, Code::InvalidArgument);
  EXPECT_EQ(put(GrantLease{"a", "", 5000}).error().code, Code::InvalidArgument);
  for (std::size_t i = 0; i < kLeasesMax; ++i) {
    ASSERT_TRUE(put(GrantLease{"l" + std::to_string(i), "n1", 5000}));
  }
  EXPECT_EQ(put(GrantLease{"more", "n1", 5000}).error().code, Code::Exhausted);
  EXPECT_TRUE(put(GrantLease{"l0", "n1", 5000}));
}

// Nobody may ever learn that the lease is his from an answer to somebody else's request.
TEST_F(KeysTest, ARetriedGrantGivesTheSameTokenAndGrantsNothing) {
  const Result<Outcome> first = put(GrantLease{"a", "n1", 5000}, "r1");
  const Result<Outcome> again = put(GrantLease{"a", "n1", 5000}, "r1");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->token, first->token);
  EXPECT_EQ(state.leases.at("a").token, first->token);
}

TEST_F(KeysTest, AStateIsCopiedWithoutItsKeys) {
  ASSERT_TRUE(write("a", "1"));
  const ClusterState before = state;
  ASSERT_TRUE(write("a", "2"));
  node("n1");
  EXPECT_EQ(*before.kv.at("a").value, "1");
  EXPECT_TRUE(before.nodes.empty());
}

}  // namespace
}  // namespace muster::failover
