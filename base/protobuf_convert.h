// How do the plain structs and their protobuf messages become each other?
//
// Internal to base/protobuf_*.cpp (libprotobuf); stateless; any thread. to_wire() takes values of
// our own and cannot fail. from_wire() takes hostile messages: what it does not like it reports to
// its Reader, and its value is then of no use. Nothing here throws or blocks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cluster_state.h"
#include "base/command.h"
#include "base/error.h"
#include "base/gossip.h"
#include "base/raft_types.h"
#include "base/rpc.h"
#include "base/wire.pb.h"
#include "base/workload.h"

namespace muster::protobuf {

// What this muster writes, and the newest that it reads. The state and its commands have a version
// of their own: kStateVersion.
inline constexpr std::uint32_t kFormatVersion = 1;

// The longest texts that are accepted, in bytes.
inline constexpr std::size_t kHostBytesMax = 255;
inline constexpr std::size_t kMetaBytesMax = 255;         // texts that must fit into a datagram
inline constexpr std::size_t kLabelBytesMax = 1024;       // zones, versions, ids, keys of labels
inline constexpr std::size_t kTextBytesMax = 65536;       // explanations, paths, values of labels
inline constexpr std::size_t kArgumentBytesMax = 131072;  // Linux's own limit for one argument

// Takes values out of one message and remembers the first thing that is wrong with it.
class Reader {
 public:
  // `code` is what a failure will be; `object` names the whole message in its text ("frame").
  Reader(Code code, std::string_view object) : code_(code), object_(object) {}

  // Records a failure unless there is one already. `field` is as in wire.proto: "claim.name".
  void refuse(std::string_view field, std::string_view why);
  [[nodiscard]] bool failed() const { return !text_.empty(); }

  // False, and refused, when the submessage or the number is not there.
  bool require(bool present, std::string_view field);
  // Refused unless `version` is one that this muster reads: 1 to `most`.
  void version(std::string_view field, std::uint32_t version, std::uint32_t most = kFormatVersion);

  NodeName name(std::string_view field, const std::string& text);  // valid_name()
  NodeName name_or_none(std::string_view field, const std::string& text);
  std::string text(std::string_view field, const std::string& text, std::size_t most);
  std::uint16_t u16(std::string_view field, std::uint32_t number);
  // Refused unless least <= number <= most.
  std::int64_t number(std::string_view field, std::int64_t number, std::int64_t least,
                      std::int64_t most);
  Duration duration(std::string_view field, std::int64_t ns);  // 0 to 100 years
  WallTime wall(std::string_view field, std::int64_t ms);      // the years 1970 to 9999

  // Pre: failed(). To be returned from a function that returns a Result.
  [[nodiscard]] tl::unexpected<Error> failure() const { return fail(code_, text_); }

 private:
  Code code_;
  std::string_view object_;
  std::string text_;  // of the first failure; empty: none
};

// Reads `bytes` into `message`. Before libprotobuf allocates anything, all lists are counted, so
// that a few bytes cannot ask for gigabytes. Fails through `reader`.
void parse(std::string_view bytes, std::size_t bytes_max, wire::Packet& message, Reader& reader);
void parse(std::string_view bytes, std::size_t bytes_max, wire::Sync& message, Reader& reader);
void parse(std::string_view bytes, std::size_t bytes_max, wire::Frame& message, Reader& reader);
void parse(std::string_view bytes, std::size_t bytes_max, wire::Command& message, Reader& reader);
// Without the keys, which are most of a state: `keys` are their entries' bytes, within `bytes`.
void parse(std::string_view bytes, std::size_t bytes_max, wire::ClusterState& message,
           std::vector<std::string_view>& keys, Reader& reader);
void parse(std::string_view bytes, std::size_t bytes_max, wire::StoredAssignment& message,
           Reader& reader);

// Fails a CHECK beyond libprotobuf's own limit of 2 GiB.
[[nodiscard]] std::string serialize(const google::protobuf::MessageLite& message);

// An enumerator and its number on the wire. A table of them is a Numbers.
template <class Enum, class Wire>
using Numbers = std::pair<Enum, Wire>;

inline constexpr Numbers<Role, wire::Role> kRoles[] = {
    {Role::Viewer, wire::ROLE_VIEWER},
    {Role::Operator, wire::ROLE_OPERATOR},
    {Role::Admin, wire::ROLE_ADMIN},
};

// Pre: `value` is in `table`.
template <class Enum, class Wire, std::size_t n>
[[nodiscard]] Wire number_of(const Numbers<Enum, Wire> (&table)[n], Enum value) {
  const auto* found = std::find_if(table, table + n, [&](auto& row) { return row.first == value; });
  CHECK(found != table + n);
  return found->second;
}
template <class Enum, class Wire, std::size_t n>
[[nodiscard]] Enum enumerator_of(const Numbers<Enum, Wire> (&table)[n], Wire number,
                                 std::string_view field, Reader& reader) {
  for (const auto& row : table) {
    if (row.second == number) return row.first;
  }
  if (number == 0) {
    reader.require(false, field);
  } else {
    reader.refuse(field, "has the unknown number " + std::to_string(static_cast<int>(number)));
  }
  return table[0].first;
}

// Sorted pairs, each key once.
using Texts = std::map<std::string, std::string>;
using WirePairs = google::protobuf::RepeatedPtrField<wire::Pair>;
using WireTexts = google::protobuf::RepeatedPtrField<std::string>;

void to_wire(const Texts& texts, WirePairs& out);
[[nodiscard]] Texts texts_from_wire(const WirePairs& pairs, std::string_view field, Reader& reader);
void to_wire(const std::vector<std::string>& texts, WireTexts& out);
[[nodiscard]] std::vector<std::string> texts_from_wire(const WireTexts& texts,
                                                       std::string_view field, Reader& reader);

// Wall times as wire.proto has them.
[[nodiscard]] inline std::int64_t unix_ms(WallTime at) { return at.time_since_epoch().count(); }

// protobuf_gossip.cpp
void to_wire(const Address& address, wire::Address& out);
[[nodiscard]] Address from_wire(const wire::Address& address, Reader& reader);
void to_wire(const gossip::Claim& claim, wire::Claim& out);
[[nodiscard]] gossip::Claim from_wire(const wire::Claim& claim, Reader& reader);
void to_wire(const gossip::Packet& packet, wire::Packet& out);
[[nodiscard]] gossip::Packet from_wire(const wire::Packet& packet, Reader& reader);
void to_wire(const gossip::Sync& sync, wire::Sync& out);
[[nodiscard]] gossip::Sync from_wire(const wire::Sync& sync, Reader& reader);

// protobuf_workload.cpp
void to_wire(const Resources& resources, wire::Resources& out);
[[nodiscard]] Resources from_wire(const wire::Resources& resources, Reader& reader);
void to_wire(const Constraint& constraint, wire::Constraint& out);
[[nodiscard]] Constraint from_wire(const wire::Constraint& constraint, Reader& reader);
void to_wire(const WorkloadSpec& spec, wire::WorkloadSpec& out);
[[nodiscard]] WorkloadSpec from_wire(const wire::WorkloadSpec& spec, Reader& reader);

// protobuf_state.cpp
[[nodiscard]] wire::Wanted to_wire(Wanted wanted);
[[nodiscard]] Wanted from_wire(wire::Wanted wanted, std::string_view field, Reader& reader);
void to_wire(const NodeInfo& info, wire::NodeInfo& out);
[[nodiscard]] NodeInfo from_wire(const wire::NodeInfo& info, Reader& reader);
void to_wire(const InstanceStatus& status, wire::InstanceStatus& out);
[[nodiscard]] InstanceStatus from_wire(const wire::InstanceStatus& status, Reader& reader);
void to_wire(const AlertRecord& alert, wire::AlertRecord& out);
[[nodiscard]] AlertRecord from_wire(const wire::AlertRecord& alert, Reader& reader);
void to_wire(const ClusterState& state, wire::ClusterState& out);  // without keys
[[nodiscard]] ClusterState from_wire(const wire::ClusterState& state, Reader& reader);  // likewise

// protobuf_keys.cpp
// The entries of ClusterState.kv as a serialized ClusterState has them: to be put behind the rest.
void append_keys(const ClusterState& state, std::string& bytes);
void keys_from_wire(const std::vector<std::string_view>& entries, ClusterState& out,
                    Reader& reader);
void keys_to_wire(const ClusterState& state, wire::ClusterState& out);  // changes and leases
void keys_from_wire(const wire::ClusterState& state, ClusterState& out, Reader& reader);
void requests_to_wire(const RememberedRequests& requests, wire::ClusterState& out);
void requests_from_wire(const wire::ClusterState& state, RememberedRequests& out, Reader& reader);
void to_wire(const SilenceRecord& silence, wire::SilenceRecord& out);
[[nodiscard]] SilenceRecord from_wire(const wire::SilenceRecord& silence, Reader& reader);

// protobuf_access.cpp
void to_wire(const Actor& actor, wire::Actor& out);
[[nodiscard]] Actor from_wire(const wire::Actor& actor, Reader& reader);
void access_to_wire(const ClusterState& state, wire::ClusterState& out);
void access_from_wire(const wire::ClusterState& state, ClusterState& out, Reader& reader);

// protobuf_command.cpp
void to_wire(const Command& command, wire::Command& out);
[[nodiscard]] Command from_wire(const wire::Command& command, Reader& reader);

// protobuf_keys.cpp: what is done to keys, leases and silences. False: another kind.
[[nodiscard]] bool put_keys_command(const CommandBody& body, wire::Command& out);
[[nodiscard]] std::optional<CommandBody> keys_command(const wire::Command& command, Reader& reader);
// protobuf_access.cpp: what is done to masters, tokens, certificates, authorities, gossip keys.
[[nodiscard]] bool put_access_command(const CommandBody& body, wire::Command& out);
[[nodiscard]] std::optional<CommandBody> access_command(const wire::Command& command,
                                                        Reader& reader);

// protobuf_raft.cpp
void to_wire(const raft::Entry& entry, wire::Entry& out);
[[nodiscard]] raft::Entry from_wire(const wire::Entry& entry, Reader& reader);
void to_wire(const raft::Server& server, wire::Server& out);
[[nodiscard]] raft::Server from_wire(const wire::Server& server, Reader& reader);
void to_wire(const raft::Message& message, wire::Consensus& out);
[[nodiscard]] raft::Message from_wire(const wire::Consensus& message, Reader& reader);

// protobuf_facts.cpp
void to_wire(const rpc::MasterAddress& master, wire::MasterAddress& out);
[[nodiscard]] rpc::MasterAddress from_wire(const wire::MasterAddress& master, Reader& reader);
void to_wire(const rpc::Facts& facts, wire::Facts& out);
[[nodiscard]] rpc::Facts from_wire(const wire::Facts& facts, Reader& reader);

// protobuf_frame.cpp
void to_wire(const Error& error, wire::Error& out);
[[nodiscard]] Error from_wire(const wire::Error& error, Reader& reader);
void to_wire(const rpc::Assignment& assignment, wire::Assignment& out);
[[nodiscard]] rpc::Assignment from_wire(const wire::Assignment& assignment, Reader& reader);
void to_wire(const rpc::Frame& frame, wire::Frame& out);
[[nodiscard]] rpc::Frame from_wire(const wire::Frame& frame, Reader& reader);

// Fills `map` from entries whose key may come only once.
template <class Map, class Wire, class Key, class Value>
void map_from_wire(Map& map, const google::protobuf::RepeatedPtrField<Wire>& entries,
                   std::string_view field, Reader& reader, Key key, Value value) {
  for (const Wire& entry : entries) {
    if (reader.failed()) return;
    const std::size_t before = map.size();
    map.emplace(key(entry), value(entry));
    if (map.size() == before) reader.refuse(field, "has a key twice");
  }
}

// Lists of everything above, one by one.
template <class T, class Wire>
void list_to_wire(const std::vector<T>& list, google::protobuf::RepeatedPtrField<Wire>& out) {
  out.Reserve(static_cast<int>(list.size()));
  for (const T& item : list) to_wire(item, *out.Add());
}
template <class Wire>
[[nodiscard]] auto list_from_wire(const google::protobuf::RepeatedPtrField<Wire>& list,
                                  Reader& reader) {
  std::vector<decltype(from_wire(list[0], reader))> out;
  out.reserve(static_cast<std::size_t>(list.size()));
  for (const Wire& item : list) {
    if (reader.failed()) break;
    out.push_back(from_wire(item, reader));
  }
  return out;
}

}  // namespace muster::protobuf
