#include "agent/api_response.h"

#include <cstdio>

#include <nlohmann/json.hpp>

namespace muster::agent {
namespace {

using nlohmann::json;

constexpr std::string_view kPackedBegin = "muster/1\n";

std::string_view title_of(Code code) {
  switch (code) {
    case Code::InvalidArgument: return "wrong request";
    case Code::NotFound: return "not found";
    case Code::Conflict: return "conflict";
    case Code::PermissionDenied: return "not permitted";
    case Code::Unavailable: return "not possible now";
    case Code::Unknown: return "outcome unknown";
    case Code::Exhausted: return "out of space";
    case Code::DataLoss: return "data lost";
    case Code::Timeout: return "no answer in time";
    case Code::Internal: return "internal error";
  }
  return "internal error";
}

std::string_view usual_next(int status) {
  switch (status) {
    case 400: return "mend the request: GET /v1/openapi.yaml describes every one";
    case 401: return "send a valid token as \"Authorization: Bearer TOKEN\", or a certificate";
    case 403: return "use a token of a role that may do this: an admin can make one";
    case 404: return "check the name: the listing above it has all there are";
    case 405: return "use a method of the Allow header";
    case 409:
    case 412: return "read it again and decide on what is there now";
    case 413: return "send less, in parts or to a store that is made for it";
    case 414: return "shorten the URI";
    case 429: return "wait for as many seconds as Retry-After says";
    case 503: return "try again soon; GET /v1/status at a master says whether there is a quorum";
    case 504:
      return "send it again with the same Muster-Request-Id: it is then done once, not twice";
    case 507: return "remove what is not needed: no setting raises this limit";
    default: return "look at the agent's log";
  }
}

// A stable name of the kind of problem, for programs.
std::string type_of(std::string_view title) {
  std::string type = "urn:muster:problem:";
  for (const char c : title) type += c == ' ' ? '-' : c;
  return type;
}

}  // namespace

std::string_view ApiResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

ApiResponse problem(int status, std::string_view title, std::string_view detail,
                    std::string_view next) {
  const json body{{"type", type_of(title)},
                  {"title", title},
                  {"status", status},
                  {"detail", detail},
                  {"next", next.empty() ? usual_next(status) : next}};
  return {status, std::string(kProblemType),
          body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"};
}

ApiResponse problem(const Error& error, std::string_view next) {
  return problem(http_status(error.code), title_of(error.code), error.text, next);
}

int http_status(Code code) {
  switch (code) {
    case Code::InvalidArgument: return 400;
    case Code::NotFound: return 404;
    case Code::Conflict: return 409;
    case Code::PermissionDenied: return 403;
    case Code::Unavailable: return 503;
    case Code::Unknown: return 504;
    case Code::Exhausted: return 507;
    case Code::Timeout: return 504;
    case Code::DataLoss:
    case Code::Internal: return 500;
  }
  return 500;
}

Code code_of_status(int status) {
  switch (status) {
    case 400:
    case 405:
    case 413:
    case 414: return Code::InvalidArgument;
    case 401:
    case 403: return Code::PermissionDenied;
    case 404: return Code::NotFound;
    case 409:
    case 412: return Code::Conflict;
    case 429:
    case 503: return Code::Unavailable;
    case 504: return Code::Unknown;
    case 507: return Code::Exhausted;
    default: return Code::Internal;
  }
}

std::string rfc3339(WallTime at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return text;
}

std::string packed(const ApiResponse& response) {
  std::string text(kPackedBegin);
  text.reserve(response.body.size() + 256);
  text += response.content_type;
  text += '\n';
  for (const auto& [name, value] : response.headers) {
    text += name;
    text += ": ";
    text += value;
    text += '\n';
  }
  text += '\n';
  text += response.body;
  return text;
}

ApiResponse unpacked(int status, std::string text) {
  ApiResponse response;
  response.status = status;
  response.content_type = status == 200 ? kJsonType : kProblemType;
  std::string_view rest = text;
  const std::size_t end = rest.find("\n\n");
  if (!rest.starts_with(kPackedBegin) || end == std::string_view::npos) {
    response.body = std::move(text);
    return response;
  }
  std::string_view head = rest.substr(kPackedBegin.size(), end + 1 - kPackedBegin.size());
  bool first = true;
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find('\n'));
    head.remove_prefix(line.size() + 1);
    if (line.find('\r') != std::string_view::npos) continue;  // it would end the header early
    const std::size_t colon = line.find(": ");
    if (first) {
      response.content_type = line;
    } else if (colon != std::string_view::npos) {
      response.with(line.substr(0, colon), std::string(line.substr(colon + 2)));
    }
    first = false;
  }
  text.erase(0, end + 2);
  response.body = std::move(text);
  return response;
}

}  // namespace muster::agent
