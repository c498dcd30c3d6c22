// What has every version of muster made of its log?
//
// golden_log.txt is a log as it was written, with the state's hash after each entry: version after
// version must replay it to the same hashes, for ever. Its lines are only ever added to, never
// changed. A new kind of command, or a new version of one, gets an example at the END of
// golden_examples.h; then
//
//   build/release/golden_log_append tests/driver/failover/golden_log.txt
//
// replays the file and appends the examples that it does not have yet. The lines of version 1 were
// written by the last muster that had no other.
//
//   KIND TIMES HEX HASH   the command in HEX is applied TIMES times, at the next indexes
//   state HEX             the bytes of the state at this point
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/protobuf_codec.h"
#include "failover/commands.h"

namespace muster::golden {

// By the index in CommandBody.
inline constexpr std::array kKinds{
    "coordinator-elected",
    "node-up",
    "node-suspected",
    "node-failed",
    "node-left",
    "put-workload",
    "stop-workload",
    "place-instance",
    "stop-instance",
    "forget-instance",
    "keep-instance",
    "report-instances",
    "mark-unplaceable",
    "alert-firing",
    "alert-resolved",
    "cluster-formed",
    "set-master",
    "forget-master",
    "put-key",
    "delete-key",
    "delete-prefix",
    "grant-lease",
    "renew-lease",
    "release-lease",
    "expire-lease",
    "put-token",
    "delete-token",
    "use-join-token",
    "record-certificate",
    "revoke-node",
    "put-authority",
    "retire-authority",
    "put-gossip-keys",
    "put-silence",
    "delete-silence",
    "record-user-certificate",
    "revoke-user-certificates",
};
static_assert(kKinds.size() == std::variant_size_v<CommandBody>);

inline std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}
inline std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

struct Line {
  int number = 0;
  std::string kind;  // or "state"
  std::uint64_t times = 1;
  std::string bytes;
  std::string hash;  // 16 hexadecimal digits
};

inline std::vector<Line> read(const std::string& path) {
  std::vector<Line> lines;
  std::ifstream file(path);
  int number = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    if (text.empty() || text[0] == '#') continue;
    std::istringstream in(text);
    Line line{.number = number, .kind = {}, .times = 1, .bytes = {}, .hash = {}};
    std::string hex;
    in >> line.kind;
    if (line.kind == "state") {
      in >> hex;
    } else {
      in >> line.times >> hex >> line.hash;
    }
    line.bytes = from_hex(hex);
    lines.push_back(line);
  }
  return lines;
}

// Applies entries as a master does: from their bytes, at ascending indexes.
class Replay {
 public:
  // The error when the bytes are no command.
  Status apply(const std::string& bytes, std::uint64_t times) {
    const Result<Command> command = codec_.decode_command(bytes);
    if (!command) return tl::unexpected(command.error());
    for (std::uint64_t i = 0; i < times; ++i) {
      static_cast<void>(failover::apply(state_, ++index_, *command));  // refusals are replayed too
    }
    return {};
  }
  [[nodiscard]] std::string hash() const {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx",
                  static_cast<unsigned long long>(fnv1a64(codec_.encode_state(state_))));
    return text;
  }
  [[nodiscard]] const ClusterState& state() const { return state_; }
  [[nodiscard]] const Codec& codec() const { return codec_; }

 private:
  Codec codec_ = protobuf_codec();
  ClusterState state_;
  std::uint64_t index_ = 0;
};

}  // namespace muster::golden
