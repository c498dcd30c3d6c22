// Which values might travel? Any: every field of every struct filled at random, from one seed.
//
// Values are within the limits that decoders check, so that each of them must survive a round trip.
// Test code; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/cluster_state.h"
#include "base/command.h"
#include "base/gossip.h"
#include "base/raft_types.h"
#include "base/rng.h"
#include "base/rpc.h"
#include "base/workload.h"
#include "tests/driver/base/random_records.h"

namespace muster {

class RandomValues : public RandomRecords {
 public:
  using RandomRecords::RandomRecords;

  gossip::Meta meta() {
    if (rng_.chance(25)) return {};
    return {.master = flag(),
            .zone = text(below(10) == 0 ? 255 : 12),
            .rpc = address(),
            .http = address(),
            .version = text(12),
            .labels = flag() ? u64() : 0,
            .protocol = protocol()};
  }
  gossip::ProtocolRange protocol() {
    if (rng_.chance(50)) return {};
    const auto min = static_cast<std::uint32_t>(1 + below(3));
    return {.min = min, .max = min + u32() % 1000};
  }
  gossip::Claim claim() {
    gossip::Claim claim{.state = static_cast<gossip::MemberState>(below(4)),
                        .name = name(),
                        .incarnation = u64(),
                        .accuser = name_or_none(),
                        .card = nullptr};
    if (const Address gossip = address(); gossip.port != 0) {
      claim.card = std::make_shared<const gossip::Card>(gossip::Card{claim.name, gossip, meta()});
    }
    return claim;
  }
  gossip::Packet packet() {
    return {.kind = static_cast<gossip::PacketKind>(below(7)),
            .cluster = u64(),
            .sequence = u32(),
            .from = name(),
            .target = name_or_none(),
            .target_address = address(),
            .protocol = protocol(),
            .digest = flag() ? u64() : 0,
            .leads_term = flag() ? u64() : 0,
            .claims = list(8, [&] { return claim(); }),
            .version = gossip::kProtocolMin};
  }
  gossip::Sync sync() {
    return {.cluster = u64(),
            .from = name(),
            .joining = flag(),
            .protocol = protocol(),
            .digest = flag() ? u64() : 0,
            .answer = flag(),
            .members = list(20, [&] { return claim(); })};
  }

  Resources resources() {
    if (rng_.chance(25)) return {};
    return {.cpu_millis = u32(), .memory_bytes = u64()};
  }
  ProbeSpec probe() {
    return {.kind = static_cast<ProbeKind>(below(3)),
            .host = name_or_none(),
            .port = u16(),
            .path = text(),
            .scheme = text(),
            .headers = list(3, [&] { return std::pair(text(), text()); }),
            .command = texts(),
            .initial_delay = duration(),
            .period = duration(),
            .timeout = duration(),
            .success_threshold = 1 + static_cast<int>(below(1000000)),
            .failure_threshold = 1 + static_cast<int>(below(1000000))};
  }
  WorkloadSpec spec() {
    return {.name = name(),
            .replicas = u32(),
            .on_every_node = flag(),
            .driver = text(),
            .command = texts(),
            .env = pairs(),
            .user = text(),
            .working_dir = text(),
            .port = u16(),
            .resources = resources(),
            .labels = pairs(),
            .constraints = list(
                4, [&] { return Constraint{.label = text(), .equal = flag(), .value = text()}; }),
            .restart = {.when = static_cast<RestartWhen>(below(3)),
                        .initial = duration(),
                        .cap = duration()},
            .liveness = flag() ? std::optional(probe()) : std::nullopt,
            .readiness = flag() ? std::optional(probe()) : std::nullopt,
            .stop_grace = duration()};
  }

  NodeInfo node_info() {
    return {.name = name(),
            .zone = text(),
            .labels = pairs(),
            .capacity = resources(),
            .gossip = address(),
            .rpc = address(),
            .http = address(),
            .version = text(),
            .master = flag(),
            .boot = text()};
  }
  InstanceStatus status() {
    return {.instance = u64(),
            .phase = static_cast<Phase>(below(9)),
            .pid = static_cast<std::int64_t>(below(0x7fffffff)),
            .restarts = u32(),
            .at = wall(),
            .why = text()};
  }
  std::vector<InstanceStatus> statuses() {
    return list(6, [&] { return status(); });
  }
  Placement placement() {
    return {.instance = u64(),
            .workload = name(),
            .revision = u64(),
            .node = name(),
            .token = u64(),
            .wanted = wanted(),
            .port = u16(),
            .resources = resources(),
            .lost = flag(),
            .replaces = u64(),
            .placed_at = wall(),
            .reason = text(),
            .status = status()};
  }
  AlertRecord alert() {
    return {.labels = pairs(), .annotations = pairs(), .starts_at = wall(), .notified_at = wall()};
  }
  EventRecord event() {
    return {.sequence = u64(), .at = wall(), .kind = text(), .subject = text(), .text = text()};
  }
  ClusterState state() {
    ClusterState state;
    state.version = 1 + static_cast<std::uint32_t>(below(kStateVersion));
    state.index = u64();
    state.id = text();
    state.coordinator = name_or_none();
    state.term = u64();
    for (std::size_t left = below(6); left > 0; --left) {
      state.nodes[name()] = {
          .info = node_info(), .state = static_cast<NodeState>(below(3)), .since = wall()};
      state.workloads[name()] = {.spec = spec(), .revision = u64(), .applied_at = wall()};
      state.placements[u64()] = placement();
      state.unplaceable[name()] = texts();
      state.alerts[text()] = alert();
      state.silences[text()] = silence();
      state.events.push_back(event());
    }
    state.next_event = u64();
    state.next_instance = u64();
    state.next_token = u64();
    fill_keys(state);
    fill_access(state);
    return state;
  }
  static constexpr std::size_t kCommands = std::variant_size_v<CommandBody>;
  // Pre: alternative < kCommands; it is the index in CommandBody.
  Command command(std::size_t alternative) {
    return {.body = command_body(alternative),
            .at = wall(),
            .request = text(),
            .by = {.name = text(), .role = text(), .address = text()},
            .version = 1 + static_cast<std::uint32_t>(below(kStateVersion)),
            .asked = u64()};
  }

  static constexpr std::size_t kMessages = std::variant_size_v<raft::Message>;
  // Pre: alternative < kMessages; it is the index in raft::Message.
  raft::Message message(std::size_t alternative) {
    switch (alternative) {
      case 0:
        return raft::RequestVote{.term = u64(),
                                 .candidate = u64(),
                                 .last_index = u64(),
                                 .last_term = u64(),
                                 .disrupt_leader = flag(),
                                 .pre_vote = flag()};
      case 1:
        return raft::RequestVoteResult{.term = u64(),
                                       .granted = flag(),
                                       .pre_vote = flag(),
                                       .features = u16(),
                                       .capacity = u16()};
      case 2:
        return raft::AppendEntries{.term = u64(),
                                   .prev_index = u64(),
                                   .prev_term = u64(),
                                   .leader_commit = u64(),
                                   .entries = list(10, [&] { return entry(); })};
      case 3:
        return raft::AppendEntriesResult{.term = u64(),
                                         .rejected = u64(),
                                         .last_index = u64(),
                                         .features = u16(),
                                         .capacity = u16()};
      case 4:
        return raft::SnapshotChunk{.term = u64(),
                                   .meta = {.index = u64(),
                                            .term = u64(),
                                            .configuration_index = u64(),
                                            .configuration = list(6,
                                                                  [&] {
                                                                    return raft::Server{
                                                                        .id = u64(),
                                                                        .address = address().text(),
                                                                        .voter = flag()};
                                                                  })},
                                   .total = u64(),
                                   .offset = u64(),
                                   .bytes = blob(),
                                   .checksum = u64()};
      case 5: return raft::SnapshotAck{.term = u64(), .index = u64(), .offset = u64()};
      case 6: return raft::TimeoutNow{.term = u64(), .last_index = u64(), .last_term = u64()};
      case 7: return raft::ReadProbe{.term = u64(), .round = u64()};
      default: return raft::ReadEcho{.term = u64(), .round = u64()};
    }
  }

  rpc::Assignment assignment() {
    return {
        .instance = u64(), .token = u64(), .revision = u64(), .wanted = wanted(), .spec = spec()};
  }

  static constexpr std::size_t kFrames = std::variant_size_v<rpc::Frame>;
  // Pre: alternative < kFrames; it is the index in rpc::Frame.
  rpc::Frame frame(std::size_t alternative) {
    switch (alternative) {
      case 0:
        return rpc::Hello{.protocol_min = u32(),
                          .protocol_max = u32(),
                          .cluster = text(),
                          .from = name(),
                          .masters = u64(),
                          .purpose = flag() ? rpc::Purpose::Agent : rpc::Purpose::Master,
                          .cluster_id = text(),
                          .boot = text(),
                          .master_id = u64()};
      case 1:
        return rpc::HelloReply{.refused = flag(),
                               .why = text(),
                               .coordinator = name_or_none(),
                               .coordinator_rpc = address(),
                               .term = u64(),
                               .here = flag(),
                               .cluster_id = text(),
                               .remembered = flag(),
                               .masters = masters(),
                               .blank = flag()};
      case 2:
        return rpc::Register{.info = node_info(), .instances = statuses(), .master_id = u64()};
      case 3:
        return rpc::Heartbeat{.sequence = u64(),
                              .sent_at_ns = boot_ns(),
                              .applied = u64(),
                              .disk_failing = flag(),
                              .clock = wall()};
      case 4:
        return rpc::HeartbeatAck{.sequence = u64(),
                                 .sent_at_ns = boot_ns(),
                                 .epoch = u64(),
                                 .lease_ms = u32(),
                                 .clock = wall()};
      case 5: return rpc::StatusReport{.statuses = statuses()};
      case 6:
        return rpc::Assignments{.epoch = u64(), .items = list(4, [&] { return assignment(); })};
      case 7:
        return rpc::Write{
            .id = u64(), .command = command(below(kCommands)), .authorization = text()};
      case 8: return write_reply();
      case 9:
        return rpc::Read{.id = u64(), .path = text(), .query = text(), .authorization = text()};
      case 10:
        return rpc::ReadReply{
            .id = u64(), .status = 100 + static_cast<int>(below(500)), .body = text(2000)};
      case 11: return rpc::Consensus{.message = message(below(kMessages))};
      case 12:
        return rpc::ChangeMasters{.id = u64(),
                                  .change = static_cast<rpc::MasterChange>(below(3)),
                                  .master = name_or_none(),
                                  .authorization = text()};
      case 13: return facts();
      case 14:
        return rpc::FactsInstalled{.revision = u64(),
                                   .keys_revision = u64(),
                                   .authorities_sha256 = text(),
                                   .serial = text(),
                                   .refused = text()};
      case 15: return rpc::Join{.id = u64(), .request = text(2000), .from = text()};
      case 16:
        return rpc::Renew{.id = u64(), .request = text(2000), .host = text(), .clock = wall()};
      case 17:
        return rpc::Rotate{.id = u64(),
                           .rotation = flag() ? rpc::Rotation::Authority : rpc::Rotation::GossipKey,
                           .authorization = text()};
      default:
        return rpc::CertifyUser{.id = u64(),
                                .request = text(2000),
                                .name = name(),
                                .role = static_cast<Role>(below(3)),
                                .life_ms = u64(),
                                .by = {.name = text(), .role = text(), .address = text()},
                                .authorization = text()};
    }
  }

 private:
  std::int64_t boot_ns() { return static_cast<std::int64_t>(u64() >> 2); }
  Wanted wanted() { return flag() ? Wanted::Run : Wanted::Stop; }

  raft::Entry entry() {
    return {.term = u64(), .type = static_cast<raft::EntryType>(1 + below(3)), .data = blob()};
  }
  Outcome outcome() { return {.text = text(), .index = u64(), .token = u64(), .repeated = flag()}; }
  rpc::WriteReply write_reply() {
    if (flag()) return {.id = u64(), .ok = true, .error = {}, .outcome = outcome()};
    return {.id = u64(),
            .ok = false,
            .error = {.code = static_cast<Code>(below(10)), .text = text()},
            .outcome = outcome()};
  }
  CommandBody command_body(std::size_t alternative) {
    switch (alternative) {
      case 0: return CoordinatorElected{.node = name(), .term = u64(), .why = text()};
      case 1: return NodeUp{.info = node_info()};
      case 2: return NodeSuspected{.node = name(), .evidence = text()};
      case 3: return NodeFailed{.node = name(), .evidence = text()};
      case 4: return NodeLeft{.node = name()};
      case 5: return PutWorkload{.spec = spec()};
      case 6: return StopWorkload{.name = name()};
      case 7:
        return PlaceInstance{.workload = name(),
                             .revision = u64(),
                             .node = name(),
                             .replaces = u64(),
                             .reason = text()};
      case 8: return StopInstance{.instance = u64(), .reason = text()};
      case 9: return ForgetInstance{.instance = u64(), .reason = text()};
      case 10: return KeepInstance{.instance = u64()};
      case 11: return ReportInstances{.statuses = statuses()};
      case 12: return MarkUnplaceable{.workload = name(), .reasons = texts()};
      case 13: return AlertFiring{.fingerprint = text(), .alert = alert()};
      case 14: return AlertResolved{.fingerprint = text()};
      case 15: return ClusterFormed{.id = text()};
      case 16: return SetMaster{.name = name(), .rpc = address(), .id = u64()};
      case 17: return ForgetMaster{.name = name()};
      case 18: return PutKey{.key = text(), .value = blob(), .expected = expected()};
      case 19: return DeleteKey{.key = text(), .expected = expected()};
      case 20: return DeletePrefix{.prefix = text()};
      case 21: return GrantLease{.name = text(), .holder = text(), .ttl_ms = u32()};
      case 22: return RenewLease{.name = text(), .holder = text(), .token = u64()};
      case 23: return ReleaseLease{.name = text(), .holder = text(), .token = u64()};
      case 24: return ExpireLease{.name = text(), .token = u64(), .renewed = u64()};
      default: return access_body(alternative);
    }
  }
};

}  // namespace muster
