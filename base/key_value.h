// What are the keys and values that the masters keep for others, and how much of everything?
//
// Plain values and the limits of the replicated state. failover/commands.h: apply() enforces them,
// so that no proposer can pass them; they are the same on every master and only ever grow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/time.h"

namespace muster {

using Blob = std::shared_ptr<const std::string>;  // never null in a value that left its maker

inline constexpr std::size_t kKeyBytesMax = 512;  // printable text of one line
inline constexpr std::size_t kValueBytesMax = std::size_t{512} << 10;
inline constexpr std::size_t kKeysMax = 500'000;
inline constexpr std::uint64_t kKeyValueBytesMax = std::uint64_t{256} << 20;  // of all together
inline constexpr std::size_t kKeyChangesMax = 4096;                           // remembered
inline constexpr std::size_t kDeletedAtOnceMax = 10'000;                      // by one prefix

inline constexpr std::size_t kMastersMax = 15;
inline constexpr std::size_t kTokensMax = 1024;
inline constexpr std::size_t kSilencesMax = 1024;
inline constexpr std::size_t kMatchersMax = 16;  // of one silence
inline constexpr std::size_t kLeasesMax = 1024;
inline constexpr std::size_t kAuthoritiesMax = 8;
inline constexpr std::size_t kCertificatesMax = 20'000;
inline constexpr std::size_t kFormerCertificatesMax = 8;   // of one node, not yet expired
inline constexpr std::size_t kUserCertificatesMax = 4096;  // that are not revoked or expired
inline constexpr std::size_t kRevokedMax = 20'000;
inline constexpr std::size_t kGossipKeysMax = 16;
inline constexpr std::size_t kIdBytesMax = 128;        // of a token, an authority, a silence, ...
inline constexpr std::size_t kCommentBytesMax = 1024;  // of what people write beside something
inline constexpr std::size_t kEventTextBytesMax = 65'536;  // the rest is cut off
inline constexpr std::size_t kPemBytesMax = std::size_t{16} << 10;
inline constexpr std::uint32_t kLeaseTtlMsMin = 1000;
inline constexpr std::uint32_t kLeaseTtlMsMax = 24 * 3600 * 1000;

struct KeyRecord {
  Blob value;
  std::uint64_t created = 0;   // index of the command that made the key
  std::uint64_t modified = 0;  // index of the last command that wrote it
  std::uint64_t version = 1;   // how often it was written since it was made
  bool operator==(const KeyRecord& other) const {
    return created == other.created && modified == other.modified && version == other.version &&
           (value == other.value || (value && other.value && *value == *other.value));
  }
};

// One change of the keys, puts and deletes alike: whether the key is there, and its value, is in
// the state itself.
struct KeyChange {
  std::uint64_t index = 0;  // of the command
  std::string key;
  bool prefix = false;  // everything below `key` was deleted
  bool operator==(const KeyChange&) const = default;
};

// Whether somebody who watches everything below `prefix` has to know of it.
[[nodiscard]] inline bool concerns(const KeyChange& change, std::string_view prefix) {
  return change.key.starts_with(prefix) || (change.prefix && prefix.starts_with(change.key));
}

// A name that one holder has at a time, until its time is over.
struct LeaseRecord {
  std::string holder;
  std::uint64_t token = 0;  // fencing token: higher with every grant, over the cluster's life
  std::uint32_t ttl_ms = 0;
  WallTime granted_at{};      // to this holder
  std::uint64_t renewed = 0;  // index of the grant or of the last renewal
  bool operator==(const LeaseRecord&) const = default;
};

}  // namespace muster
