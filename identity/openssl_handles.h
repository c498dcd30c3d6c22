// How do OpenSSL's objects end with the scope that holds them, and its errors become texts?
//
// For the drivers openssl_*.cpp of this folder alone.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/error.h"
#include "base/time.h"

namespace muster::identity {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using BigNumber = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Request = std::unique_ptr<X509_REQ, Freed<X509_REQ_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Store = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using SslContext = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

// Takes OpenSSL's oldest error of this thread, and forgets the others.
[[nodiscard]] std::string openssl_text();

// Reads from `text`, which must outlive it.
[[nodiscard]] Bio reading(std::string_view text);

// Everything that was written to `bio`.
[[nodiscard]] std::string written(BIO* bio);

// From the only or first certificate, key or request in the text. Null: there is none, or it is
// broken or encrypted; nobody is asked for a passphrase.
[[nodiscard]] Certificate certificate_in(std::string_view pem);
[[nodiscard]] Key key_in(std::string_view pem);
[[nodiscard]] Request request_in(std::string_view pem);

// Every certificate in the text, at most `max` + 1; none at all when one of them is broken.
[[nodiscard]] std::vector<Certificate> certificates_in(std::string_view pem, std::size_t max = 16);

[[nodiscard]] std::string pem_of(X509* certificate);

// In lower case, two digits a byte.
[[nodiscard]] std::string hex(const unsigned char* bytes, std::size_t size);
[[nodiscard]] std::string sha256_hex(const void* bytes, std::size_t size);

// By the calendar of ASN.1; the epoch where it cannot be read.
[[nodiscard]] WallTime wall_time(const ASN1_TIME* time);

}  // namespace muster::identity
