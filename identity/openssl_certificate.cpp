#include "identity/openssl_certificate.h"

#include <array>

#include <openssl/pem.h>

#include "base/problem.h"
#include "identity/openssl_handles.h"

namespace muster::identity {
namespace {

constexpr int kNamesMax = 64;

std::string serial_of(X509* certificate) {
  const BigNumber number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (number == nullptr) return "0";
  std::array<unsigned char, 64> bytes{};
  const int size = BN_num_bytes(number.get());
  if (size > static_cast<int>(bytes.size())) return "0";
  BN_bn2bin(number.get(), bytes.data());
  std::string text = hex(bytes.data(), static_cast<std::size_t>(size));
  const std::size_t first = text.find_first_not_of('0');
  return first == std::string::npos ? "0" : text.substr(first);
}

std::string common_name(const X509_NAME* name) {
  std::array<char, 128> text{};
  const int size =
      X509_NAME_get_text_by_NID(name, NID_commonName, text.data(), static_cast<int>(text.size()));
  return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : std::string();
}

std::vector<std::string> uris_in(X509* certificate) {
  std::vector<std::string> uris;
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  if (count > kNamesMax) return uris;
  for (int i = 0; i < count; ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* const uri = name->d.uniformResourceIdentifier;
    uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                      static_cast<std::size_t>(ASN1_STRING_length(uri)));
  }
  return uris;
}

std::string pin_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &bytes);
  if (size <= 0) return {};
  std::string pin = sha256_hex(bytes, static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return pin;
}

}  // namespace

CertificateFacts facts_of(x509_st* certificate) {
  CHECK(certificate != nullptr);
  CertificateFacts facts;
  facts.serial = serial_of(certificate);
  facts.issuer = common_name(X509_get_issuer_name(certificate));
  facts.begins = wall_time(X509_get0_notBefore(certificate));
  facts.ends = wall_time(X509_get0_notAfter(certificate));
  facts.authority = X509_check_ca(certificate) == 1;
  facts.pin = pin_of(certificate);
  if (auto name = name_of(uris_in(certificate))) {
    facts.name = std::move(*name);
  } else {
    facts.nameless = name.error().text;
  }
  ERR_clear_error();
  return facts;
}

Result<CertificateFacts> read_certificate(std::string_view pem) {
  if (pem.size() > kPemBytesMax) {
    return fail(Code::InvalidArgument,
                "a certificate of more than " + std::to_string(kPemBytesMax) + " bytes is refused");
  }
  const Certificate certificate = certificate_in(pem);
  if (!certificate) return fail(Code::InvalidArgument, "there is no certificate in PEM");
  return facts_of(certificate.get());
}

Result<std::vector<CertificateFacts>> read_bundle(std::string_view pem) {
  if (pem.size() > kPemBytesMax) {
    return fail(Code::InvalidArgument,
                "a bundle of more than " + std::to_string(kPemBytesMax) + " bytes is refused");
  }
  std::vector<CertificateFacts> bundle;
  for (const Certificate& certificate : certificates_in(pem)) {
    bundle.push_back(facts_of(certificate.get()));
    if (!bundle.back().authority) {
      return fail(Code::InvalidArgument, "the certificate with serial " + bundle.back().serial +
                                             " is not an authority's: take it out of the bundle");
    }
  }
  if (bundle.empty()) return fail(Code::InvalidArgument, "there is no certificate in PEM");
  if (bundle.size() > kBundleMax) {
    return fail(Code::InvalidArgument, "a bundle holds at most " + std::to_string(kBundleMax) +
                                           " authorities: take out old ones");
  }
  return bundle;
}

bool belongs(std::string_view certificate, std::string_view key) {
  const Certificate parsed = certificate_in(certificate);
  const Key secret = key_in(key);
  const bool fits = parsed && secret && X509_check_private_key(parsed.get(), secret.get()) == 1;
  ERR_clear_error();
  return fits;
}

bool signed_by_first(std::string_view certificate, std::string_view bundle) {
  const Certificate parsed = certificate_in(certificate);
  const Certificate authority = certificate_in(bundle);
  const Key signer(authority ? X509_get_pubkey(authority.get()) : nullptr);
  const bool fits = parsed && signer && X509_verify(parsed.get(), signer.get()) == 1;
  ERR_clear_error();
  return fits;
}

}  // namespace muster::identity
