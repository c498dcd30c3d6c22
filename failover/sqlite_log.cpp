#include "failover/sqlite_log.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace muster::failover {
namespace {

constexpr auto kRetryAfter = std::chrono::milliseconds(250);
constexpr auto kSyncMarkAfter = std::chrono::seconds(1);

// Among those that are done in order.
bool is_install(const SqliteLog::Job& job) {
  return std::holds_alternative<SqliteLog::PutSnapshot>(job.body);
}

}  // namespace

Result<std::unique_ptr<SqliteLog>> SqliteLog::open(const std::string& path,
                                                   const std::string& cluster, int max_pages) {
  auto store = SqliteLogStore::open({path, cluster, max_pages});
  if (!store) return tl::unexpected(store.error());
  return std::unique_ptr<SqliteLog>(new SqliteLog(std::move(*store)));
}

SqliteLog::~SqliteLog() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

Result<raft::Stored> SqliteLog::load() {
  CHECK(!thread_.joinable());
  return store_->load();
}

void SqliteLog::start(Callbacks callbacks) {
  CHECK(!thread_.joinable() && callbacks.on_durable && callbacks.on_health);
  callbacks_ = std::move(callbacks);
  thread_ = std::thread([this] { run(); });
}

void SqliteLog::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
}

// --- the disk thread --------------------------------------------------------------------------

void SqliteLog::run() {
  bool works = true;
  std::unique_lock lock(mutex_);
  while (true) {
    if (!works) {  // jobs that come meanwhile do not shorten the wait
      wake_.wait_for(lock, kRetryAfter, [&] { return stopping_; });
    } else if (!owes() && !unclean_) {
      const auto wanted = [&] { return stopping_ || !queue_.empty(); };
      if (sync_mark_at_) {
        wake_.wait_until(lock, *sync_mark_at_, wanted);
      } else {
        wake_.wait(lock, wanted);
      }
    }
    const bool last = stopping_;
    take(std::exchange(queue_, {}));
    if (last && !owes() && !unclean_) return;
    lock.unlock();
    works = turn();
    lock.lock();
    if (last && !works) return;
  }
}

// Own snapshots leave the order: nothing that comes later depends on them.
void SqliteLog::take(std::vector<Job> jobs) {
  for (Job& job : jobs) {
    auto* snapshot = std::get_if<PutSnapshot>(&job.body);
    if (snapshot == nullptr || snapshot->keep_from == 0) {
      jobs_.push_back(std::move(job));
      continue;
    }
    std::optional<Staging>& place = own_ ? next_ : own_;
    std::vector<std::uint64_t> tickets;
    if (place) tickets = std::move(place->tickets);
    tickets.push_back(job.ticket);
    place = Staging{std::move(*snapshot), std::move(tickets)};
  }
}

// What others wait for first, then a little of what has time. False: the disk fails.
bool SqliteLog::turn() {
  Status done;
  if (!jobs_.empty()) done = is_install(jobs_.front()) ? install() : write_jobs();
  if (done && !install_) {
    if (unclean_) {
      done = clean();
    } else if (own_) {
      done = keep_own();
    }
  }
  if (done) done = keep_mark();
  if (done.has_value() == failing_) {
    failing_ = !failing_;
    callbacks_.on_health(failing_, failing_ ? done.error() : Error{});
  }
  return done.has_value();
}

Status SqliteLog::write_jobs() {
  const auto end = std::find_if(jobs_.begin(), jobs_.end(), is_install);
  const Status done = store_->commit([&]() -> Status {
    for (auto job = jobs_.begin(); job != end; ++job) {
      const auto* vote = std::get_if<SaveVote>(&job->body);
      const auto* append = std::get_if<AppendEntries>(&job->body);
      const Status written = vote != nullptr
                                 ? store_->save_vote(vote->term, vote->voted_for, vote->self)
                                 : store_->append(append->first, append->entries);
      if (!written) return written;
    }
    return {};
  });
  if (!done) return done;
  std::vector<std::uint64_t> tickets;
  for (auto job = jobs_.begin(); job != end; ++job) tickets.push_back(job->ticket);
  jobs_.erase(jobs_.begin(), end);
  callbacks_.on_durable(std::move(tickets));
  return {};
}

// Nothing passes it: what comes later stands on it.
Status SqliteLog::install() {
  if (!install_) {
    install_ = Staging{std::get<PutSnapshot>(jobs_.front().body), {jobs_.front().ticket}};
    if (own_) own_->begun = false;  // its pieces are given up
  }
  const Result<bool> there = advance(*install_);
  if (!there) return tl::unexpected(there.error());
  if (!*there) return {};
  jobs_.erase(jobs_.begin());
  finish(*std::exchange(install_, std::nullopt));
  return {};
}

Status SqliteLog::keep_own() {
  // An installed one has overtaken it; it must not come back.
  const bool overtaken = own_->snapshot.meta.index <= store_->snapshot_index();
  const Result<bool> there = overtaken ? Result<bool>(true) : advance(*own_);
  if (!there) return tl::unexpected(there.error());
  if (*there) finish(*std::exchange(own_, std::exchange(next_, std::nullopt)));
  return {};
}

// True: the snapshot is there.
Result<bool> SqliteLog::advance(Staging& staging) {
  const std::string_view data = *staging.snapshot.data;
  if (!staging.begun) {
    store_->begin_stage();
    staging.begun = true;
    staging.staged = 0;
  }
  if (staging.staged < data.size()) {
    const std::string_view piece = data.substr(staging.staged, kPieceBytes);
    if (Status done = store_->stage(piece); !done) return tl::unexpected(done.error());
    staging.staged += piece.size();
    return false;
  }
  const bool whole = staging.snapshot.keep_from == 0;
  const Status done = store_->commit([&] { return store_->flip(staging.snapshot.meta, whole); });
  if (!done) return tl::unexpected(done.error());
  return true;
}

void SqliteLog::finish(Staging staging) {
  keep_from_ = std::max(keep_from_, staging.snapshot.keep_from);
  unclean_ = true;
  callbacks_.on_durable(std::move(staging.tickets));
}

Status SqliteLog::clean() {
  const Result<bool> more = store_->clean(keep_from_);
  if (!more) return tl::unexpected(more.error());
  unclean_ = *more;
  return {};
}

// Nobody waits for it: jobs that came meanwhile wait for one sync in a second.
Status SqliteLog::keep_mark() {
  if (store_->is_mark_synced()) {
    sync_mark_at_.reset();
    return {};
  }
  const auto now = std::chrono::steady_clock::now();
  if (!sync_mark_at_) sync_mark_at_ = now + kSyncMarkAfter;
  if (now < *sync_mark_at_) return {};
  const Status done = store_->sync_mark();
  if (done) sync_mark_at_.reset();
  return done;
}

}  // namespace muster::failover
