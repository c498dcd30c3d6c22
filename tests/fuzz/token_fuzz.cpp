// Can a token, a founding file or a message of joining harm who reads it? libFuzzer's entry point:
// what is read must come back as it was written, and no error may repeat what it refuses.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "identity/certificate_name.h"
#include "identity/founding.h"
#include "identity/http_answer.h"
#include "identity/join_json.h"
#include "identity/token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto token = identity::parse_token(text)) {
    const std::string again =
        std::visit([](const auto& one) { return identity::text_of(one); }, *token);
    CHECK(identity::parse_token(again).value() == *token);
    CHECK(text.find(again) != std::string_view::npos);
  } else {
    CHECK(token.error().text.find('\n') == std::string::npos);
  }
  if (const auto request = identity::parse_join_request(text)) {
    CHECK(identity::parse_join_request(identity::text_of(*request)).has_value() ||
          identity::text_of(*request).size() > identity::kJoinRequestBytesMax);
  }
  if (const auto answer = identity::parse_join_answer(text)) {
    const std::string again = identity::text_of(*answer);
    const auto read = identity::parse_join_answer(again);
    CHECK(!read || identity::text_of(*read) == again);
  }
  if (const auto founding = identity::parse_founding(text, "founding")) {
    CHECK(identity::parse_founding(identity::text_of(*founding), "founding").has_value());
  }
  if (const auto answer = identity::parse_http_answer(text)) {
    CHECK(identity::error_of(*answer).text.find('\n') == std::string::npos);
  }
  const std::size_t half = size / 2;
  const auto name =
      identity::name_of({std::string(text.substr(0, half)), std::string(text.substr(half))});
  if (name) CHECK(identity::name_of(identity::uris_of(*name)).value() == *name);
  return 0;
}
