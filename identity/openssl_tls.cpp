#include "identity/openssl_tls.h"

#include <chrono>
#include <mutex>
#include <utility>

#include "identity/openssl_handles.h"
#include "identity/openssl_verify.h"

namespace muster::identity {
namespace {

constexpr const char* kSuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256";
constexpr long kCertificatesBytesMax = 16384;  // of a peer's chain

WallTime machine_clock() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

tl::unexpected<Error> wrong(const std::string& what) { return fail(Code::InvalidArgument, what); }

// What this cluster trusts. Null: the bundle is no good, which read_bundle() has said.
Store store_of(std::string_view bundle) {
  Store store(X509_STORE_new());
  CHECK(store != nullptr);
  for (const Certificate& authority : certificates_in(bundle)) {
    CHECK(X509_STORE_add_cert(store.get(), authority.get()) == 1);
  }
  return store;
}

Result<CertificateFacts> check_credentials(const Credentials& from, const std::string& cluster) {
  auto facts = read_certificate(from.certificate);
  if (!facts) return wrong("the node's certificate: " + facts.error().text);
  if (!facts->name) return wrong("the node's certificate: " + facts->nameless);
  if (!facts->name->is_node()) return wrong("the node's certificate is of " + facts->name->text());
  if (facts->name->cluster != cluster) {
    return wrong("the node's certificate is of cluster " + facts->name->cluster +
                 ", the configuration of cluster " + cluster +
                 ": set `cluster`, or `identity.dir` to that of this cluster");
  }
  const auto bundle = read_bundle(from.bundle);
  if (!bundle) return wrong("the authorities' bundle: " + bundle.error().text);
  if (!key_in(from.key)) return wrong("the node's key: there is no private key in PEM");
  const Certificate certificate = certificate_in(from.certificate);
  if (!belongs(from.certificate, from.key)) {
    return wrong("the node's key is not that of its certificate: restore both, or join anew");
  }
  for (const Certificate& authority : certificates_in(from.bundle)) {
    const Key signer(X509_get_pubkey(authority.get()));
    if (X509_verify(certificate.get(), signer.get()) == 1) {
      ERR_clear_error();
      return facts;
    }
  }
  ERR_clear_error();
  return wrong("the node's certificate is signed by " + facts->issuer +
               ", which is not in its bundle of authorities: restore both, or join anew");
}

// For browsers and tokens that know only the pin: the authority goes with the certificate.
void add_issuer(SSL_CTX* context, X509* certificate, std::string_view bundle) {
  for (const Certificate& authority : certificates_in(bundle)) {
    const Key signer(X509_get_pubkey(authority.get()));
    if (X509_verify(certificate, signer.get()) != 1) continue;
    CHECK(SSL_CTX_add1_chain_cert(context, authority.get()) == 1);
    break;
  }
  ERR_clear_error();
}

SslContext context_of(TlsEnd end, const Credentials& from, const std::shared_ptr<Judge>& judge) {
  const bool server = end != TlsEnd::NodeClient;
  SslContext made(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()));
  SSL_CTX* const context = made.get();
  CHECK(context != nullptr);
  CHECK(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1);
  CHECK(SSL_CTX_set_ciphersuites(context, kSuites) == 1);
  CHECK(SSL_CTX_set1_groups_list(context, kGroups) == 1);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_PRIORITIZE_CHACHA |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  CHECK(SSL_CTX_set_num_tickets(context, 0) == 1);
  CHECK(SSL_CTX_set_max_early_data(context, 0) == 1);
  SSL_CTX_set_max_cert_list(context, kCertificatesBytesMax);
  // A connection that is idle keeps no buffers: a thousand of them are the usual case.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

  const Certificate certificate = certificate_in(from.certificate);
  const Key key = key_in(from.key);
  CHECK(SSL_CTX_use_certificate(context, certificate.get()) == 1);
  CHECK(SSL_CTX_use_PrivateKey(context, key.get()) == 1);
  SSL_CTX_set1_cert_store(context, store_of(from.bundle).get());
  const int demand = end == TlsEnd::HttpServer ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | demand, nullptr);
  judge_by(context, judge, end != TlsEnd::HttpServer);
  if (end == TlsEnd::HttpServer) add_issuer(context, certificate.get(), from.bundle);
  return made;
}

}  // namespace

void SslFree::operator()(ssl_st* ssl) const { SSL_free(ssl); }

struct OpensslTls::Impl {
  struct Contexts {
    CertificateFacts own;
    SslContext node_server, node_client, http_server;
  };
  Result<Contexts> make(const Credentials& from) const {
    auto own = check_credentials(from, judge->cluster);
    if (!own) return tl::unexpected<Error>(own.error());
    return Contexts{std::move(*own), context_of(TlsEnd::NodeServer, from, judge),
                    context_of(TlsEnd::NodeClient, from, judge),
                    context_of(TlsEnd::HttpServer, from, judge)};
  }
  std::shared_ptr<Judge> judge;
  mutable std::mutex lock;  // of `contexts`
  Contexts contexts;
};

Result<std::unique_ptr<OpensslTls>> OpensslTls::make(const Credentials& credentials,
                                                     TlsOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->judge = std::make_shared<Judge>();
  impl->judge->cluster = std::move(options.cluster);
  impl->judge->now = options.now ? std::move(options.now) : machine_clock;
  auto contexts = impl->make(credentials);
  if (!contexts) return tl::unexpected<Error>(contexts.error());
  impl->contexts = std::move(*contexts);
  return std::unique_ptr<OpensslTls>(new OpensslTls(std::move(impl)));
}

OpensslTls::OpensslTls(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OpensslTls::~OpensslTls() = default;

Ssl OpensslTls::begin(TlsEnd end) const {
  const std::lock_guard guard(impl_->lock);
  SSL_CTX* const context = end == TlsEnd::NodeServer   ? impl_->contexts.node_server.get()
                           : end == TlsEnd::NodeClient ? impl_->contexts.node_client.get()
                                                       : impl_->contexts.http_server.get();
  Ssl ssl(SSL_new(context));
  CHECK(ssl != nullptr);
  if (end == TlsEnd::NodeClient) {
    SSL_set_connect_state(ssl.get());
  } else {
    SSL_set_accept_state(ssl.get());
  }
  return ssl;
}

Status OpensslTls::renew(const Credentials& credentials) {
  auto contexts = impl_->make(credentials);
  if (!contexts) return tl::unexpected<Error>(contexts.error());
  const std::lock_guard guard(impl_->lock);
  std::swap(impl_->contexts, *contexts);
  return {};
}

void OpensslTls::revoke(std::set<std::string> serials) {
  const std::lock_guard guard(impl_->judge->lock);
  impl_->judge->revoked = std::move(serials);
}

CertificateFacts OpensslTls::own() const {
  const std::lock_guard guard(impl_->lock);
  return impl_->contexts.own;
}

void change_key(ssl_st* ssl) {
  if (SSL_is_init_finished(ssl) != 1) return;
  if (SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1) ERR_clear_error();
}

}  // namespace muster::identity
