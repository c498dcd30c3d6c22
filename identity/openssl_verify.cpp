#include "identity/openssl_verify.h"

#include <utility>

#include "base/problem.h"
#include "identity/clock.h"
#include "identity/openssl_certificate.h"
#include "identity/openssl_handles.h"
#include "identity/openssl_tls.h"

namespace muster::identity {
namespace {

struct Judgement {  // of one context
  std::shared_ptr<Judge> judge;
  bool nodes_only = true;
};

template <class T>
void free_ex_data(void*, void* object, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<T*>(object);
}
int judgement_index() {
  static const int index =
      SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_ex_data<Judgement>);
  return index;
}
int failure_index() {
  static const int index =
      SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_ex_data<HandshakeFailure>);
  return index;
}

std::string holder_text(const CertificateFacts& facts) {
  std::string text = facts.authority ? "the authority's certificate"
                                     : "the certificate of " +
                                           (facts.name ? facts.name->text() : "nobody we know");
  return text + " (serial " + facts.serial + ")";
}

HandshakeFailure out_of_time(const CertificateFacts& facts, WallTime now) {
  if (now < facts.begins) {
    return {TlsRefusal::NotYetValid,
            holder_text(facts) + " is not valid before " + utc_text(facts.begins) +
                ", and this node's clock says " + utc_text(now) +
                ": one of the two clocks is wrong, set it (`timedatectl` shows it)"};
  }
  return {TlsRefusal::Expired, holder_text(facts) + " expired at " + utc_text(facts.ends) +
                                   ", and this node's clock says " + utc_text(now) +
                                   ": if that clock is right, join that node anew; if not, set it"};
}

HandshakeFailure unknown_signer(const CertificateFacts& facts, const Judge& judge) {
  if (facts.name && facts.name->cluster != judge.cluster) {
    return {TlsRefusal::OtherCluster, holder_text(facts) + " is of another cluster, this node of " +
                                          judge.cluster +
                                          ": one of them is told the wrong address"};
  }
  return {TlsRefusal::WrongAuthority,
          holder_text(facts) + " is signed by " + in_quotes(facts.issuer) +
              ", whom this node does not trust: one of the two belongs to another cluster of this "
              "name, or missed a change of the authority (`muster join` it anew)"};
}

// What X509_verify_cert() was not content with.
HandshakeFailure explain(X509_STORE_CTX* store, const Judge& judge, WallTime now) {
  const int error = X509_STORE_CTX_get_error(store);
  X509* const at_fault = X509_STORE_CTX_get_current_cert(store);
  X509* const leaf = X509_STORE_CTX_get0_cert(store);
  switch (error) {
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return out_of_time(facts_of(at_fault != nullptr ? at_fault : leaf), now);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE: return unknown_signer(facts_of(leaf), judge);
    default:
      return {TlsRefusal::Broken,
              holder_text(facts_of(leaf)) + " is refused: " + X509_verify_cert_error_string(error)};
  }
}

// What is wrong with a certificate that one of our authorities signed and that is valid now.
std::optional<std::pair<HandshakeFailure, int>> object_to(const CertificateFacts& facts,
                                                          Judge& judge, bool nodes_only) {
  if (!facts.name) {
    return std::pair(HandshakeFailure{TlsRefusal::WrongKind, facts.nameless},
                     X509_V_ERR_APPLICATION_VERIFICATION);
  }
  if (facts.name->cluster != judge.cluster) {
    return std::pair(unknown_signer(facts, judge), X509_V_ERR_APPLICATION_VERIFICATION);
  }
  if (nodes_only && !facts.name->is_node()) {
    return std::pair(
        HandshakeFailure{TlsRefusal::WrongKind,
                         holder_text(facts) + " is no node's: RPC is for nodes, people use HTTPS"},
        X509_V_ERR_APPLICATION_VERIFICATION);
  }
  const std::lock_guard guard(judge.lock);
  if (judge.revoked.contains(facts.serial)) {
    return std::pair(
        HandshakeFailure{TlsRefusal::Revoked,
                         holder_text(facts) + " was revoked: " +
                             (facts.name->is_node() ? "join that node anew if it is wanted back"
                                                    : "an admin can have another one made")},
        X509_V_ERR_CERT_REVOKED);
  }
  return std::nullopt;
}

int verify(X509_STORE_CTX* store, void*) {
  auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* const how =
      static_cast<const Judgement*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), judgement_index()));
  const WallTime now = how->judge->now();
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(store);
  X509_VERIFY_PARAM_set_time(
      parameters, std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  const auto refuse = [&](HandshakeFailure failure) {
    delete static_cast<HandshakeFailure*>(SSL_get_ex_data(ssl, failure_index()));
    SSL_set_ex_data(ssl, failure_index(), new HandshakeFailure(std::move(failure)));
    return 0;
  };
  if (X509_verify_cert(store) != 1) return refuse(explain(store, *how->judge, now));
  const CertificateFacts facts = facts_of(X509_STORE_CTX_get0_cert(store));
  if (auto objection = object_to(facts, *how->judge, how->nodes_only)) {
    X509_STORE_CTX_set_error(store, objection->second);
    return refuse(std::move(objection->first));
  }
  return 1;
}

std::optional<CertificateFacts> shown(const ssl_st* ssl) {
  if (SSL_is_init_finished(ssl) != 1) return std::nullopt;
  X509* const certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr) return std::nullopt;
  return facts_of(certificate);
}

HandshakeFailure told_by_peer(int alert) {
  const auto refused = [](const std::string& why) {
    return HandshakeFailure{TlsRefusal::RefusedByPeer, "the peer refuses our certificate: " + why};
  };
  switch (alert) {
    case SSL_AD_CERTIFICATE_EXPIRED:
      return refused("it expired, by the peer's clock; check both clocks, or join anew");
    case SSL_AD_CERTIFICATE_REVOKED: return refused("it was revoked; join anew");
    case SSL_AD_UNKNOWN_CA:
      return refused(
          "it does not trust the authority that signed it; join anew, if the address "
          "is one of this cluster");
    case SSL_AD_CERTIFICATE_REQUIRED: return refused("it wants one and got none");
    case SSL_AD_BAD_CERTIFICATE:
      return refused("it is not valid yet, by the peer's clock, or broken; check both clocks");
    case SSL_AD_PROTOCOL_VERSION: return {TlsRefusal::NotTls, "the peer speaks no TLS 1.3"};
    default: return refused("its journal says why (TLS alert " + std::to_string(alert) + ")");
  }
}

}  // namespace

void judge_by(ssl_ctx_st* context, const std::shared_ptr<Judge>& judge, bool nodes_only) {
  CHECK(SSL_CTX_set_ex_data(context, judgement_index(), new Judgement{judge, nodes_only}) == 1);
  SSL_CTX_set_cert_verify_callback(context, verify, nullptr);
}

std::string_view to_text(TlsRefusal refusal) {
  switch (refusal) {
    case TlsRefusal::WrongAuthority: return "wrong-authority";
    case TlsRefusal::Expired: return "expired";
    case TlsRefusal::NotYetValid: return "not-yet-valid";
    case TlsRefusal::Revoked: return "revoked";
    case TlsRefusal::OtherCluster: return "other-cluster";
    case TlsRefusal::WrongKind: return "wrong-kind";
    case TlsRefusal::NoCertificate: return "no-certificate";
    case TlsRefusal::NotTls: return "not-tls";
    case TlsRefusal::RefusedByPeer: return "refused-by-peer";
    case TlsRefusal::Broken: return "broken";
  }
  return "broken";
}

Result<PeerIdentity> peer_of(const ssl_st* ssl) {
  const auto facts = shown(ssl);
  if (!facts) return fail(Code::PermissionDenied, "the peer has shown no certificate");
  if (!facts->name) return fail(Code::PermissionDenied, facts->nameless);
  const auto* const role = std::get_if<NodeRole>(&facts->name->role);
  if (role == nullptr) return fail(Code::PermissionDenied, holder_text(*facts) + " is no node's");
  return PeerIdentity{facts->name->name, *role == NodeRole::Master, facts->serial,
                      facts->name->cluster, facts->ends};
}

std::optional<UserIdentity> user_of(const ssl_st* ssl) {
  const auto facts = shown(ssl);
  if (!facts || !facts->name) return std::nullopt;
  const auto* const role = std::get_if<Role>(&facts->name->role);
  if (role == nullptr) return std::nullopt;
  return UserIdentity{facts->name->name, *role, facts->serial, facts->name->cluster, facts->ends};
}

HandshakeFailure why_failed(const ssl_st* ssl, unsigned long error) {
  const auto* const judged =
      static_cast<const HandshakeFailure*>(SSL_get_ex_data(ssl, failure_index()));
  if (judged != nullptr) return *judged;
  if (error == 0) {
    return {TlsRefusal::Broken, "the connection ended in the middle of the TLS handshake"};
  }
  const int reason = ERR_GET_REASON(error);
  if (reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255) {
    return told_by_peer(reason - SSL_AD_REASON_OFFSET);
  }
  const char* const said = ERR_reason_error_string(error);
  switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return {TlsRefusal::NoCertificate,
              "the peer shows no certificate: it is no node of a "
              "secured cluster; `muster join` makes it one"};
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_RECORD_LENGTH_MISMATCH:
    case SSL_R_UNEXPECTED_MESSAGE:
    case SSL_R_BAD_RECORD_TYPE:
      return {TlsRefusal::NotTls,
              "the peer speaks no TLS 1.3: it is no muster, or one of a plain cluster"};
    default:
      return {TlsRefusal::Broken,
              std::string("TLS failed: ") + (said != nullptr ? said : "unknown reason")};
  }
}

}  // namespace muster::identity
