#include "failover/snapshot_file.h"

#include <gtest/gtest.h>

namespace muster::failover {
namespace {

SnapshotInfo info() {
  return {.cluster = "prod",
          .cluster_id = "c0ffee",
          .index = 1234,
          .term = 7,
          .taken_at = WallTime(std::chrono::seconds(1'795'256'100)),
          .taken_by = "m1",
          .masters = {{"m1", "10.0.0.1:7947"}, {"m2", "10.0.0.2:7947"}},
          .state_version = 2,
          .state_bytes = 9};
}

TEST(SnapshotFile, GivesBackWhatWasPutIn) {
  const std::string bytes = encode_snapshot(info(), "the state");
  EXPECT_EQ(kind_of(bytes), SnapshotKind::Plain);
  const auto found = decode_snapshot(bytes);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(found->info, info());
  EXPECT_EQ(found->state, "the state");
  SnapshotInfo little;
  little.cluster = "c";
  EXPECT_TRUE(decode_snapshot(encode_snapshot(little, "")));
}

TEST(SnapshotFile, NoticesEveryFlippedBit) {
  const std::string bytes = encode_snapshot(info(), "the state");
  for (std::size_t at = 0; at < bytes.size() * 8; ++at) {
    std::string flipped = bytes;
    flipped[at / 8] = static_cast<char>(flipped[at / 8] ^ (1 << (at % 8)));
    EXPECT_FALSE(decode_snapshot(flipped)) << "bit " << at;
  }
}

TEST(SnapshotFile, SaysThatItEndsEarlyWhereverItDoes) {
  const std::string bytes = encode_snapshot(info(), "the state");
  for (std::size_t size = kSnapshotMagic.size(); size < bytes.size(); ++size) {
    const auto found = decode_snapshot(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(found) << size;
    EXPECT_EQ(found.error().code, Code::DataLoss);
    EXPECT_NE(found.error().text.find("ends early"), std::string::npos) << found.error().text;
  }
  EXPECT_FALSE(decode_snapshot(bytes + "x"));
}

TEST(SnapshotFile, TellsOtherFilesAndOtherFormatsApart) {
  EXPECT_EQ(decode_snapshot("").error().code, Code::InvalidArgument);
  EXPECT_EQ(decode_snapshot("SQLite format 3").error().code, Code::InvalidArgument);
  EXPECT_EQ(decode_snapshot("mustseal and more").error().code, Code::InvalidArgument);
  std::string newer = encode_snapshot(info(), "the state");
  newer[8] = 2;
  const auto refused = decode_snapshot(newer);
  EXPECT_EQ(refused.error().code, Code::Conflict);
  EXPECT_NE(refused.error().text.find("format 2"), std::string::npos);
}

TEST(SnapshotFile, IsNamedByClusterIndexAndTime) {
  EXPECT_EQ(snapshot_file_name(info()), "prod-000000001234-20261121T101500Z.snap");
}

TEST(SnapshotFile, OnlyTheOldestOfTheOwnClusterAreSuperseded) {
  const std::vector<std::string> names = {
      "prod-000000000300-20261121T101500Z.snap",  "prod-000000000100-20261121T101500Z.snap",
      "prod-000000000200-20261121T101500Z.snap",  "prod-eu-000000000100-20261121T101500Z.snap",
      "prod-before-the-upgrade-of-2026-nov.snap", "notes.txt"};
  EXPECT_EQ(superseded(names, "prod", 2),
            std::vector<std::string>{"prod-000000000100-20261121T101500Z.snap"});
  EXPECT_TRUE(superseded(names, "prod", 3).empty());
  EXPECT_TRUE(superseded({}, "prod", 1).empty());
}

}  // namespace
}  // namespace muster::failover
