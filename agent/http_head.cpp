#include "agent/http_head.h"

#include <algorithm>
#include <array>

namespace muster::agent {
namespace {

using tl::unexpected;

constexpr std::size_t kMethodBytesMax = 16;
constexpr std::size_t kTargetBytesMax = 8 * 1024;
constexpr std::size_t kHostBytesMax = 255;
constexpr std::size_t kLengthDigitsMax = 15;    // a petabyte
constexpr std::size_t kChunkSizeDigitsMax = 8;  // four gigabytes
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kOurs = "x-muster-";
// What concerns one connection alone, and what relayed_head() writes itself.
constexpr std::array<std::string_view, 9> kNotRelayed{
    "connection", "keep-alive",     "proxy-connection", "te", "trailer", "upgrade",
    "expect",     "content-length", "transfer-encoding"};

unexpected<HttpRefusal> refuse(int status, std::string why) {
  return unexpected<HttpRefusal>(HttpRefusal{status, std::move(why)});
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
bool is_visible(char c) { return c >= 0x21 && c <= 0x7e; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_token(char c) {
  return is_letter(c) || is_digit(c) ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
template <class Is>
bool all(std::string_view text, Is is) {
  return std::all_of(text.begin(), text.end(), is);
}

bool same(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return lower(a) == b; });
}
bool begins(std::string_view text, std::string_view lower_case) {
  return same(text.substr(0, lower_case.size()), lower_case);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool has_option(std::string_view list, std::string_view option) {
  while (true) {
    const std::size_t comma = list.find(',');
    if (same(trimmed(list.substr(0, comma)), option)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

// What came before the end of the head: are its lines as lines must be?
const char* wrong_bytes(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    const bool line_ends = c == '\n' && i > 0 && bytes[i - 1] == '\r';
    if (c == '\n' && !line_ends) return "a line ends without a carriage return";
    if (i > 0 && bytes[i - 1] == '\r' && !line_ends) return "a carriage return within a line";
    if (c != '\r' && c != '\n' && c != '\t' && (c < 0x20 || c > 0x7e)) {
      return "a byte that is no printable ASCII";
    }
  }
  return nullptr;
}

// The head without its empty line; nothing: it is not whole.
tl::expected<std::optional<std::string_view>, HttpRefusal> cut_head(std::string_view bytes) {
  const std::string_view seen = bytes.substr(0, kHttpHeadBytesMax);
  const std::size_t end = seen.find("\r\n\r\n");
  const std::string_view head = seen.substr(0, end == std::string_view::npos ? end : end + 4);
  if (const char* const wrong = wrong_bytes(head)) return refuse(400, wrong);
  if (end != std::string_view::npos) return seen.substr(0, end + 2);
  if (bytes.size() < kHttpHeadBytesMax) return std::nullopt;
  return refuse(431, "the head has more than " + std::to_string(kHttpHeadBytesMax) + " bytes");
}

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find(kLineEnd);  // there is one: see cut_head()
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + kLineEnd.size());
  return line;
}

std::optional<HttpRefusal> take_fields(std::string_view lines, HttpHead& head) {
  while (!lines.empty()) {
    const std::string_view line = take_line(lines);
    if (is_blank(line.front())) return HttpRefusal{400, "a field is folded over two lines"};
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (colon == std::string_view::npos || name.empty() || !all(name, is_token)) {
      return HttpRefusal{400, "a field has no name, or one with a wrong character"};
    }
    if (head.fields.size() == kHttpFieldsMax) {
      return HttpRefusal{431, "more than " + std::to_string(kHttpFieldsMax) + " fields"};
    }
    head.fields.emplace_back(name, trimmed(line.substr(colon + 1)));
  }
  return std::nullopt;
}

// The value of a field that may be there once.
struct Single {
  std::optional<std::string_view> value;
  bool repeated = false;
};
Single single(const HttpHead& head, std::string_view lower_name) {
  Single found;
  for (const auto& [name, value] : head.fields) {
    if (!same(name, lower_name)) continue;
    found.repeated = found.value.has_value();
    if (found.repeated) break;
    found.value = value;
  }
  return found;
}

std::optional<HttpRefusal> frame_body(HttpHead& head) {
  const Single length = single(head, "content-length");
  const Single encoding = single(head, "transfer-encoding");
  if (length.repeated || encoding.repeated) {
    return HttpRefusal{400, "a field about the body's length is there twice"};
  }
  if (length.value && encoding.value) {
    return HttpRefusal{400, "both Content-Length and Transfer-Encoding"};
  }
  if (encoding.value) {
    if (!same(*encoding.value, "chunked")) {
      return HttpRefusal{501, "a Transfer-Encoding other than chunked"};
    }
    head.body = HttpBody::Chunked;
  }
  if (!length.value) return std::nullopt;
  if (length.value->empty() || length.value->size() > kLengthDigitsMax ||
      !all(*length.value, is_digit)) {
    return HttpRefusal{400, "a Content-Length that is no number"};
  }
  for (const char digit : *length.value) {
    head.length = head.length * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  head.body = HttpBody::Length;
  return std::nullopt;
}

void read_connection(HttpHead& head) {
  for (const auto& [name, value] : head.fields) {
    if (same(name, "connection") && has_option(value, "close")) head.keep_alive = false;
  }
}

std::optional<HttpRefusal> read_request_line(std::string_view line, HttpHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return HttpRefusal{400, "the first line is not METHOD TARGET HTTP/1.1"};
  }
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (version != "HTTP/1.1") return HttpRefusal{505, "HTTP/1.1 is spoken here, no other version"};
  const bool upper = all(head.method, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (head.method.empty() || head.method.size() > kMethodBytesMax || !upper) {
    return HttpRefusal{400, "the method is not a word in upper case"};
  }
  if (head.target.size() > kTargetBytesMax) return HttpRefusal{414, "the target is too long"};
  if (!head.target.starts_with('/') || !all(head.target, is_visible) ||
      head.target.find('#') != std::string_view::npos) {
    return HttpRefusal{400, "the target is not a path"};
  }
  return std::nullopt;
}

std::optional<HttpRefusal> check_request_fields(HttpHead& head) {
  const Single host = single(head, "host");
  if (!host.value || host.repeated) return HttpRefusal{400, "not one Host field"};
  if (host.value->size() > kHostBytesMax || !all(*host.value, is_visible)) {
    return HttpRefusal{400, "the Host is none"};
  }
  const Single expect = single(head, "expect");
  if (!expect.value) return std::nullopt;
  if (expect.repeated || !same(*expect.value, "100-continue")) {
    return HttpRefusal{417, "an Expect other than 100-continue"};
  }
  head.wants_continue = head.body != HttpBody::None;
  return std::nullopt;
}

std::optional<HttpRefusal> read_status_line(std::string_view line, HttpHead& head) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  if (!line.starts_with(kVersion) || line.size() < kVersion.size() + 3) {
    return HttpRefusal{502, "the answer is not HTTP/1.1"};
  }
  const std::string_view digits = line.substr(kVersion.size(), 3);
  if (!all(digits, is_digit)) return HttpRefusal{502, "the answer has no status"};
  for (const char digit : digits) head.status = head.status * 10 + (digit - '0');
  head.reason = trimmed(line.substr(kVersion.size() + 3));
  return std::nullopt;
}

bool is_relayed(std::string_view name) {
  return !begins(name, kOurs) &&
         std::none_of(kNotRelayed.begin(), kNotRelayed.end(),
                      [&](std::string_view other) { return same(name, other); });
}

}  // namespace

ParsedHead parse_request_head(std::string_view bytes) {
  auto cut = cut_head(bytes);
  if (!cut) return unexpected<HttpRefusal>(cut.error());
  if (!*cut) return std::nullopt;
  std::string_view rest = **cut;
  HttpHead head;
  head.bytes = rest.size() + kLineEnd.size();
  auto wrong = read_request_line(take_line(rest), head);
  if (!wrong) wrong = take_fields(rest, head);
  if (!wrong) wrong = frame_body(head);
  if (!wrong) wrong = check_request_fields(head);
  if (wrong) return unexpected<HttpRefusal>(*wrong);
  read_connection(head);
  return head;
}

ParsedHead parse_answer_head(std::string_view bytes, bool of_head_request) {
  auto cut = cut_head(bytes);
  if (!cut) return refuse(502, cut.error().why);
  if (!*cut) return std::nullopt;
  std::string_view rest = **cut;
  HttpHead head;
  head.bytes = rest.size() + kLineEnd.size();
  auto wrong = read_status_line(take_line(rest), head);
  if (!wrong) wrong = take_fields(rest, head);
  if (!wrong) wrong = frame_body(head);
  if (wrong) return refuse(502, wrong->why);
  read_connection(head);
  head.bodiless = of_head_request || head.status < 200 || head.status == 204 || head.status == 304;
  if (!head.bodiless && head.body == HttpBody::None) head.body = HttpBody::UntilClose;
  return head;
}

std::string relayed_head(const HttpHead& head, const std::vector<HttpField>& more) {
  std::string out;
  out.reserve(head.bytes + 512);
  const auto line = [&](std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    out += value;
    out += kLineEnd;
  };
  if (head.status == 0) {
    out += head.method;
    out += ' ';
    out += head.target;
    out += " HTTP/1.1\r\n";
  } else {
    out += "HTTP/1.1 ";
    out += std::to_string(head.status);
    out += ' ';
    out += head.reason;
    out += kLineEnd;
  }
  for (const auto& [name, value] : head.fields) {
    if (is_relayed(name)) line(name, value);
  }
  for (const auto& [name, value] : more) line(name, value);
  if (head.body == HttpBody::Length) line("Content-Length", std::to_string(head.length));
  if (head.body == HttpBody::Chunked) line("Transfer-Encoding", "chunked");
  return out += kLineEnd;
}

std::string chunk_of(std::string_view payload) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (std::size_t rest = payload.size(); rest > 0 || out.empty(); rest >>= 4) {
    out.insert(out.begin(), kHex[rest & 15]);
  }
  out += kLineEnd;
  out += payload;
  return out += kLineEnd;
}

// --- the body ---
HttpBodyReader::HttpBodyReader(const HttpHead& head) : left_(head.length) {
  if (head.bodiless) return;
  switch (head.body) {
    case HttpBody::None: break;
    case HttpBody::Length: state_ = head.length > 0 ? State::Payload : State::Done; break;
    case HttpBody::Chunked: state_ = State::Size; break;
    case HttpBody::UntilClose: state_ = State::UntilClose; break;
  }
  chunked_ = head.body == HttpBody::Chunked;
}

tl::expected<HttpBodyReader::Piece, HttpRefusal> HttpBodyReader::take(std::string_view bytes) {
  if (state_ == State::UntilClose) return Piece{bytes.size(), bytes};
  if (state_ == State::Size) return take_size(bytes);
  if (state_ != State::Payload) return take_line_end(bytes);
  const std::string_view payload = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
  left_ -= payload.size();
  if (left_ == 0) state_ = chunked_ ? State::LineEnd : State::Done;
  return Piece{payload.size(), payload};
}

tl::expected<HttpBodyReader::Piece, HttpRefusal> HttpBodyReader::take_size(std::string_view bytes) {
  std::uint64_t size = 0;
  std::size_t digits = 0;
  for (; digits < bytes.size() && bytes[digits] != '\r'; ++digits) {
    const char c = lower(bytes[digits]);
    const bool hex = is_digit(c) || (c >= 'a' && c <= 'f');
    // An extension, a sign or a blank: nobody needs them, and not everybody reads them alike.
    if (!hex || digits == kChunkSizeDigitsMax) return refuse(400, "a chunk's size is no number");
    size = size * 16 + static_cast<std::uint64_t>(is_digit(c) ? c - '0' : c - 'a' + 10);
  }
  if (bytes.size() < digits + kLineEnd.size()) return Piece{};
  if (digits == 0 || bytes[digits + 1] != '\n') return refuse(400, "a chunk has no size");
  left_ = size;
  state_ = size > 0 ? State::Payload : State::LastLine;
  return Piece{digits + kLineEnd.size(), {}};
}

tl::expected<HttpBodyReader::Piece, HttpRefusal> HttpBodyReader::take_line_end(
    std::string_view bytes) {
  const std::string_view seen = bytes.substr(0, kLineEnd.size());
  if (seen != kLineEnd.substr(0, seen.size())) {
    return refuse(400, state_ == State::LastLine ? "fields after the last chunk"
                                                 : "a chunk is longer than its size");
  }
  if (seen.size() < kLineEnd.size()) return Piece{};
  state_ = state_ == State::LastLine ? State::Done : State::Size;
  return Piece{kLineEnd.size(), {}};
}

}  // namespace muster::agent
