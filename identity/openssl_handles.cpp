#include "identity/openssl_handles.h"

#include <array>
#include <ctime>
#include <utility>

#include <openssl/pem.h>

namespace muster::identity {
namespace {

// OpenSSL's own would ask at the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

}  // namespace

std::string openssl_text() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  if (error == 0) return "unknown reason";
  const char* const reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "OpenSSL error " + std::to_string(error);
}

Bio reading(std::string_view text) {
  CHECK(text.size() < std::size_t{1} << 30);
  // OpenSSL takes no null, which an empty view may hold.
  Bio bio(BIO_new_mem_buf(text.empty() ? "" : text.data(), static_cast<int>(text.size())));
  CHECK(bio != nullptr);
  return bio;
}

std::string written(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

Certificate certificate_in(std::string_view pem) {
  Certificate found(PEM_read_bio_X509(reading(pem).get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return found;
}

Key key_in(std::string_view pem) {
  Key found(PEM_read_bio_PrivateKey(reading(pem).get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return found;
}

Request request_in(std::string_view pem) {
  Request found(PEM_read_bio_X509_REQ(reading(pem).get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return found;
}

std::vector<Certificate> certificates_in(std::string_view pem, std::size_t max) {
  std::vector<Certificate> found;
  const Bio bio = reading(pem);
  while (found.size() <= max) {
    Certificate next(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
    if (!next) {
      const bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
      if (!end) found.clear();
      break;
    }
    found.push_back(std::move(next));
  }
  ERR_clear_error();
  return found;
}

std::string pem_of(X509* certificate) {
  const Bio out(BIO_new(BIO_s_mem()));
  CHECK(out != nullptr && PEM_write_bio_X509(out.get(), certificate) == 1);
  return written(out.get());
}

std::string hex(const unsigned char* bytes, std::size_t size) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    text.push_back(kDigits[bytes[i] >> 4]);
    text.push_back(kDigits[bytes[i] & 15]);
  }
  return text;
}

std::string sha256_hex(const void* bytes, std::size_t size) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  CHECK(EVP_Digest(bytes, size, digest.data(), &length, EVP_sha256(), nullptr) == 1);
  return hex(digest.data(), length);
}

WallTime wall_time(const ASN1_TIME* time) {
  std::tm calendar{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &calendar) != 1) return {};
  return WallTime(std::chrono::seconds(::timegm(&calendar)));
}

}  // namespace muster::identity
