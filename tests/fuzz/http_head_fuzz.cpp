// Can a client make the front and the HTTP server disagree about where a request ends? libFuzzer's
// entry point: the bytes are what a client sends on one connection. Each request that is taken is
// passed on as the front does it, and what was passed on is read again: it must be the same
// request, with nothing left over and none of the fields that only the front may set.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/basic_auth.h"
#include "agent/http_head.h"
#include "base/error.h"

namespace {

using namespace muster::agent;

struct Taken {
  std::size_t used = 0;
  bool whole = false;
  std::string passed_on;
  std::string body;
};

Taken take(std::string_view bytes, const HttpHead& head) {
  Taken taken{head.bytes, false, relayed_head(head, {{"X-Muster-Front", "secret"}}), {}};
  HttpBodyReader reader(head);
  while (!reader.done()) {
    const auto piece = reader.take(bytes.substr(taken.used));
    if (!piece) {
      CHECK(piece.error().status >= 400 && !piece.error().why.empty());
      return taken;
    }
    if (piece->used == 0) return taken;
    taken.used += piece->used;
    taken.body += piece->payload;
    if (head.body == HttpBody::Length) taken.passed_on += piece->payload;
    if (head.body == HttpBody::Chunked && !piece->payload.empty()) {
      taken.passed_on += chunk_of(piece->payload);
    }
  }
  if (head.body == HttpBody::Chunked) taken.passed_on += chunk_of("");
  CHECK(taken.used <= bytes.size());
  taken.whole = true;
  return taken;
}

void must_be_the_same(const HttpHead& head, const Taken& taken) {
  // What is passed on is a little more than what came, and the server takes more than the front.
  if (head.fields.size() == kHttpFieldsMax || head.bytes + 64 > kHttpHeadBytesMax) return;
  const ParsedHead again = parse_request_head(taken.passed_on);
  CHECK(again && *again);
  CHECK((*again)->method == head.method && (*again)->target == head.target);
  CHECK((*again)->body == head.body && (*again)->length == head.length);
  CHECK(!(*again)->wants_continue && (*again)->keep_alive);
  std::size_t ours = 0;
  for (const auto& [name, value] : (*again)->fields) {
    std::string lower(name);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    if (lower.starts_with("x-muster-")) {
      ++ours;
      CHECK(value == "secret");
    }
  }
  CHECK(ours == 1);
  const Taken second = take(taken.passed_on, **again);
  CHECK(second.whole && second.body == taken.body && second.used == taken.passed_on.size());
}

// The door of metrics takes a name and a password out of what any client sends.
void read_credentials(const HttpHead& head) {
  for (const auto& [name, value] : head.fields) {
    const auto credentials = basic_credentials(value);
    if (!credentials) continue;
    CHECK(credentials->user.find(':') == std::string::npos);
    CHECK(credentials->password.find('\0') == std::string::npos);
    CHECK(credentials->user.size() + credentials->password.size() < value.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (true) {
    const ParsedHead head = parse_request_head(rest);
    if (!head) {
      CHECK(head.error().status >= 400 && !head.error().why.empty());
      break;
    }
    if (!*head) break;
    CHECK((*head)->bytes <= rest.size() && (*head)->bytes <= kHttpHeadBytesMax);
    read_credentials(**head);
    const Taken taken = take(rest, **head);
    if (!taken.whole) break;
    must_be_the_same(**head, taken);
    rest.remove_prefix(taken.used);
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const ParsedHead answer = parse_answer_head(bytes, size % 2 == 0);
  if (answer && *answer) (void)take(bytes, **answer);
  return 0;
}
