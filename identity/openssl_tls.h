// Who may open a stream to whom, and who is at its other end?
//
// Driver (OpenSSL), without IO: it makes the SSL objects that asio_* files shake hands with. TLS
// 1.3 only; no session is ever resumed and no early data taken, so that every stream shows a
// certificate that is valid now. Calls are safe from any thread; an SSL belongs to one at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "base/identity.h"
#include "base/time.h"
#include "identity/openssl_certificate.h"

struct ssl_st;

namespace muster::identity {

// PEM texts: what lies in identity.dir.
struct Credentials {
  std::string certificate;  // of this node
  std::string key;          // of that certificate
  std::string bundle;       // the authorities that are trusted
};

struct TlsOptions {
  std::string cluster;            // others than its nodes and users are refused
  std::function<WallTime()> now;  // whether certificates are valid; empty: the machine's clock
};

// Why a handshake came to nothing: for metrics; the text beside it is for people.
enum class TlsRefusal {
  WrongAuthority,  // signed by nobody whom this node trusts
  Expired,
  NotYetValid,
  Revoked,
  OtherCluster,
  WrongKind,      // names no node, where a node's is asked for; or not one node or user
  NoCertificate,  // the peer showed none
  NotTls,         // the peer speaks something else, or an older TLS
  RefusedByPeer,  // the peer does not take our certificate
  Broken,         // anything else: the connection ended, the handshake makes no sense
};
[[nodiscard]] std::string_view to_text(TlsRefusal refusal);  // "wrong-authority", "expired", ...

struct HandshakeFailure {
  TlsRefusal refusal = TlsRefusal::Broken;
  std::string text;  // whose certificate, what is wrong with it, what to do
};

struct SslFree {
  void operator()(ssl_st* ssl) const;
};
using Ssl = std::unique_ptr<ssl_st, SslFree>;

enum class TlsEnd {
  NodeServer,  // RPC, accepted: the peer must show a node's certificate
  NodeClient,  // RPC, connected: the same
  HttpServer,  // HTTPS: a user's or a node's certificate is taken when there is one
};

class OpensslTls {
 public:
  // Fails with InvalidArgument when key, certificate and bundle do not belong together or are not
  // of this cluster; not when the certificate is not valid now: see own().
  [[nodiscard]] static Result<std::unique_ptr<OpensslTls>> make(const Credentials& credentials,
                                                                TlsOptions options);
  ~OpensslTls();

  // For a stream that begins now. asio::ssl::stream(socket, ssl.release()) takes it over. It may
  // outlive this object.
  [[nodiscard]] Ssl begin(TlsEnd end) const;

  // From now on streams begin with these. Streams that there are go on with what they have. Fails
  // as make() does, and then nothing is changed.
  [[nodiscard]] Status renew(const Credentials& credentials);

  // Handshakes with these serials fail from now on, also those that are under way; whoever holds
  // streams ends those of a revoked peer.
  void revoke(std::set<std::string> serials);

  // The own certificate, as the next stream shows it.
  [[nodiscard]] CertificateFacts own() const;

 private:
  struct Impl;
  explicit OpensslTls(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Who is at the other end, after the handshake. Fails with PermissionDenied when no node is.
[[nodiscard]] Result<PeerIdentity> peer_of(const ssl_st* ssl);
// The same of an HTTPS client: nothing when it showed no user's certificate.
[[nodiscard]] std::optional<UserIdentity> user_of(const ssl_st* ssl);

// After a failed handshake, read or write. `error`: what OpenSSL or asio said
// (asio::error_code::value() in asio's ssl category); 0: the connection ended.
// A client is told only after its own handshake is done that its certificate was refused: then the
// first read fails, and this says so.
[[nodiscard]] HandshakeFailure why_failed(const ssl_st* ssl, unsigned long error);

// A key is changed after so many records sent (RFC 8446, 5.5: AES-GCM bears 2^24.5 of them):
// whoever writes counts, and calls this.
inline constexpr unsigned long kRecordsPerKey = 1UL << 23;
void change_key(ssl_st* ssl);

}  // namespace muster::identity
