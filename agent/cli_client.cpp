#include "agent/cli_client.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include <nlohmann/json.hpp>

#include "agent/api_response.h"
#include "agent/query.h"
#include "agent/routes.h"
#include "base/curl_transfers.h"

namespace muster::agent {
namespace {

constexpr Duration kPatience = std::chrono::seconds(10);  // the agent's own limits are shorter
constexpr Duration kFollowing = std::chrono::hours(24);
constexpr std::size_t kAnswerBytesMax = std::size_t{64} << 20;
constexpr std::size_t kTokenBytesMax = 4096;

// What a problem body says; empty when it is none.
std::string detail_of(const std::string& body) {
  const auto problem = nlohmann::json::parse(body, nullptr, false);
  if (!problem.is_object()) return "";
  const auto detail = problem.find("detail");
  return detail != problem.end() && detail->is_string() ? detail->get<std::string>() : "";
}

bool is_file(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

std::string ca_of(const Target& target) {
  if (target.plain) return "";
  if (!target.ca.empty()) return target.ca;
  std::string usual = target.identity_dir + "/ca.pem";
  return is_file(usual) ? usual : "";
}

Result<std::string> token_in(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string token(kTokenBytesMax, '\0');
  file.read(token.data(), static_cast<std::streamsize>(token.size()));
  token.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  if (token.empty()) {
    return fail(Code::PermissionDenied,
                "no token can be read from " + path + ": give another --token-file");
  }
  return token;
}

// Never on the command line, where others could see it. Empty: there is none.
Result<std::string> token_of(const Target& target) {
  if (!target.token_file.empty()) return token_in(target.token_file);
  if (target.plain) return std::string();
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (const std::string file = variable("MUSTER_TOKEN_FILE"); !file.empty()) return token_in(file);
  if (std::string token = variable("MUSTER_TOKEN"); !token.empty()) return token;
  const std::string usual = target.identity_dir + "/admin.token";
  return is_file(usual) ? token_in(usual) : std::string();
}

// What is sent there leaves this machine on no wire.
bool stays_here(const std::string& address) {
  const auto parsed = parse_address(address);
  return parsed && is_loopback(parsed->host);
}

Result<HttpRequest> request_to(const Target& target, const char* method, const std::string& path) {
  HttpRequest request;
  const std::string ca = ca_of(target);
  const bool certified = !target.certificate.empty() && target.token_file.empty() && !target.plain;
  const bool tls = target.https || !ca.empty() || certified;
  request.method = method;
  request.url = (tls ? "https://" : "http://") + target.address + path;
  request.timeout = kPatience;
  request.body_bytes_max = kAnswerBytesMax;
  // Every node has a certificate of the cluster: only one for this address is that of who is asked.
  request.ca_file = ca;
  if (certified) {
    for (const std::string& file : {target.certificate, target.key}) {
      if (file.empty() || is_file(file)) continue;
      return fail(Code::PermissionDenied,
                  "there is no file " + file + ": see --certificate, --key");
    }
    request.certificate_file = target.certificate;
    request.key_file = target.key;
    return request;
  }
  auto token = token_of(target);
  if (!token) return tl::unexpected<Error>(token.error());
  if (!token->empty() && !tls && !stays_here(target.address)) {
    return fail(Code::PermissionDenied,
                "a token is not sent to " + target.address +
                    " in clear: write https:// before the address, and give --ca");
  }
  if (!token->empty()) request.headers.emplace_back("Authorization", "Bearer " + *token);
  return request;
}

Error no_agent(const Target& target, const std::string& why) {
  return {Code::Unavailable, "no agent answers at " + target.address +
                                 ": is it running? Start one with \"muster agent --dev\" or set "
                                 "--address (" +
                                 why + ")"};
}

Error refusal(const Target& target, const HttpOutcome& outcome) {
  const std::string detail = detail_of(outcome.body);
  return {code_of_status(outcome.status),
          detail.empty() ? "the agent at " + target.address + " answers HTTP " +
                               std::to_string(outcome.status) + ": is it muster?"
                         : detail};
}

// The same read from the agent's own copy; empty: it has no such read.
std::string stale_path(const std::string& path) {
  const std::size_t mark = path.find('?');
  const RouteMatch match = find_route("GET", std::string_view(path).substr(0, mark));
  const bool takes = match.route != nullptr && match.route->query.starts_with("stale");
  if (!takes) return "";
  return path + (mark == std::string::npos ? "?stale" : "&stale");
}

}  // namespace

Result<std::string> AgentClient::get(const std::string& path) const {
  auto answer = ask("GET", path, "", {});
  const bool nobody =
      !answer && (answer.error().code == Code::Unavailable || answer.error().code == Code::Unknown);
  const std::string other = nobody ? stale_path(path) : "";
  if (other.empty()) return answer;
  auto stale = ask("GET", other, "", {});
  return stale ? stale : answer;
}

Result<std::string> AgentClient::post(const std::string& path, std::string body) const {
  return ask("POST", path, std::move(body), {});
}

Result<std::string> AgentClient::put(const std::string& path, std::string body,
                                     Headers headers) const {
  return ask("PUT", path, std::move(body), std::move(headers));
}

Result<std::string> AgentClient::remove(const std::string& path, Headers headers) const {
  return ask("DELETE", path, "", std::move(headers));
}

Result<std::string> AgentClient::ask(const char* method, const std::string& path, std::string body,
                                     Headers headers) const {
  auto request = request_to(target_, method, path);
  if (!request) return tl::unexpected<Error>(request.error());
  request->body = std::move(body);
  for (auto& header : headers) request->headers.push_back(std::move(header));
  if (!request->body.empty()) request->headers.emplace_back("Content-Type", "application/yaml");
  return ask(std::move(*request));
}

Result<std::string> AgentClient::download(const std::string& path, std::size_t bytes_max,
                                          Duration patience) const {
  auto request = request_to(target_, "GET", path);
  if (!request) return tl::unexpected<Error>(request.error());
  request->timeout = patience;
  request->body_bytes_max = bytes_max;
  return ask(std::move(*request));
}

Result<std::string> AgentClient::ask(HttpRequest request) const {
  HttpOutcome outcome = run(std::move(request));
  if (!outcome.reached) {
    // TLS says so of the certificate that was shown: an "alert certificate revoked", or "expired".
    if (!target_.certificate.empty() && outcome.error.find("alert") != std::string::npos) {
      return fail(Code::PermissionDenied, "the agent at " + target_.address +
                                              " does not take the certificate in " +
                                              target_.certificate + ": " + outcome.error);
    }
    return tl::unexpected<Error>(no_agent(target_, outcome.error));
  }
  if (outcome.truncated) {
    return fail(Code::Exhausted, "the answer of " + target_.address + " is too large to be read");
  }
  if (outcome.status >= 200 && outcome.status < 300) return std::move(outcome.body);
  return tl::unexpected<Error>(refusal(target_, outcome));
}

Status AgentClient::follow(const std::string& path,
                           std::function<bool(std::string_view)> take) const {
  auto request = request_to(target_, "GET", path);
  if (!request) return tl::unexpected<Error>(request.error());
  request->timeout = kFollowing;
  bool enough = false;
  request->on_body = [&](std::string_view bytes) {
    enough = !take(bytes);
    return !enough;
  };
  const HttpOutcome outcome = run(std::move(*request));
  if (enough) return {};
  if (outcome.status >= 300) return tl::unexpected<Error>(refusal(target_, outcome));
  if (!outcome.reached) return tl::unexpected<Error>(no_agent(target_, outcome.error));
  return {};
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
