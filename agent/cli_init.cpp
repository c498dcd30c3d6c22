#include "agent/cli_init.h"

#include <cstdio>
#include <filesystem>
#include <map>

#include "agent/cli_agent.h"
#include "agent/identity_config.h"
#include "agent/posix_clock.h"
#include "agent/posix_own_identity.h"
#include "agent/yaml_config.h"
#include "health/keyring_file.h"
#include "identity/joining.h"
#include "identity/openssl_authority.h"
#include "identity/openssl_certificate.h"
#include "identity/posix_identity.h"
#include "identity/token.h"

namespace muster::agent {
namespace {

constexpr std::uint16_t kRpcPort = 7947;

Exit exit_of_init(const Error& error) {
  return error.code == Code::Conflict ? Exit::Failed : Exit::BadConfiguration;
}

// Everything of the first master, in memory: the files of its identity.dir.
Result<std::map<std::string, std::string>> first_identity(const InitArguments& from) {
  const WallTime now = wall_now();
  auto authority = identity::make_authority(from.cluster, now);
  if (!authority) return tl::unexpected<Error>(authority.error());
  const auto facts = identity::read_certificate(authority->certificate);
  if (!facts) return tl::unexpected<Error>(facts.error());
  const auto made = identity::make_request();
  if (!made) return tl::unexpected<Error>(made.error());
  identity::SignOrder order;
  order.authority = *authority;
  order.request = made->request;
  order.name = {from.cluster, from.name, NodeRole::Master};
  order.hosts = identity::own_hosts(from.name);
  if (from.advertise != "127.0.0.1") order.hosts.push_back(from.advertise);
  order.now = now;
  const auto certificate = identity::sign(order);
  if (!certificate) return tl::unexpected<Error>(certificate.error());
  const identity::ApiToken admin =
      identity::api_token(identity::random_bytes(identity::kTokenIdBytes + identity::kSecretBytes));

  identity::Founding founding;
  founding.cluster = from.cluster;
  founding.node = from.name;
  founding.authority = {identity::authority_id(facts->pin), authority->certificate, authority->key,
                        now, true};
  founding.gossip_key = new_gossip_key();
  founding.admin.id = admin.id;
  founding.admin.sha256 = identity::sha256(admin.secret);
  founding.serial = certificate->serial;
  founding.key = certificate->key;
  founding.issued = now;
  founding.expires = certificate->ends;
  return std::map<std::string, std::string>{
      {"ca.pem", authority->certificate},
      {"node.pem", certificate->certificate},
      {"node.key", made->key},
      {"keyring", founding.gossip_key.secret + "\n"},
      {"admin.token", identity::text_of(admin) + "\n"},
      {"founding", identity::text_of(founding)},
  };
}

}  // namespace

Exit run_init(const InitArguments& from) {
  const NewNode node{from.cluster,
                     from.name,
                     NodeRole::Master,
                     from.data_dir,
                     from.advertise,
                     {{from.name, {from.advertise, kRpcPort}}},
                     {}};
  if (const Status good = identity::check_node_name(from.name); !good) {
    return complain(good.error(), Exit::Usage);
  }
  if (!valid_name(from.cluster)) {
    return complain({Code::InvalidArgument, "--cluster: not a name"}, Exit::Usage);
  }
  if (const auto good = parse_config(config_text(node), "muster init"); !good) {
    return complain(good.error(), Exit::Usage);
  }
  std::error_code ignored;
  if (std::filesystem::exists(from.config, ignored)) {
    return complain(
        {Code::Conflict, from.config + " is there already: it is not overwritten; move it away, "
                                       "or write another with --config"},
        Exit::Failed);
  }
  if (std::filesystem::exists(from.data_dir + "/consensus.db", ignored)) {
    return complain(
        {Code::Conflict, from.data_dir + " is the data directory of a master already: begin a "
                                         "cluster in an empty one"},
        Exit::Failed);
  }
  const auto files = first_identity(from);
  if (!files) return complain(files.error(), Exit::Failed);
  const std::string directory = identity_dir(from.data_dir);
  if (const Status made = identity::create_identity(directory, *files); !made) {
    return complain(made.error(), exit_of_init(made.error()));
  }
  if (const Status wrote = identity::create_file(from.config, config_text(node)); !wrote) {
    return complain(wrote.error(), exit_of_init(wrote.error()));
  }
  std::printf(
      "cluster %s is made, with %s as its first master\n"
      "  identity       %s (keep it secret)\n"
      "  admin's token  %s/admin.token\n"
      "  configuration  %s\n"
      "Next: muster agent -c %s\n"
      "then: muster token create --role agent, and on each node muster join\n",
      from.cluster.c_str(), from.name.c_str(), directory.c_str(), directory.c_str(),
      from.config.c_str(), from.config.c_str());
  return Exit::Done;
}

}  // namespace muster::agent
