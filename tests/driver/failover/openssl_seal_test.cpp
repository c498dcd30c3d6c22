#include "failover/openssl_seal.h"

#include <gtest/gtest.h>

#include "failover/snapshot_file.h"

namespace muster::failover {
namespace {

TEST(OpensslSeal, OpensWithTheSamePassphraseOnly) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{100}, std::size_t{1} << 20, (std::size_t{5} << 19) + 3}) {
    const std::string plain(size, 'p');
    const auto sealed = seal(plain, "correct horse");
    ASSERT_TRUE(sealed);
    EXPECT_EQ(kind_of(*sealed), SnapshotKind::Sealed);
    EXPECT_EQ(sealed->find("pppp"), std::string::npos);
    EXPECT_EQ(unseal(*sealed, "correct horse").value_or("?"), plain);
    const auto refused = unseal(*sealed, "wrong horse");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::PermissionDenied);
  }
  EXPECT_NE(*seal("same", "same"), *seal("same", "same"));
}

TEST(OpensslSeal, TellsDamageFromAWrongPassphrase) {
  const auto sealed = seal(std::string((std::size_t{2} << 20) + 10, 'p'), "correct horse");
  ASSERT_TRUE(sealed);
  for (const std::size_t at : {std::size_t{17}, std::size_t{45}, std::size_t{60}, std::size_t{75},
                               std::size_t{90}, std::size_t{1} << 20, sealed->size() - 1}) {
    std::string damaged = *sealed;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    const auto refused = unseal(damaged, "correct horse");
    ASSERT_FALSE(refused) << at;
    EXPECT_EQ(refused.error().code, Code::DataLoss) << at << ": " << refused.error().text;
  }
  // Cut at every size that could pass for an end, and with pieces in another order.
  const std::size_t head = sealed->size() - (std::size_t{2} << 20) - 10 - 3 * 16;
  const std::size_t piece = (std::size_t{1} << 20) + 16;
  for (const std::size_t size : {head, head + piece, head + 2 * piece, sealed->size() - 1}) {
    EXPECT_EQ(unseal(sealed->substr(0, size), "correct horse").error().code, Code::DataLoss);
  }
  const std::string swapped = sealed->substr(0, head) + sealed->substr(head + piece, piece) +
                              sealed->substr(head, piece) + sealed->substr(head + 2 * piece);
  EXPECT_EQ(unseal(swapped, "correct horse").error().code, Code::DataLoss);
}

TEST(OpensslSeal, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(unseal("mustsnap", "p").error().code, Code::InvalidArgument);
  EXPECT_EQ(unseal("mustseal", "p").error().code, Code::DataLoss);
  auto newer = *seal("x", "p");
  newer[8] = 2;
  EXPECT_EQ(unseal(newer, "p").error().code, Code::Conflict);
}

}  // namespace
}  // namespace muster::failover
