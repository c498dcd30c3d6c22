// How are the files that prove who a node is kept, so that nobody else reads them and no crash
// tears them?
//
// Driver (POSIX files). Blocks; any thread. The directory is 0700. In it:
//
//   ca.pem      the authorities that are trusted
//   node.pem    this node's certificate
//   node.key    its private key, 0600; node.key.next for as long as both are being replaced
//   keyring     the keys of gossip, 0600 (health/keyring_file.h)
//   revoked     serials that were revoked, one a line: known before the masters are heard again
//   founding    on the first master until the cluster is formed, 0600 (identity/founding.h)
//   admin.token on the first master and a restored one, 0600: for whoever administers; may be moved
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "identity/openssl_tls.h"

namespace muster::identity {

// A new directory with these files, all of them or none: name -> what is in it. Fails with Conflict
// when there is an identity already.
[[nodiscard]] Status create_identity(const std::string& directory,
                                     const std::map<std::string, std::string>& files);

// What a join asks with, kept in `directory`.joining from before it asks until what it was given is
// on the disk: who asks again with the same key is given the answer that was lost, and takes no
// further use of the token.
struct JoinDraft {
  std::string purpose;  // of whom and for what the key was made: it is of no use for anything else
  std::string key;      // PEM, a secret
  std::string request;  // PEM
};
// In the place of an older one, all of it or nothing; for whoever runs this.
[[nodiscard]] Status keep_draft(const std::string& directory, const JoinDraft& draft);
// nullopt: there is none. Fails with PermissionDenied as load_secret() does.
[[nodiscard]] Result<std::optional<JoinDraft>> load_draft(const std::string& directory);
[[nodiscard]] Status remove_draft(const std::string& directory);
// An identity that create_identity() just made, and that nothing was done with.
[[nodiscard]] Status take_back_identity(const std::string& directory);

// Fails with NotFound; with PermissionDenied when others than the owner may read a secret; with
// DataLoss when the key is not the certificate's.
[[nodiscard]] Result<Credentials> load_credentials(const std::string& directory);

// Both, or after a crash the one or the other pair. Fails with InvalidArgument when they do not
// belong together.
[[nodiscard]] Status replace_certificate(const std::string& directory,
                                         const std::string& certificate, const std::string& key);

[[nodiscard]] Status replace_bundle(const std::string& directory, const std::string& bundle);

[[nodiscard]] Status replace_revoked(const std::string& directory,
                                     const std::set<std::string>& serials);
[[nodiscard]] Result<std::set<std::string>> load_revoked(const std::string& directory);

// Of the first master, until remove_founding(); nothing: there is none (any more).
[[nodiscard]] Result<std::optional<std::string>> load_founding(const std::string& directory);
[[nodiscard]] Status remove_founding(const std::string& directory);

// A file that was not there, for its owner; its directory is made when it is missing. Fails with
// Conflict when something is there.
[[nodiscard]] Status create_file(const std::string& path, const std::string& text);

// Any small secret file, as a client's token: fails with PermissionDenied when it is open to
// others.
[[nodiscard]] Result<std::string> load_secret(const std::string& path);

}  // namespace muster::identity
