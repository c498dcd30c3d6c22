#include "identity/openssl_server_tls.h"

#include <utility>

#include "identity/openssl_handles.h"

namespace muster::identity {
namespace {

using Part = ServerTlsPart;
using Fault = tl::unexpected<ServerTlsFault>;

constexpr const char* kModernSuites = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr long kCertificatesBytesMax = 16384;  // of a client's chain
constexpr std::size_t kAuthoritiesMax = 256;

Fault fault(Part part, std::string what) {
  ERR_clear_error();
  return Fault(ServerTlsFault{part, std::move(what)});
}

// OpenSSL's reason, which it must be asked for before anything else is done.
Fault refused(Part part) {
  const std::string why = openssl_text();
  return fault(part, "OpenSSL does not take it: " + why);
}

int version_of(TlsVersion version) {
  return version == TlsVersion::V12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

int take_anybody(X509_STORE_CTX*, void*) { return 1; }

tl::expected<void, ServerTlsFault> show(SSL_CTX* context, const ServerTlsOptions& from) {
  const auto chain = certificates_in(from.certificate);
  if (chain.empty()) return fault(Part::Certificate, "there is no certificate in PEM in it");
  const Key key = key_in(from.key);
  if (key == nullptr) {
    return fault(Part::Key, "there is no private key in PEM in it that needs no passphrase");
  }
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    return fault(Part::Key, "it is not the key of the certificate in cert_file");
  }
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) return refused(Part::Certificate);
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) return refused(Part::Key);
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) return refused(Part::Certificate);
  }
  return {};
}

tl::expected<void, ServerTlsFault> ask_clients(SSL_CTX* context, const ServerTlsOptions& from) {
  const ClientCertificate how = from.client;
  if (how == ClientCertificate::NotAsked) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    return {};
  }
  const bool needed =
      how == ClientCertificate::Needed || how == ClientCertificate::NeededAndVerified;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (needed ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
  if (how == ClientCertificate::Asked || how == ClientCertificate::Needed) {
    SSL_CTX_set_cert_verify_callback(context, take_anybody, nullptr);
    return {};
  }
  const auto authorities = certificates_in(from.client_authorities, kAuthoritiesMax);
  if (authorities.empty()) {
    return fault(Part::ClientAuthorities, "there is no certificate in PEM in it, or a broken one");
  }
  Store store(X509_STORE_new());
  CHECK(store != nullptr);
  // Whoever is named here is trusted, also when somebody else signed it.
  CHECK(X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN) == 1);
  for (const Certificate& authority : authorities) {
    if (X509_STORE_add_cert(store.get(), authority.get()) != 1 ||
        SSL_CTX_add_client_CA(context, authority.get()) != 1) {
      return refused(Part::ClientAuthorities);
    }
  }
  SSL_CTX_set1_verify_cert_store(context, store.get());
  return {};
}

tl::expected<void, ServerTlsFault> choose(SSL_CTX* context, const ServerTlsOptions& from) {
  std::string suites;
  for (const std::string& name : from.suites) {
    const std::string known = OPENSSL_cipher_name(name.c_str());
    if (known == "(NONE)") return fault(Part::Suites, name + " is no suite of OpenSSL's");
    if (!suites.empty()) suites += ':';
    suites += known;
  }
  if (SSL_CTX_set_cipher_list(context, suites.empty() ? kModernSuites : suites.c_str()) != 1) {
    return refused(Part::Suites);
  }
  std::string curves;
  for (const std::string& name : from.curves) {
    if (!curves.empty()) curves += ':';
    curves += name;
  }
  if (!curves.empty() && SSL_CTX_set1_groups_list(context, curves.c_str()) != 1) {
    return refused(Part::Curves);
  }
  return {};
}

}  // namespace

tl::expected<std::shared_ptr<const OpensslServerTls>, ServerTlsFault> OpensslServerTls::make(
    const ServerTlsOptions& options) {
  SslContext made(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = made.get();
  CHECK(context != nullptr);
  CHECK(SSL_CTX_set_min_proto_version(context, version_of(options.min)) == 1);
  CHECK(SSL_CTX_set_max_proto_version(context, version_of(options.max)) == 1);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   (options.own_preference ? SSL_OP_CIPHER_SERVER_PREFERENCE : 0));
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  CHECK(SSL_CTX_set_num_tickets(context, 0) == 1);
  CHECK(SSL_CTX_set_max_early_data(context, 0) == 1);
  SSL_CTX_set_max_cert_list(context, kCertificatesBytesMax);
  auto done = show(context, options);
  if (done) done = ask_clients(context, options);
  if (done) done = choose(context, options);
  if (!done) return Fault(std::move(done.error()));
  return std::shared_ptr<const OpensslServerTls>(new OpensslServerTls(made.release()));
}

OpensslServerTls::~OpensslServerTls() { SSL_CTX_free(context_); }

Ssl OpensslServerTls::begin() const {
  Ssl ssl(SSL_new(context_));
  CHECK(ssl != nullptr);
  SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace muster::identity
