#include <span>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "base/protobuf_convert.h"

// An empty element of a list costs two bytes to send and some hundred to hold, so a frame of 64 MiB
// could ask libprotobuf for gigabytes. The tables below say where lists are and how long they may
// be; bytes are counted against them before they are parsed.

namespace muster::protobuf {
namespace {

using google::protobuf::internal::WireFormatLite;

struct Shape;
// A length-delimited field that is, or leads to, a list. Others need no rule.
struct Rule {
  int field;
  std::uint32_t most;             // 1: a single submessage
  const Shape* inside = nullptr;  // null: nothing in its elements needs a rule
};
struct Shape {
  std::string_view name;
  std::span<const Rule> rules;
};

constexpr std::uint32_t kClaimsMax = 256;
constexpr std::uint32_t kMembersMax = 20'000;
constexpr std::uint32_t kInstancesMax = 100'000;
constexpr std::uint32_t kEntriesMax = 100'000;
constexpr std::uint32_t kServersMax = 64;
constexpr std::uint32_t kNodesMax = 20'000;
constexpr std::uint32_t kWorkloadsMax = 20'000;
constexpr std::uint32_t kAlertsMax = 100'000;
constexpr std::uint32_t kEventsMost = 16 * kEventsMax;     // what a later version may keep
constexpr std::uint32_t kRequestsMost = 4 * kRequestsMax;  // likewise
constexpr std::uint32_t kKeysMost = 4 * kKeysMax;          // likewise
constexpr std::uint32_t kRecordsMost = 100'000;            // likewise, of anything else
constexpr std::uint32_t kTextsMax = 100'000;               // of one list of texts or pairs

// All lists of one message together: this many, and one more for every 16 bytes.
constexpr std::size_t kElementsFree = 200'000;
constexpr std::size_t kBytesPerElement = 16;

constexpr Rule kPacketRules[] = {{wire::Packet::kClaimsFieldNumber, kClaimsMax}};
constexpr Shape kPacket{"packet", kPacketRules};

constexpr Rule kSyncRules[] = {{wire::Sync::kMembersFieldNumber, kMembersMax}};
constexpr Shape kSync{"sync", kSyncRules};

constexpr Rule kProbeRules[] = {{wire::ProbeSpec::kHeadersFieldNumber, kTextsMax},
                                {wire::ProbeSpec::kCommandFieldNumber, kTextsMax}};
constexpr Shape kProbe{"probe", kProbeRules};

constexpr Rule kSpecRules[] = {{wire::WorkloadSpec::kCommandFieldNumber, kTextsMax},
                               {wire::WorkloadSpec::kEnvFieldNumber, kTextsMax},
                               {wire::WorkloadSpec::kLabelsFieldNumber, kTextsMax},
                               {wire::WorkloadSpec::kConstraintsFieldNumber, kTextsMax},
                               {wire::WorkloadSpec::kLivenessFieldNumber, 1, &kProbe},
                               {wire::WorkloadSpec::kReadinessFieldNumber, 1, &kProbe}};
constexpr Shape kSpec{"workload_spec", kSpecRules};

constexpr Rule kInfoRules[] = {{wire::NodeInfo::kLabelsFieldNumber, kTextsMax}};
constexpr Shape kInfo{"node_info", kInfoRules};

constexpr Rule kNodeRules[] = {{wire::NodeRecord::kInfoFieldNumber, 1, &kInfo}};
constexpr Shape kNode{"node_record", kNodeRules};

constexpr Rule kWorkloadRules[] = {{wire::WorkloadRecord::kSpecFieldNumber, 1, &kSpec}};
constexpr Shape kWorkload{"workload_record", kWorkloadRules};

constexpr Rule kUnplaceableRules[] = {{wire::Unplaceable::kReasonsFieldNumber, kTextsMax}};
constexpr Shape kUnplaceable{"unplaceable", kUnplaceableRules};

constexpr Rule kAlertRules[] = {{wire::AlertRecord::kLabelsFieldNumber, kTextsMax},
                                {wire::AlertRecord::kAnnotationsFieldNumber, kTextsMax}};
constexpr Shape kAlert{"alert_record", kAlertRules};

constexpr Rule kAlertEntryRules[] = {{wire::AlertEntry::kAlertFieldNumber, 1, &kAlert}};
constexpr Shape kAlertEntry{"alert_entry", kAlertEntryRules};

constexpr Rule kSilenceRules[] = {{wire::SilenceRecord::kMatchersFieldNumber, kTextsMax}};
constexpr Shape kSilence{"silence_record", kSilenceRules};

constexpr Rule kSilenceEntryRules[] = {{wire::SilenceEntry::kSilenceFieldNumber, 1, &kSilence}};
constexpr Shape kSilenceEntry{"silence_entry", kSilenceEntryRules};

constexpr Rule kCertificateRules[] = {{wire::CertificateRecord::kFormerFieldNumber, kTextsMax}};
constexpr Shape kCertificate{"certificate_record", kCertificateRules};

constexpr Rule kGossipKeysRules[] = {{wire::GossipKeys::kKeysFieldNumber, kTextsMax}};
constexpr Shape kGossipKeys{"gossip_keys", kGossipKeysRules};

constexpr Rule kStateRules[] = {
    {wire::ClusterState::kNodesFieldNumber, kNodesMax, &kNode},
    {wire::ClusterState::kWorkloadsFieldNumber, kWorkloadsMax, &kWorkload},
    {wire::ClusterState::kPlacementsFieldNumber, kInstancesMax},
    {wire::ClusterState::kUnplaceableFieldNumber, kWorkloadsMax, &kUnplaceable},
    {wire::ClusterState::kAlertsFieldNumber, kAlertsMax, &kAlertEntry},
    {wire::ClusterState::kEventsFieldNumber, kEventsMost},
    {wire::ClusterState::kRequestsFieldNumber, kRequestsMost},
    {wire::ClusterState::kRequestResultsFieldNumber, kRequestsMost},
    {wire::ClusterState::kMastersFieldNumber, kRecordsMost},
    {wire::ClusterState::kLeasesFieldNumber, kRecordsMost},
    {wire::ClusterState::kTokensFieldNumber, kRecordsMost},
    {wire::ClusterState::kAuthoritiesFieldNumber, kRecordsMost},
    {wire::ClusterState::kCertificatesFieldNumber, kRecordsMost, &kCertificate},
    {wire::ClusterState::kRevokedFieldNumber, kRecordsMost},
    {wire::ClusterState::kUserCertificatesFieldNumber, kRecordsMost},
    {wire::ClusterState::kGossipKeysFieldNumber, 1, &kGossipKeys},
    {wire::ClusterState::kSilencesFieldNumber, kRecordsMost, &kSilenceEntry},
    {wire::ClusterState::kKvChangesFieldNumber, kRecordsMost},
    {wire::ClusterState::kKvFieldNumber, kKeysMost}};
constexpr Shape kState{"cluster_state", kStateRules};

constexpr Rule kNodeUpRules[] = {{wire::NodeUp::kInfoFieldNumber, 1, &kInfo}};
constexpr Shape kNodeUp{"node_up", kNodeUpRules};

constexpr Rule kPutRules[] = {{wire::PutWorkload::kSpecFieldNumber, 1, &kSpec}};
constexpr Shape kPut{"put_workload", kPutRules};

constexpr Rule kReportRules[] = {{wire::ReportInstances::kStatusesFieldNumber, kInstancesMax}};
constexpr Shape kReport{"report_instances", kReportRules};

constexpr Rule kMarkRules[] = {{wire::MarkUnplaceable::kReasonsFieldNumber, kTextsMax}};
constexpr Shape kMark{"mark_unplaceable", kMarkRules};

constexpr Rule kFiringRules[] = {{wire::AlertFiring::kAlertFieldNumber, 1, &kAlert}};
constexpr Shape kFiring{"alert_firing", kFiringRules};

constexpr Rule kPutGossipKeysRules[] = {{wire::PutGossipKeys::kKeysFieldNumber, kTextsMax}};
constexpr Shape kPutGossipKeys{"put_gossip_keys", kPutGossipKeysRules};

constexpr Rule kPutSilenceRules[] = {{wire::PutSilence::kSilenceFieldNumber, 1, &kSilence}};
constexpr Shape kPutSilence{"put_silence", kPutSilenceRules};

constexpr Rule kCommandRules[] = {{wire::Command::kReportInstancesFieldNumber, 1, &kReport},
                                  {wire::Command::kNodeUpFieldNumber, 1, &kNodeUp},
                                  {wire::Command::kPutWorkloadFieldNumber, 1, &kPut},
                                  {wire::Command::kMarkUnplaceableFieldNumber, 1, &kMark},
                                  {wire::Command::kAlertFiringFieldNumber, 1, &kFiring},
                                  {wire::Command::kPutGossipKeysFieldNumber, 1, &kPutGossipKeys},
                                  {wire::Command::kPutSilenceFieldNumber, 1, &kPutSilence}};
constexpr Shape kCommand{"command", kCommandRules};

constexpr Rule kAppendRules[] = {{wire::AppendEntries::kEntriesFieldNumber, kEntriesMax}};
constexpr Shape kAppend{"append_entries", kAppendRules};

constexpr Rule kMetaRules[] = {{wire::SnapshotMeta::kConfigurationFieldNumber, kServersMax}};
constexpr Shape kMeta{"snapshot_meta", kMetaRules};

constexpr Rule kChunkRules[] = {{wire::SnapshotChunk::kMetaFieldNumber, 1, &kMeta}};
constexpr Shape kChunk{"snapshot_chunk", kChunkRules};

constexpr Rule kConsensusRules[] = {{wire::Consensus::kAppendEntriesFieldNumber, 1, &kAppend},
                                    {wire::Consensus::kSnapshotChunkFieldNumber, 1, &kChunk}};
constexpr Shape kConsensus{"consensus", kConsensusRules};

constexpr Rule kAssignmentRules[] = {{wire::Assignment::kSpecFieldNumber, 1, &kSpec}};
constexpr Shape kAssignment{"assignment", kAssignmentRules};

constexpr Rule kStoredRules[] = {{wire::StoredAssignment::kAssignmentFieldNumber, 1, &kAssignment}};
constexpr Shape kStored{"stored_assignment", kStoredRules};

constexpr Rule kAssignmentsRules[] = {
    {wire::Assignments::kItemsFieldNumber, kInstancesMax, &kAssignment}};
constexpr Shape kAssignments{"assignments", kAssignmentsRules};

constexpr Rule kRegisterRules[] = {{wire::Register::kInfoFieldNumber, 1, &kInfo},
                                   {wire::Register::kInstancesFieldNumber, kInstancesMax}};
constexpr Shape kRegister{"register", kRegisterRules};

constexpr Rule kStatusRules[] = {{wire::StatusReport::kStatusesFieldNumber, kInstancesMax}};
constexpr Shape kStatus{"status_report", kStatusRules};

constexpr Rule kWriteRules[] = {{wire::Write::kCommandFieldNumber, 1, &kCommand}};
constexpr Shape kWrite{"write", kWriteRules};

constexpr Rule kReplyRules[] = {{wire::HelloReply::kMastersFieldNumber, rpc::kMastersMax}};
constexpr Shape kReply{"hello_reply", kReplyRules};

constexpr Rule kFactsRules[] = {{wire::Facts::kMastersFieldNumber, rpc::kMastersMax},
                                {wire::Facts::kRevokedFieldNumber, kTextsMax},
                                {wire::Facts::kTokensFieldNumber, kTextsMax},
                                {wire::Facts::kGossipKeysFieldNumber, kServersMax}};
constexpr Shape kFacts{"facts", kFactsRules};

constexpr Rule kFrameRules[] = {{wire::Frame::kHelloReplyFieldNumber, 1, &kReply},
                                {wire::Frame::kFactsFieldNumber, 1, &kFacts},
                                {wire::Frame::kConsensusFieldNumber, 1, &kConsensus},
                                {wire::Frame::kStatusReportFieldNumber, 1, &kStatus},
                                {wire::Frame::kAssignmentsFieldNumber, 1, &kAssignments},
                                {wire::Frame::kRegistrationFieldNumber, 1, &kRegister},
                                {wire::Frame::kWriteFieldNumber, 1, &kWrite}};
constexpr Shape kFrame{"frame", kFrameRules};

constexpr std::size_t kRulesMax = 24;  // of one shape

// Walks over bytes along a Shape. It goes as deep as the tables do, whatever the bytes say.
class ListCounter {
 public:
  ListCounter(std::string_view bytes, Reader& reader)
      : in_(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size())),
        left_(kElementsFree + bytes.size() / kBytesPerElement),
        reader_(reader) {}

  // Pre: the stream's limit is the end of a message of this shape.
  void count(const Shape& shape) {
    std::uint32_t seen[kRulesMax] = {};
    while (!reader_.failed()) {
      const std::uint32_t tag = in_.ReadTag();
      if (tag == 0) break;
      if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
        if (!skip_number(tag)) return malformed(shape);
        continue;
      }
      int length = 0;
      if (!in_.ReadVarintSizeAsInt(&length)) return malformed(shape);
      const Rule* rule = rule_of(shape, WireFormatLite::GetTagFieldNumber(tag));
      if (rule != nullptr) admit(shape, *rule, ++seen[rule - shape.rules.data()]);
      if (rule == nullptr || rule->inside == nullptr) {
        if (!in_.Skip(length)) return malformed(shape);
        continue;
      }
      const auto outer = in_.PushLimit(length);
      count(*rule->inside);
      in_.PopLimit(outer);
    }
    if (!in_.ConsumedEntireMessage()) malformed(shape);
  }

 private:
  static const Rule* rule_of(const Shape& shape, int field) {
    const auto found = std::find_if(shape.rules.begin(), shape.rules.end(),
                                    [&](const Rule& rule) { return rule.field == field; });
    return found == shape.rules.end() ? nullptr : &*found;
  }

  bool skip_number(std::uint32_t tag) {
    std::uint64_t ignored = 0;
    switch (WireFormatLite::GetTagWireType(tag)) {
      case WireFormatLite::WIRETYPE_VARINT: return in_.ReadVarint64(&ignored);
      case WireFormatLite::WIRETYPE_FIXED64: return in_.Skip(8);
      case WireFormatLite::WIRETYPE_FIXED32: return in_.Skip(4);
      default: return false;  // groups, which muster never writes
    }
  }

  // The element just met is the `seen`th of its rule in its message.
  void admit(const Shape& shape, const Rule& rule, std::uint32_t seen) {
    const bool too_many = seen > rule.most;
    if (!too_many && left_ > 0) {
      --left_;
      return;
    }
    reader_.refuse(std::string(shape.name) + " (field " + std::to_string(rule.field) + ")",
                   too_many ? "has more than " + std::to_string(rule.most) + " elements"
                            : "has too many list elements for its size");
  }

  void malformed(const Shape& shape) { reader_.refuse(shape.name, "is cut off or malformed"); }

  google::protobuf::io::CodedInputStream in_;
  std::size_t left_;  // elements of lists that may still come
  Reader& reader_;
};

// False, and refused, when `bytes` are too many or have too many elements of lists.
bool admitted(std::string_view bytes, std::size_t bytes_max, const Shape& shape, Reader& reader) {
  if (bytes.size() > bytes_max) {
    reader.refuse(shape.name, "has " + std::to_string(bytes.size()) + " bytes; at most " +
                                  std::to_string(bytes_max) + " are allowed");
    return false;
  }
  ListCounter counter(bytes, reader);
  counter.count(shape);
  return !reader.failed();
}

void parse_as(std::string_view bytes, std::size_t bytes_max, const Shape& shape,
              google::protobuf::MessageLite& message, Reader& reader) {
  if (!admitted(bytes, bytes_max, shape, reader)) return;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    reader.refuse(shape.name, "is cut off or malformed");
  }
}

}  // namespace

void parse(std::string_view bytes, std::size_t bytes_max, wire::Packet& message, Reader& reader) {
  parse_as(bytes, bytes_max, kPacket, message, reader);
}
void parse(std::string_view bytes, std::size_t bytes_max, wire::Sync& message, Reader& reader) {
  parse_as(bytes, bytes_max, kSync, message, reader);
}
void parse(std::string_view bytes, std::size_t bytes_max, wire::Frame& message, Reader& reader) {
  parse_as(bytes, bytes_max, kFrame, message, reader);
}
void parse(std::string_view bytes, std::size_t bytes_max, wire::Command& message, Reader& reader) {
  parse_as(bytes, bytes_max, kCommand, message, reader);
}
void parse(std::string_view bytes, std::size_t bytes_max, wire::ClusterState& message,
           std::vector<std::string_view>& keys, Reader& reader) {
  if (!admitted(bytes, bytes_max, kState, reader)) return;
  // Every byte that is no key's goes to libprotobuf; that the bytes are well-formed is known now.
  std::string rest;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  for (std::size_t begin = 0; begin < bytes.size();) {
    const std::uint32_t tag = in.ReadTag();
    constexpr int kKeys = wire::ClusterState::kKvFieldNumber;
    const bool key =
        WireFormatLite::GetTagFieldNumber(tag) == kKeys &&
        WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    int length = 0;
    if (key && in.ReadVarintSizeAsInt(&length)) {
      keys.push_back(bytes.substr(static_cast<std::size_t>(in.CurrentPosition()),
                                  static_cast<std::size_t>(length)));
      in.Skip(length);
    } else if (key || !WireFormatLite::SkipField(&in, tag)) {
      return reader.refuse(kState.name, "is cut off or malformed");
    }
    const auto end = static_cast<std::size_t>(in.CurrentPosition());
    if (!key) rest += bytes.substr(begin, end - begin);
    begin = end;
  }
  if (!message.ParseFromString(rest)) reader.refuse(kState.name, "is cut off or malformed");
}
void parse(std::string_view bytes, std::size_t bytes_max, wire::StoredAssignment& message,
           Reader& reader) {
  parse_as(bytes, bytes_max, kStored, message, reader);
}

}  // namespace muster::protobuf
