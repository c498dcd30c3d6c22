#include "failover/raft_check.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "failover/raft_changes.h"

namespace muster::failover {
namespace {

// Room for every sum of two; no cluster gets there honestly.
constexpr std::uint64_t kNumberMax = std::uint64_t{1} << 62;

constexpr std::uint8_t kConfigurationFormat = 1;
constexpr std::uint64_t kStandby = 0;  // the library's numbers of the two roles that we use
constexpr std::uint64_t kVoter = 1;

bool is_number(std::uint64_t number) { return number < kNumberMax; }
bool is_term(raft::Term term) { return term > 0 && is_number(term); }

// Terms of a log never fall. `before` is the term of the entry ahead of them.
bool are_entries(const std::vector<raft::Entry>& entries, raft::Term before, raft::Term newest) {
  for (const raft::Entry& entry : entries) {
    if (entry.term == 0 || entry.term < before || entry.term > newest) return false;
    before = entry.term;
    switch (entry.type) {
      case raft::EntryType::Command:
      case raft::EntryType::Barrier:
        if (!entry.data) return false;
        break;
      case raft::EntryType::Change:
        if (!entry.data || !decode_configuration(*entry.data)) return false;
        break;
      default: return false;  // the byte came from outside
    }
  }
  return true;
}

bool is_snapshot(const raft::SnapshotMeta& meta, const raft::Blob& data, raft::Term newest) {
  return meta.index > 0 && is_number(meta.index) && meta.term > 0 && meta.term <= newest &&
         meta.configuration_index > 0 && meta.configuration_index <= meta.index &&
         is_configuration(meta.configuration) && data != nullptr;
}

struct MessageCheck {
  MasterId from;

  bool operator()(const raft::RequestVote& vote) const {
    return is_term(vote.term) && vote.candidate == from && is_number(vote.last_index) &&
           is_number(vote.last_term);
  }
  bool operator()(const raft::RequestVoteResult& result) const { return is_number(result.term); }
  bool operator()(const raft::AppendEntries& append) const {
    return is_term(append.term) && is_number(append.prev_index) &&
           is_number(append.leader_commit) && append.prev_term <= append.term &&
           (append.prev_index == 0) == (append.prev_term == 0) &&
           are_entries(append.entries, append.prev_term, append.term);
  }
  bool operator()(const raft::AppendEntriesResult& result) const {
    return is_number(result.term) && is_number(result.rejected) && is_number(result.last_index);
  }
  bool operator()(const raft::InstallSnapshot& install) const {
    return is_term(install.term) && is_snapshot(install.meta, install.data, install.term);
  }
  bool operator()(const raft::TimeoutNow& now) const { return is_term(now.term); }
  bool operator()(const raft::ReadProbe& probe) const {
    return is_term(probe.term) && is_number(probe.round);
  }
  bool operator()(const raft::ReadEcho& echo) const {
    return is_term(echo.term) && is_number(echo.round);
  }
};

}  // namespace

bool is_configuration(const std::vector<raft::Server>& servers) {
  std::set<MasterId> ids;
  std::set<std::string> addresses;
  bool voter = false;
  for (const raft::Server& server : servers) {
    if (server.id == 0 || server.address.empty()) return false;
    if (server.address.find('\0') != std::string::npos) return false;
    if (!ids.insert(server.id).second || !addresses.insert(server.address).second) return false;
    voter = voter || server.voter;
  }
  return voter;
}

// A byte of format, the number of servers, then for each its id, its address with a closing NUL
// and a byte of role; numbers have 64 bits, little end first. Zeros fill up the last 8 bytes.
Result<std::vector<raft::Server>> decode_configuration(std::string_view bytes) {
  const auto bad = [] {
    return fail(Code::DataLoss, "a configuration entry of the log cannot be decoded");
  };
  const auto take = [&bytes](std::size_t size, std::uint64_t& value) {
    if (bytes.size() < size) return false;
    value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value |= std::uint64_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
    }
    bytes.remove_prefix(size);
    return true;
  };
  std::uint64_t format = 0;
  std::uint64_t count = 0;
  if (!take(1, format) || format != kConfigurationFormat) return bad();
  if (!take(8, count) || count > kServersMax) return bad();
  std::vector<raft::Server> out;
  for (std::uint64_t i = 0; i < count; ++i) {
    raft::Server server;
    std::uint64_t role = 0;
    if (!take(8, server.id)) return bad();
    const std::size_t end = bytes.find('\0');
    if (end == std::string_view::npos) return bad();
    server.address = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    if (!take(1, role) || (role != kVoter && role != kStandby)) return bad();
    server.voter = role == kVoter;
    out.push_back(std::move(server));
  }
  if (!is_configuration(out)) return bad();
  return out;
}

bool is_message(MasterId from, const raft::Message& message) {
  return std::visit(MessageCheck{from}, message);
}

Status check_empty(const raft::Stored& stored, bool bootstrap) {
  // The vote is written before the first entry and may be alone if that was interrupted. A master
  // that joins hears of terms before it gets anything, but is not asked for votes.
  if (stored.voted_for == 0 && (stored.term <= 1 || !bootstrap)) return {};
  return fail(Code::DataLoss, "the consensus log is gone, but term " + std::to_string(stored.term) +
                                  " is stored; replace this master while the others have a "
                                  "quorum");
}

Status check_stored(const raft::Stored& stored) {
  const auto bad = [](const std::string& what) {
    return fail(Code::DataLoss, "the stored consensus log cannot be trusted: " + what +
                                    "; replace this master while the others have a quorum");
  };
  const raft::SnapshotMeta& snapshot = stored.snapshot;
  if (!is_term(stored.term)) return bad("its term is " + std::to_string(stored.term));
  if (snapshot.index != 0 && !is_snapshot(snapshot, stored.snapshot_data, stored.term)) {
    return bad("the snapshot at " + std::to_string(snapshot.index) + " is not complete");
  }
  if (stored.first == 0 || stored.first > snapshot.index + 1) {
    return bad("it begins at " + std::to_string(stored.first) + ", behind the snapshot at " +
               std::to_string(snapshot.index));
  }
  if (stored.first + stored.entries.size() <= snapshot.index) {
    return bad("it ends before the snapshot at " + std::to_string(snapshot.index));
  }
  if (!are_entries(stored.entries, 0, stored.term)) return bad("an entry is not valid");
  if (snapshot.index == 0) {
    // The configuration that the cluster began with must be at its beginning.
    if (stored.entries.front().type != raft::EntryType::Change) {
      return bad("its first entry is not a configuration");
    }
    return {};
  }
  if (stored.first <= snapshot.index &&
      stored.entries[snapshot.index - stored.first].term != snapshot.term) {
    return bad("it contradicts the snapshot at " + std::to_string(snapshot.index));
  }
  return {};
}

std::vector<raft::Server> newest_configuration(const raft::Stored& stored) {
  const auto newest =
      std::find_if(stored.entries.rbegin(), stored.entries.rend(),
                   [](const raft::Entry& entry) { return entry.type == raft::EntryType::Change; });
  if (newest == stored.entries.rend()) return stored.snapshot.configuration;
  return decode_configuration(*newest->data).value_or(stored.snapshot.configuration);
}

}  // namespace muster::failover
