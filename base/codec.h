// How does the pure part turn commands and state into bytes? Through these ports.
//
// The log outlives every version, so its bytes are protobuf (base/protobuf_codec.h fills this in);
// pure code only sees functions. Decoding fails with DataLoss and never throws.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/cluster_state.h"
#include "base/command.h"
#include "base/error.h"

namespace muster {

struct Codec {
  std::function<std::string(const Command&)> encode_command;
  std::function<Result<Command>(std::string_view)> decode_command;
  std::function<std::string(const ClusterState&)> encode_state;
  std::function<Result<ClusterState>(std::string_view)> decode_state;
};

}  // namespace muster
