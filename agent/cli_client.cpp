#include "agent/cli_client.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/curl_transfers.h"

namespace muster::agent {
namespace {

constexpr Duration kPatience = std::chrono::seconds(10);  // the agent's own limits are shorter
constexpr std::size_t kAnswerBytesMax = std::size_t{64} << 20;

Code code_of(int status) {
  switch (status) {
    case 400:
    case 405:
    case 413: return Code::InvalidArgument;
    case 403: return Code::PermissionDenied;
    case 404: return Code::NotFound;
    case 409: return Code::Conflict;
    case 503: return Code::Unavailable;
    case 504: return Code::Unknown;
    case 507: return Code::Exhausted;
    default: return Code::Internal;
  }
}

// What a problem body says; empty when it is none.
std::string detail_of(const std::string& body) {
  const auto problem = nlohmann::json::parse(body, nullptr, false);
  if (!problem.is_object()) return "";
  const auto detail = problem.find("detail");
  return detail != problem.end() && detail->is_string() ? detail->get<std::string>() : "";
}

}  // namespace

Result<std::string> AgentClient::get(const std::string& path) const { return ask("GET", path, ""); }

Result<std::string> AgentClient::post(const std::string& path, std::string body) const {
  return ask("POST", path, std::move(body));
}

Result<std::string> AgentClient::remove(const std::string& path) const {
  return ask("DELETE", path, "");
}

Result<std::string> AgentClient::ask(const char* method, const std::string& path,
                                     std::string body) const {
  HttpRequest request;
  request.method = method;
  request.url = "http://" + address_ + path;
  request.body = std::move(body);
  request.timeout = kPatience;
  request.body_bytes_max = kAnswerBytesMax;
  if (!request.body.empty()) request.headers.emplace_back("Content-Type", "application/yaml");
  return ask(std::move(request));
}

Result<std::string> AgentClient::download(const std::string& path, std::size_t bytes_max,
                                          Duration patience) const {
  HttpRequest request;
  request.url = "http://" + address_ + path;
  request.timeout = patience;
  request.body_bytes_max = bytes_max;
  return ask(std::move(request));
}

Result<std::string> AgentClient::ask(HttpRequest request) const {
  HttpOutcome outcome = run(std::move(request));
  if (!outcome.reached) {
    return fail(Code::Unavailable, "no agent answers at " + address_ +
                                       ": is it running? Start one "
                                       "with \"muster agent --dev\" or set --address (" +
                                       outcome.error + ")");
  }
  if (outcome.truncated) {
    return fail(Code::Exhausted, "the answer of " + address_ + " is too large to be read");
  }
  if (outcome.status >= 200 && outcome.status < 300) return std::move(outcome.body);
  const std::string detail = detail_of(outcome.body);
  return fail(code_of(outcome.status), detail.empty()
                                           ? "the agent at " + address_ + " answers HTTP " +
                                                 std::to_string(outcome.status) + ": is it muster?"
                                           : detail);
}

Exit exit_of(Code code) {
  switch (code) {
    case Code::NotFound: return Exit::NotFound;
    case Code::Unavailable:
    case Code::Unknown:
    case Code::Timeout: return Exit::Unavailable;
    default: return Exit::Failed;
  }
}

}  // namespace muster::agent
