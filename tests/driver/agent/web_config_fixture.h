// What do tests write into the file that says who may scrape, and whose certificates are there?
#pragma once

#include <string>

#include "agent/posix_clock.h"
#include "tests/driver/identity/openssl_tls_fixture.h"
#include "tests/driver/temp_dir.h"

namespace muster::agent {

// Of "s3cret" and of "other", as cheap as they can be.
inline constexpr const char* kSecretHash =
    "$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG";
inline constexpr const char* kOtherHash =
    "$2y$04$ABCDEFGHIJKLMNOPQRSTUubdTkc8VfDg3xLFFedNQLivmNw6I3T6K";

// A directory with the certificate of a server, and two authorities: `ours` signed it.
struct WebFiles {
  WebFiles() {
    const auto server = ours.issue(identity::node("n1"), wall_now());
    write_file(directory.file("server.pem"), server.certificate);
    write_file(directory.file("server.key"), server.key);
    write_file(directory.file("ca.pem"), server.bundle);
    write_file(directory.file("other.key"), theirs.issue(identity::node("n1"), wall_now()).key);
  }
  // Returns its path.
  std::string write(const std::string& text) const {  // NOLINT(modernize-use-nodiscard)
    write_file(directory.file("web.yml"), text);
    return path();
  }
  [[nodiscard]] std::string path() const { return directory.file("web.yml"); }

  TempDir directory;
  identity::Town ours{"prod", wall_now()};
  identity::Town theirs{"prod", wall_now()};
};

inline const std::string kTls =
    "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";

}  // namespace muster::agent
