#include "identity/openssl_authority.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "identity/clock.h"
#include "identity/openssl_certificate.h"
#include "identity/openssl_handles.h"

namespace muster::identity {
namespace {

constexpr std::size_t kSerialBytes = 16;
constexpr std::size_t kHostsMax = 16;
constexpr auto kBackdatedMs = std::chrono::duration_cast<std::chrono::milliseconds>(kBackdated);

tl::unexpected<Error> broken(const std::string& what) {
  return fail(Code::Internal, what + ": " + openssl_text());
}

std::time_t seconds_of(WallTime at) {
  return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
}

Key new_key() { return Key(EVP_EC_gen("P-256")); }

// Unencrypted: what keeps it is the mode of the file that it is written to.
Result<std::string> key_pem(EVP_PKEY* key) {
  const Bio out(BIO_new(BIO_s_secmem()));
  if (!out ||
      PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return broken("cannot write a private key");
  }
  return written(out.get());
}

// A random serial, RFC 5280: positive, at most 20 bytes.
bool set_serial(X509* certificate) {
  std::array<unsigned char, kSerialBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);
  const BigNumber number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_life(X509* certificate, WallTime begins, WallTime ends) {
  return ASN1_TIME_set(X509_getm_notBefore(certificate), seconds_of(begins)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), seconds_of(ends)) != nullptr;
}

bool set_common_name(X509_NAME* name, const std::string& text) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, bytes,
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

// Pre: `value` is ours, not of a request: it is a small language that can name files.
bool add_extension(X509* to, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(to, extension.get(), -1) == 1;
}

bool push_name(GENERAL_NAMES* names, int type, void* value) {
  GENERAL_NAME* const name = GENERAL_NAME_new();
  CHECK(name != nullptr && value != nullptr);
  GENERAL_NAME_set0_value(name, type, value);
  return sk_GENERAL_NAME_push(names, name) > 0;
}

ASN1_IA5STRING* ia5(const std::string& text) {
  ASN1_IA5STRING* const string = ASN1_IA5STRING_new();
  CHECK(string != nullptr &&
        ASN1_STRING_set(string, text.data(), static_cast<int>(text.size())) == 1);
  return string;
}

// Built of values, not of OpenSSL's configuration text, in which a comma would begin another name.
bool add_names(X509* to, const CertificateName& name, const std::vector<std::string>& hosts) {
  const Names names(sk_GENERAL_NAME_new_null());
  CHECK(names != nullptr);
  for (const std::string& uri : uris_of(name)) {
    if (!push_name(names.get(), GEN_URI, ia5(uri))) return false;
  }
  for (const std::string& host : hosts) {
    ASN1_OCTET_STRING* const ip = a2i_IPADDRESS(host.c_str());
    ERR_clear_error();
    const bool pushed = ip != nullptr      ? push_name(names.get(), GEN_IPADD, ip)
                        : valid_name(host) ? push_name(names.get(), GEN_DNS, ia5(host))
                                           : true;
    if (!pushed) return false;
  }
  return X509_add1_ext_i2d(to, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

// A key whose signatures are worth something.
bool trusted_kind(EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) return true;
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return false;
  std::array<char, 64> group{};
  if (EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1) return false;
  const std::string_view name(group.data());
  return name == SN_X9_62_prime256v1 || name == SN_secp384r1;
}

// The public key of a request that is good.
Result<Key> key_of_request(std::string_view pem) {
  if (pem.size() > kRequestBytesMax) {
    return fail(Code::InvalidArgument, "a certificate request of more than " +
                                           std::to_string(kRequestBytesMax) + " bytes is refused");
  }
  const Request request = request_in(pem);
  if (!request) {
    return fail(Code::InvalidArgument, "there is no certificate request in PEM");
  }
  Key key(X509_REQ_get_pubkey(request.get()));
  if (!key || !trusted_kind(key.get())) {
    ERR_clear_error();
    return fail(Code::InvalidArgument,
                "the certificate request's key is of a kind that is not taken: use ECDSA P-256");
  }
  if (X509_REQ_verify(request.get(), key.get()) != 1) {
    ERR_clear_error();
    return fail(Code::InvalidArgument,
                "the certificate request is not signed with its own key: make it anew");
  }
  return key;
}

bool fill(X509* to, X509* issuer, const SignOrder& order, EVP_PKEY* key, WallTime ends) {
  return X509_set_version(to, X509_VERSION_3) == 1 && set_serial(to) &&
         set_life(to, order.now - kBackdatedMs, ends) && X509_set_pubkey(to, key) == 1 &&
         set_common_name(X509_get_subject_name(to), order.name.name) &&
         X509_set_issuer_name(to, X509_get_subject_name(issuer)) == 1 &&
         add_extension(to, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(to, issuer, NID_key_usage, "critical,digitalSignature") &&
         add_extension(to, issuer, NID_ext_key_usage,
                       order.name.is_node() ? "serverAuth,clientAuth" : "clientAuth") &&
         add_extension(to, issuer, NID_subject_key_identifier, "hash") &&
         add_extension(to, issuer, NID_authority_key_identifier, "keyid:always") &&
         add_names(to, order.name, order.hosts);
}

}  // namespace

Result<SigningAuthority> make_authority(const std::string& cluster, WallTime now, Duration life) {
  CHECK(valid_name(cluster));
  const Key key = new_key();
  const Certificate made(X509_new());
  X509* const to = made.get();
  if (!key || to == nullptr) return broken("cannot make the authority's key");
  const WallTime ends = now + std::chrono::duration_cast<std::chrono::milliseconds>(life);
  // Two authorities of one cluster have different names: the signer is found by name.
  const std::string name = "muster " + cluster + " " + utc_text(now).substr(0, 10) + " " +
                           sha256(random_bytes(16)).substr(0, 8);
  if (X509_set_version(to, X509_VERSION_3) != 1 || !set_serial(to) ||
      !set_life(to, now - kBackdatedMs, ends) || X509_set_pubkey(to, key.get()) != 1 ||
      !set_common_name(X509_get_subject_name(to), name) ||
      X509_set_issuer_name(to, X509_get_subject_name(to)) != 1 ||
      !add_extension(to, to, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add_extension(to, to, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(to, to, NID_subject_key_identifier, "hash") ||
      X509_sign(to, key.get(), EVP_sha256()) == 0) {
    return broken("cannot make the authority's certificate");
  }
  auto pem = key_pem(key.get());
  if (!pem) return tl::unexpected<Error>(pem.error());
  return SigningAuthority{pem_of(to), std::move(*pem)};
}

Result<KeyAndRequest> make_request() {
  const Key key = new_key();
  const Request request(X509_REQ_new());
  const Bio out(BIO_new(BIO_s_mem()));
  if (!key || !request || !out || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0 ||
      PEM_write_bio_X509_REQ(out.get(), request.get()) != 1) {
    return broken("cannot make a key and a certificate request");
  }
  auto pem = key_pem(key.get());
  if (!pem) return tl::unexpected<Error>(pem.error());
  return KeyAndRequest{std::move(*pem), written(out.get())};
}

Status check_request(std::string_view request) {
  const auto key = key_of_request(request);
  return key ? Status() : tl::unexpected<Error>(key.error());
}

Result<SignedCertificate> sign(const SignOrder& order) {
  const auto key = key_of_request(order.request);
  if (!key) return tl::unexpected<Error>(key.error());
  if (order.hosts.size() > kHostsMax) {
    return fail(Code::InvalidArgument,
                "a certificate of more than " + std::to_string(kHostsMax) + " hosts is refused");
  }
  const Certificate issuer = certificate_in(order.authority.certificate);
  const Key signer = key_in(order.authority.key);
  if (!issuer || !signer || X509_check_private_key(issuer.get(), signer.get()) != 1) {
    ERR_clear_error();
    return fail(Code::Unavailable,
                "the authority's certificate and key cannot be used: rotate the authority");
  }
  const CertificateFacts authority = facts_of(issuer.get());
  if (order.now >= authority.ends || order.now < authority.begins) {
    return fail(Code::Unavailable,
                "the authority's certificate is valid from " + utc_text(authority.begins) + " to " +
                    utc_text(authority.ends) + ", and this master's clock says " +
                    utc_text(order.now) + ": set the clock, or rotate the authority");
  }
  const WallTime ends =
      std::min(order.now + std::chrono::duration_cast<std::chrono::milliseconds>(order.life),
               authority.ends);
  const Certificate made(X509_new());
  if (!made || !fill(made.get(), issuer.get(), order, key->get(), ends) ||
      X509_sign(made.get(), signer.get(),
                EVP_PKEY_get_base_id(signer.get()) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256()) ==
          0) {
    return broken("cannot sign a certificate");
  }
  const CertificateFacts facts = facts_of(made.get());
  return SignedCertificate{pem_of(made.get()), facts.serial, facts.pin, facts.begins, facts.ends};
}

std::string sha256(std::string_view bytes) { return sha256_hex(bytes.data(), bytes.size()); }

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) == 1);
  return bytes;
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace muster::identity
