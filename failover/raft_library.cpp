#include "failover/raft_library.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <utility>

// raft.h of 0.22.1 is not C++: it takes sizeof an unnamed struct inside static_assert. Without its
// assertions it compiles to the same layout. It does not say extern "C" itself.
#ifdef __clang__
#pragma clang diagnostic ignored "-Wkeyword-macro"
#endif
#define static_assert(...)
extern "C" {
#include <raft.h>
}
#undef static_assert

// Who frees what differs between releases. A new one is allowed here after the ownership rules
// below have been read against its source and the tests are clean under the sanitizers.
#if RAFT_VERSION_NUMBER != 2201
#error "libraft 0.22.1 is needed: other releases have other rules of memory ownership"
#endif

namespace muster::failover {
namespace {

constexpr unsigned kRequestVoteVersion = 2;
constexpr unsigned kRequestVoteResultVersion = 3;
constexpr unsigned kAppendEntriesResultVersion = 1;

raft_configuration to_library(const std::vector<raft::Server>& servers) {
  raft_configuration out;
  raft_configuration_init(&out);
  for (const raft::Server& server : servers) {
    // Fails only without memory, or for a configuration that raft_check.h refuses.
    const int rv = raft_configuration_add(&out, server.id, server.address.c_str(),
                                          server.voter ? RAFT_VOTER : RAFT_STANDBY);
    CHECK(rv == 0);
  }
  return out;
}

std::vector<raft::Server> from_library(const raft_configuration& configuration) {
  std::vector<raft::Server> out;
  for (unsigned i = 0; i < configuration.n; ++i) {
    const raft_server& server = configuration.servers[i];
    out.push_back({server.id, server.address, server.role == RAFT_VOTER});
  }
  return out;
}

raft_snapshot_metadata to_library(const raft::SnapshotMeta& meta) {
  return {meta.index, meta.term, to_library(meta.configuration), meta.configuration_index};
}

// The payloads stay in the blobs of `entries`, which must outlive the step; `batch` is what the
// library believes to own them.
std::vector<raft_entry> to_library(const std::vector<raft::Entry>& entries, void* batch) {
  std::vector<raft_entry> out(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    out[i].term = entries[i].term;
    out[i].type = static_cast<raft_entry_type>(entries[i].type);
    out[i].buf.base = const_cast<char*>(entries[i].data->data());  // it only reads
    out[i].buf.len = entries[i].data->size();
    out[i].batch = batch;
  }
  return out;
}

raft::Entry from_library(const raft_entry& entry) {
  return {
      entry.term, static_cast<raft::EntryType>(entry.type),
      std::make_shared<const std::string>(static_cast<const char*>(entry.buf.base), entry.buf.len)};
}

void* new_batch() {
  void* batch = raft_malloc(1);
  CHECK(batch != nullptr);
  return batch;
}

// Fills everything but entries, configuration and data.
void to_library(const LibraryBody& message, raft_message& out) {
  if (const auto* vote = std::get_if<raft::RequestVote>(&message)) {
    out.type = RAFT_REQUEST_VOTE;
    out.request_vote = {kRequestVoteVersion, vote->term,      vote->candidate,
                        vote->last_index,    vote->last_term, vote->disrupt_leader,
                        vote->pre_vote};
  } else if (const auto* voted = std::get_if<raft::RequestVoteResult>(&message)) {
    out.type = RAFT_REQUEST_VOTE_RESULT;
    out.request_vote_result = {kRequestVoteResultVersion, voted->term,     voted->granted,
                               voted->pre_vote,           voted->features, voted->capacity};
  } else if (const auto* append = std::get_if<raft::AppendEntries>(&message)) {
    out.type = RAFT_APPEND_ENTRIES;
    out.append_entries = {
        0, append->term, append->prev_index, append->prev_term, append->leader_commit, nullptr, 0};
  } else if (const auto* result = std::get_if<raft::AppendEntriesResult>(&message)) {
    out.type = RAFT_APPEND_ENTRIES_RESULT;
    out.append_entries_result = {kAppendEntriesResultVersion, result->term,     result->rejected,
                                 result->last_index,          result->features, result->capacity};
  } else if (const auto* install = std::get_if<raft::InstallSnapshot>(&message)) {
    out.type = RAFT_INSTALL_SNAPSHOT;
    out.install_snapshot.term = install->term;
    out.install_snapshot.last_index = install->meta.index;
    out.install_snapshot.last_term = install->meta.term;
    out.install_snapshot.conf_index = install->meta.configuration_index;
  } else if (const auto* now = std::get_if<raft::TimeoutNow>(&message)) {
    out.type = RAFT_TIMEOUT_NOW;
    out.timeout_now = {0, now->term, now->last_index, now->last_term};
  }
}

LibraryMessage from_library(const raft_message& in) {
  LibraryMessage out;
  out.to = in.server_id;
  if (in.server_address != nullptr) out.address = in.server_address;
  switch (in.type) {
    case RAFT_REQUEST_VOTE: {
      const raft_request_vote& vote = in.request_vote;
      out.message = raft::RequestVote{vote.term,          vote.candidate_id,   vote.last_log_index,
                                      vote.last_log_term, vote.disrupt_leader, vote.pre_vote};
      break;
    }
    case RAFT_REQUEST_VOTE_RESULT: {
      const raft_request_vote_result& voted = in.request_vote_result;
      out.message = raft::RequestVoteResult{voted.term, voted.vote_granted, voted.pre_vote,
                                            voted.features, voted.capacity};
      break;
    }
    case RAFT_APPEND_ENTRIES: {
      const raft_append_entries& append = in.append_entries;
      out.message = raft::AppendEntries{
          append.term, append.prev_log_index, append.prev_log_term, append.leader_commit, {}};
      out.entries = append.n_entries;
      break;
    }
    case RAFT_APPEND_ENTRIES_RESULT: {
      const raft_append_entries_result& result = in.append_entries_result;
      out.message = raft::AppendEntriesResult{result.term, result.rejected, result.last_log_index,
                                              result.features, result.capacity};
      break;
    }
    case RAFT_INSTALL_SNAPSHOT:
      out.message = raft::InstallSnapshot{in.install_snapshot.term, {}, nullptr};
      break;
    case RAFT_TIMEOUT_NOW: {
      const raft_timeout_now& now = in.timeout_now;
      out.message = raft::TimeoutNow{now.term, now.last_log_index, now.last_log_term};
      break;
    }
  }
  return out;
}

// The entry that the library was shown as this one; null: it is the library's own. No copy is made
// of what is there already.
const raft::Entry* find(const raft_entry& entry, const std::vector<raft::Entry>& given,
                        const std::vector<raft_entry>& shown) {
  const auto before = std::less<const raft_entry*>();
  if (before(&entry, shown.data()) || !before(&entry, shown.data() + shown.size())) return nullptr;
  return &given[static_cast<std::size_t>(&entry - shown.data())];
}

Code code_of(int rv) {
  switch (rv) {
    case RAFT_NOTLEADER: return Code::Unavailable;
    case RAFT_BADID:
    case RAFT_NOTFOUND: return Code::InvalidArgument;
    case RAFT_NOMEM:
    case RAFT_NOSPACE: return Code::Exhausted;
    case RAFT_SHUTDOWN:
    case RAFT_MALFORMED:
    case RAFT_CORRUPT: return Code::DataLoss;
    default: return Code::Internal;
  }
}

std::string text_of(int rv) {
  // What the library means by it is no help to a reader.
  if (rv == RAFT_SHUTDOWN) return "the leader's log contradicts an entry that is committed here";
  return raft_strerror(rv);
}

}  // namespace

struct RaftLibrary::Core {
  ::raft handle{};           // zeroed: raft_init() does not set every field
  ::raft* reader = &handle;  // some of the library's readers forget const

  // `given` are the entries that come with the event, `shown` the same as the library sees them.
  Result<LibraryUpdate> step(Millis now, raft_event& event,
                             const std::vector<raft::Entry>* given = nullptr,
                             const std::vector<raft_entry>* shown = nullptr) {
    event.time = now;
    event.capacity = UINT16_MAX;  // the store reports a full disk by itself
    raft_update update{};
    if (const int rv = raft_step(&handle, &event, &update); rv != 0) {
      return fail(code_of(rv), text_of(rv));
    }
    LibraryUpdate out;
    const auto has = [&update](unsigned flag) { return (update.flags & flag) != 0; };
    out.vote = has((RAFT_UPDATE_CURRENT_TERM) | (RAFT_UPDATE_VOTED_FOR));
    out.role = has(RAFT_UPDATE_STATE);
    out.commit = has(RAFT_UPDATE_COMMIT_INDEX);
    if (has(RAFT_UPDATE_ENTRIES)) {
      out.first = update.entries.index;
      for (unsigned i = 0; i < update.entries.n; ++i) {
        const raft_entry& entry = update.entries.batch[i];
        const raft::Entry* known = given == nullptr ? nullptr : find(entry, *given, *shown);
        out.entries.push_back(known == nullptr ? from_library(entry) : *known);
      }
      raft_free(update.entries.batch[0].batch);  // ours since the step returned
    }
    if (has(RAFT_UPDATE_SNAPSHOT)) {  // as above; receive() says what it holds
      out.install = true;
      raft_configuration_close(&update.snapshot.metadata.configuration);
      raft_free(update.snapshot.chunk.base);
    }
    if (has(RAFT_UPDATE_MESSAGES)) {
      for (unsigned i = 0; i < update.messages.n; ++i) {
        out.messages.push_back(from_library(update.messages.batch[i]));
      }
    }
    return out;
  }
};

RaftLibrary::RaftLibrary(const Settings& settings, MasterId self, const std::string& address,
                         std::uint64_t seed)
    : core_(std::make_unique<Core>()) {
  ::raft* handle = &core_->handle;
  CHECK(raft_init(handle, nullptr, nullptr, self, address.c_str()) == 0);
  raft_seed(handle, static_cast<unsigned>(seed ^ (seed >> 32)));
  raft_set_election_timeout(handle, settings.election_ms);
  raft_set_heartbeat_timeout(handle, settings.heartbeat_ms);
  raft_set_install_snapshot_timeout(handle, settings.install_ms);
  raft_set_max_inflight_entries(handle, settings.max_inflight);
  raft_set_pre_vote(handle, true);
}

RaftLibrary::~RaftLibrary() { raft_close(&core_->handle, nullptr); }

Result<LibraryUpdate> RaftLibrary::start(Millis now, const raft::Stored& stored) {
  raft_event event{};
  event.type = RAFT_START;
  event.start.term = stored.term;
  event.start.voted_for = stored.voted_for;
  event.start.start_index = stored.first;
  raft_snapshot_metadata meta{};
  if (stored.snapshot.index != 0) {
    meta = to_library(stored.snapshot);  // its configuration becomes the library's
    event.start.metadata = &meta;
  }
  void* batch = new_batch();
  std::vector<raft_entry> entries = to_library(stored.entries, batch);
  event.start.entries = entries.empty() ? nullptr : entries.data();
  event.start.n_entries = static_cast<unsigned>(entries.size());
  Result<LibraryUpdate> out = core_->step(now, event);
  // On an error the library has destroyed the batch, and would have destroyed the array with it
  // had it come from raft_malloc: raft_check.h leaves it no error but a lack of memory.
  CHECK(out.has_value());
  raft_free(batch);
  return out;
}

Result<LibraryUpdate> RaftLibrary::receive(Millis now, MasterId from, const std::string& address,
                                           const LibraryBody& message) {
  raft_message in{};
  to_library(message, in);
  in.server_id = from;
  in.server_address = address.c_str();
  std::vector<raft_entry> entries;
  const auto* append = std::get_if<raft::AppendEntries>(&message);
  if (append != nullptr && !append->entries.empty()) {
    // The library frees the batch, unless it hands the entries out: then step() does.
    entries = to_library(append->entries, new_batch());
    in.append_entries.entries = entries.data();
    in.append_entries.n_entries = static_cast<unsigned>(entries.size());
  }
  if (const auto* install = std::get_if<raft::InstallSnapshot>(&message)) {
    // Freed by the library, or handed out. The data stay with us: a byte stands for them.
    in.install_snapshot.conf = to_library(install->meta.configuration);
    in.install_snapshot.data = {new_batch(), 1};
  }
  raft_event event{};
  event.type = RAFT_RECEIVE;
  event.receive.message = &in;
  return core_->step(now, event, append == nullptr ? nullptr : &append->entries, &entries);
}

Result<LibraryUpdate> RaftLibrary::persisted_entries(Millis now, raft::Index index) {
  raft_event event{};
  event.type = RAFT_PERSISTED_ENTRIES;
  event.persisted_entries.index = index;
  return core_->step(now, event);
}

Result<LibraryUpdate> RaftLibrary::persisted_snapshot(Millis now, const raft::SnapshotMeta& meta) {
  raft_event event{};
  event.type = RAFT_PERSISTED_SNAPSHOT;
  event.persisted_snapshot.metadata = to_library(meta);
  event.persisted_snapshot.last = true;
  return core_->step(now, event);
}

Result<LibraryUpdate> RaftLibrary::committed(Millis now, raft::Index index,
                                             const std::vector<raft::Server>& configuration) {
  raft_event event{};
  event.type = RAFT_CONFIGURATION;
  event.configuration.index = index;
  event.configuration.conf = to_library(configuration);
  return core_->step(now, event);
}

Result<LibraryUpdate> RaftLibrary::snapshotted(Millis now, const raft::SnapshotMeta& meta,
                                               unsigned trailing) {
  raft_event event{};
  event.type = RAFT_SNAPSHOT;
  event.snapshot.metadata = to_library(meta);
  event.snapshot.trailing = trailing;
  return core_->step(now, event);
}

Result<LibraryUpdate> RaftLibrary::timeout(Millis now) {
  raft_event event{};
  event.type = RAFT_TIMEOUT;
  return core_->step(now, event);
}

Result<LibraryUpdate> RaftLibrary::submit(Millis now, const std::vector<raft::Entry>& entries) {
  void* batch = new_batch();
  std::vector<raft_entry> submitted = to_library(entries, batch);
  raft_event event{};
  event.type = RAFT_SUBMIT;
  event.submit.entries = submitted.data();
  event.submit.n = static_cast<unsigned>(submitted.size());
  Result<LibraryUpdate> out = core_->step(now, event, &entries, &submitted);
  if (!out) raft_free(batch);
  return out;
}

Result<LibraryUpdate> RaftLibrary::transfer(Millis now, MasterId to) {
  raft_event event{};
  event.type = RAFT_TRANSFER;
  event.transfer.server_id = to;
  return core_->step(now, event);
}

raft::Role RaftLibrary::role() const {
  switch (raft_state(core_->reader)) {
    case RAFT_LEADER: return raft::Role::Leader;
    case RAFT_CANDIDATE: return raft::Role::Candidate;
    default: return raft::Role::Follower;
  }
}

raft::Term RaftLibrary::term() const { return raft_current_term(core_->reader); }
MasterId RaftLibrary::voted_for() const { return raft_voted_for(core_->reader); }

MasterId RaftLibrary::leader() const {
  raft_id id = 0;
  const char* address = nullptr;
  raft_leader(core_->reader, &id, &address);
  return id;
}

raft::Index RaftLibrary::commit_index() const { return raft_commit_index(core_->reader); }
raft::Index RaftLibrary::last_index() const { return raft_last_index(core_->reader); }
raft::Index RaftLibrary::last_stored() const { return core_->handle.last_stored; }
bool RaftLibrary::installing() const { return core_->handle.snapshot.installing; }
bool RaftLibrary::transferring() const { return raft_transferee(core_->reader) != 0; }

raft::Index RaftLibrary::match_index(MasterId peer) const {
  raft_index index = 0;
  return raft_match_index(core_->reader, peer, &index) == 0 ? index : 0;
}

bool RaftLibrary::knows(MasterId id) const {
  const raft_configuration& known = core_->handle.configuration;
  return std::any_of(known.servers, known.servers + known.n,
                     [id](const raft_server& server) { return server.id == id; });
}

std::vector<raft::Server> RaftLibrary::configuration() const {
  return from_library(core_->handle.configuration);
}
std::vector<raft::Server> RaftLibrary::committed_configuration() const {
  return from_library(core_->handle.configuration_committed);
}
raft::Index RaftLibrary::committed_configuration_index() const {
  return core_->handle.configuration_committed_index;
}
raft::Index RaftLibrary::uncommitted_configuration_index() const {
  return core_->handle.configuration_uncommitted_index;
}
RaftLibrary::Millis RaftLibrary::timeout_at() const { return raft_timeout(core_->reader); }

std::string encode_configuration(const std::vector<raft::Server>& servers) {
  raft_configuration configuration = to_library(servers);
  raft_buffer buffer{};
  CHECK(raft_configuration_encode(&configuration, &buffer) == 0);
  std::string out(static_cast<const char*>(buffer.base), buffer.len);
  raft_free(buffer.base);
  raft_configuration_close(&configuration);
  return out;
}

}  // namespace muster::failover
