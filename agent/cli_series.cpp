#include "agent/cli_series.h"

#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

namespace muster::agent {
namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::int64_t number_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::vector<float> values_of(const json& object, const char* key) {
  std::vector<float> values;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return values;
  for (const json& value : *found) {
    values.push_back(value.is_number() ? value.get<float>()
                                       : std::numeric_limits<float>::quiet_NaN());
  }
  return values;
}

}  // namespace

Result<std::vector<MemberAddress>> member_addresses(const AgentClient& client, Duration patience) {
  constexpr std::size_t kBytesMax = std::size_t{64} << 20;
  const auto answer = client.download("/v1/members", kBytesMax, patience);
  if (!answer) return tl::unexpected<Error>(answer.error());
  const json body = json::parse(*answer, nullptr, false);
  if (!body.is_object() || !body.contains("members") || !body["members"].is_array()) {
    return fail(Code::Internal, "the answer to /v1/members holds no members");
  }
  std::vector<MemberAddress> members;
  for (const json& one : body["members"]) {
    if (!one.is_object()) continue;
    MemberAddress member{text_of(one, "name"), text_of(one, "state"), text_of(one, "http")};
    if (!parse_address(member.http)) member.http.clear();
    members.push_back(std::move(member));
  }
  return members;
}

Result<HistoryRead> parse_history(const std::string& answer) {
  const json body = json::parse(answer, nullptr, false);
  if (!body.is_object() || !body.contains("series") || !body["series"].is_array() ||
      number_of(body, "step_ms") <= 0) {
    return fail(Code::Internal, "the answer to /v1/history holds no series");
  }
  using std::chrono::milliseconds;
  HistoryRead read;
  read.now = WallTime(milliseconds(number_of(body, "now_ms")));
  read.from = WallTime(milliseconds(number_of(body, "from_ms")));
  read.step = milliseconds(number_of(body, "step_ms"));
  read.interval = milliseconds(number_of(body, "interval_ms"));
  for (const json& one : body["series"]) {
    if (!one.is_object()) continue;
    SeriesRead series{text_of(one, "name"),
                      text_of(one, "unit"),
                      {values_of(one, "mean"), values_of(one, "low"), values_of(one, "high")}};
    const std::size_t size = series.column.mean.size();
    if (series.column.low.size() != size || series.column.high.size() != size) {
      return fail(Code::Internal, "the answer to /v1/history is not whole");
    }
    read.series.push_back(std::move(series));
  }
  return read;
}

}  // namespace muster::agent
