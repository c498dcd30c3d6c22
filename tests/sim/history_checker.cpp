#include "history_checker.h"

#include <algorithm>

namespace muster::sim {
namespace {

std::string numbered(const char* what, std::uint64_t number) {
  return what + (" " + std::to_string(number));
}

}  // namespace

void HistoryChecker::violated(HostId host, const std::string& rule, const std::string& text,
                              Instant now) {
  std::string told = names_[host];
  told += " " + text;
  found_.add({now, rule, std::move(told), {names_[host]}});
}

void HistoryChecker::applied(HostId host, raft::Index index, raft::Term term, std::uint64_t write,
                             std::uint64_t chain, bool mine, Instant now) {
  const std::string what = numbered("write", write) + numbered(" at index", index);
  const auto [known, fresh] = chains_.emplace(index, chain);
  if (known->second != chain) {
    violated(host, "all apply the same", "applies " + what + ", others another history", now);
  } else if (fresh && known != std::prev(chains_.end())) {
    violated(host, "all apply the same", "applies " + what + ", which others skipped", now);
  }
  Write& asked = writes_[write];
  if (asked.refused) {
    violated(host, "what was refused is not done", "applies " + what + ", which was refused", now);
  }
  if (asked.index != 0 && asked.index != index) {
    violated(host, "a write is done once",
             "applies " + what + numbered(", which is at", asked.index) + " already", now);
  }
  asked.index = index;
  if (!mine) return;
  if (asked.answered) violated(host, "one answer a request", "answers " + what + " twice", now);
  asked.answered = true;
  if (index <= asked.floor) {
    violated(host, "writes are linearizable",
             "puts " + what + numbered(" before", asked.floor) + ", which a client knew", now);
  }
  ++acknowledged_;
  raft::Index& newest = acknowledged_in_[term];
  newest = std::max(newest, index);
  known_ = std::max(known_, index);
}

void HistoryChecker::write_failed(HostId host, std::uint64_t write, Code code, Instant now) {
  Write& asked = writes_[write];
  if (asked.answered) {
    violated(host, "one answer a request", numbered("answers write", write) + " twice", now);
  }
  asked.answered = true;
  if (code == Code::Unknown) return;
  asked.refused = true;
  if (asked.index == 0) return;
  violated(host, "what was refused is not done",
           numbered("refuses write", write) + numbered(", which is at index", asked.index), now);
}

void HistoryChecker::restored(HostId host, raft::Index index, std::uint64_t chain, Instant now) {
  if (index == 0) return;
  const auto known = chains_.find(index);
  if (known != chains_.end() && known->second == chain) return;
  violated(host, "all apply the same",
           numbered("restores a state at index", index) + " that nobody had", now);
}

void HistoryChecker::read_done(HostId host, std::uint64_t read, raft::Index state, Instant now) {
  const auto asked = reads_.find(read);
  if (asked == reads_.end()) {
    return violated(host, "one answer a request", numbered("answers read", read) + " twice", now);
  }
  if (state < asked->second) {
    violated(host, "reads are linearizable",
             numbered("answers read", read) + numbered(" from index", state) +
                 numbered(", clients knew", asked->second) + " when it began",
             now);
  }
  reads_.erase(asked);
  ++reads_done_;
  known_ = std::max(known_, state);
}

void HistoryChecker::read_failed(HostId host, std::uint64_t read, Instant now) {
  if (reads_.erase(read) != 0) return;
  violated(host, "one answer a request", numbered("fails read", read) + " after an answer", now);
}

void HistoryChecker::serves(HostId host, raft::Term term, raft::Index state, Instant now) {
  raft::Index newest = 0;
  for (const auto& [under, index] : acknowledged_in_) {
    if (under <= term) newest = std::max(newest, index);
  }
  if (state >= newest) return;
  violated(host, "an acknowledged write is never lost",
           numbered("begins to serve at index", state) + numbered(", acknowledged was", newest),
           now);
}

void HistoryChecker::ends(HostId host, raft::Index state, Instant now) {
  serves(host, acknowledged_in_.empty() ? 0 : acknowledged_in_.rbegin()->first, state, now);
}

}  // namespace muster::sim
