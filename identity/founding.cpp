#include "identity/founding.h"

#include <nlohmann/json.hpp>

#include "identity/json_fields.h"

namespace muster::identity {
namespace {

using nlohmann::json;
using Fields = JsonFields<json>;

constexpr std::size_t kFoundingBytesMax = std::size_t{64} << 10;
constexpr std::size_t kIdBytesMax = 64;
constexpr std::size_t kPemBytesMax = std::size_t{16} << 10;

std::int64_t milliseconds_of(WallTime at) { return at.time_since_epoch().count(); }

}  // namespace

std::string text_of(const Founding& founding) {
  const json text = {
      {"cluster", founding.cluster},
      {"node", founding.node},
      {"authority",
       {{"id", founding.authority.id},
        {"certificate", founding.authority.certificate},
        {"key", founding.authority.key}}},
      {"gossip_key", {{"id", founding.gossip_key.id}, {"secret", founding.gossip_key.secret}}},
      {"admin", {{"id", founding.admin.id}, {"sha256", founding.admin.sha256}}},
      {"serial", founding.serial},
      {"key", founding.key},
      {"issued", milliseconds_of(founding.issued)},
      {"expires", milliseconds_of(founding.expires)}};
  return text.dump(2, ' ', true, json::error_handler_t::replace) + "\n";
}

Result<Founding> parse_founding(std::string_view text, const std::string& file) {
  std::string wrong;
  const json parsed = text.size() > kFoundingBytesMax ? json() : json::parse(text, nullptr, false);
  Fields fields(parsed, wrong);
  Founding founding;
  founding.cluster = fields.text("cluster", kIdBytesMax);
  founding.node = fields.text("node", kIdBytesMax);
  Fields authority(fields.object("authority"), wrong);
  founding.authority.id = authority.text("id", kIdBytesMax);
  founding.authority.certificate = authority.text("certificate", kPemBytesMax);
  founding.authority.key = authority.text("key", kPemBytesMax);
  founding.authority.active = true;
  Fields gossip(fields.object("gossip_key"), wrong);
  founding.gossip_key.id = gossip.text("id", kIdBytesMax);
  founding.gossip_key.secret = gossip.text("secret", kIdBytesMax);
  Fields admin(fields.object("admin"), wrong);
  founding.admin.id = admin.text("id", kIdBytesMax);
  founding.admin.sha256 = admin.text("sha256", kIdBytesMax);
  founding.admin.kind = TokenKind::Api;
  founding.admin.role = Role::Admin;
  founding.admin.description = "made by muster init";
  founding.admin.created_by = "muster init";
  founding.serial = fields.text("serial", kIdBytesMax);
  founding.key = fields.text("key", kIdBytesMax);
  founding.issued = fields.time("issued");
  founding.expires = fields.time("expires");
  founding.authority.created = founding.issued;
  if (wrong.empty()) return founding;
  return fail(Code::DataLoss, file + " is broken (" + wrong +
                                  "): restore it, or remove the identity and the data "
                                  "directory and run `muster init` again");
}

std::vector<CommandBody> founding_commands(const ClusterState& state, const Founding& founding) {
  std::vector<CommandBody> commands;
  if (!state.authorities.empty()) return commands;
  if (state.gossip_keys.revision == 0) {
    commands.emplace_back(PutGossipKeys{{founding.gossip_key}, founding.gossip_key.id});
  }
  if (!state.tokens.contains(founding.admin.id)) commands.emplace_back(PutToken{founding.admin});
  if (!state.certificates.contains(founding.node)) {
    commands.emplace_back(RecordCertificate{founding.node, founding.serial, founding.key, "",
                                            NodeRole::Master, founding.issued, founding.expires});
  }
  commands.emplace_back(PutAuthority{founding.authority});
  return commands;
}

}  // namespace muster::identity
