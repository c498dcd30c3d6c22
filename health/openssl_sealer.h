// How is gossip kept from those who are not of the cluster?
//
// Driver (OpenSSL 3), on the control thread. Seals messages under the first key of a ring and opens
// those of its members: AES-256-GCM in the format of health/seal_format.h. Each process draws a
// random session for either kind of message, and HKDF-SHA256 makes the session's key of the ring's;
// so two senders, or one before and after a restart, never meet on one key and nonce, without
// anything that has to be remembered on a disk.
//
// A message is taken once: each session has a window of counters. What was recorded from a session
// that this process does not know yet (it began before we did, or was forgotten for 16,384 others)
// cannot be told from what is late; docs/OPERATIONS.md says what that can and cannot do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "health/gossip_drop.h"
#include "health/keyring_file.h"
#include "health/seal_format.h"

namespace muster::health {

[[nodiscard]] RingKey random_ring_key();
[[nodiscard]] KeyId key_id(const RingKey& key);

struct SealerOptions {
  std::size_t sessions_max = 16384;                     // remembered of each kind; as many members
  std::uint64_t messages_max = std::uint64_t{1} << 32;  // then a new session; <= kSealCounterMax
};

class OpensslSealer {
 public:
  // Without keys it seals nothing and opens only what is plain. Fails with Internal when OpenSSL
  // has not what it needs, with InvalidArgument when two keys have one id.
  [[nodiscard]] static Result<std::unique_ptr<OpensslSealer>> make(const std::vector<RingKey>& keys,
                                                                   SealerOptions options = {});
  ~OpensslSealer();
  OpensslSealer(const OpensslSealer&) = delete;
  OpensslSealer& operator=(const OpensslSealer&) = delete;

  // The message sealed, kSealOverheadBytes longer; without keys the message.
  [[nodiscard]] std::string seal(SealKind kind, std::string message);
  // The message that a holder of one of our keys sealed as this kind, the first time that it comes;
  // without keys the bytes, unless they are sealed. What fails leaves nothing behind.
  [[nodiscard]] tl::expected<std::string, GossipDrop> open(SealKind kind, std::string bytes);

  // Sessions under keys that are in both rings go on. Fails as make() does, and changes nothing
  // then, also with InvalidArgument when `keys` is empty: sealing does not end while we run.
  [[nodiscard]] Status rekey(const std::vector<RingKey>& keys);

  [[nodiscard]] std::vector<KeyId> key_ids() const;         // the first seals; may be empty
  [[nodiscard]] std::size_t sessions(SealKind kind) const;  // of others, remembered now

 private:
  struct Impl;
  explicit OpensslSealer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// As the sealer does; without one (null) as one without keys does.
[[nodiscard]] std::string seal_with(OpensslSealer* sealer, SealKind kind, std::string message);
[[nodiscard]] tl::expected<std::string, GossipDrop> open_with(OpensslSealer* sealer, SealKind kind,
                                                              std::string bytes);

}  // namespace muster::health
