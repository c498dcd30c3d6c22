#include "agent/api_response.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace muster::agent {
namespace {

TEST(ApiResponse, AProblemSaysWhatIsWrongAndWhatToDo) {
  for (const Code code : {Code::InvalidArgument, Code::NotFound, Code::Conflict,
                          Code::PermissionDenied, Code::Unavailable, Code::Unknown, Code::Exhausted,
                          Code::DataLoss, Code::Timeout, Code::Internal}) {
    const ApiResponse response = problem(Error{code, "text"});
    const auto body = nlohmann::json::parse(response.body);
    EXPECT_EQ(response.content_type, "application/problem+json");
    EXPECT_EQ(body["status"], response.status);
    EXPECT_EQ(body["detail"], "text");
    EXPECT_FALSE(body["next"].get<std::string>().empty());
    EXPECT_TRUE(body["type"].get<std::string>().starts_with("urn:muster:problem:"));
  }
  EXPECT_EQ(nlohmann::json::parse(problem(Error{Code::NotFound, "x"}, "do that").body)["next"],
            "do that");
}

TEST(ApiResponse, AForwardedAnswerKeepsItsHeadersAndItsBytes) {
  ApiResponse response{200, "application/octet-stream", std::string("a\n\n\0\xff", 5)};
  response.with("ETag", "\"17\"").with("Muster-Index", "17");
  const ApiResponse back = unpacked(200, packed(response));
  EXPECT_EQ(back.content_type, response.content_type);
  EXPECT_EQ(back.body, response.body);
  EXPECT_EQ(back.headers, response.headers);
}

TEST(ApiResponse, AForwardedAnswerCannotSmuggleHeadersAndAnOlderOneIsABody) {
  EXPECT_EQ(unpacked(200, "{\"a\":1}\n").body, "{\"a\":1}\n");
  EXPECT_EQ(unpacked(503, "{}").content_type, "application/problem+json");
  const ApiResponse bad = unpacked(200, "muster/1\ntext/plain\nA: b\r\nnasty\nC: d\r\n\nbody");
  for (const auto& [name, value] : bad.headers) EXPECT_EQ(value.find('\r'), std::string::npos);
  EXPECT_EQ(unpacked(200, "muster/1\n").body, "muster/1\n");
}

}  // namespace
}  // namespace muster::agent
