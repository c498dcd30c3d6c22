#include <chrono>
#include <utility>
#include <vector>

#include "base/problem.h"
#include "failover/applying.h"

namespace muster::failover {
namespace {

// "2027-01-31", by UTC.
std::string day_of(WallTime at) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(at));
  const auto two = [](unsigned number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
  };
  return std::to_string(static_cast<int>(day.year())) + "-" +
         two(static_cast<unsigned>(day.month())) + "-" + two(static_cast<unsigned>(day.day()));
}

}  // namespace

Applying::Said Applying::operator()(const RecordUserCertificate& c) {
  if (!valid_name(c.name)) {
    return fail(Code::InvalidArgument, in_quotes(c.name) + " is not a valid name of a user");
  }
  if (Status ok = check_text("the serial", c.serial, kIdBytesMax); !ok) {
    return tl::unexpected(ok.error());
  }
  if (c.expires <= at_) {
    return fail(Code::InvalidArgument,
                "the certificate of user " + c.name + " would be expired already");
  }
  const ClusterState& state = state_;
  if (state.user_certificates.contains(c.serial) || state.revoked.contains(c.serial)) {
    return fail(Code::Conflict, "there is a certificate " + c.serial + " already");
  }
  state_.user_certificates.erase_if([&](const auto& entry) { return entry.second.expires <= at_; });
  if (state.user_certificates.size() >= kUserCertificatesMax) {
    return fail(Code::Exhausted, "there are " + std::to_string(kUserCertificatesMax) +
                                     " certificates of users, more are not allowed: revoke one");
  }
  state_.user_certificates[c.serial] = {.name = c.name,
                                        .role = c.role,
                                        .issued = at_,
                                        .expires = c.expires,
                                        .issued_by = by_.name,
                                        .authority = c.authority};
  std::string text = "user " + c.name + " was given certificate " + c.serial + " as ";
  text += to_text(c.role);
  text += ", good until " + day_of(c.expires);
  event("user-certified", "user/" + c.name, text + on_behalf());
  return text;
}

Applying::Said Applying::operator()(const RevokeUserCertificates& c) {
  if (c.name.empty() == c.serial.empty()) {
    return fail(Code::InvalidArgument, "expected either the name of a user or a serial");
  }
  const ClusterState& state = state_;
  std::vector<std::pair<std::string, UserCertificateRecord>> all;
  for (const auto& [serial, record] : state.user_certificates) {
    if (serial == c.serial || record.name == c.name) all.emplace_back(serial, record);
  }
  if (all.empty()) {
    return fail(Code::NotFound,
                (c.serial.empty() ? "user " + in_quotes(c.name) + " has no certificate"
                                  : "no user has a certificate " + in_quotes(c.serial)) +
                    std::string(": `muster user list` lists them"));
  }
  if (Status room = make_room_for_revoked(all.size()); !room) return tl::unexpected(room.error());
  for (const auto& [serial, record] : all) {
    state_.revoked[serial] = {
        .node = {}, .at = at_, .by = by_.name, .expires = record.expires, .user = record.name};
    state_.user_certificates.erase(serial);
    event("user-revoked", "user/" + record.name,
          "certificate " + serial + " of user " + record.name + " was revoked" + on_behalf());
  }
  const std::string& name = all.front().second.name;
  if (!c.serial.empty()) return "certificate " + c.serial + " of user " + name + " is revoked";
  return std::to_string(all.size()) + (all.size() == 1 ? " certificate" : " certificates") +
         " of user " + name + (all.size() == 1 ? " is revoked" : " are revoked");
}

}  // namespace muster::failover
