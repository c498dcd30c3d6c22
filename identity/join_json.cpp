#include "identity/join_json.h"

#include <nlohmann/json.hpp>

#include "identity/json_fields.h"

namespace muster::identity {
namespace {

using nlohmann::json;
using Fields = JsonFields<json>;

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kPemBytesMax = std::size_t{64} << 10;
constexpr std::size_t kGossipKeysMax = 16;
constexpr std::size_t kMastersMax = 64;
constexpr std::size_t kGossipMax = 64;

std::string dump(const json& value) {
  return value.dump(-1, ' ', true, json::error_handler_t::replace);
}

tl::unexpected<Error> malformed(const char* what, const std::string& wrong) {
  return fail(Code::InvalidArgument, std::string(what) + " is malformed: " + wrong +
                                         " is missing, or not what it should be");
}

std::int64_t milliseconds_of(WallTime at) { return at.time_since_epoch().count(); }

}  // namespace

std::string text_of(const JoinRequest& request) {
  return dump({{"token", request.token},
               {"name", request.name},
               {"csr", request.request},
               {"clock", milliseconds_of(request.clock)}});
}

Result<JoinRequest> parse_join_request(std::string_view text) {
  std::string wrong;
  if (text.size() > kJoinRequestBytesMax) return malformed("the request to join", "the whole");
  const json parsed = json::parse(text, nullptr, false);
  Fields fields(parsed, wrong);
  JoinRequest request;
  request.token = fields.text("token", kNameBytesMax * 4);
  request.name = fields.text("name", kNameBytesMax);
  request.request = fields.text("csr", kJoinRequestBytesMax);
  request.clock = fields.time("clock");
  if (!wrong.empty()) return malformed("the request to join", wrong);
  return request;
}

std::string text_of(const JoinAnswer& answer) {
  json keys = json::array();
  for (const GossipKey& key : answer.gossip_keys.keys) {
    keys.push_back({{"id", key.id}, {"secret", key.secret}});
  }
  json masters = json::array();
  for (const auto& [name, rpc] : answer.masters) {
    masters.push_back({{"name", name}, {"rpc", rpc.text()}});
  }
  json gossip = json::array();
  for (const Address& address : answer.gossip) gossip.push_back(address.text());
  return dump({{"cluster", answer.cluster},
               {"cluster_id", answer.cluster_id},
               {"role", to_text(answer.role)},
               {"certificate", answer.certificate},
               {"bundle", answer.bundle},
               {"gossip_keys",
                {{"revision", answer.gossip_keys.revision},
                 {"primary", answer.gossip_keys.primary},
                 {"keys", keys}}},
               {"masters", masters},
               {"gossip", gossip}});
}

Result<JoinAnswer> parse_join_answer(std::string_view text) {
  std::string wrong;
  if (text.size() > kJoinAnswerBytesMax) return malformed("the masters' answer", "the whole");
  const json parsed = json::parse(text, nullptr, false);
  Fields fields(parsed, wrong);
  JoinAnswer answer;
  answer.cluster = fields.text("cluster", kNameBytesMax);
  answer.cluster_id = fields.text("cluster_id", kNameBytesMax);
  const auto role = parse_node_role(fields.text("role", kNameBytesMax));
  if (role) answer.role = *role;
  answer.certificate = fields.text("certificate", kPemBytesMax);
  answer.bundle = fields.text("bundle", kPemBytesMax);
  Fields ring(fields.object("gossip_keys"), wrong);
  answer.gossip_keys.revision = ring.number("revision");
  answer.gossip_keys.primary = ring.text("primary", kNameBytesMax);
  for (const json& item : ring.list("keys", kGossipKeysMax)) {
    Fields key(item, wrong);
    answer.gossip_keys.keys.push_back(
        {key.text("id", kNameBytesMax), key.text("secret", kNameBytesMax)});
  }
  for (const json& item : fields.list("masters", kMastersMax)) {
    Fields master(item, wrong);
    answer.masters.emplace_back(master.text("name", kNameBytesMax), master.address("rpc"));
  }
  for (const json& item : fields.list("gossip", kGossipMax)) {
    const auto address = parse_address(item.is_string() ? item.get<std::string>() : std::string());
    if (!address) {
      fields.blame("gossip");
    } else {
      answer.gossip.push_back(*address);
    }
  }
  if (!role) fields.blame("role");
  if (!valid_name(answer.cluster)) fields.blame("cluster");
  if (!wrong.empty()) return malformed("the masters' answer", wrong);
  return answer;
}

}  // namespace muster::identity
