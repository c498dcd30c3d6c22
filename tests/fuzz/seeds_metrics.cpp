#include "tests/fuzz/seeds_metrics.h"

#include <cstdint>
#include <initializer_list>

#include "collector/history_block.h"

namespace muster::fuzz {
namespace {

using collector::Column;

std::string counted(const std::string& bytes) {
  return std::string(1, static_cast<char>(bytes.size())) + bytes;
}

std::string number(std::int64_t value) {
  std::string out;
  for (unsigned i = 0; i < 8; ++i) {
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
  return out;
}

// Without the checksum, which the fuzzer makes.
std::string body(const std::string& encoded) { return encoded.substr(4); }

std::string times() {
  return body(collector::encode_times({1'795'220'000'000, 1'795'220'010'000}));
}

std::string row(char id, std::int64_t span, std::int64_t step, std::int64_t begin,
                std::int64_t end) {
  return std::string(1, id) + number(span) + number(step) + number(begin) + number(end) +
         counted(times()) + counted(body(collector::encode_column(Column{{1.0F, 2.0F}, {}, {}})));
}

}  // namespace

std::map<std::string, std::string> history_seeds() {
  const Column fine{{1.5F, 1.5F, 1.5F, 1.5F, 7.0F}, {}, {}};
  const Column coarse{{1.0F, 2.0F}, {0.0F, 1.0F}, {3.0F, 3.0F}};
  const std::string five = body(collector::encode_times({1, 2, 3, 60'001, 60'002}));
  return {
      {"fine",
       std::string(1, '\0') + counted(five) + counted(body(collector::encode_column(fine)))},
      {"coarse",
       std::string(1, '\0') + counted(times()) + counted(body(collector::encode_column(coarse)))},
      {"rows", "\2" + row(0, 600'000, 10'000, 1'795'220'000'000, 1'795'220'010'000)},
      {"rows_twisted", "\2" + row(0, INT64_MAX, 0, 5, 3) + row(0, INT64_MAX, -1, 0, 0) +
                           row(0, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MAX)},
      {"bytes", "\3" + std::string{0, 16, 0, 0} + counted("damaged")},
      {"bytes_head", "\3" + std::string{0, 0, 0, 0} + counted("SQLite format 4")},
  };
}

std::map<std::string, std::string> systemd_seeds() {
  const std::string listed = std::string{9, 1, 3, 0} + counted("loaded") + counted("active") +
                             std::string{1} + counted("loaded") + counted("inactive") +
                             std::string{2} + counted("loaded") + counted("failed");
  std::string answers;
  for (int i = 0; i < 8; ++i) answers += std::string{9, 1} + counted("simple") + std::string{1, 3};
  const std::string manager =
      std::string{9, 1} + counted("252.1") + counted("none") + counted("running");
  const std::string begun = std::string{0, 0} + listed;
  return {
      {"listed", begun + manager + answers + manager},
      {"signals", begun + answers + manager + answers + std::string{2, 0, 7, 126, 7, 126, 3, 1} +
                      std::string{4, 3} + counted("failed") + std::string{2, 1, 7, 0} +
                      std::string{5, 1, 5, 0, 6} + listed + answers},
      {"lost", begun + std::string{1} + counted("gone") + std::string{0} + listed + manager},
  };
}

std::map<std::string, std::string> web_config_seeds() {
  const std::string hash = "$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG";
  return {
      {"users", "basic_auth_users:\n  ann: " + hash + "\n  bob: '" + hash + "'\n"},
      {"headers",
       "http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n"
       "    X-Content-Type-Options: nosniff\n"},
      {"tls",
       "tls_server_config:\n  cert_file: ca.pem\n  key_file: ca.pem\n"
       "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
       "  min_version: TLS12\n  max_version: TLS13\n"
       "  cipher_suites: [TLS_AES_128_GCM_SHA256]\n  curve_preferences: [X25519]\n"
       "  prefer_server_cipher_suites: true\n"},
      {"aliases", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"},
      {"strangers", "tls_server_config: 3\nbasic_auth_users: [a]\nother: {}\n"},
      {"empty", "\n"},
  };
}

}  // namespace muster::fuzz
