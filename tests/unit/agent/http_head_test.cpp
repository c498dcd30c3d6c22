#include "agent/http_head.h"

#include <deque>

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

constexpr std::string_view kHost = "Host: n1\r\n";

std::string request(const std::string& line, const std::string& fields) {
  return line + "\r\n" + std::string(kHost) + fields + "\r\n";
}
// The status with which a request is refused; 0: it is taken, -1: it is not whole.
int refused(const std::string& bytes) {
  const ParsedHead head = parse_request_head(bytes);
  if (!head) return head.error().why.empty() ? 999 : head.error().status;
  return *head ? 0 : -1;
}
int with_fields(const std::string& fields) { return refused(request("POST /a HTTP/1.1", fields)); }

TEST(HttpHead, ARequestIsTakenApart) {
  const std::string bytes = request("PUT /v1/kv/a%20b?x=1&y HTTP/1.1",
                                    "X-One:  a b \r\nempty:\r\nContent-Length: 12\r\n");
  const std::string with_body = bytes + "hello";
  const ParsedHead head = parse_request_head(with_body);
  ASSERT_TRUE(head && *head);
  EXPECT_EQ((*head)->method, "PUT");
  EXPECT_EQ((*head)->target, "/v1/kv/a%20b?x=1&y");
  ASSERT_EQ((*head)->fields.size(), 4U);
  EXPECT_EQ((*head)->fields[1], (HttpField{"X-One", "a b"}));
  EXPECT_EQ((*head)->fields[2], (HttpField{"empty", ""}));
  EXPECT_EQ((*head)->body, HttpBody::Length);
  EXPECT_EQ((*head)->length, 12U);
  EXPECT_EQ((*head)->bytes, bytes.size());
  EXPECT_TRUE((*head)->keep_alive);
}

TEST(HttpHead, EveryPartOfAGoodHeadIsWaitedForAndNotRefused) {
  const std::string bytes = request("GET / HTTP/1.1", "Connection: foo, Close\r\n");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(refused(bytes.substr(0, size)), -1) << size;
  }
  EXPECT_EQ(refused(bytes), 0);
  EXPECT_FALSE((*parse_request_head(bytes))->keep_alive);
}

TEST(HttpHead, WhatCanBeReadInTwoWaysIsRefused) {
  EXPECT_EQ(with_fields("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(with_fields("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), 400);
  EXPECT_EQ(with_fields("Content-Length: 3\r\nContent-Length: 3\r\n"), 400);
  EXPECT_EQ(with_fields("Content-Length: 3\r\ncontent-length: 4\r\n"), 400);
  EXPECT_EQ(with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
  for (const char* value : {"", "+3", "-3", "0x3", "3,3", "3 3", "3;", "9999999999999999"}) {
    EXPECT_EQ(with_fields("Content-Length: " + std::string(value) + "\r\n"), 400) << value;
  }
  for (const char* value : {"gzip, chunked", "identity", "chunked, chunked", "xchunked", ""}) {
    EXPECT_EQ(with_fields("Transfer-Encoding: " + std::string(value) + "\r\n"), 501) << value;
  }
  EXPECT_EQ(with_fields("Transfer-Encoding : chunked\r\n"), 400);
  EXPECT_EQ(with_fields(" Transfer-Encoding: chunked\r\n"), 400);  // folded
  EXPECT_EQ(with_fields("X: a\r\n b\r\n"), 400);
  EXPECT_EQ(with_fields("X: a\r\n\tb\r\n"), 400);
  EXPECT_EQ(with_fields("X: a\nContent-Length: 3\r\n"), 400);
  EXPECT_EQ(with_fields("X: a\rContent-Length: 3\r\n"), 400);
  EXPECT_EQ(with_fields(std::string("X: a\0b\r\n", 8)), 400);
  EXPECT_EQ(with_fields("X: \xc3\xa4\r\n"), 400);
  EXPECT_EQ(with_fields("Transfer\x01-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(with_fields("no colon\r\n"), 400);
  EXPECT_EQ(with_fields(": nameless\r\n"), 400);
  EXPECT_EQ(with_fields("Host: n2\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refused("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\n"), 400);  // at once, whatever follows
}

TEST(HttpHead, TheFirstLineHasOneFormOnly) {
  EXPECT_EQ(refused(request("GET  / HTTP/1.1", "")), 400);
  EXPECT_EQ(refused(request("GET /a b HTTP/1.1", "")), 400);
  EXPECT_EQ(refused(request("GET / HTTP/1.0", "")), 505);
  EXPECT_EQ(refused(request("GET /", "")), 400);
  EXPECT_EQ(refused(request("get / HTTP/1.1", "")), 400);
  EXPECT_EQ(refused(request("GET\t/ HTTP/1.1", "")), 400);
  EXPECT_EQ(refused(request("GET http://n1/ HTTP/1.1", "")), 400);
  EXPECT_EQ(refused(request("OPTIONS * HTTP/1.1", "")), 400);
  EXPECT_EQ(refused(request("CONNECT n1:22 HTTP/1.1", "")), 400);
  EXPECT_EQ(refused(request("GET /" + std::string(9000, 'a') + " HTTP/1.1", "")), 414);
}

TEST(HttpHead, AHeadIsBounded) {
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nX: " + std::string(kHttpHeadBytesMax, 'a')), 431);
  std::string many;
  for (std::size_t i = 1; i < kHttpFieldsMax; ++i) many += "a: b\r\n";
  EXPECT_EQ(with_fields(many), 0);
  EXPECT_EQ(with_fields(many + "a: b\r\n"), 431);
}

TEST(HttpHead, AnExpectationIsOfTheFrontAlone) {
  const std::string bytes =
      request("PUT /a HTTP/1.1", "Expect: 100-Continue\r\nContent-Length: 1\r\n");
  EXPECT_TRUE((*parse_request_head(bytes))->wants_continue);
  EXPECT_EQ(relayed_head(**parse_request_head(bytes), {}).find("Expect"), std::string::npos);
  EXPECT_EQ(with_fields("Expect: tea\r\n"), 417);
}

TEST(HttpHead, WhatIsPassedOnIsWrittenAnewWithoutTheClientsClaims) {
  const std::string bytes =
      request("POST /a?b HTTP/1.1",
              "x-MUSTER-Front: stolen\r\nX-Muster-Peer-Role: admin\r\nConnection: close, X-Keep\r\n"
              "X-Keep: 1\r\nUpgrade: websocket\r\nTE: trailers\r\nTransfer-Encoding: CHUNKED\r\n");
  EXPECT_EQ(relayed_head(**parse_request_head(bytes), {{"X-Muster-Front", "ours"}}),
            "POST /a?b HTTP/1.1\r\nHost: n1\r\nX-Keep: 1\r\nX-Muster-Front: ours\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
}

TEST(HttpHead, AnAnswersBodyEndsWhereItsHeadSays) {
  std::deque<std::string> kept;  // heads are views into them
  const auto head = [&](const std::string& fields, bool of_head = false,
                        const std::string& status = "200 OK") {
    kept.push_back("HTTP/1.1 " + status + "\r\n" + fields + "\r\n");
    return **parse_answer_head(kept.back(), of_head);
  };
  EXPECT_EQ(head("Content-Length: 5\r\n").length, 5U);
  EXPECT_EQ(head("Transfer-Encoding: chunked\r\n").body, HttpBody::Chunked);
  EXPECT_TRUE(HttpBodyReader(head("")).until_close());
  EXPECT_TRUE(HttpBodyReader(head("", false, "204 No Content")).done());
  EXPECT_TRUE(HttpBodyReader(head("Content-Length: 5\r\n", false, "304 Not Modified")).done());
  const HttpHead of_head = head("Content-Length: 5\r\nConnection: close\r\n", true);
  EXPECT_TRUE(HttpBodyReader(of_head).done());
  EXPECT_EQ(relayed_head(of_head, {}), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(parse_answer_head("HTTP/1.0 200 OK\r\n\r\n", false).error().status, 502);
}

// Every payload that comes out when so many bytes are given at a time; "!" when it is refused.
std::string body_of(const HttpHead& head, std::string bytes, std::size_t step, std::size_t* used) {
  HttpBodyReader reader(head);
  std::string out, given;
  *used = 0;
  while (!reader.done()) {
    const auto piece = reader.take(given);
    if (!piece) return out + "!";
    out += piece->payload;
    given.erase(0, piece->used);
    *used += piece->used;
    if (piece->used > 0) continue;
    if (bytes.empty()) return out + "?";
    given += bytes.substr(0, step);
    bytes.erase(0, step);
  }
  return out;
}

TEST(HttpBodyReader, AChunkedBodyIsTheSameInWhateverPiecesItComes) {
  HttpHead head;
  head.body = HttpBody::Chunked;
  const std::string bytes = chunk_of("hello") + "1F\r\n" + std::string(31, 'x') + "\r\n" +
                            chunk_of(std::string(300, 'y')) + chunk_of("");
  const std::string body = "hello" + std::string(31, 'x') + std::string(300, 'y');
  for (std::size_t step = 1; step < bytes.size() + 20; ++step) {
    std::size_t used = 0;
    EXPECT_EQ(body_of(head, bytes + "GET /", step, &used), body) << step;
    EXPECT_EQ(used, bytes.size());
  }
}

TEST(HttpBodyReader, AChunkThatCanBeReadInTwoWaysIsRefused) {
  HttpHead head;
  head.body = HttpBody::Chunked;
  std::size_t used = 0;
  for (const char* bytes :
       {"5;a=b\r\nhello", " 5\r\nhello", "5 \r\nhello", "0x5\r\nhello", "+5\r\n", "-1\r\n", "\r\n",
        "5\nhello", "5\rxhello", "000000001\r\n", "100000000\r\n", "0\r\nX: y\r\n\r\n"}) {
    EXPECT_EQ(body_of(head, bytes, 100, &used), "!") << bytes;
  }
  EXPECT_EQ(body_of(head, "5\r\nhelloo\r\n", 100, &used), "hello!");
  EXPECT_EQ(body_of(head, "5\r\nhello\n0\r\n\r\n", 100, &used), "hello!");
}

TEST(HttpBodyReader, ABodyWithALengthTakesThatManyBytesAndNoMore) {
  HttpHead head;
  head.body = HttpBody::Length;
  head.length = 5;
  std::size_t used = 0;
  EXPECT_EQ(body_of(head, "helloGET / HTTP/1.1", 3, &used), "hello");
  EXPECT_EQ(used, 5U);
  head.length = 0;
  EXPECT_TRUE(HttpBodyReader(head).done());
}

}  // namespace
}  // namespace muster::agent
