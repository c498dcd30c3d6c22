#include "failover/log_checksum.h"

namespace muster::failover {

Checksum& Checksum::add(std::uint64_t number) {
  char bytes[8];
  for (char& byte : bytes) {
    byte = static_cast<char>(number & 0xff);
    number >>= 8;
  }
  value_ = fnv1a64({bytes, sizeof bytes}, value_);
  return *this;
}

Checksum& Checksum::add(std::string_view bytes) {
  add(std::uint64_t{bytes.size()});
  value_ = fnv1a64(bytes, value_);
  return *this;
}

void add_entry(Checksum& sum, raft::Index index, const raft::Entry& entry) {
  sum.add(index).add(entry.term).add(static_cast<std::uint64_t>(entry.type)).add(*entry.data);
}

void add_snapshot(Checksum& sum, const raft::SnapshotMeta& meta) {
  sum.add(meta.index).add(meta.term).add(meta.configuration_index);
  for (const raft::Server& server : meta.configuration) {
    sum.add(server.id).add(server.address).add(std::uint64_t{server.voter ? 1U : 0U});
  }
}

bool is_entry_type(std::int64_t type) { return type >= 1 && type <= 3; }

}  // namespace muster::failover
