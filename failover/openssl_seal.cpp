#include "failover/openssl_seal.h"

#include <algorithm>
#include <array>
#include <memory>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/ids.h"
#include "failover/snapshot_file.h"

namespace muster::failover {
namespace {

constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kCheckBytes = 16;
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr std::size_t kNumbersBytes = 8 + 4 * 8;  // magic, format, cost
constexpr std::size_t kHeadBytes = kNumbersBytes + kSaltBytes + kCheckBytes + 8;

struct Cost {  // scrypt takes 128 * 2^log2_n * r bytes
  std::uint64_t log2_n = 16;
  std::uint64_t r = 8;
  std::uint64_t p = 1;
};
// What a file may ask of us.
constexpr Cost kCostMax{20, 8, 4};

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

struct Derived {
  std::array<unsigned char, kKeyBytes + kCheckBytes> bytes{};
  Derived() = default;
  Derived(const Derived&) = default;
  Derived& operator=(const Derived&) = default;
  ~Derived() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
  [[nodiscard]] const unsigned char* key() const { return bytes.data(); }
  [[nodiscard]] const unsigned char* check() const { return bytes.data() + kKeyBytes; }
};

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void put(std::string& out, std::uint64_t number) {
  for (int i = 0; i < 8; ++i) out += static_cast<char>((number >> (8 * i)) & 0xff);
}

std::uint64_t number_at(std::string_view bytes, std::size_t offset) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    number |= std::uint64_t{static_cast<std::uint8_t>(bytes[offset + i])} << (8 * i);
  }
  return number;
}

Result<Derived> derive(std::string_view passphrase, std::string_view salt, const Cost& cost) {
  Derived derived;
  const std::uint64_t memory = std::uint64_t{256} << cost.log2_n;
  if (EVP_PBE_scrypt(passphrase.data(), passphrase.size(), raw(salt), salt.size(),
                     std::uint64_t{1} << cost.log2_n, cost.r, cost.p, memory * cost.r,
                     derived.bytes.data(), derived.bytes.size()) != 1) {
    return fail(Code::Internal,
                "cannot make a key of the passphrase: scrypt failed, perhaps for "
                "want of memory");
  }
  return derived;
}

std::array<unsigned char, 12> nonce(std::uint64_t number, bool last) {
  std::array<unsigned char, 12> out{};
  for (std::size_t i = 0; i < 8; ++i) {
    out[i] = static_cast<unsigned char>((number >> (8 * i)) & 0xff);
  }
  out[8] = last ? 1 : 0;
  return out;
}

// Appends the sealed piece and its tag.
bool seal_piece(EVP_CIPHER_CTX* context, const Derived& derived, std::uint64_t number, bool last,
                std::string_view head, std::string_view piece, std::string& out) {
  const auto iv = nonce(number, last);
  const std::size_t at = out.size();
  out.resize(at + piece.size() + kTagBytes);
  unsigned char* const to = raw(out) + at;
  int length = 0;
  return EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nullptr, derived.key(), iv.data()) == 1 &&
         EVP_EncryptUpdate(context, nullptr, &length, raw(head), static_cast<int>(head.size())) ==
             1 &&
         EVP_EncryptUpdate(context, to, &length, raw(piece), static_cast<int>(piece.size())) == 1 &&
         EVP_EncryptFinal_ex(context, to + length, &length) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagBytes),
                             to + piece.size()) == 1;
}

// Appends the opened piece. Pre: `piece` has its tag.
bool open_piece(EVP_CIPHER_CTX* context, const Derived& derived, std::uint64_t number, bool last,
                std::string_view head, std::string_view piece, std::string& out) {
  const auto iv = nonce(number, last);
  const std::size_t size = piece.size() - kTagBytes;
  std::string tag(piece.substr(size));
  const std::size_t at = out.size();
  out.resize(at + size);
  unsigned char* const to = raw(out) + at;
  int length = 0;
  return EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nullptr, derived.key(), iv.data()) == 1 &&
         EVP_DecryptUpdate(context, nullptr, &length, raw(head), static_cast<int>(head.size())) ==
             1 &&
         EVP_DecryptUpdate(context, to, &length, raw(piece), static_cast<int>(size)) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTagBytes),
                             tag.data()) == 1 &&
         EVP_DecryptFinal_ex(context, to + length, &length) == 1;
}

tl::unexpected<Error> wrong(std::string what) { return fail(Code::DataLoss, std::move(what)); }

// The cost that the head names, if the head is sound.
Result<Cost> read_head(std::string_view sealed) {
  if (kind_of(sealed) != SnapshotKind::Sealed) {
    return fail(Code::InvalidArgument, "it is not encrypted");
  }
  if (sealed.size() < kHeadBytes + kTagBytes) {
    return wrong("it ends early, after " + std::to_string(sealed.size()) + " bytes");
  }
  if (const std::uint64_t format = number_at(sealed, 8); format != kFormat) {
    return fail(Code::Conflict, "its encryption has format " + std::to_string(format) +
                                    ", this version of muster knows format " +
                                    std::to_string(kFormat) + ": use the version that wrote it");
  }
  const Cost cost{number_at(sealed, 16), number_at(sealed, 24), number_at(sealed, 32)};
  const std::size_t sum_at = kHeadBytes - 8;
  if (number_at(sealed, sum_at) != fnv1a64(sealed.substr(0, sum_at)) || cost.log2_n < 1 ||
      cost.log2_n > kCostMax.log2_n || cost.r < 1 || cost.r > kCostMax.r || cost.p < 1 ||
      cost.p > kCostMax.p) {
    return wrong("its head does not match its checksum");
  }
  return cost;
}

}  // namespace

Result<std::string> seal(std::string_view plain, std::string_view passphrase) {
  const Cost cost;
  std::string salt(kSaltBytes, '\0');
  CHECK(RAND_bytes(raw(salt), static_cast<int>(salt.size())) == 1);
  const auto derived = derive(passphrase, salt, cost);
  if (!derived) return tl::unexpected(derived.error());
  std::string out(kSealMagic);
  for (const std::uint64_t number : {kFormat, cost.log2_n, cost.r, cost.p}) put(out, number);
  out += salt;
  out.append(reinterpret_cast<const char*>(derived->check()), kCheckBytes);
  put(out, fnv1a64(out));
  const std::string head = out;
  out.reserve(head.size() + plain.size() + (plain.size() / kPieceBytes + 1) * kTagBytes);
  const Context context(EVP_CIPHER_CTX_new());
  std::uint64_t number = 0;
  bool last = false;
  while (!last) {
    const std::string_view piece = plain.substr(0, kPieceBytes);
    plain.remove_prefix(piece.size());
    last = plain.empty();
    if (!seal_piece(context.get(), *derived, number++, last, head, piece, out)) {
      return fail(Code::Internal, "AES-256-GCM failed");
    }
  }
  return out;
}

Result<std::string> unseal(std::string_view sealed, std::string_view passphrase) {
  const auto cost = read_head(sealed);
  if (!cost) return tl::unexpected(cost.error());
  const auto derived = derive(passphrase, sealed.substr(kNumbersBytes, kSaltBytes), *cost);
  if (!derived) return tl::unexpected(derived.error());
  const std::string_view check = sealed.substr(kNumbersBytes + kSaltBytes, kCheckBytes);
  if (CRYPTO_memcmp(check.data(), derived->check(), kCheckBytes) != 0) {
    return fail(Code::PermissionDenied, "it was encrypted with another passphrase");
  }
  const std::string_view head = sealed.substr(0, kHeadBytes);
  sealed.remove_prefix(kHeadBytes);
  std::string out;
  out.reserve(sealed.size());
  const Context context(EVP_CIPHER_CTX_new());
  std::uint64_t number = 0;
  bool last = false;
  while (!last) {
    const std::string_view piece = sealed.substr(0, kPieceBytes + kTagBytes);
    sealed.remove_prefix(piece.size());
    last = sealed.empty();
    if (piece.size() < kTagBytes ||
        !open_piece(context.get(), *derived, number, last, head, piece, out)) {
      return wrong("the passphrase is right, but piece " + std::to_string(number) +
                   " of it was damaged or the end is missing");
    }
    ++number;
  }
  return out;
}

void forget(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace muster::failover
