#include <limits>

#include "base/protobuf_convert.h"

namespace muster::protobuf {
namespace {

constexpr std::int64_t kThresholdMax = 1'000'000;

constexpr Numbers<ProbeKind, wire::ProbeKind> kProbeKinds[] = {
    {ProbeKind::Http, wire::PROBE_KIND_HTTP},
    {ProbeKind::Tcp, wire::PROBE_KIND_TCP},
    {ProbeKind::Exec, wire::PROBE_KIND_EXEC},
};

constexpr Numbers<RestartWhen, wire::RestartWhen> kRestartWhens[] = {
    {RestartWhen::Always, wire::RESTART_WHEN_ALWAYS},
    {RestartWhen::OnFailure, wire::RESTART_WHEN_ON_FAILURE},
    {RestartWhen::Never, wire::RESTART_WHEN_NEVER},
};

void put(const ProbeSpec& probe, wire::ProbeSpec& out) {
  out.set_kind(number_of(kProbeKinds, probe.kind));
  out.set_host(probe.host);
  out.set_port(probe.port);
  out.set_path(probe.path);
  out.set_scheme(probe.scheme);
  for (const auto& [key, value] : probe.headers) {
    wire::Pair& header = *out.add_headers();
    header.set_key(key);
    header.set_value(value);
  }
  to_wire(probe.command, *out.mutable_command());
  out.set_initial_delay_ns(probe.initial_delay.count());
  out.set_period_ns(probe.period.count());
  out.set_timeout_ns(probe.timeout.count());
  out.set_success_threshold(static_cast<std::uint32_t>(probe.success_threshold));
  out.set_failure_threshold(static_cast<std::uint32_t>(probe.failure_threshold));
}

ProbeSpec from_wire(const wire::ProbeSpec& probe, Reader& reader) {
  const auto threshold = [&](std::string_view field, std::uint32_t number) {
    return static_cast<int>(reader.number(field, number, 1, kThresholdMax));
  };
  ProbeSpec out{
      .kind = enumerator_of(kProbeKinds, probe.kind(), "probe.kind", reader),
      .host = reader.text("probe.host", probe.host(), kHostBytesMax),
      .port = reader.u16("probe.port", probe.port()),
      .path = reader.text("probe.path", probe.path(), kTextBytesMax),
      .scheme = reader.text("probe.scheme", probe.scheme(), kLabelBytesMax),
      .headers = {},
      .command = texts_from_wire(probe.command(), "probe.command", reader),
      .initial_delay = reader.duration("probe.initial_delay_ns", probe.initial_delay_ns()),
      .period = reader.duration("probe.period_ns", probe.period_ns()),
      .timeout = reader.duration("probe.timeout_ns", probe.timeout_ns()),
      .success_threshold = threshold("probe.success_threshold", probe.success_threshold()),
      .failure_threshold = threshold("probe.failure_threshold", probe.failure_threshold()),
  };
  for (const wire::Pair& header : probe.headers()) {
    out.headers.emplace_back(reader.text("probe.headers", header.key(), kLabelBytesMax),
                             reader.text("probe.headers", header.value(), kTextBytesMax));
  }
  return out;
}

void put(const RestartSpec& restart, wire::RestartSpec& out) {
  out.set_when(number_of(kRestartWhens, restart.when));
  out.set_initial_ns(restart.initial.count());
  out.set_cap_ns(restart.cap.count());
}

RestartSpec from_wire(const wire::RestartSpec& restart, Reader& reader) {
  return {
      .when = enumerator_of(kRestartWhens, restart.when(), "restart.when", reader),
      .initial = reader.duration("restart.initial_ns", restart.initial_ns()),
      .cap = reader.duration("restart.cap_ns", restart.cap_ns()),
  };
}

}  // namespace

void to_wire(const Resources& resources, wire::Resources& out) {
  out.set_cpu_millis(resources.cpu_millis);
  out.set_memory_bytes(resources.memory_bytes);
}

Resources from_wire(const wire::Resources& resources, Reader&) {
  return {.cpu_millis = resources.cpu_millis(), .memory_bytes = resources.memory_bytes()};
}

void to_wire(const Constraint& constraint, wire::Constraint& out) {
  out.set_label(constraint.label);
  out.set_equal(constraint.equal);
  out.set_value(constraint.value);
}

Constraint from_wire(const wire::Constraint& constraint, Reader& reader) {
  return {
      .label = reader.text("constraint.label", constraint.label(), kLabelBytesMax),
      .equal = constraint.equal(),
      .value = reader.text("constraint.value", constraint.value(), kTextBytesMax),
  };
}

void to_wire(const WorkloadSpec& spec, wire::WorkloadSpec& out) {
  out.set_name(spec.name);
  out.set_replicas(spec.replicas);
  out.set_on_every_node(spec.on_every_node);
  out.set_driver(spec.driver);
  to_wire(spec.command, *out.mutable_command());
  to_wire(spec.env, *out.mutable_env());
  out.set_user(spec.user);
  out.set_working_dir(spec.working_dir);
  out.set_port(spec.port);
  if (spec.resources != Resources{}) to_wire(spec.resources, *out.mutable_resources());
  to_wire(spec.labels, *out.mutable_labels());
  list_to_wire(spec.constraints, *out.mutable_constraints());
  put(spec.restart, *out.mutable_restart());
  if (spec.liveness) put(*spec.liveness, *out.mutable_liveness());
  if (spec.readiness) put(*spec.readiness, *out.mutable_readiness());
  out.set_stop_grace_ns(spec.stop_grace.count());
}

WorkloadSpec from_wire(const wire::WorkloadSpec& spec, Reader& reader) {
  reader.require(spec.has_restart(), "workload_spec.restart");
  WorkloadSpec out{
      .name = reader.name("workload_spec.name", spec.name()),
      .replicas = spec.replicas(),
      .on_every_node = spec.on_every_node(),
      .driver = reader.text("workload_spec.driver", spec.driver(), kLabelBytesMax),
      .command = texts_from_wire(spec.command(), "workload_spec.command", reader),
      .env = texts_from_wire(spec.env(), "workload_spec.env", reader),
      .user = reader.text("workload_spec.user", spec.user(), kLabelBytesMax),
      .working_dir = reader.text("workload_spec.working_dir", spec.working_dir(), kTextBytesMax),
      .port = reader.u16("workload_spec.port", spec.port()),
      .resources = from_wire(spec.resources(), reader),
      .labels = texts_from_wire(spec.labels(), "workload_spec.labels", reader),
      .constraints = list_from_wire(spec.constraints(), reader),
      .restart = from_wire(spec.restart(), reader),
      .liveness = std::nullopt,
      .readiness = std::nullopt,
      .stop_grace = reader.duration("workload_spec.stop_grace_ns", spec.stop_grace_ns()),
  };
  if (spec.has_liveness()) out.liveness = from_wire(spec.liveness(), reader);
  if (spec.has_readiness()) out.readiness = from_wire(spec.readiness(), reader);
  return out;
}

}  // namespace muster::protobuf
