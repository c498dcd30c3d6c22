#include "agent/api_json.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace muster::agent {

using nlohmann::json;

std::string json_text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

ApiResponse ok_json(const json& body) { return {200, std::string(kJsonType), json_text(body)}; }

json time_json(WallTime at) { return at == WallTime{} ? json() : json(rfc3339(at)); }

ApiResponse indexed(ApiResponse response, const ClusterState& state) {
  return std::move(response).with(kIndexHeader, std::to_string(state.index));
}

ApiResponse listing(const char* name, json list, const MasterView& master) {
  const json body{
      {name, std::move(list)}, {"stale", !master.has_leader}, {"index", master.state->index}};
  return indexed(ok_json(body), *master.state);
}

}  // namespace muster::agent
