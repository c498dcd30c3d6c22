#include "load_identities.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>
#include <variant>

#include "base/ids.h"
#include "identity/openssl_authority.h"

namespace muster::load {
namespace {

template <class T>
T valued(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text);
  return std::move(*result);
}

class Issuer {
 public:
  explicit Issuer(const IdentityOptions& options)
      : options_(options),
        now_(std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now())),
        authority_(valued(identity::make_authority(options.cluster, now_))) {
    write("ca.pem", authority_.certificate);
  }

  void issue(const std::string& name, std::variant<NodeRole, Role> role,
             std::vector<std::string> hosts) {
    const identity::KeyAndRequest asked = valued(identity::make_request());
    identity::SignOrder order;
    order.authority = authority_;
    order.request = asked.request;
    order.name = {options_.cluster, name, role};
    order.hosts = std::move(hosts);
    order.now = now_;
    write(name + ".pem", valued(identity::sign(order)).certificate);
    write(name + ".key", asked.key);
  }

 private:
  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(options_.directory) / name;
    std::ofstream file(path);
    std::filesystem::permissions(
        path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    file << text;
    if (!file.flush()) throw std::runtime_error(path.string() + ": cannot be written");
  }

  const IdentityOptions& options_;
  WallTime now_;
  identity::SigningAuthority authority_;
};

}  // namespace

int make_identities(const IdentityOptions& options) {
  Issuer issuer(options);
  for (const std::string& master : options.masters) {
    const std::size_t equal = std::min(master.find('='), master.size() - 1);
    issuer.issue(master.substr(0, equal), NodeRole::Master, {master.substr(equal + 1)});
  }
  for (std::size_t i = 0; i < options.agents; ++i) {
    issuer.issue("bench-" + std::to_string(i), NodeRole::Agent, {"127.0.0.1"});
  }
  issuer.issue("bench", Role::Admin, {});
  return 0;
}

}  // namespace muster::load
