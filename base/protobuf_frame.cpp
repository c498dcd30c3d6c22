#include <limits>

#include "base/protobuf_convert.h"

namespace muster::protobuf {
namespace {

// Beyond any uptime, and far enough from the end that adding a lease does not overflow.
constexpr std::int64_t kBootNsMax = std::numeric_limits<std::int64_t>::max() / 2;

constexpr Numbers<rpc::Purpose, wire::Purpose> kPurposes[] = {
    {rpc::Purpose::Agent, wire::PURPOSE_AGENT},
    {rpc::Purpose::Master, wire::PURPOSE_MASTER},
};

constexpr Numbers<rpc::Rotation, wire::Rotation> kRotations[] = {
    {rpc::Rotation::Authority, wire::ROTATION_AUTHORITY},
    {rpc::Rotation::GossipKey, wire::ROTATION_GOSSIP_KEY},
};
constexpr Numbers<rpc::MasterChange, wire::MasterChange> kMasterChanges[] = {
    {rpc::MasterChange::Add, wire::MASTER_CHANGE_ADD},
    {rpc::MasterChange::Remove, wire::MASTER_CHANGE_REMOVE},
    {rpc::MasterChange::Transfer, wire::MASTER_CHANGE_TRANSFER},
};

constexpr Numbers<Code, wire::ErrorCode> kCodes[] = {
    {Code::InvalidArgument, wire::ERROR_CODE_INVALID_ARGUMENT},
    {Code::NotFound, wire::ERROR_CODE_NOT_FOUND},
    {Code::Conflict, wire::ERROR_CODE_CONFLICT},
    {Code::PermissionDenied, wire::ERROR_CODE_PERMISSION_DENIED},
    {Code::Unavailable, wire::ERROR_CODE_UNAVAILABLE},
    {Code::Unknown, wire::ERROR_CODE_UNKNOWN},
    {Code::Exhausted, wire::ERROR_CODE_EXHAUSTED},
    {Code::DataLoss, wire::ERROR_CODE_DATA_LOSS},
    {Code::Timeout, wire::ERROR_CODE_TIMEOUT},
    {Code::Internal, wire::ERROR_CODE_INTERNAL},
};

void put(const rpc::Hello& hello, wire::Frame& frame) {
  wire::Hello& out = *frame.mutable_hello();
  out.set_protocol_min(hello.protocol_min);
  out.set_protocol_max(hello.protocol_max);
  out.set_cluster(hello.cluster);
  out.set_from(hello.from);
  out.set_masters(hello.masters);
  out.set_purpose(number_of(kPurposes, hello.purpose));
  out.set_cluster_id(hello.cluster_id);
  out.set_boot(hello.boot);
  out.set_master_id(hello.master_id);
}
void put(const rpc::HelloReply& reply, wire::Frame& frame) {
  wire::HelloReply& out = *frame.mutable_hello_reply();
  out.set_refused(reply.refused);
  out.set_why(reply.why);
  out.set_coordinator(reply.coordinator);
  if (reply.coordinator_rpc != Address{}) {
    to_wire(reply.coordinator_rpc, *out.mutable_coordinator_rpc());
  }
  out.set_term(reply.term);
  out.set_here(reply.here);
  out.set_cluster_id(reply.cluster_id);
  out.set_remembered(reply.remembered);
  list_to_wire(reply.masters, *out.mutable_masters());
  out.set_blank(reply.blank);
}
void put(const rpc::Register& registration, wire::Frame& frame) {
  wire::Register& out = *frame.mutable_registration();
  to_wire(registration.info, *out.mutable_info());
  list_to_wire(registration.instances, *out.mutable_instances());
  out.set_master_id(registration.master_id);
}
void put(const rpc::Heartbeat& heartbeat, wire::Frame& frame) {
  wire::Heartbeat& out = *frame.mutable_heartbeat();
  out.set_sequence(heartbeat.sequence);
  out.set_sent_at_ns(heartbeat.sent_at_ns);
  out.set_applied(heartbeat.applied);
  out.set_disk_failing(heartbeat.disk_failing);
  out.set_clock_ms(unix_ms(heartbeat.clock));
}
void put(const rpc::HeartbeatAck& ack, wire::Frame& frame) {
  wire::HeartbeatAck& out = *frame.mutable_heartbeat_ack();
  out.set_sequence(ack.sequence);
  out.set_sent_at_ns(ack.sent_at_ns);
  out.set_epoch(ack.epoch);
  out.set_lease_ms(ack.lease_ms);
  out.set_clock_ms(unix_ms(ack.clock));
}
void put(const rpc::StatusReport& report, wire::Frame& frame) {
  list_to_wire(report.statuses, *frame.mutable_status_report()->mutable_statuses());
}
void put(const rpc::Assignments& assignments, wire::Frame& frame) {
  wire::Assignments& out = *frame.mutable_assignments();
  out.set_epoch(assignments.epoch);
  list_to_wire(assignments.items, *out.mutable_items());
}
void put(const rpc::Write& write, wire::Frame& frame) {
  wire::Write& out = *frame.mutable_write();
  out.set_id(write.id);
  to_wire(write.command, *out.mutable_command());
  out.set_authorization(write.authorization);
}
void put(const rpc::WriteReply& reply, wire::Frame& frame) {
  wire::WriteReply& out = *frame.mutable_write_reply();
  out.set_id(reply.id);
  out.set_ok(reply.ok);
  if (!reply.ok) to_wire(reply.error, *out.mutable_error());
  out.set_text(reply.outcome.text);
  out.set_index(reply.outcome.index);
  out.set_token(reply.outcome.token);
  out.set_repeated(reply.outcome.repeated);
}
void put(const rpc::Read& read, wire::Frame& frame) {
  wire::Read& out = *frame.mutable_read();
  out.set_id(read.id);
  out.set_path(read.path);
  out.set_query(read.query);
  out.set_authorization(read.authorization);
}
void put(const rpc::ReadReply& reply, wire::Frame& frame) {
  wire::ReadReply& out = *frame.mutable_read_reply();
  out.set_id(reply.id);
  out.set_status(reply.status);
  out.set_body(reply.body);
}
void put(const rpc::Consensus& consensus, wire::Frame& frame) {
  to_wire(consensus.message, *frame.mutable_consensus());
}
void put(const rpc::ChangeMasters& change, wire::Frame& frame) {
  wire::ChangeMasters& out = *frame.mutable_change_masters();
  out.set_id(change.id);
  out.set_change(number_of(kMasterChanges, change.change));
  out.set_master(change.master);
  out.set_authorization(change.authorization);
}
void put(const rpc::Facts& facts, wire::Frame& frame) { to_wire(facts, *frame.mutable_facts()); }
void put(const rpc::FactsInstalled& installed, wire::Frame& frame) {
  wire::FactsInstalled& out = *frame.mutable_facts_installed();
  out.set_revision(installed.revision);
  out.set_keys_revision(installed.keys_revision);
  out.set_authorities_sha256(installed.authorities_sha256);
  out.set_serial(installed.serial);
  out.set_refused(installed.refused);
}
void put(const rpc::Join& join, wire::Frame& frame) {
  wire::Join& out = *frame.mutable_join();
  out.set_id(join.id);
  out.set_request(join.request);
  out.set_from(join.from);
}
void put(const rpc::Renew& renew, wire::Frame& frame) {
  wire::Renew& out = *frame.mutable_renew();
  out.set_id(renew.id);
  out.set_request(renew.request);
  out.set_host(renew.host);
  out.set_clock_ms(unix_ms(renew.clock));
}
void put(const rpc::Rotate& rotate, wire::Frame& frame) {
  wire::Rotate& out = *frame.mutable_rotate();
  out.set_id(rotate.id);
  out.set_rotation(number_of(kRotations, rotate.rotation));
  out.set_authorization(rotate.authorization);
}

void put(const rpc::CertifyUser& certify, wire::Frame& frame) {
  wire::CertifyUser& out = *frame.mutable_certify_user();
  out.set_id(certify.id);
  out.set_request(certify.request);
  out.set_name(certify.name);
  out.set_role(number_of(kRoles, certify.role));
  out.set_life_ms(certify.life_ms);
  if (certify.by != Actor{}) to_wire(certify.by, *out.mutable_by());
  out.set_authorization(certify.authorization);
}

rpc::Hello from_wire(const wire::Hello& hello, Reader& reader) {
  return {
      .protocol_min = hello.protocol_min(),
      .protocol_max = hello.protocol_max(),
      .cluster = reader.text("hello.cluster", hello.cluster(), kLabelBytesMax),
      .from = reader.name("hello.from", hello.from()),
      .masters = hello.masters(),
      .purpose = enumerator_of(kPurposes, hello.purpose(), "hello.purpose", reader),
      .cluster_id = reader.text("hello.cluster_id", hello.cluster_id(), kLabelBytesMax),
      .boot = reader.text("hello.boot", hello.boot(), kLabelBytesMax),
      .master_id = hello.master_id(),
  };
}
rpc::HelloReply from_wire(const wire::HelloReply& reply, Reader& reader) {
  return {
      .refused = reply.refused(),
      .why = reader.text("hello_reply.why", reply.why(), kTextBytesMax),
      .coordinator = reader.name_or_none("hello_reply.coordinator", reply.coordinator()),
      .coordinator_rpc = from_wire(reply.coordinator_rpc(), reader),
      .term = reply.term(),
      .here = reply.here(),
      .cluster_id = reader.text("hello_reply.cluster_id", reply.cluster_id(), kLabelBytesMax),
      .remembered = reply.remembered(),
      .masters = list_from_wire(reply.masters(), reader),
      .blank = reply.blank(),
  };
}
rpc::Register from_wire(const wire::Register& registration, Reader& reader) {
  reader.require(registration.has_info(), "register.info");
  return {
      .info = from_wire(registration.info(), reader),
      .instances = list_from_wire(registration.instances(), reader),
      .master_id = registration.master_id(),
  };
}
rpc::Heartbeat from_wire(const wire::Heartbeat& heartbeat, Reader& reader) {
  return {
      .sequence = heartbeat.sequence(),
      .sent_at_ns = reader.number("heartbeat.sent_at_ns", heartbeat.sent_at_ns(), 0, kBootNsMax),
      .applied = heartbeat.applied(),
      .disk_failing = heartbeat.disk_failing(),
      .clock = reader.wall("heartbeat.clock_ms", heartbeat.clock_ms()),
  };
}
rpc::HeartbeatAck from_wire(const wire::HeartbeatAck& ack, Reader& reader) {
  return {
      .sequence = ack.sequence(),
      .sent_at_ns = reader.number("heartbeat_ack.sent_at_ns", ack.sent_at_ns(), 0, kBootNsMax),
      .epoch = ack.epoch(),
      .lease_ms = ack.lease_ms(),
      .clock = reader.wall("heartbeat_ack.clock_ms", ack.clock_ms()),
  };
}
rpc::Assignments from_wire(const wire::Assignments& assignments, Reader& reader) {
  return {
      .epoch = assignments.epoch(),
      .items = list_from_wire(assignments.items(), reader),
  };
}
rpc::Write from_wire(const wire::Write& write, Reader& reader) {
  if (!reader.require(write.has_command(), "write.command")) return {};
  return {
      .id = write.id(),
      .command = from_wire(write.command(), reader),
      .authorization = reader.text("write.authorization", write.authorization(), kLabelBytesMax),
  };
}
rpc::WriteReply from_wire(const wire::WriteReply& reply, Reader& reader) {
  rpc::WriteReply out{
      .id = reply.id(),
      .ok = reply.ok(),
      .error = {},
      .outcome = {.text = reader.text("write_reply.text", reply.text(), kTextBytesMax),
                  .index = reply.index(),
                  .token = reply.token(),
                  .repeated = reply.repeated()},
  };
  if (!reply.ok() && reader.require(reply.has_error(), "write_reply.error")) {
    out.error = from_wire(reply.error(), reader);
  }
  return out;
}
rpc::Read from_wire(const wire::Read& read, Reader& reader) {
  return {
      .id = read.id(),
      .path = reader.text("read.path", read.path(), kTextBytesMax),
      .query = reader.text("read.query", read.query(), kTextBytesMax),
      .authorization = reader.text("read.authorization", read.authorization(), kLabelBytesMax),
  };
}
rpc::ReadReply from_wire(const wire::ReadReply& reply, Reader& reader) {
  return {
      .id = reply.id(),
      .status =
          static_cast<std::int32_t>(reader.number("read_reply.status", reply.status(), 100, 599)),
      .body = reply.body(),
  };
}
rpc::ChangeMasters from_wire(const wire::ChangeMasters& change, Reader& reader) {
  return {
      .id = change.id(),
      .change = enumerator_of(kMasterChanges, change.change(), "change_masters.change", reader),
      .master = reader.name_or_none("change_masters.master", change.master()),
      .authorization =
          reader.text("change_masters.authorization", change.authorization(), kLabelBytesMax),
  };
}
rpc::FactsInstalled from_wire(const wire::FactsInstalled& installed, Reader& reader) {
  return {
      .revision = installed.revision(),
      .keys_revision = installed.keys_revision(),
      .authorities_sha256 = reader.text("facts_installed.authorities_sha256",
                                        installed.authorities_sha256(), kLabelBytesMax),
      .serial = reader.text("facts_installed.serial", installed.serial(), kLabelBytesMax),
      .refused = reader.text("facts_installed.refused", installed.refused(), kTextBytesMax),
  };
}
rpc::Join from_wire(const wire::Join& join, Reader& reader) {
  return {
      .id = join.id(),
      .request = reader.text("join.request", join.request(), kTextBytesMax),
      .from = reader.text("join.from", join.from(), kLabelBytesMax),
  };
}
rpc::Renew from_wire(const wire::Renew& renew, Reader& reader) {
  return {
      .id = renew.id(),
      .request = reader.text("renew.request", renew.request(), kTextBytesMax),
      .host = reader.text("renew.host", renew.host(), kLabelBytesMax),
      .clock = reader.wall("renew.clock_ms", renew.clock_ms()),
  };
}
rpc::Rotate from_wire(const wire::Rotate& rotate, Reader& reader) {
  return {
      .id = rotate.id(),
      .rotation = enumerator_of(kRotations, rotate.rotation(), "rotate.rotation", reader),
      .authorization = reader.text("rotate.authorization", rotate.authorization(), kLabelBytesMax),
  };
}
rpc::CertifyUser from_wire(const wire::CertifyUser& certify, Reader& reader) {
  return {
      .id = certify.id(),
      .request = reader.text("certify_user.request", certify.request(), kTextBytesMax),
      .name = reader.name("certify_user.name", certify.name()),
      .role = enumerator_of(kRoles, certify.role(), "certify_user.role", reader),
      .life_ms = certify.life_ms(),
      .by = from_wire(certify.by(), reader),
      .authorization =
          reader.text("certify_user.authorization", certify.authorization(), kLabelBytesMax),
  };
}

}  // namespace

void to_wire(const Error& error, wire::Error& out) {
  out.set_code(number_of(kCodes, error.code));
  out.set_text(error.text);
}
Error from_wire(const wire::Error& error, Reader& reader) {
  return {
      .code = enumerator_of(kCodes, error.code(), "error.code", reader),
      .text = reader.text("error.text", error.text(), kTextBytesMax),
  };
}

void to_wire(const rpc::Assignment& assignment, wire::Assignment& out) {
  out.set_instance(assignment.instance);
  out.set_token(assignment.token);
  out.set_revision(assignment.revision);
  out.set_wanted(to_wire(assignment.wanted));
  to_wire(assignment.spec, *out.mutable_spec());
}

rpc::Assignment from_wire(const wire::Assignment& assignment, Reader& reader) {
  reader.require(assignment.has_spec(), "assignment.spec");
  return {
      .instance = assignment.instance(),
      .token = assignment.token(),
      .revision = assignment.revision(),
      .wanted = from_wire(assignment.wanted(), "assignment.wanted", reader),
      .spec = from_wire(assignment.spec(), reader),
  };
}

void to_wire(const rpc::Frame& frame, wire::Frame& out) {
  std::visit([&](const auto& body) { put(body, out); }, frame);
}

rpc::Frame from_wire(const wire::Frame& frame, Reader& reader) {
  switch (frame.body_case()) {
    case wire::Frame::kHeartbeat: return from_wire(frame.heartbeat(), reader);
    case wire::Frame::kHeartbeatAck: return from_wire(frame.heartbeat_ack(), reader);
    case wire::Frame::kConsensus: return rpc::Consensus{from_wire(frame.consensus(), reader)};
    case wire::Frame::kStatusReport:
      return rpc::StatusReport{list_from_wire(frame.status_report().statuses(), reader)};
    case wire::Frame::kAssignments: return from_wire(frame.assignments(), reader);
    case wire::Frame::kHello: return from_wire(frame.hello(), reader);
    case wire::Frame::kHelloReply: return from_wire(frame.hello_reply(), reader);
    case wire::Frame::kRegistration: return from_wire(frame.registration(), reader);
    case wire::Frame::kWrite: return from_wire(frame.write(), reader);
    case wire::Frame::kWriteReply: return from_wire(frame.write_reply(), reader);
    case wire::Frame::kRead: return from_wire(frame.read(), reader);
    case wire::Frame::kReadReply: return from_wire(frame.read_reply(), reader);
    case wire::Frame::kChangeMasters: return from_wire(frame.change_masters(), reader);
    case wire::Frame::kFacts: return from_wire(frame.facts(), reader);
    case wire::Frame::kFactsInstalled: return from_wire(frame.facts_installed(), reader);
    case wire::Frame::kJoin: return from_wire(frame.join(), reader);
    case wire::Frame::kRenew: return from_wire(frame.renew(), reader);
    case wire::Frame::kRotate: return from_wire(frame.rotate(), reader);
    case wire::Frame::kCertifyUser: return from_wire(frame.certify_user(), reader);
    case wire::Frame::BODY_NOT_SET: break;
  }
  reader.require(false, "frame.body");
  return {};
}

}  // namespace muster::protobuf
