#include "identity/openssl_join.h"

#include <array>
#include <ctime>

#include "identity/clock.h"
#include "identity/http_answer.h"
#include "identity/openssl_certificate.h"
#include "identity/openssl_handles.h"
#include "identity/posix_dial.h"

namespace muster::identity {
namespace {

constexpr Duration kConnectPatience = std::chrono::seconds(5);
constexpr int kAnswerSeconds = 15;
constexpr unsigned kNapMs = 20;
constexpr std::size_t kAnswerBytesMax = std::size_t{320} << 10;

struct Expected {
  std::string pin;
  WallTime now{};
  Error refusal;  // once something was wrong
};

int refuse(Expected& expected, std::string why) {
  expected.refusal = {Code::PermissionDenied, std::move(why)};
  return 0;
}

// The chain ends in the authority with the pin, which came with it, and begins with a master.
int verify(X509_STORE_CTX* shown, void* argument) {
  Expected& expected = *static_cast<Expected*>(argument);
  X509* const leaf = X509_STORE_CTX_get0_cert(shown);
  STACK_OF(X509)* const chain = X509_STORE_CTX_get0_untrusted(shown);
  X509* authority = nullptr;
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const CertificateFacts facts = facts_of(sk_X509_value(chain, i));
    if (facts.authority && facts.pin == expected.pin) authority = sk_X509_value(chain, i);
  }
  if (authority == nullptr) {
    return refuse(expected,
                  "the other side is not of the cluster that the token is for, or its authority "
                  "was changed since the token was made: check the address, or make another "
                  "token; it was not sent");
  }
  const Store store(X509_STORE_new());
  const std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  CHECK(store != nullptr && context != nullptr);
  CHECK(X509_STORE_add_cert(store.get(), authority) == 1);
  CHECK(X509_STORE_CTX_init(context.get(), store.get(), leaf, nullptr) == 1);
  CHECK(X509_STORE_CTX_set_default(context.get(), "ssl_server") == 1);
  X509_STORE_CTX_set_time(
      context.get(), 0,
      std::chrono::floor<std::chrono::seconds>(expected.now.time_since_epoch()).count());
  const CertificateFacts facts = facts_of(leaf);
  if (X509_verify_cert(context.get()) != 1) {
    const int error = X509_STORE_CTX_get_error(context.get());
    ERR_clear_error();
    if (error == X509_V_ERR_CERT_NOT_YET_VALID || error == X509_V_ERR_CERT_HAS_EXPIRED) {
      return refuse(expected, "the master's certificate is valid from " + utc_text(facts.begins) +
                                  " to " + utc_text(facts.ends) +
                                  ", and this machine's clock says " + utc_text(expected.now) +
                                  ": set the clock that is wrong (`timedatectl` shows it)");
    }
    return refuse(expected, std::string("the master's certificate is refused: ") +
                                X509_verify_cert_error_string(error));
  }
  const auto* const role = facts.name ? std::get_if<NodeRole>(&facts.name->role) : nullptr;
  if (role == nullptr || *role != NodeRole::Master) {
    return refuse(expected,
                  "the other side is no master, and a token is shown to masters only: give the "
                  "address of one");
  }
  return 1;
}

// False: not in time.
bool wait(BIO* bio, std::time_t until) {
  return BIO_should_retry(bio) != 0 && BIO_wait(bio, until, kNapMs) > 0;
}

Status write_all(BIO* bio, std::string_view bytes, std::time_t until) {
  while (!bytes.empty()) {
    const int wrote = BIO_write(bio, bytes.data(), static_cast<int>(bytes.size()));
    if (wrote > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    } else if (!wait(bio, until)) {
      return fail(Code::Unavailable, "the master does not take the request: " + openssl_text());
    }
  }
  return {};
}

Result<std::string> read_all(BIO* bio, std::time_t until) {
  std::string bytes;
  std::array<char, 8192> chunk{};
  while (bytes.size() <= kAnswerBytesMax) {
    const int got = BIO_read(bio, chunk.data(), static_cast<int>(chunk.size()));
    if (got > 0) {
      bytes.append(chunk.data(), static_cast<std::size_t>(got));
    } else if (BIO_should_retry(bio) == 0) {
      ERR_clear_error();  // an end without goodbye: whether all is there shows in the answer
      if (!bytes.empty()) return bytes;
      return fail(Code::Unavailable,
                  "the master ended the connection without an answer: try again");
    } else if (!wait(bio, until)) {
      return fail(Code::Timeout, "the master did not answer in time: try again");
    }
  }
  return fail(Code::InvalidArgument, "the master's answer is too long");
}

}  // namespace

Result<std::string> post_pinned(const PinnedPost& post) {
  Expected expected{post.pin, post.now, {}};
  const SslContext context(SSL_CTX_new(TLS_client_method()));
  CHECK(context != nullptr);
  CHECK(SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) == 1);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context.get(), verify, &expected);
  const auto socket = dial(post.to, post.from, kConnectPatience);
  if (!socket) {
    return fail(Code::Unavailable, "no master answers HTTPS at " + post.to.text() + ": " +
                                       socket.error().text +
                                       "; give the address and the HTTP port of a master");
  }
  const Bio bio(BIO_new_ssl(context.get(), 1));
  CHECK(bio != nullptr);
  BIO* const below = BIO_new_socket(*socket, BIO_CLOSE);
  CHECK(below != nullptr);
  BIO_push(bio.get(), below);
  const std::time_t until = std::time(nullptr) + kAnswerSeconds;
  while (BIO_do_handshake(bio.get()) != 1) {
    if (wait(bio.get(), until)) continue;
    if (!expected.refusal.text.empty()) return tl::unexpected<Error>(expected.refusal);
    return fail(Code::Unavailable,
                "no TLS handshake with " + post.to.text() + ": " + openssl_text());
  }
  const std::string request = "POST " + post.path + " HTTP/1.1\r\nHost: " + post.to.text() +
                              "\r\nContent-Type: application/json\r\nConnection: close\r\n" +
                              "Content-Length: " + std::to_string(post.body.size()) + "\r\n\r\n" +
                              post.body;
  if (Status wrote = write_all(bio.get(), request, until); !wrote) {
    return tl::unexpected<Error>(wrote.error());
  }
  const auto bytes = read_all(bio.get(), until);
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  const auto answer = parse_http_answer(*bytes);
  if (!answer) return tl::unexpected<Error>(answer.error());
  if (answer->status != 200) return tl::unexpected<Error>(error_of(*answer));
  return answer->body;
}

}  // namespace muster::identity
