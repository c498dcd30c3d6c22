#include <utility>

#include "base/problem.h"
#include "failover/applying.h"

namespace muster::failover {
namespace {

std::uint64_t size_of(const std::string& key, const KeyRecord& record) {
  return key.size() + record.value->size();
}

// Compare-and-set: `modified` is 0 when there is no such key.
Status check_expected(const std::string& key, std::uint64_t modified,
                      const std::optional<std::uint64_t>& expected) {
  if (!expected || *expected == modified) return {};
  const std::string present =
      modified == 0 ? " is not there" : " was last written at index " + std::to_string(modified);
  return fail(Code::Conflict, "the key " + in_quotes(key) + present + ", not " +
                                  (*expected == 0 ? "absent" : "at " + std::to_string(*expected)) +
                                  ": read it and decide again");
}

Status check_lease(const GrantLease& c) {
  if (Status ok = check_text("the lease's name", c.name, kIdBytesMax); !ok) return ok;
  if (Status ok = check_text("the holder", c.holder, kIdBytesMax); !ok) return ok;
  if (c.ttl_ms >= kLeaseTtlMsMin && c.ttl_ms <= kLeaseTtlMsMax) return {};
  return fail(Code::InvalidArgument, "a lease lasts " + std::to_string(kLeaseTtlMsMin) + " to " +
                                         std::to_string(kLeaseTtlMsMax) + " ms, not " +
                                         std::to_string(c.ttl_ms));
}

}  // namespace

void Applying::key_changed(std::string key, bool prefix) {
  state_.kv_changes.push_back({.index = index_, .key = std::move(key), .prefix = prefix});
  while (state_.kv_changes.size() > kKeyChangesMax) {
    state_.kv_changes_from = state_.kv_changes.front().index;
    state_.kv_changes.pop_front();
  }
}

void Applying::drop_key(const std::string& key) {
  state_.kv_bytes -= size_of(key, state_.kv.at(key));
  state_.kv.erase(key);
}

Applying::Said Applying::operator()(const PutKey& c) {
  if (Status ok = check_text("the key", c.key, kKeyBytesMax); !ok) {
    return tl::unexpected(ok.error());
  }
  if (c.value->size() > kValueBytesMax) {
    return fail(Code::InvalidArgument, "the value has " + std::to_string(c.value->size()) +
                                           " bytes, at most " + std::to_string(kValueBytesMax) +
                                           " are allowed: keep it elsewhere and its address here");
  }
  const auto found = state_.kv.find(c.key);
  const bool fresh = found == state_.kv.end();
  KeyRecord record;
  if (!fresh) record = found->second;
  if (Status ok = check_expected(c.key, record.modified, c.expected); !ok) {
    return tl::unexpected(ok.error());
  }
  if (fresh && state_.kv.size() >= kKeysMax) {
    return fail(Code::Exhausted, "there are " + std::to_string(kKeysMax) +
                                     " keys, more are not allowed: delete some first");
  }
  const std::uint64_t before = fresh ? 0 : size_of(c.key, record);
  const std::uint64_t bytes = state_.kv_bytes - before + c.key.size() + c.value->size();
  if (bytes > kKeyValueBytesMax) {
    return fail(Code::Exhausted, "keys and values would take " + std::to_string(bytes) +
                                     " bytes, at most " + std::to_string(kKeyValueBytesMax) +
                                     " are allowed: delete some first");
  }
  record.value = c.value;
  record.created = fresh ? index_ : record.created;
  record.modified = index_;
  record.version = fresh ? 1 : record.version + 1;
  state_.kv_bytes = bytes;
  state_.kv.put(c.key, std::move(record));
  key_changed(c.key, false);
  return "put at index " + std::to_string(index_);
}

Applying::Said Applying::operator()(const DeleteKey& c) {
  const auto found = state_.kv.find(c.key);
  const std::uint64_t modified = found == state_.kv.end() ? 0 : found->second.modified;
  if (Status ok = check_expected(c.key, modified, c.expected); !ok) {
    return tl::unexpected(ok.error());
  }
  if (modified == 0) {
    return fail(Code::NotFound, "there is no key " + in_quotes(c.key));
  }
  drop_key(c.key);
  key_changed(c.key, false);
  return "deleted at index " + std::to_string(index_);
}

Applying::Said Applying::operator()(const DeletePrefix& c) {
  if (Status ok = check_comment("the prefix", c.prefix, kKeyBytesMax); !ok) {
    return tl::unexpected(ok.error());
  }
  std::vector<std::string> keys;
  for (auto it = state_.kv.lower_bound(c.prefix); it != state_.kv.end(); ++it) {
    if (!it->first.starts_with(c.prefix)) break;
    if (keys.size() == kDeletedAtOnceMax) {
      return fail(Code::Exhausted, "more than " + std::to_string(kDeletedAtOnceMax) +
                                       " keys begin with " + in_quotes(c.prefix) +
                                       ": delete them by longer prefixes");
    }
    keys.push_back(it->first);
  }
  if (keys.empty()) {
    return fail(Code::NotFound, "no key begins with " + in_quotes(c.prefix));
  }
  for (const std::string& key : keys) drop_key(key);
  key_changed(c.prefix, true);
  return std::to_string(keys.size()) + " keys deleted at index " + std::to_string(index_);
}

Applying::Said Applying::operator()(const GrantLease& c) {
  if (Status ok = check_lease(c); !ok) return tl::unexpected(ok.error());
  const ClusterState& state = state_;
  const auto found = state.leases.find(c.name);
  const bool fresh = found == state.leases.end();
  if (!fresh && found->second.holder != c.holder) {
    return fail(Code::Conflict, "the lease " + in_quotes(c.name) + " is held by " +
                                    in_quotes(found->second.holder) +
                                    ": wait until it is released or expires");
  }
  if (fresh && state.leases.size() >= kLeasesMax) {
    return fail(Code::Exhausted, "there are " + std::to_string(kLeasesMax) +
                                     " leases, more are not allowed: release some first");
  }
  token_ = state_.next_token++;
  state_.leases[c.name] = {.holder = c.holder,
                           .token = token_,
                           .ttl_ms = c.ttl_ms,
                           .granted_at = at_,
                           .renewed = index_};
  return "granted with token " + std::to_string(token_);
}

LeaseRecord* Applying::held(const std::string& name, const std::string& holder, std::uint64_t token,
                            Error& why) {
  const ClusterState& state = state_;
  const auto found = state.leases.find(name);
  if (found == state.leases.end()) {
    why = {Code::NotFound, "nobody holds the lease " + in_quotes(name) +
                               ": it expired or was released, ask for it again"};
    return nullptr;
  }
  if (found->second.holder != holder || found->second.token != token) {
    why = {Code::Conflict, "the lease " + in_quotes(name) + " is held by " +
                               in_quotes(found->second.holder) + " under another token: stop " +
                               "what it is for"};
    return nullptr;
  }
  return &state_.leases.at(name);
}

Applying::Said Applying::operator()(const RenewLease& c) {
  Error why;
  LeaseRecord* lease = held(c.name, c.holder, c.token, why);
  if (lease == nullptr) return tl::unexpected(why);
  lease->renewed = index_;
  token_ = lease->token;
  return "renewed for " + std::to_string(lease->ttl_ms) + " ms";
}

Applying::Said Applying::operator()(const ReleaseLease& c) {
  Error why;
  if (held(c.name, c.holder, c.token, why) == nullptr) return tl::unexpected(why);
  state_.leases.erase(c.name);
  return "released";
}

Applying::Said Applying::operator()(const ExpireLease& c) {
  const ClusterState& state = state_;
  const auto found = state.leases.find(c.name);
  if (found == state.leases.end() || found->second.token != c.token ||
      found->second.renewed != c.renewed) {
    return fail(Code::Conflict, "the lease " + in_quotes(c.name) + " has changed since");
  }
  const std::string text = "the lease " + in_quotes(c.name) + " of " +
                           in_quotes(found->second.holder) + " expired, it was not renewed for " +
                           std::to_string(found->second.ttl_ms) + " ms";
  state_.leases.erase(c.name);
  event("lease-expired", "lease/" + c.name, text);
  return text;
}

}  // namespace muster::failover
