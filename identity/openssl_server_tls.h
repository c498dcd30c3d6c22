// How is TLS spoken to clients that know nothing of the cluster, Prometheus for one?
//
// Driver (OpenSSL), without IO. TLS 1.2 or 1.3; no session is resumed, no early data taken, nothing
// renegotiated. begin() may be called from any thread; an SSL belongs to one at a time.
#pragma once

#include <memory>

#include "base/error.h"
#include "identity/openssl_tls.h"
#include "identity/server_tls.h"

struct ssl_ctx_st;

namespace muster::identity {

class OpensslServerTls {
 public:
  // Fails when what is in it is broken or does not belong together; not when a certificate has
  // expired, which clients say more clearly.
  [[nodiscard]] static tl::expected<std::shared_ptr<const OpensslServerTls>, ServerTlsFault> make(
      const ServerTlsOptions& options);
  ~OpensslServerTls();
  OpensslServerTls(const OpensslServerTls&) = delete;
  OpensslServerTls& operator=(const OpensslServerTls&) = delete;

  // For a connection that begins now. It may outlive this object.
  [[nodiscard]] Ssl begin() const;

 private:
  explicit OpensslServerTls(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

}  // namespace muster::identity
