// Which receiver must be told what, and when? Groups, waits, retries and repeats.
//
// A core: no clock or socket; owned by the control thread of the coordinator (and, for QuorumLost,
// of each master). alerting/curl_webhook carries Deliver out. Delivery is at least once: whatever
// may have been told is told to be over, and repeats carry equal idempotency keys. A group of
// alerts towards one receiver is a Flow with its own pace, so that a receiver that is down delays
// no other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "alerting/alert.h"
#include "alerting/payload.h"
#include "base/cluster_state.h"
#include "base/time.h"

namespace muster::alerting {

struct Receiver {
  std::string name;  // unique
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  // added to every request
};

struct PipelineOptions {
  std::vector<Receiver> receivers;
  std::vector<std::string> group_by{"alertname"};        // label names
  Duration group_wait = std::chrono::milliseconds(500);  // for more of the group to come along
  Duration group_interval = std::chrono::seconds(5);     // between two news of one group
  Duration repeat_interval = std::chrono::hours(4);      // between reminders of what still fires
  Duration retry_initial = std::chrono::milliseconds(300);
  int retry_growth_percent = 150;  // delay = min(initial x 1.5^failures, cap); > 100
  Duration retry_cap = std::chrono::seconds(30);
  Duration retry_after_max = std::chrono::minutes(15);   // longer Retry-After are cut to this
  Duration delivery_timeout = std::chrono::seconds(30);  // > the driver's own
  // A resolution that a receiver did not take for so long is given up for it.
  Duration resolved_kept_for = std::chrono::hours(4);
  std::size_t alerts_max = 4096;          // tracked at once; more are counted and not told
  std::size_t notified_alerts_max = 200;  // in one notification; the others come with the next
  int deliveries_max = 8;                 // at once towards one receiver
  std::string external_url;               // where people look: externalURL, generatorURL
  std::uint64_t first_delivery = 1;       // for two pipelines that share a driver
};

// Carry out and answer with on_delivery(id, ...), once.
struct Deliver {
  std::uint64_t id;  // never reused, also not after reset()
  std::string receiver;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  Notification notification;
};
// Replicate as AlertFiring: receivers know of it. Comes when the first receiver has accepted it
// (notified_at is the epoch), when all have, and at each reminder.
struct Firing {
  std::string fingerprint;
  AlertRecord alert;
};
// Replicate as AlertResolved: every receiver that may know of it was told that it is over.
struct Resolved {
  std::string fingerprint;
};
using PipelineEffect = std::variant<Deliver, Firing, Resolved>;

struct DeliveryOutcome {
  int status = 0;  // HTTP; 0: no answer
  std::optional<Duration> retry_after;
  std::string error;  // why there was no answer, for logs
};

struct ReceiverStats {
  std::uint64_t accepted = 0;  // 2xx
  std::uint64_t retried = 0;   // no answer, 5xx, 429
  std::uint64_t rejected = 0;  // any other status
  std::uint64_t given_up = 0;  // resolutions of alerts
};

class Pipeline {
 public:
  explicit Pipeline(PipelineOptions options);

  // A new coordinator takes over what receivers were told: ClusterState.alerts. Once, before the
  // first set_active(). Nothing is announced again but what not all of them had accepted.
  void restore(const std::map<std::string, AlertRecord>& told, WallTime wall, Instant now);
  // This node is not the coordinator any more: forgets everything and tells nobody. Answers to
  // deliveries that are under way are ignored.
  void reset();

  // Everything that fires now; what is missing is resolved. `wall` is now, for people. An alert
  // that comes and goes within group_wait is never told. One that is muted is told when it is not
  // any more; its end is told to whoever heard of it before.
  void set_active(const std::vector<Alert>& alerts, WallTime wall, Instant now);
  // How Deliver `id` ended. 2xx: accepted. No answer, 5xx and 429: tried again with back-off, not
  // before Retry-After. Any other status: tried again with the next group_interval. A late,
  // repeated or unknown id is ignored.
  void on_delivery(std::uint64_t id, const DeliveryOutcome& outcome, Instant now);
  // Sends what is due. Pre: `now` never goes back, here and above.
  void tick(Instant now, WallTime wall);

  // tick() has nothing to do before this moment. Costs nothing, nor does a tick before it: both are
  // asked for after every event of a master.
  [[nodiscard]] Instant deadline() const { return deadline_; }
  [[nodiscard]] std::vector<PipelineEffect> take_effects();       // oldest first; empties the queue
  [[nodiscard]] std::size_t tracked() const { return tracked_; }  // firing or not yet told over
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }  // beyond alerts_max
  // In the order of PipelineOptions::receivers.
  [[nodiscard]] const std::vector<ReceiverStats>& stats() const { return stats_; }

 private:
  struct Tracked {
    Alert alert;
    bool firing = true;
    WallTime ends_at{};
    Instant resolved_at{};
    bool replicated = false;  // Firing was taken for it
    bool complete = false;    // ... with a notified_at
  };
  struct InFlight {
    std::uint64_t id = 0;
    Instant sent_at{};
    bool reminder = false;
    std::vector<std::string> firing;  // fingerprints told
    std::vector<std::string> resolved;
  };
  struct Flow {
    std::set<std::string> perhaps;   // may have been told to fire: must hear of the end
    std::set<std::string> accepted;  // surely told to fire; part of `perhaps`
    std::optional<Instant> news_at;  // since when there is something untold
    Instant not_before = Instant::min();
    Instant reminder_at = kNever;
    WallTime accepted_at{};  // of the last success
    int failures = 0;        // since then
    std::optional<InFlight> in_flight;
    Instant due = kNever;  // of the next notification, or of giving up on in_flight
  };
  struct Group {
    Labels labels;
    std::map<std::string, Tracked> alerts;  // by fingerprint
    std::vector<Flow> flows;                // one a receiver
  };
  using Groups = std::map<std::string, Group>;  // by group_key()

  Group& group_of(const Labels& labels);
  void resolve_missing(const std::set<std::string>& active, WallTime wall, Instant now);
  void send(const std::string& key, Group& group, std::size_t receiver, Instant now);
  void settle(const std::string& key, std::size_t receiver, const DeliveryOutcome& outcome,
              Instant now);
  void on_accepted(Group& group, Flow& flow, const InFlight& told, Instant now);
  void on_failed(Group& group, std::size_t receiver, const InFlight& told,
                 const DeliveryOutcome& outcome, Instant now);
  void replicate(Group& group, const std::string& fingerprint, bool reminder, Instant now);
  [[nodiscard]] Duration back_off(int failures) const;
  [[nodiscard]] Instant earliest_due() const;
  static bool untold(const std::string& fingerprint, const Tracked& tracked, const Flow& flow);
  // Whether something fires that the receiver was told of and that is not muted.
  static bool to_remind(const Group& group, const Flow& flow);
  void refresh(Group& group, Instant now);
  void forget_what_is_over();
  void conclude();

  PipelineOptions options_;
  Groups groups_;
  std::map<std::uint64_t, std::pair<std::string, std::size_t>> under_way_;  // id -> key, receiver
  std::vector<int> deliveries_;  // under way, by receiver
  std::vector<ReceiverStats> stats_;
  WallAnchor anchor_;
  std::size_t tracked_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t next_id_;
  Instant deadline_ = kNever;
  std::vector<PipelineEffect> effects_;
};

}  // namespace muster::alerting
