// Where does an HTTP/1.1 message end, and may it be passed on?
//
// Core. For the front that ends TLS and hands requests to the HTTP server over connections that
// many clients share: if the two ever disagreed about where a request ends, one client could put
// words in another's mouth. So whatever can be read in two ways is refused, and what is passed on
// is written anew (relayed_head()), never copied. Views point into the bytes that were parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace muster::agent {

inline constexpr std::size_t kHttpHeadBytesMax = 12 * 1024;  // civetweb takes 16 KiB, with ours
inline constexpr std::size_t kHttpFieldsMax = 48;            // civetweb takes 64

enum class HttpBody {
  None,
  Length,      // so many bytes
  Chunked,     // until the empty chunk
  UntilClose,  // of an answer only
};
using HttpField = std::pair<std::string_view, std::string_view>;  // name as it was sent, value

struct HttpHead {
  std::string_view method;  // of a request
  std::string_view target;  // likewise: a path and perhaps a query
  int status = 0;           // of an answer
  std::string_view reason;  // likewise
  std::vector<HttpField> fields;
  HttpBody body = HttpBody::None;
  std::uint64_t length = 0;     // of the body, when Length
  bool bodiless = false;        // an answer that only says what its body would be
  bool keep_alive = true;       // the sender goes on with the connection
  bool wants_continue = false;  // it waits for "100 Continue" before it sends the body
  std::size_t bytes = 0;        // of the head, with the empty line
};

struct HttpRefusal {
  int status = 400;
  std::string why;
};

// Nothing: the head is not whole yet. What can be seen to be wrong in a part of a head is refused
// at once.
using ParsedHead = tl::expected<std::optional<HttpHead>, HttpRefusal>;
[[nodiscard]] ParsedHead parse_request_head(std::string_view bytes);
// `of_head_request`: the answer to HEAD has no body, whatever it says.
[[nodiscard]] ParsedHead parse_answer_head(std::string_view bytes, bool of_head_request);

// The head to be passed on: without what concerns one connection alone, without the client's
// X-Muster-*, with these fields instead. Its body is to follow as `head` says it.
[[nodiscard]] std::string relayed_head(const HttpHead& head, const std::vector<HttpField>& more);

// A piece of a body as a chunk; the empty one ends the body.
[[nodiscard]] std::string chunk_of(std::string_view payload);

// The body of a message, piece by piece.
class HttpBodyReader {
 public:
  HttpBodyReader() = default;  // of a message without one
  explicit HttpBodyReader(const HttpHead& head);

  struct Piece {
    std::size_t used = 0;      // of the bytes given: they need not be given again
    std::string_view payload;  // of the body, within them; may be empty before the end
  };
  // Takes one piece. Fails when the body's form is wrong. Pre: !done().
  [[nodiscard]] tl::expected<Piece, HttpRefusal> take(std::string_view bytes);
  [[nodiscard]] bool done() const { return state_ == State::Done; }
  // The message was of the kind that ends with the connection.
  [[nodiscard]] bool until_close() const { return state_ == State::UntilClose; }

 private:
  // Of a chunk: its size's line, its payload, the line's end behind it; behind the last one an
  // empty line.
  enum class State { Size, Payload, LineEnd, LastLine, UntilClose, Done };
  [[nodiscard]] tl::expected<Piece, HttpRefusal> take_size(std::string_view bytes);
  [[nodiscard]] tl::expected<Piece, HttpRefusal> take_line_end(std::string_view bytes);

  State state_ = State::Done;
  bool chunked_ = false;
  std::uint64_t left_ = 0;  // of the payload, or of the chunk
};

}  // namespace muster::agent
