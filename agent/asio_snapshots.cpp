#include "agent/asio_snapshots.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <asio/post.hpp>

#include "agent/posix_clock.h"
#include "base/protobuf_codec.h"
#include "failover/found_anew.h"
#include "failover/openssl_seal.h"
#include "failover/posix_snapshots.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;

constexpr Duration kRetry = std::chrono::minutes(1);

Status make_private_directory(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return {};
  fs::create_directories(path, error);
  if (!error) fs::permissions(path, fs::perms::owner_all, error);
  if (!error) return {};
  return fail(Code::PermissionDenied, "cannot make " + path + ": " + error.message());
}

// The clock that dates files may jump, so an age beyond the interval counts as the interval.
Duration age_of_newest(const SnapshotsConfig& options, const std::string& cluster) {
  const auto newest = failover::newest_snapshot(options.dir, cluster);
  if (!newest) return options.interval;
  return std::clamp<Duration>(wall_now() - *newest, Duration::zero(), options.interval);
}

}  // namespace

Result<std::string> keep_snapshot(const SnapshotsConfig& options, const ClusterState& state,
                                  const failover::SnapshotInfo& info) {
  if (Status made = make_private_directory(options.dir); !made) return tl::unexpected(made.error());
  std::string bytes = failover::encode_snapshot(info, protobuf_codec().encode_state(state));
  if (!options.passphrase_file.empty()) {
    auto passphrase = failover::read_passphrase(options.passphrase_file);
    if (!passphrase) return passphrase;
    auto sealed = failover::seal(bytes, *passphrase);
    failover::forget(*passphrase);
    if (!sealed) return sealed;
    bytes = std::move(*sealed);
  }
  const std::string path = options.dir + "/" + failover::snapshot_file_name(info);
  if (Status written = failover::write_private_file(path, bytes); !written) {
    return tl::unexpected(written.error());
  }
  const Status pruned = failover::prune_snapshots(options.dir, info.cluster, options.keep);
  if (!pruned) return tl::unexpected(pruned.error());
  return path;
}

AsioSnapshots::AsioSnapshots(const Config& config, asio::thread_pool& pool, Done done)
    : options_(config.snapshots),
      cluster_(config.cluster),
      pool_(pool),
      done_(std::move(done)),
      due_(control_now()) {
  if (options_.dir.empty()) options_.dir = config.data_dir + "/snapshots";
  if (options_.interval > Duration::zero()) {
    due_ += options_.interval - age_of_newest(options_, cluster_);
  }
}

void AsioSnapshots::look(const View& view, Instant now) {
  if (options_.interval == Duration::zero() || view.master == nullptr || writing_) return;
  if (failed_.exchange(false)) {
    due_ = now + std::min(options_.interval, kRetry);
    kept_ = 0;
  }
  const std::shared_ptr<const ClusterState>& state = view.master->state;
  if (now < due_ || state->index == 0 || state->index == kept_) return;
  due_ = now + options_.interval;
  kept_ = state->index;
  writing_ = true;
  auto info = failover::info_of(*state, cluster_, view.master->term, view.self.name, wall_now());
  asio::post(pool_, [this, state, info = std::move(info)] {
    const Result<std::string> path = keep_snapshot(options_, *state, info);
    failed_ = !path;
    done_(path);
    writing_ = false;
  });
}

}  // namespace muster::agent
