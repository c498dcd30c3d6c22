#include "identity/posix_identity.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/posix_file.h"
#include "identity/openssl_certificate.h"

namespace muster::identity {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;
constexpr const char* kRevokedTitle = "# serials of certificates that were revoked\n";

// A directory that goes with this object, unless it was given another name.
class Scaffold {
 public:
  explicit Scaffold(std::string path) : path_(std::move(path)) {}
  ~Scaffold() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  Scaffold(const Scaffold&) = delete;
  Scaffold& operator=(const Scaffold&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  void keep() { path_.clear(); }

 private:
  std::string path_;
};

tl::unexpected<Error> failure(const std::string& what, const std::string& path) {
  const int number = errno;
  const Code code = number == ENOENT                       ? Code::NotFound
                    : number == EACCES || number == EPERM  ? Code::PermissionDenied
                    : number == ENOSPC || number == EDQUOT ? Code::Exhausted
                                                           : Code::Internal;
  std::string text = "cannot " + what + " ";
  text += path + ": " + std::generic_category().message(number);
  if (code == Code::NotFound) text += "; `muster init` or `muster join` makes an identity";
  return fail(code, std::move(text));
}

enum class Secrecy { Public, Secret };

Status check_secrecy(const struct stat& state, const std::string& path) {
  if ((state.st_mode & 077) != 0) {
    return fail(Code::PermissionDenied, path + " is open to others than its owner: chmod 600 " +
                                            path + ", and join anew if somebody may have read it");
  }
  if (state.st_uid != 0 && state.st_uid != ::geteuid()) {
    return fail(Code::PermissionDenied, path + " belongs to user " + std::to_string(state.st_uid) +
                                            ": chown it to " + std::to_string(::geteuid()) +
                                            " or root");
  }
  return {};
}

Result<std::string> read_file(const std::string& path, Secrecy secrecy) {
  // Not to wait for the writer of a FIFO.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat state {};
  if (!file.good() || ::fstat(file.get(), &state) != 0) return failure("read", path);
  if (!S_ISREG(state.st_mode)) return fail(Code::InvalidArgument, path + " is not a file");
  if (secrecy == Secrecy::Secret) {
    if (Status kept = check_secrecy(state, path); !kept) {
      return tl::unexpected<Error>(kept.error());
    }
  }
  std::string text;
  // One more shows that there is more.
  if (!read_up_to(file.get(), kFileBytesMax + 1, text)) return failure("read", path);
  if (text.size() > kFileBytesMax) {
    return fail(Code::InvalidArgument, path + " is larger than " + std::to_string(kFileBytesMax) +
                                           " bytes: it is not what it should be");
  }
  return text;
}

Status synced(const std::string& directory) {
  if (!sync_directory(directory)) return failure("write", directory);
  return {};
}

// Whom what root writes in there must belong to; nothing: root, or whoever writes.
std::optional<struct stat> owner_of(const std::string& directory) {
  struct stat state {};
  const bool other =
      ::geteuid() == 0 && ::stat(directory.c_str(), &state) == 0 && state.st_uid != 0;
  return other ? std::optional(state) : std::nullopt;
}

// Everything is 0600: of what is public a copy costs nothing. The file is a new one: whoever owns
// the directory may have put a link there, to have root write elsewhere.
Status write_file(const std::string& path, std::string_view text,
                  const std::optional<struct stat>& owner = std::nullopt) {
  ::unlink(path.c_str());  // of one that was killed
  const Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.good()) return failure("write", path);
  if (owner && ::fchown(file.get(), owner->st_uid, owner->st_gid) != 0) {
    return failure("keep the owner of", path);
  }
  if (!write_all(file.get(), text) || ::fsync(file.get()) != 0) return failure("write", path);
  return {};
}

// The old text or the new one, also after a crash. Whoever agent runs as owns the directory, so the
// file keeps its owner when root changes it.
Status replace_file(const std::string& directory, const std::string& name, std::string_view text) {
  const std::string path = directory + "/" + name;
  const std::string fresh = path + ".new";
  if (Status wrote = write_file(fresh, text, owner_of(directory)); !wrote) return wrote;
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failure("write", path);
  return synced(directory);
}

Status remove_file(const std::string& directory, const std::string& name) {
  const std::string path = directory + "/" + name;
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return failure("remove", path);
  }
  return synced(directory);
}

enum class Owner { OfItsParent, WhoeverWrites };

Status make_directory(const std::string& directory, const std::map<std::string, std::string>& files,
                      Owner whose) {
  const Scaffold scaffold(directory + ".new");
  std::error_code ignored;
  fs::remove_all(scaffold.path(), ignored);  // of one that was killed
  const std::string parent = fs::path(directory).parent_path().string();
  fs::create_directories(parent, ignored);
  if (::mkdir(scaffold.path().c_str(), 0700) != 0) return failure("make", directory);
  const auto owner = whose == Owner::OfItsParent ? owner_of(parent) : std::optional<struct stat>();
  for (const auto& [name, text] : files) {
    const std::string path = scaffold.path() + "/" + name;
    if (Status wrote = write_file(path, text, owner); !wrote) return wrote;
  }
  if (owner && ::lchown(scaffold.path().c_str(), owner->st_uid, owner->st_gid) != 0) {
    return failure("own", directory);
  }
  if (Status done = synced(scaffold.path()); !done) return done;
  if (::rename(scaffold.path().c_str(), directory.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) {
      return fail(Code::Conflict, "there is an identity in " + directory +
                                      " already: this node belongs to a cluster; remove the "
                                      "directory only if it shall belong to none");
    }
    return failure("make", directory);
  }
  return synced(parent);
}

Status remove_directory(const std::string& directory) {
  std::error_code error;
  fs::remove_all(directory, error);
  if (error) {
    errno = error.value();
    return failure("remove", directory);
  }
  return synced(directory_of(directory));
}

std::string draft_of(const std::string& directory) { return directory + ".joining"; }

}  // namespace

// The agent will run as whom its data belongs to.
Status create_identity(const std::string& directory,
                       const std::map<std::string, std::string>& files) {
  return make_directory(directory, files, Owner::OfItsParent);
}

Status take_back_identity(const std::string& directory) { return remove_directory(directory); }

Status keep_draft(const std::string& directory, const JoinDraft& draft) {
  if (Status gone = remove_draft(directory); !gone) return gone;
  return make_directory(
      draft_of(directory),
      {{"purpose", draft.purpose}, {"node.key", draft.key}, {"request.pem", draft.request}},
      Owner::WhoeverWrites);
}

Result<std::optional<JoinDraft>> load_draft(const std::string& directory) {
  JoinDraft draft;
  const std::pair<const char*, std::string*> files[] = {
      {"purpose", &draft.purpose}, {"node.key", &draft.key}, {"request.pem", &draft.request}};
  for (const auto& [name, text] : files) {
    auto read = read_file(draft_of(directory) + "/" + name, Secrecy::Secret);
    if (!read && read.error().code == Code::NotFound) return std::optional<JoinDraft>();
    if (!read) return tl::unexpected<Error>(read.error());
    *text = std::move(*read);
  }
  return std::optional<JoinDraft>(std::move(draft));
}

Status remove_draft(const std::string& directory) {
  std::error_code ignored;
  if (!fs::exists(draft_of(directory), ignored)) return {};
  return remove_directory(draft_of(directory));
}

Result<Credentials> load_credentials(const std::string& directory) {
  auto certificate = read_file(directory + "/node.pem", Secrecy::Public);
  if (!certificate) return tl::unexpected<Error>(certificate.error());
  auto bundle = read_file(directory + "/ca.pem", Secrecy::Public);
  if (!bundle) return tl::unexpected<Error>(bundle.error());
  auto key = read_file(directory + "/node.key", Secrecy::Secret);
  if (!key) return tl::unexpected<Error>(key.error());
  if (!belongs(*certificate, *key)) {
    // A crash between the two renames of replace_certificate() leaves it here.
    key = read_file(directory + "/node.key.next", Secrecy::Secret);
    if (!key || !belongs(*certificate, *key)) {
      return fail(Code::DataLoss, directory + "/node.key is not the key of node.pem beside it: " +
                                      "restore both, or remove the directory and join anew");
    }
  }
  return Credentials{std::move(*certificate), std::move(*key), std::move(*bundle)};
}

Status replace_certificate(const std::string& directory, const std::string& certificate,
                           const std::string& key) {
  if (!belongs(certificate, key)) {
    return fail(Code::InvalidArgument,
                "a renewed certificate is not for the key that was made for it");
  }
  // In this order some key fits the certificate at any time: see load_credentials().
  if (Status wrote = replace_file(directory, "node.key.next", key); !wrote) return wrote;
  if (Status wrote = replace_file(directory, "node.pem", certificate); !wrote) return wrote;
  if (Status wrote = replace_file(directory, "node.key", key); !wrote) return wrote;
  return remove_file(directory, "node.key.next");
}

Status replace_bundle(const std::string& directory, const std::string& bundle) {
  if (auto read = read_bundle(bundle); !read) return tl::unexpected<Error>(read.error());
  return replace_file(directory, "ca.pem", bundle);
}

Status replace_revoked(const std::string& directory, const std::set<std::string>& serials) {
  std::string text = kRevokedTitle;
  for (const std::string& serial : serials) text += serial + "\n";
  return replace_file(directory, "revoked", text);
}

Result<std::set<std::string>> load_revoked(const std::string& directory) {
  std::set<std::string> serials;
  const auto text = read_file(directory + "/revoked", Secrecy::Public);
  if (!text && text.error().code == Code::NotFound) return serials;
  if (!text) return tl::unexpected<Error>(text.error());
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    const std::string line = text->substr(at, end - at);
    if (!line.empty() && line.front() != '#') serials.insert(line);
    at = end + 1;
  }
  return serials;
}

Result<std::optional<std::string>> load_founding(const std::string& directory) {
  auto text = read_file(directory + "/founding", Secrecy::Secret);
  if (text) return std::optional<std::string>(std::move(*text));
  if (text.error().code == Code::NotFound) return std::optional<std::string>();
  return tl::unexpected<Error>(text.error());
}

Status remove_founding(const std::string& directory) { return remove_file(directory, "founding"); }

Status create_file(const std::string& path, const std::string& text) {
  const std::string parent = fs::path(path).parent_path().string();
  std::error_code ignored;
  if (!parent.empty()) fs::create_directories(parent, ignored);
  const std::string fresh = path + ".new";
  if (Status wrote = write_file(fresh, text); !wrote) return wrote;
  const int linked = ::link(fresh.c_str(), path.c_str());
  const int why = errno;
  ::unlink(fresh.c_str());
  errno = why;
  if (linked == 0) return synced(directory_of(path));
  if (errno == EEXIST) return fail(Code::Conflict, path + " is there already");
  return failure("write", path);
}

Result<std::string> load_secret(const std::string& path) {
  return read_file(path, Secrecy::Secret);
}

}  // namespace muster::identity
