// Is a certificate that was shown in a handshake one that this node believes?
//
// Driver (OpenSSL), for openssl_tls.cpp alone. Its answers are kept with the SSL object, so that
// what was wrong can be said when the handshake has failed.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/time.h"

struct ssl_ctx_st;

namespace muster::identity {

struct Judge {
  std::string cluster;            // never changes
  std::function<WallTime()> now;  // never changes
  std::mutex lock;                // of `revoked`
  std::set<std::string> revoked;  // serials
};

// Handshakes of this context are judged so. `nodes_only`: users' certificates are refused.
void judge_by(ssl_ctx_st* context, const std::shared_ptr<Judge>& judge, bool nodes_only);

}  // namespace muster::identity
