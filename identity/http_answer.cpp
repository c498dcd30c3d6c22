#include "identity/http_answer.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "base/problem.h"

namespace muster::identity {
namespace {

constexpr std::size_t kTextBytesMax = 1000;

tl::unexpected<Error> malformed(const std::string& why) {
  return fail(Code::InvalidArgument, "the answer is not HTTP that can be understood: " + why);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

Code code_of(int status) {
  switch (status) {
    case 400: return Code::InvalidArgument;
    case 401:
    case 403: return Code::PermissionDenied;
    case 404: return Code::NotFound;
    case 409:
    case 412: return Code::Conflict;
    case 429: return Code::Exhausted;
    case 503: return Code::Unavailable;
    case 504: return Code::Unknown;
    default: return Code::Internal;
  }
}

// One line of it, so that no answer can write to a terminal what it likes.
std::string text_in(const nlohmann::json& problem, const char* key) {
  const auto found = problem.find(key);
  if (found == problem.end() || !found->is_string()) return {};
  std::string text = found->get<std::string>();
  if (text.size() > kTextBytesMax || !one_line_text(text)) return in_quotes(text);
  return text;
}

}  // namespace

Result<HttpAnswer> parse_http_answer(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (!bytes.starts_with("HTTP/1.") || end == std::string_view::npos || bytes.size() < 12) {
    return malformed("it has no head");
  }
  HttpAnswer answer;
  const char* const digits = bytes.data() + 9;
  const auto [stop, error] = std::from_chars(digits, digits + 3, answer.status);
  if (error != std::errc{} || stop != digits + 3) return malformed("it has no status");
  const std::string head = lower(bytes.substr(0, end + 2));
  const std::string_view body = bytes.substr(end + 4);
  if (head.find("\r\ntransfer-encoding:") != std::string::npos) return malformed("it is chunked");
  constexpr std::string_view kLength = "\r\ncontent-length:";
  if (const std::size_t at = head.find(kLength); at != std::string::npos) {
    std::size_t from = at + kLength.size();
    while (from < head.size() && head[from] == ' ') ++from;
    std::size_t length = 0;
    const auto read = std::from_chars(head.data() + from, head.data() + head.size(), length);
    if (read.ec != std::errc{} || length != body.size()) return malformed("it is not whole");
  }
  answer.body = body;
  return answer;
}

Error error_of(const HttpAnswer& answer) {
  const auto problem = nlohmann::json::parse(answer.body, nullptr, false);
  std::string text;
  if (problem.is_object()) {
    text = text_in(problem, "detail");
    if (text.empty()) text = text_in(problem, "title");
    const std::string next = text_in(problem, "next");
    if (!next.empty()) text += (text.empty() ? "" : "; ") + next;
  }
  if (text.empty()) text = "the master answered " + std::to_string(answer.status);
  return {code_of(answer.status), std::move(text)};
}

}  // namespace muster::identity
