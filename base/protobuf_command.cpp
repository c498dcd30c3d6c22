#include "base/protobuf_convert.h"

namespace muster::protobuf {
namespace {

void put(const CoordinatorElected& elected, wire::Command& command) {
  wire::CoordinatorElected& out = *command.mutable_coordinator_elected();
  out.set_node(elected.node);
  out.set_term(elected.term);
  out.set_why(elected.why);
}
void put(const NodeUp& up, wire::Command& command) {
  to_wire(up.info, *command.mutable_node_up()->mutable_info());
}
void put(const NodeSuspected& suspected, wire::Command& command) {
  wire::NodeSuspected& out = *command.mutable_node_suspected();
  out.set_node(suspected.node);
  out.set_evidence(suspected.evidence);
}
void put(const NodeFailed& failed, wire::Command& command) {
  wire::NodeFailed& out = *command.mutable_node_failed();
  out.set_node(failed.node);
  out.set_evidence(failed.evidence);
}
void put(const NodeLeft& left, wire::Command& command) {
  command.mutable_node_left()->set_node(left.node);
}
void put(const PutWorkload& workload, wire::Command& command) {
  to_wire(workload.spec, *command.mutable_put_workload()->mutable_spec());
}
void put(const StopWorkload& stop, wire::Command& command) {
  command.mutable_stop_workload()->set_name(stop.name);
}
void put(const PlaceInstance& place, wire::Command& command) {
  wire::PlaceInstance& out = *command.mutable_place_instance();
  out.set_workload(place.workload);
  out.set_revision(place.revision);
  out.set_node(place.node);
  out.set_replaces(place.replaces);
  out.set_reason(place.reason);
}
void put(const StopInstance& stop, wire::Command& command) {
  wire::StopInstance& out = *command.mutable_stop_instance();
  out.set_instance(stop.instance);
  out.set_reason(stop.reason);
}
void put(const ForgetInstance& forget, wire::Command& command) {
  wire::ForgetInstance& out = *command.mutable_forget_instance();
  out.set_instance(forget.instance);
  out.set_reason(forget.reason);
}
void put(const KeepInstance& keep, wire::Command& command) {
  command.mutable_keep_instance()->set_instance(keep.instance);
}
void put(const ReportInstances& report, wire::Command& command) {
  list_to_wire(report.statuses, *command.mutable_report_instances()->mutable_statuses());
}
void put(const MarkUnplaceable& mark, wire::Command& command) {
  wire::MarkUnplaceable& out = *command.mutable_mark_unplaceable();
  out.set_workload(mark.workload);
  to_wire(mark.reasons, *out.mutable_reasons());
}
void put(const AlertFiring& firing, wire::Command& command) {
  wire::AlertFiring& out = *command.mutable_alert_firing();
  out.set_fingerprint(firing.fingerprint);
  to_wire(firing.alert, *out.mutable_alert());
}
void put(const AlertResolved& resolved, wire::Command& command) {
  command.mutable_alert_resolved()->set_fingerprint(resolved.fingerprint);
}

// A newer muster raises the version with every new kind; this is for one that forgot to.
void refuse_body(const wire::Command& command, Reader& reader) {
  wire::Command known;
  known.set_version(command.version());
  known.set_at_ms(command.at_ms());
  known.set_request(command.request());
  known.set_asked(command.asked());
  if (command.has_by()) *known.mutable_by() = command.by();
  if (known.ByteSizeLong() != command.ByteSizeLong()) {
    reader.refuse("command.body", "is of a kind that only a newer muster knows, so upgrade it");
  }
  reader.require(false, "command.body");
}

CommandBody node_from_wire(const wire::Command& command, Reader& reader) {
  switch (command.body_case()) {
    case wire::Command::kCoordinatorElected: {
      const auto& elected = command.coordinator_elected();
      return CoordinatorElected{
          .node = reader.name("coordinator_elected.node", elected.node()),
          .term = elected.term(),
          .why = reader.text("coordinator_elected.why", elected.why(), kTextBytesMax)};
    }
    case wire::Command::kNodeUp:
      reader.require(command.node_up().has_info(), "node_up.info");
      return NodeUp{.info = from_wire(command.node_up().info(), reader)};
    case wire::Command::kNodeSuspected: {
      const auto& suspected = command.node_suspected();
      return NodeSuspected{
          .node = reader.name("node_suspected.node", suspected.node()),
          .evidence = reader.text("node_suspected.evidence", suspected.evidence(), kTextBytesMax)};
    }
    case wire::Command::kNodeFailed: {
      const auto& failed = command.node_failed();
      return NodeFailed{
          .node = reader.name("node_failed.node", failed.node()),
          .evidence = reader.text("node_failed.evidence", failed.evidence(), kTextBytesMax)};
    }
    case wire::Command::kNodeLeft:
      return NodeLeft{.node = reader.name("node_left.node", command.node_left().node())};
    default: break;
  }
  refuse_body(command, reader);
  return {};
}

CommandBody instance_from_wire(const wire::Command& command, Reader& reader) {
  switch (command.body_case()) {
    case wire::Command::kPlaceInstance: {
      const auto& place = command.place_instance();
      return PlaceInstance{
          .workload = reader.name("place_instance.workload", place.workload()),
          .revision = place.revision(),
          .node = reader.name("place_instance.node", place.node()),
          .replaces = place.replaces(),
          .reason = reader.text("place_instance.reason", place.reason(), kTextBytesMax)};
    }
    case wire::Command::kStopInstance: {
      const auto& stop = command.stop_instance();
      return StopInstance{
          .instance = stop.instance(),
          .reason = reader.text("stop_instance.reason", stop.reason(), kTextBytesMax)};
    }
    case wire::Command::kForgetInstance: {
      const auto& forget = command.forget_instance();
      return ForgetInstance{
          .instance = forget.instance(),
          .reason = reader.text("forget_instance.reason", forget.reason(), kTextBytesMax)};
    }
    case wire::Command::kKeepInstance:
      return KeepInstance{.instance = command.keep_instance().instance()};
    case wire::Command::kReportInstances:
      return ReportInstances{.statuses =
                                 list_from_wire(command.report_instances().statuses(), reader)};
    default: return node_from_wire(command, reader);
  }
}

CommandBody body_from_wire(const wire::Command& command, Reader& reader) {
  switch (command.body_case()) {
    case wire::Command::kPutWorkload:
      reader.require(command.put_workload().has_spec(), "put_workload.spec");
      return PutWorkload{.spec = from_wire(command.put_workload().spec(), reader)};
    case wire::Command::kStopWorkload:
      return StopWorkload{.name =
                              reader.name("stop_workload.name", command.stop_workload().name())};
    case wire::Command::kMarkUnplaceable: {
      const auto& mark = command.mark_unplaceable();
      return MarkUnplaceable{
          .workload = reader.name("mark_unplaceable.workload", mark.workload()),
          .reasons = texts_from_wire(mark.reasons(), "mark_unplaceable.reasons", reader)};
    }
    case wire::Command::kAlertFiring: {
      const auto& firing = command.alert_firing();
      reader.require(firing.has_alert(), "alert_firing.alert");
      return AlertFiring{.fingerprint = reader.text("alert_firing.fingerprint",
                                                    firing.fingerprint(), kLabelBytesMax),
                         .alert = from_wire(firing.alert(), reader)};
    }
    case wire::Command::kAlertResolved:
      return AlertResolved{.fingerprint =
                               reader.text("alert_resolved.fingerprint",
                                           command.alert_resolved().fingerprint(), kLabelBytesMax)};
    default: break;
  }
  if (std::optional<CommandBody> body = keys_command(command, reader)) return std::move(*body);
  if (std::optional<CommandBody> body = access_command(command, reader)) return std::move(*body);
  return instance_from_wire(command, reader);
}

}  // namespace

void to_wire(const Command& command, wire::Command& out) {
  out.set_version(command.version);
  out.set_at_ms(unix_ms(command.at));
  out.set_request(command.request);
  out.set_asked(command.asked);
  if (command.by != Actor{}) to_wire(command.by, *out.mutable_by());
  if (put_keys_command(command.body, out) || put_access_command(command.body, out)) return;
  std::visit(
      [&](const auto& body) {
        if constexpr (requires { put(body, out); }) put(body, out);
      },
      command.body);
  CHECK(out.body_case() != wire::Command::BODY_NOT_SET);
}

Command from_wire(const wire::Command& command, Reader& reader) {
  reader.version("command.version", command.version(), kStateVersion);
  return {
      .body = body_from_wire(command, reader),
      .at = reader.wall("command.at_ms", command.at_ms()),
      .request = reader.text("command.request", command.request(), kLabelBytesMax),
      .by = from_wire(command.by(), reader),
      .version = command.version(),
      .asked = command.asked(),
  };
}

}  // namespace muster::protobuf
