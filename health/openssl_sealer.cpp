#include "health/openssl_sealer.h"

#include <algorithm>
#include <array>
#include <list>
#include <map>
#include <optional>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "health/gossip_frame.h"
#include "health/replay_window.h"

namespace muster::health {
namespace {

constexpr std::string_view kKeyLabel = "muster gossip key id 1";
constexpr std::string_view kDatagramLabel = "muster gossip session 1 datagram";
constexpr std::string_view kStreamLabel = "muster gossip session 1 stream";

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Cipher = std::unique_ptr<EVP_CIPHER, Freed<EVP_CIPHER_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Freed<EVP_CIPHER_CTX_free>>;
using Kdf = std::unique_ptr<EVP_KDF, Freed<EVP_KDF_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, Freed<EVP_KDF_CTX_free>>;

// A key that does not outlive its owner in memory.
struct Secret {
  Secret() = default;
  explicit Secret(const RingKey& key) : bytes(key) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
  RingKey bytes{};
};

struct Ring {
  std::map<KeyId, Secret> keys;
  std::vector<KeyId> ids;  // in order
};

Result<Ring> ring_of(const std::vector<RingKey>& keys) {
  Ring ring;
  for (const RingKey& key : keys) {
    const KeyId id = key_id(key);
    if (!ring.keys.emplace(id, Secret(key)).second) {
      return fail(Code::InvalidArgument, "the keyring has two keys with the id " + key_id_text(id) +
                                             ": replace one of them");
    }
    ring.ids.push_back(id);
  }
  return ring;
}

void draw(unsigned char* out, std::size_t bytes) {
  CHECK(RAND_bytes(out, static_cast<int>(bytes)) == 1);
}

std::uint64_t random_session() {
  std::array<unsigned char, 8> bytes{};
  draw(bytes.data(), bytes.size());
  std::uint64_t session = 0;
  for (const unsigned char byte : bytes) session = session << 8 | byte;
  return session;
}

tl::expected<std::string, GossipDrop> open_plain(std::string&& bytes) {
  const bool sealed = !bytes.empty() && bytes[0] == kSealMark;
  if (sealed) return tl::unexpected(GossipDrop::Sealed);
  return std::move(bytes);
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

RingKey random_ring_key() {
  RingKey key{};
  draw(key.data(), key.size());
  return key;
}

KeyId key_id(const RingKey& key) {
  std::string text(kKeyLabel);
  text.append(reinterpret_cast<const char*>(key.data()), key.size());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) == 1);
  OPENSSL_cleanse(text.data(), text.size());
  KeyId id = 0;
  for (std::size_t i = 0; i < sizeof id; ++i) id = id << 8 | digest[i];
  return id;
}

struct OpensslSealer::Impl {
  using SessionName = std::pair<KeyId, std::uint64_t>;
  struct Session {
    Secret key;
    ReplayWindow window;
    std::list<SessionName>::iterator used;
  };
  // What is known of one kind of message.
  struct Side {
    std::uint64_t session = random_session();  // ours
    std::uint64_t counter = 0;                 // the last one sent
    Secret key;                                // of our session under the first key of the ring
    std::map<SessionName, Session> sessions;
    std::list<SessionName> by_use;  // the longest unused one first
  };

  SealerOptions options;
  Cipher cipher;
  Kdf kdf;
  CipherContext sealing;
  CipherContext opening;
  Ring ring;
  Side datagrams;
  Side streams;

  Side& side(SealKind kind) { return kind == SealKind::Datagram ? datagrams : streams; }
  [[nodiscard]] const Side& side(SealKind kind) const {
    return kind == SealKind::Datagram ? datagrams : streams;
  }

  [[nodiscard]] Secret derive(SealKind kind, const Secret& from, std::uint64_t session) const;
  void start_session(SealKind kind, std::uint64_t session);
  void adopt(Ring next);
  void encrypt(const Side& from, std::string& out, const std::string& message);
  [[nodiscard]] std::optional<std::string> decrypt(const Secret& key, const SealHead& head,
                                                   std::string_view bytes);
  void remember(Side& side, const SessionName& name, const Secret& key, std::uint64_t counter);
};

Secret OpensslSealer::Impl::derive(SealKind kind, const Secret& from, std::uint64_t session) const {
  std::string info(kind == SealKind::Datagram ? kDatagramLabel : kStreamLabel);
  for (int shift = 56; shift >= 0; shift -= 8) {
    info.push_back(static_cast<char>((session >> shift) & 0xff));
  }
  Secret input = from;
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 4> params = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, input.bytes.data(), input.bytes.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
      OSSL_PARAM_construct_end()};
  const KdfContext context(EVP_KDF_CTX_new(kdf.get()));
  CHECK(context != nullptr);
  Secret key;
  CHECK(EVP_KDF_derive(context.get(), key.bytes.data(), key.bytes.size(), params.data()) == 1);
  return key;
}

void OpensslSealer::Impl::start_session(SealKind kind, std::uint64_t session) {
  Side& own = side(kind);
  own.session = session;
  own.key = derive(kind, ring.keys.at(ring.ids.front()), session);
}

// Our own sessions and their counters go on: under another key they are others.
void OpensslSealer::Impl::adopt(Ring next) {
  ring = std::move(next);
  if (ring.ids.empty()) return;
  for (const SealKind kind : {SealKind::Datagram, SealKind::Stream}) {
    Side& known = side(kind);
    start_session(kind, known.session);
    std::erase_if(known.by_use, [&](const SessionName& name) {
      return !ring.keys.contains(name.first) && known.sessions.erase(name) == 1;
    });
  }
}

void OpensslSealer::Impl::encrypt(const Side& from, std::string& out, const std::string& message) {
  CHECK(message.size() < std::size_t{1} << 30);
  const SealNonce nonce = nonce_of(from.counter);
  EVP_CIPHER_CTX* const to = sealing.get();
  CHECK(EVP_EncryptInit_ex2(to, nullptr, from.key.bytes.data(), nonce.data(), nullptr) == 1);
  int written = 0;
  CHECK(EVP_EncryptUpdate(to, nullptr, &written, bytes_of(std::string_view(out)),
                          static_cast<int>(out.size())) == 1);
  const std::size_t head = out.size();
  out.resize(head + message.size() + kSealTagBytes);
  unsigned char* const body = bytes_of(out) + head;
  CHECK(EVP_EncryptUpdate(to, body, &written, bytes_of(std::string_view(message)),
                          static_cast<int>(message.size())) == 1);
  CHECK(static_cast<std::size_t>(written) == message.size());
  CHECK(EVP_EncryptFinal_ex(to, body + written, &written) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(to, EVP_CTRL_AEAD_GET_TAG, kSealTagBytes, body + message.size()) == 1);
}

std::optional<std::string> OpensslSealer::Impl::decrypt(const Secret& key, const SealHead& head,
                                                        std::string_view bytes) {
  const SealNonce nonce = nonce_of(head.counter);
  const std::string_view body = bytes.substr(kSealHeadBytes, bytes.size() - kSealOverheadBytes);
  std::string tag(bytes.substr(bytes.size() - kSealTagBytes));
  EVP_CIPHER_CTX* const from = opening.get();
  CHECK(EVP_DecryptInit_ex2(from, nullptr, key.bytes.data(), nonce.data(), nullptr) == 1);
  int written = 0;
  CHECK(EVP_DecryptUpdate(from, nullptr, &written, bytes_of(bytes), kSealHeadBytes) == 1);
  std::string message(body.size(), '\0');
  CHECK(EVP_DecryptUpdate(from, bytes_of(message), &written, bytes_of(body),
                          static_cast<int>(body.size())) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(from, EVP_CTRL_AEAD_SET_TAG, kSealTagBytes, tag.data()) == 1);
  unsigned char none = 0;
  if (EVP_DecryptFinal_ex(from, &none, &written) == 1) return message;
  ERR_clear_error();
  return std::nullopt;
}

void OpensslSealer::Impl::remember(Side& side, const SessionName& name, const Secret& key,
                                   std::uint64_t counter) {
  auto found = side.sessions.find(name);
  if (found == side.sessions.end()) {
    if (side.sessions.size() >= options.sessions_max) {
      side.sessions.erase(side.by_use.front());
      side.by_use.pop_front();
    }
    side.by_use.push_back(name);
    found = side.sessions.emplace(name, Session{key, {}, std::prev(side.by_use.end())}).first;
  }
  Session& session = found->second;
  side.by_use.splice(side.by_use.end(), side.by_use, session.used);
  session.window.take(counter);
}

Result<std::unique_ptr<OpensslSealer>> OpensslSealer::make(const std::vector<RingKey>& keys,
                                                           SealerOptions options) {
  CHECK(options.sessions_max > 0);
  CHECK(options.messages_max > 0 && options.messages_max <= kSealCounterMax);
  Result<Ring> ring = ring_of(keys);
  if (!ring) return tl::unexpected<Error>(ring.error());
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->cipher.reset(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr));
  impl->kdf.reset(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  impl->sealing.reset(EVP_CIPHER_CTX_new());
  impl->opening.reset(EVP_CIPHER_CTX_new());
  const EVP_CIPHER* const cipher = impl->cipher.get();
  if (cipher == nullptr || impl->kdf == nullptr ||
      EVP_EncryptInit_ex2(impl->sealing.get(), cipher, nullptr, nullptr, nullptr) != 1 ||
      EVP_DecryptInit_ex2(impl->opening.get(), cipher, nullptr, nullptr, nullptr) != 1) {
    return fail(Code::Internal,
                "gossip cannot be sealed: OpenSSL gives no AES-256-GCM and HKDF; see openssl.cnf");
  }
  impl->adopt(std::move(*ring));
  return std::unique_ptr<OpensslSealer>(new OpensslSealer(std::move(impl)));
}

OpensslSealer::OpensslSealer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OpensslSealer::~OpensslSealer() = default;

std::string OpensslSealer::seal(SealKind kind, std::string message) {
  if (impl_->ring.ids.empty()) return message;
  Impl::Side& own = impl_->side(kind);
  if (own.counter >= impl_->options.messages_max) {
    own.counter = 0;
    impl_->start_session(kind, random_session());
  }
  ++own.counter;
  std::string out = encode_seal_head(SealHead{impl_->ring.ids.front(), own.session, own.counter});
  impl_->encrypt(own, out, message);
  return out;
}

tl::expected<std::string, GossipDrop> OpensslSealer::open(SealKind kind, std::string bytes) {
  if (impl_->ring.ids.empty()) return open_plain(std::move(bytes));
  if (bytes.empty() || bytes[0] != kSealMark) {
    const bool plain = !bytes.empty() && (bytes[0] == kGossipMark || bytes[0] == kStreamPingMark);
    return tl::unexpected(plain ? GossipDrop::Unsealed : GossipDrop::Malformed);
  }
  if (bytes.size() < 2) return tl::unexpected(GossipDrop::Malformed);
  if (static_cast<unsigned char>(bytes[1]) != kSealFormat) {
    return tl::unexpected(GossipDrop::WrongVersion);
  }
  const std::optional<SealHead> head = decode_seal_head(bytes);
  if (!head) return tl::unexpected(GossipDrop::Malformed);
  const auto ring_key = impl_->ring.keys.find(head->key);
  if (ring_key == impl_->ring.keys.end()) return tl::unexpected(GossipDrop::UnknownKey);

  Impl::Side& side = impl_->side(kind);
  const Impl::SessionName name{head->key, head->session};
  const auto known = side.sessions.find(name);
  const Secret key = known != side.sessions.end()
                         ? known->second.key
                         : impl_->derive(kind, ring_key->second, head->session);
  // First whether it is true, then whether it is new: so that each reason is what it says.
  std::optional<std::string> message = impl_->decrypt(key, *head, bytes);
  if (!message) return tl::unexpected(GossipDrop::Unauthentic);
  if (known != side.sessions.end() && !known->second.window.is_new(head->counter)) {
    return tl::unexpected(GossipDrop::Replayed);
  }
  impl_->remember(side, name, key, head->counter);
  return std::move(*message);
}

Status OpensslSealer::rekey(const std::vector<RingKey>& keys) {
  if (keys.empty()) return fail(Code::InvalidArgument, "a keyring without keys seals nothing");
  Result<Ring> ring = ring_of(keys);
  if (!ring) return tl::unexpected<Error>(ring.error());
  impl_->adopt(std::move(*ring));
  return {};
}

std::vector<KeyId> OpensslSealer::key_ids() const { return impl_->ring.ids; }

std::size_t OpensslSealer::sessions(SealKind kind) const {
  return impl_->side(kind).sessions.size();
}

std::string seal_with(OpensslSealer* sealer, SealKind kind, std::string message) {
  return sealer != nullptr ? sealer->seal(kind, std::move(message)) : message;
}

tl::expected<std::string, GossipDrop> open_with(OpensslSealer* sealer, SealKind kind,
                                                std::string bytes) {
  if (sealer != nullptr) return sealer->open(kind, std::move(bytes));
  return open_plain(std::move(bytes));
}

}  // namespace muster::health
