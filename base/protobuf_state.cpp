#include <limits>

#include "base/protobuf_convert.h"

namespace muster::protobuf {
namespace {

constexpr std::int64_t kPidMax = std::numeric_limits<std::int32_t>::max();

constexpr Numbers<NodeState, wire::NodeState> kNodeStates[] = {
    {NodeState::Alive, wire::NODE_STATE_ALIVE},
    {NodeState::Failed, wire::NODE_STATE_FAILED},
    {NodeState::Left, wire::NODE_STATE_LEFT},
};

constexpr Numbers<Phase, wire::Phase> kPhases[] = {
    {Phase::Pending, wire::PHASE_PENDING},   {Phase::Starting, wire::PHASE_STARTING},
    {Phase::Running, wire::PHASE_RUNNING},   {Phase::Ready, wire::PHASE_READY},
    {Phase::Backoff, wire::PHASE_BACKOFF},   {Phase::Done, wire::PHASE_DONE},
    {Phase::Stopping, wire::PHASE_STOPPING}, {Phase::Stopped, wire::PHASE_STOPPED},
    {Phase::Refused, wire::PHASE_REFUSED},
};

constexpr Numbers<Wanted, wire::Wanted> kWanteds[] = {
    {Wanted::Run, wire::WANTED_RUN},
    {Wanted::Stop, wire::WANTED_STOP},
};

void put(const NodeName& key, const NodeRecord& record, wire::NodeRecord& out) {
  out.set_key(key);
  to_wire(record.info, *out.mutable_info());
  out.set_state(number_of(kNodeStates, record.state));
  out.set_since_ms(unix_ms(record.since));
}

NodeRecord from_wire(const wire::NodeRecord& record, Reader& reader) {
  reader.require(record.has_info(), "node_record.info");
  return {
      .info = from_wire(record.info(), reader),
      .state = enumerator_of(kNodeStates, record.state(), "node_record.state", reader),
      .since = reader.wall("node_record.since_ms", record.since_ms()),
  };
}

void put(const std::string& key, const WorkloadRecord& record, wire::WorkloadRecord& out) {
  out.set_key(key);
  to_wire(record.spec, *out.mutable_spec());
  out.set_revision(record.revision);
  out.set_applied_at_ms(unix_ms(record.applied_at));
}

WorkloadRecord from_wire(const wire::WorkloadRecord& record, Reader& reader) {
  reader.require(record.has_spec(), "workload_record.spec");
  return {
      .spec = from_wire(record.spec(), reader),
      .revision = record.revision(),
      .applied_at = reader.wall("workload_record.applied_at_ms", record.applied_at_ms()),
  };
}

void put(InstanceId key, const Placement& placement, wire::Placement& out) {
  out.set_key(key);
  out.set_instance(placement.instance);
  out.set_workload(placement.workload);
  out.set_revision(placement.revision);
  out.set_node(placement.node);
  out.set_token(placement.token);
  out.set_wanted(to_wire(placement.wanted));
  out.set_port(placement.port);
  if (placement.resources != Resources{}) {
    to_wire(placement.resources, *out.mutable_resources());
  }
  out.set_lost(placement.lost);
  out.set_replaces(placement.replaces);
  out.set_placed_at_ms(unix_ms(placement.placed_at));
  out.set_reason(placement.reason);
  to_wire(placement.status, *out.mutable_status());
}

Placement from_wire(const wire::Placement& placement, Reader& reader) {
  reader.require(placement.has_status(), "placement.status");
  return {
      .instance = placement.instance(),
      .workload = reader.name("placement.workload", placement.workload()),
      .revision = placement.revision(),
      .node = reader.name("placement.node", placement.node()),
      .token = placement.token(),
      .wanted = from_wire(placement.wanted(), "placement.wanted", reader),
      .port = reader.u16("placement.port", placement.port()),
      .resources = from_wire(placement.resources(), reader),
      .lost = placement.lost(),
      .replaces = placement.replaces(),
      .placed_at = reader.wall("placement.placed_at_ms", placement.placed_at_ms()),
      .reason = reader.text("placement.reason", placement.reason(), kTextBytesMax),
      .status = from_wire(placement.status(), reader),
  };
}

void put(const EventRecord& event, wire::EventRecord& out) {
  out.set_sequence(event.sequence);
  out.set_at_ms(unix_ms(event.at));
  out.set_kind(event.kind);
  out.set_subject(event.subject);
  out.set_text(event.text);
}

EventRecord from_wire(const wire::EventRecord& event, Reader& reader) {
  return {
      .sequence = event.sequence(),
      .at = reader.wall("event_record.at_ms", event.at_ms()),
      .kind = reader.text("event_record.kind", event.kind(), kLabelBytesMax),
      .subject = reader.text("event_record.subject", event.subject(), kLabelBytesMax),
      .text = reader.text("event_record.text", event.text(), kTextBytesMax),
  };
}

void maps_from_wire(const wire::ClusterState& state, ClusterState& out, Reader& reader) {
  const auto value = [&](const auto& entry) { return from_wire(entry, reader); };
  map_from_wire(
      out.nodes, state.nodes(), "cluster_state.nodes", reader,
      [&](const auto& entry) { return reader.name("node_record.key", entry.key()); }, value);
  map_from_wire(
      out.workloads, state.workloads(), "cluster_state.workloads", reader,
      [&](const auto& entry) { return reader.name("workload_record.key", entry.key()); }, value);
  map_from_wire(
      out.placements, state.placements(), "cluster_state.placements", reader,
      [](const auto& entry) { return entry.key(); }, value);
  map_from_wire(
      out.unplaceable, state.unplaceable(), "cluster_state.unplaceable", reader,
      [&](const auto& entry) { return reader.name("unplaceable.key", entry.key()); },
      [&](const auto& entry) {
        return texts_from_wire(entry.reasons(), "unplaceable.reasons", reader);
      });
  map_from_wire(
      out.alerts, state.alerts(), "cluster_state.alerts", reader,
      [&](const auto& entry) {
        return reader.text("alert_entry.key", entry.key(), kLabelBytesMax);
      },
      [&](const auto& entry) {
        reader.require(entry.has_alert(), "alert_entry.alert");
        return from_wire(entry.alert(), reader);
      });
  map_from_wire(
      out.silences, state.silences(), "cluster_state.silences", reader,
      [&](const auto& entry) {
        return reader.text("silence_entry.key", entry.key(), kLabelBytesMax);
      },
      [&](const auto& entry) {
        reader.require(entry.has_silence(), "silence_entry.silence");
        return from_wire(entry.silence(), reader);
      });
}

}  // namespace

wire::Wanted to_wire(Wanted wanted) { return number_of(kWanteds, wanted); }

Wanted from_wire(wire::Wanted wanted, std::string_view field, Reader& reader) {
  return enumerator_of(kWanteds, wanted, field, reader);
}

void to_wire(const NodeInfo& info, wire::NodeInfo& out) {
  out.set_name(info.name);
  out.set_zone(info.zone);
  to_wire(info.labels, *out.mutable_labels());
  if (info.capacity != Resources{}) to_wire(info.capacity, *out.mutable_capacity());
  if (info.gossip != Address{}) to_wire(info.gossip, *out.mutable_gossip());
  if (info.rpc != Address{}) to_wire(info.rpc, *out.mutable_rpc());
  if (info.http != Address{}) to_wire(info.http, *out.mutable_http());
  out.set_version(info.version);
  out.set_master(info.master);
  out.set_boot(info.boot);
}

NodeInfo from_wire(const wire::NodeInfo& info, Reader& reader) {
  return {
      .name = reader.name("node_info.name", info.name()),
      .zone = reader.text("node_info.zone", info.zone(), kLabelBytesMax),
      .labels = texts_from_wire(info.labels(), "node_info.labels", reader),
      .capacity = from_wire(info.capacity(), reader),
      .gossip = from_wire(info.gossip(), reader),
      .rpc = from_wire(info.rpc(), reader),
      .http = from_wire(info.http(), reader),
      .version = reader.text("node_info.version", info.version(), kLabelBytesMax),
      .master = info.master(),
      .boot = reader.text("node_info.boot", info.boot(), kLabelBytesMax),
  };
}

void to_wire(const InstanceStatus& status, wire::InstanceStatus& out) {
  out.set_instance(status.instance);
  out.set_phase(number_of(kPhases, status.phase));
  out.set_pid(status.pid);
  out.set_restarts(status.restarts);
  out.set_at_ms(unix_ms(status.at));
  out.set_why(status.why);
}

InstanceStatus from_wire(const wire::InstanceStatus& status, Reader& reader) {
  return {
      .instance = status.instance(),
      .phase = enumerator_of(kPhases, status.phase(), "instance_status.phase", reader),
      .pid = reader.number("instance_status.pid", status.pid(), 0, kPidMax),
      .restarts = status.restarts(),
      .at = reader.wall("instance_status.at_ms", status.at_ms()),
      .why = reader.text("instance_status.why", status.why(), kTextBytesMax),
  };
}

void to_wire(const AlertRecord& alert, wire::AlertRecord& out) {
  to_wire(alert.labels, *out.mutable_labels());
  to_wire(alert.annotations, *out.mutable_annotations());
  out.set_starts_at_ms(unix_ms(alert.starts_at));
  out.set_notified_at_ms(unix_ms(alert.notified_at));
}

AlertRecord from_wire(const wire::AlertRecord& alert, Reader& reader) {
  return {
      .labels = texts_from_wire(alert.labels(), "alert_record.labels", reader),
      .annotations = texts_from_wire(alert.annotations(), "alert_record.annotations", reader),
      .starts_at = reader.wall("alert_record.starts_at_ms", alert.starts_at_ms()),
      .notified_at = reader.wall("alert_record.notified_at_ms", alert.notified_at_ms()),
  };
}

void to_wire(const ClusterState& state, wire::ClusterState& out) {
  out.set_version(state.version);
  out.set_index(state.index);
  out.set_id(state.id);
  out.set_coordinator(state.coordinator);
  out.set_term(state.term);
  for (const auto& [key, record] : state.nodes) put(key, record, *out.add_nodes());
  for (const auto& [key, record] : state.workloads) put(key, record, *out.add_workloads());
  for (const auto& [key, placement] : state.placements) {
    put(key, placement, *out.add_placements());
  }
  for (const auto& [key, reasons] : state.unplaceable) {
    wire::Unplaceable& entry = *out.add_unplaceable();
    entry.set_key(key);
    to_wire(reasons, *entry.mutable_reasons());
  }
  for (const auto& [key, alert] : state.alerts) {
    wire::AlertEntry& entry = *out.add_alerts();
    entry.set_key(key);
    to_wire(alert, *entry.mutable_alert());
  }
  for (const auto& [key, silence] : state.silences) {
    wire::SilenceEntry& entry = *out.add_silences();
    entry.set_key(key);
    to_wire(silence, *entry.mutable_silence());
  }
  for (const EventRecord& event : state.events) put(event, *out.add_events());
  out.set_next_event(state.next_event);
  out.set_next_instance(state.next_instance);
  out.set_next_token(state.next_token);
  keys_to_wire(state, out);
  access_to_wire(state, out);
  requests_to_wire(state.requests, out);
}

ClusterState from_wire(const wire::ClusterState& state, Reader& reader) {
  reader.version("cluster_state.version", state.version(), kStateVersion);
  ClusterState out;
  out.version = state.version();
  out.index = state.index();
  out.id = reader.text("cluster_state.id", state.id(), kLabelBytesMax);
  out.coordinator = reader.name_or_none("cluster_state.coordinator", state.coordinator());
  out.term = state.term();
  maps_from_wire(state, out, reader);
  for (const wire::EventRecord& event : state.events()) {
    out.events.push_back(from_wire(event, reader));
  }
  out.next_event = state.next_event();
  out.next_instance = state.next_instance();
  out.next_token = state.next_token();
  keys_from_wire(state, out, reader);
  access_from_wire(state, out, reader);
  requests_from_wire(state, out.requests, reader);
  return out;
}

}  // namespace muster::protobuf
