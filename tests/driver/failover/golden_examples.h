// Which commands of version 2 and later are in the golden log? (golden_log.h says how it grows)
//
// In the order of the log, behind the lines of version 1. Examples are added at the end; those that
// the log has are never changed.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/command.h"

namespace muster::golden {

class Examples {
 public:
  Examples() {
    cluster();
    keys();
    leases();
    access();
    silences();
    retries();
    reused_ids();
    users();
  }
  [[nodiscard]] const std::vector<Command>& all() const { return all_; }

 private:
  static Blob blob(std::string bytes) {
    return std::make_shared<const std::string>(std::move(bytes));
  }
  void add(CommandBody body, std::string request = {}, Actor by = {}, std::uint64_t asked = 0,
           std::uint32_t version = 2) {
    at_ += std::chrono::seconds(1);
    all_.push_back({.body = std::move(body),
                    .at = at_,
                    .request = std::move(request),
                    .by = std::move(by),
                    .version = version,
                    .asked = asked});
  }
  [[nodiscard]] WallTime in(int hours) const { return at_ + std::chrono::hours(hours); }

  void cluster() {
    add(ClusterFormed{"5f1d"});
    add(ClusterFormed{"other"});
    add(SetMaster{"n1", {"10.0.0.1", 7947}}, "", ann_);
    add(SetMaster{"n2", {"10.0.0.2", 7947}});
    add(SetMaster{"n4", {"10.0.0.2", 7947}});
    add(SetMaster{"n2", {"10.0.0.22", 7947}});
    add(ForgetMaster{"n1"}, "", ann_);
    add(ForgetMaster{"n2"});
    add(CoordinatorElected{"n2", 5, "asked for"});
    add(StopWorkload{"nothing"}, "v2-fails", ann_);
  }
  void keys() {
    add(PutKey{"config/a", blob("one"), {}}, "v2-put", ann_);
    add(PutKey{"config/a", blob("two"), 0});
    add(PutKey{"config/b", blob(std::string("\0\xff\n", 3)), 0});
    add(PutKey{"config/a", blob("three"), {}});
    add(PutKey{"other", blob(""), {}});
    add(PutKey{"", blob("x"), {}});
    add(DeleteKey{"other", 1});
    add(DeleteKey{"other", {}});
    add(DeleteKey{"other", {}});
    add(PutKey{"tmp/1", blob("1"), {}});
    add(PutKey{"tmp/2", blob("2"), {}});
    add(DeletePrefix{"tmp/"});
    add(DeletePrefix{"tmp/"});
  }
  void leases() {
    add(GrantLease{"backup", "n1", 5000}, "v2-lease");
    add(GrantLease{"backup", "n2", 5000});
    add(RenewLease{"backup", "n1", 4});
    add(RenewLease{"backup", "n1", 999});
    add(GrantLease{"report", "n1", 1000});
    add(GrantLease{"report", "n1", 2000});
    add(ReleaseLease{"report", "n1", 1});
    add(ReleaseLease{"report", "n1", 6});
    add(ExpireLease{"backup", 4, 1});
    add(GrantLease{"short", "n3", 10});
    // The one renewal above was at this index.
    add(ExpireLease{"backup", 4, kRenewedAt});
  }
  void access() {
    const std::string digest(64, 'c');
    TokenRecord api{.id = "t-api",
                    .kind = TokenKind::Api,
                    .role = Role::Operator,
                    .node_role = NodeRole::Agent,
                    .sha256 = digest,
                    .description = "ci",
                    .created = {},
                    .expires = {},
                    .uses_left = 0,
                    .created_by = {}};
    TokenRecord join{.id = "t-join",
                     .kind = TokenKind::Join,
                     .role = Role::Viewer,
                     .node_role = NodeRole::Agent,
                     .sha256 = digest,
                     .description = "",
                     .created = {},
                     .expires = in(1),
                     .uses_left = 2,
                     .created_by = "init"};
    add(PutToken{api}, "", ann_);
    add(PutToken{join}, "", ann_);
    add(PutToken{join});
    add(UseJoinToken{"t-join", "w5", "a1", "key5", NodeRole::Agent, in(24)});
    add(UseJoinToken{"t-join", "w5", "a2", "key5", NodeRole::Agent, in(24)});
    add(UseJoinToken{"t-join", "w5", "a3", "key6", NodeRole::Agent, in(24)});
    add(UseJoinToken{"t-join", "w6", "a4", "", NodeRole::Agent, in(24)});
    add(UseJoinToken{"t-join", "w7", "a5", "", NodeRole::Agent, in(24)});
    add(RecordCertificate{"n1", "b1", "keyn1", "", NodeRole::Master, at_, in(24)});
    add(RecordCertificate{"n1", "b2", "keyn1", "b1", NodeRole::Master, at_, in(24)});
    add(RecordCertificate{"n1", "b3", "keyn1", "zz", NodeRole::Master, at_, in(24)});
    add(RevokeNode{"n1"}, "", ann_);
    add(RevokeNode{"n1"});
    add(DeleteToken{"t-join"}, "", ann_);
    add(PutAuthority{{"ca-1", "CERT1", "KEY1", at_, true}});
    add(PutAuthority{{"ca-2", "CERT2", "KEY2", at_, true}}, "", ann_);
    add(RetireAuthority{"ca-2"});
    add(RetireAuthority{"ca-1"}, "", ann_);
    add(PutGossipKeys{{{"k1", "AAAA"}, {"k2", "BBBB"}}, "k2"});
    add(PutGossipKeys{{{"k1", "AAAA"}}, "k2"});
  }
  void silences() {
    SilenceRecord silence{.matchers = {{"alertname", MatchKind::Equal, "NodeFailed"},
                                       {"node", MatchKind::Like, "w*"},
                                       {"zone", MatchKind::NotEqual, "a"},
                                       {"zone", MatchKind::NotLike, "b*"}},
                          .starts = at_,
                          .ends = in(2),
                          .created_by = {},
                          .comment = "disk swap"};
    add(PutSilence{"s1", silence}, "", ann_);
    add(PutSilence{"s2", silence});
    add(DeleteSilence{"s2"}, "", ann_);
    add(DeleteSilence{"s2"});
  }
  void retries() {
    add(PutKey{"config/a", blob("one"), {}}, "v2-put", ann_);
    add(StopWorkload{"nothing"}, "v2-fails", ann_);
    add(GrantLease{"backup", "n1", 5000}, "v2-lease");
    add(PutKey{"config/a", blob("after"), {}}, "r-put");  // an id of version 1
  }
  void reused_ids() {
    add(PutKey{"config/c", blob("one"), {}}, "v2-asked", ann_, 0x5eedULL << 40);
    add(PutKey{"config/c", blob("one"), {}}, "v2-asked", ann_, 0x5eedULL << 40);
    add(PutKey{"config/c", blob("two"), {}}, "v2-asked", ann_, 1);
    add(PutKey{"config/c", blob("two"), {}}, "v2-asked", {}, 0x5eedULL << 40);
    add(PutKey{"config/c", blob("two"), {}}, "v2-put", ann_, 1);  // one that was not told
  }
  void users() {
    const auto add3 = [this](CommandBody body) { add(std::move(body), "", ann_, 0, 3); };
    add3(RecordUserCertificate{"c1", "bob", Role::Operator, in(24), "ca-2"});
    add3(RecordUserCertificate{"c2", "bob", Role::Viewer, in(48), "ca-2"});
    add3(RecordUserCertificate{"c2", "eve", Role::Admin, in(48), "ca-2"});
    add3(RecordUserCertificate{"c3", "eve", Role::Admin, at_, "ca-2"});
    add3(RecordUserCertificate{"c4", "eve", Role::Viewer, in(2), "ca-2"});
    add3(RevokeUserCertificates{"", "c1"});
    add3(RevokeUserCertificates{"", "c1"});
    add3(RevokeUserCertificates{"bob", ""});
    add3(RevokeUserCertificates{"bob", ""});
    add3(RevokeUserCertificates{"", ""});
  }

  static constexpr std::uint64_t kRenewedAt = 1174;
  const Actor ann_{"ann", "admin", "10.0.0.9"};
  WallTime at_{std::chrono::milliseconds(1'800'000'000'000)};
  std::vector<Command> all_;
};

}  // namespace muster::golden
