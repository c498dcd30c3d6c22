// Is there a recent snapshot of the cluster's state on this master's disk?
//
// A driver (files, Asio's thread pool). Each master writes its own, whoever coordinates, so that
// one disk more or less does not matter. Owned by the control thread; what takes time runs on the
// pool. A snapshot that fails is tried again and changes nothing else.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include <asio/thread_pool.hpp>

#include "agent/config.h"
#include "agent/view.h"
#include "base/error.h"
#include "base/time.h"
#include "failover/snapshot_file.h"

namespace muster::agent {

class AsioSnapshots {
 public:
  // Called on the pool after each attempt: the file's path, or why there is none.
  using Done = std::function<void(const Result<std::string>&)>;

  // Looks into the directory: the first one is due an interval after the newest that is there.
  AsioSnapshots(const Config& config, asio::thread_pool& pool, Done done);

  // Begins a snapshot when one is due, when there is something new to keep, and when none is being
  // written. To be called every few seconds. The pool must end before this object does.
  void look(const View& view, Instant now);

 private:
  SnapshotsConfig options_;
  std::string cluster_;
  asio::thread_pool& pool_;
  Done done_;
  Instant due_;
  raft::Index kept_ = 0;  // the state's index in the newest one
  std::atomic<bool> writing_ = false;
  std::atomic<bool> failed_ = false;  // the last attempt
};

// Encodes, encrypts if a passphrase is configured, writes and removes what is superseded.
[[nodiscard]] Result<std::string> keep_snapshot(const SnapshotsConfig& options,
                                                const ClusterState& state,
                                                const failover::SnapshotInfo& info);

}  // namespace muster::agent
