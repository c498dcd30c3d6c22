#include "collector/prometheus_exposition.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <type_traits>
#include <utility>
#include <variant>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "base/error.h"
#include "collector/exposition.h"
#include "collector/family_table.h"

namespace muster::collector {
namespace {

enum class Type { Counter, Gauge, Histogram };

struct Declaration {
  Type type;
  const char* name;
  std::vector<std::string> labels;
  const char* help;
  std::vector<double> buckets = {};  // Histogram: upper bounds in seconds
};

const std::vector<double> kFailoverBuckets{0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30};
const std::vector<double> kLagBuckets{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5};

// Everything that muster counts of itself, in the order of /metrics. Instruments are made in main()
// and never before it, so that this table is there by then.
using enum Type;
const std::vector<Declaration> kDeclarations{
    // The agent itself.
    {Gauge, "muster_build_info", {"version"}, "Always 1; the version of this agent."},
    {Gauge, "muster_insecure", {}, "Whether this agent listens without identity (1) or not (0)."},
    {Gauge, "muster_disk_failing", {}, "Whether this agent cannot write its state (1) or can (0)."},
    {Gauge,
     "muster_certificate_expiry_timestamp_seconds",
     {},
     "When this agent's own certificate expires, in seconds since 1970."},
    {Histogram,
     "muster_loop_lag_seconds",
     {},
     "How late the control loop ran what was due.",
     kLagBuckets},
    {Counter,
     "muster_series_dropped_total",
     {"metric"},
     "Updates not recorded because the metric has too many series already."},

    // The collectors of the node's metrics.
    {Gauge, "muster_collectors_parked", {}, "Collectors that were given up and still hang."},
    {Gauge, "muster_mounts_parked", {}, "Mounts whose usage was given up and that still hang."},
    {Counter,
     "muster_collector_timeouts_total",
     {"collector"},
     "Collections of the node's metrics that did not end in time."},

    // Membership, as this agent sees it.
    {Gauge, "muster_members", {"state"}, "Members of the cluster by gossip state."},
    {Counter,
     "muster_gossip_packets_total",
     {"direction", "kind"},
     "Gossip messages by direction (sent, received) and kind."},
    {Counter,
     "muster_gossip_dropped_total",
     {"reason"},
     "Gossip messages that were refused, by reason."},
    {Gauge,
     "muster_gossip_health_score",
     {},
     "How far this agent distrusts its own judgement: 0 (well) to 7."},
    {Counter, "muster_gossip_probes_total", {}, "Probes of other members."},
    {Counter, "muster_gossip_probes_failed_total", {}, "Probes that nobody answered."},
    {Counter,
     "muster_gossip_refutations_total",
     {},
     "Claims about this agent itself that it refuted."},
    {Counter, "muster_gossip_hints_total", {}, "Probes begun by a sign of trouble."},
    {Counter,
     "muster_gossip_stream_acks_total",
     {},
     "Probes that were answered over TCP only: UDP is lost or blocked."},
    {Counter,
     "muster_gossip_digest_syncs_total",
     {},
     "Tables exchanged because they went on to differ."},
    {Counter,
     "muster_gossip_stalls_total",
     {},
     "Times that the control loop stood still for longer than a probe interval."},
    {Counter,
     "muster_member_flaps_total",
     {},
     "Members that began to fail, or to refute suspicions, again and again."},

    // Masters and the coordinator.
    {Gauge, "muster_is_coordinator", {}, "Whether this agent is the coordinator (1) or not (0)."},
    {Gauge, "muster_raft_has_leader", {}, "Whether this master knows a leader (1) or not (0)."},
    {Gauge, "muster_raft_term", {}, "Term of the consensus group that this master is in."},
    {Gauge, "muster_raft_commit_index", {}, "Last log entry known to be on a quorum."},
    {Gauge, "muster_raft_applied_index", {}, "Last log entry applied to the cluster state."},
    {Gauge, "muster_raft_last_index", {}, "Last log entry of this master, agreed on or not."},
    {Gauge, "muster_master_vote", {"master"}, "Whether a master votes (1) or is joining (0)."},
    {Gauge,
     "muster_master_lag_entries",
     {"master"},
     "Log entries that the coordinator has and a master has not stored yet."},
    {Gauge,
     "muster_master_last_contact_seconds",
     {"master"},
     "How long ago the coordinator heard from a master."},
    {Gauge,
     "muster_master_certificate_expiry_timestamp_seconds",
     {"master"},
     "When the certificate of a master expires, in seconds since 1970."},
    {Counter, "muster_commands_total", {"kind"}, "Commands applied to the cluster state."},
    {Gauge, "muster_nodes", {"state"}, "Registered nodes by state in the cluster state."},
    {Gauge, "muster_rpc_streams", {}, "Open RPC streams."},
    {Counter,
     "muster_rpc_dropped_total",
     {"reason"},
     "RPC frames and streams that were refused or given up, by reason."},
    {Counter,
     "muster_rpc_bytes_total",
     {"direction"},
     "Bytes of frames on RPC streams, before they are sealed."},
    {Counter,
     "muster_http_dropped_total",
     {"reason"},
     "HTTP connections and requests that were refused before anybody read them, by reason."},
    {Counter,
     "muster_http_auth_failures_total",
     {},
     "Requests whose token, certificate or password proved nobody, or was not looked at after "
     "many."},
    {Counter, "muster_audit_lost_total", {}, "Changes that could not be written to the audit log."},
    {Gauge,
     "muster_lease_remaining_seconds",
     {},
     "Time until this node's lease runs out; 0 when it has none."},

    {Gauge,
     "muster_clock_offset_seconds",
     {},
     "How far the coordinator's wall clock is ahead of this node's."},

    // Workloads.
    {Gauge, "muster_workload_wanted", {"workload"}, "Copies that shall run."},
    {Gauge, "muster_workload_instances", {"workload", "phase"}, "Placed copies by phase."},
    {Counter,
     "muster_probe_results_total",
     {"workload", "probe", "result"},
     "Results of probes run by this agent."},
    {Counter,
     "muster_restarts_total",
     {"workload"},
     "Restarts of workloads by this agent after an exit or a failed liveness probe."},

    // Failover.
    {Histogram,
     "muster_detection_seconds",
     {},
     "From the last contact with a node to its being declared failed.",
     kFailoverBuckets},
    {Histogram,
     "muster_election_seconds",
     {},
     "From the loss of a leader to the next coordinator's being ready.",
     kFailoverBuckets},
    {Histogram,
     "muster_replacement_seconds",
     {},
     "From a node's being declared failed to its workload's replacement being ready.",
     kFailoverBuckets},

    // Alerts.
    {Gauge, "muster_alerts_firing", {}, "Alerts that fire now."},
    {Counter,
     "muster_alerts_notifications_total",
     {"receiver", "outcome"},
     "Notifications by receiver and outcome."},
};

template <class T>
struct Series {
  prometheus::Family<T>* family;   // the registry's
  std::map<Labels, T*> by_labels;  // the family's
};
struct Instrument {
  const Declaration* declared;
  std::variant<Series<prometheus::Counter>, Series<prometheus::Gauge>,
               Series<prometheus::Histogram>>
      series;
  std::vector<std::string> bounds = {};  // of a histogram's buckets, as they are written
};

bool has_declared_labels(const Declaration& declared, const Labels& labels) {
  return labels.size() == declared.labels.size() &&
         std::all_of(declared.labels.begin(), declared.labels.end(),
                     [&](const std::string& name) { return labels.contains(name); });
}

// How many samples one series of the instrument is.
std::size_t samples_each(const Instrument& instrument) {
  const bool histogram = instrument.declared->type == Histogram;
  return histogram ? instrument.bounds.size() + 2 : 1;  // buckets, sum and count
}

std::size_t series_of(const Instrument& instrument) {
  return std::visit([](const auto& all) { return all.by_labels.size(); }, instrument.series);
}

// The samples of a series, with their labels but without their values. `bounds`, the last of which
// is +Inf, are as they are written.
void add_series(std::vector<Sample>& out, const Instrument& instrument, const Labels& names) {
  const SampleLabels labels(names.begin(), names.end());
  if (instrument.declared->type != Histogram) {
    out.push_back({labels, 0});
    return;
  }
  for (const std::string& bound : instrument.bounds) {
    Sample& bucket = out.emplace_back(Sample{{}, 0, SamplePart::Bucket});
    bucket.labels.reserve(labels.size() + 1);
    bucket.labels = labels;
    bucket.labels.emplace_back("le", bound);
  }
  out.push_back({labels, 0, SamplePart::Sum});
  out.push_back({labels, 0, SamplePart::Count});
}

std::vector<Sample> samples_of(const Instrument& instrument) {
  std::vector<Sample> out;
  out.reserve(series_of(instrument) * samples_each(instrument));
  const auto add = [&](const auto& all) {
    for (const auto& [names, series] : all.by_labels) add_series(out, instrument, names);
  };
  std::visit(add, instrument.series);
  return out;
}

// Each returns where the next series' samples begin.
Sample* set_values(Sample* sample, const Instrument& instrument,
                   const prometheus::Histogram& series) {
  const auto histogram = series.Collect().histogram;
  const std::size_t bounds = instrument.bounds.size() - 1;  // but +Inf
  CHECK(histogram.bucket.size() >= bounds);
  for (std::size_t i = 0; i < bounds; ++i) {
    (sample++)->value = static_cast<double>(histogram.bucket[i].cumulative_count);
  }
  (sample++)->value = static_cast<double>(histogram.sample_count);
  (sample++)->value = histogram.sample_sum;
  (sample++)->value = static_cast<double>(histogram.sample_count);
  return sample;
}
template <class T>
Sample* set_values(Sample* sample, const Instrument&, const T& series) {
  sample->value = series.Value();
  return sample + 1;
}

void set_values(std::vector<Sample>& samples, const Instrument& instrument) {
  CHECK(samples.size() == series_of(instrument) * samples_each(instrument));
  const auto set = [&](const auto& all) {
    Sample* sample = samples.data();
    for (const auto& [names, series] : all.by_labels) {
      sample = set_values(sample, instrument, *series);
    }
  };
  std::visit(set, instrument.series);
}
}  // namespace

struct Instruments::State {
  prometheus::Registry registry;
  mutable std::mutex mutex;  // over by_name's series and, for replace(), the registry's values
  std::map<std::string, Instrument, std::less<>> by_name;
  std::vector<const Instrument*> in_order;  // of the table
  std::uint64_t changes = 1;                // other series than before are there

  State() {
    for (const Declaration& declared : kDeclarations) {
      const auto [instrument, fresh] = by_name.emplace(declared.name, declare(declared));
      CHECK(fresh);
      in_order.push_back(&instrument->second);
    }
    for (const Declaration& declared : kDeclarations) {
      if (!declared.labels.empty()) continue;
      if (declared.type == Type::Counter) find<prometheus::Counter>(declared.name, {});
      if (declared.type == Type::Histogram) histogram(declared.name, {});
    }
  }

  Instrument declare(const Declaration& declared) {
    const auto in_registry = [&](auto builder) {
      return &builder.Name(declared.name).Help(declared.help).Register(registry);
    };
    switch (declared.type) {
      case Type::Counter:
        return {&declared,
                Series<prometheus::Counter>{in_registry(prometheus::BuildCounter()), {}}};
      case Type::Gauge:
        return {&declared, Series<prometheus::Gauge>{in_registry(prometheus::BuildGauge()), {}}};
      case Type::Histogram: break;
    }
    std::vector<std::string> bounds;
    for (const double bound : declared.buckets) bounds.push_back(number_text(bound));
    bounds.push_back(number_text(HUGE_VAL));
    return {&declared, Series<prometheus::Histogram>{in_registry(prometheus::BuildHistogram()), {}},
            std::move(bounds)};
  }

  template <class T>
  Series<T>& series_of(std::string_view name) {
    const auto found = by_name.find(name);
    CHECK(found != by_name.end());
    auto* const series = std::get_if<Series<T>>(&found->second.series);
    CHECK(series != nullptr);
    return *series;
  }

  // Null when the family is full.
  template <class T, class... Args>
  T* find(std::string_view name, const Labels& labels, Args&&... args) {
    Series<T>& series = series_of<T>(name);
    const auto known = series.by_labels.find(labels);
    if (known != series.by_labels.end()) return known->second;
    CHECK(has_declared_labels(*by_name.find(name)->second.declared, labels));
    if (series.by_labels.size() >= kSeriesMax) {
      find<prometheus::Counter>("muster_series_dropped_total", {{"metric", std::string(name)}})
          ->Increment();
      return nullptr;
    }
    T* const added = &series.family->Add(labels, std::forward<Args>(args)...);
    series.by_labels.emplace(labels, added);
    ++changes;
    return added;
  }

  prometheus::Histogram* histogram(std::string_view name, const Labels& labels) {
    const auto found = by_name.find(name);
    CHECK(found != by_name.end());
    return find<prometheus::Histogram>(name, labels, found->second.declared->buckets);
  }
};

Instruments::Instruments() : state_(std::make_unique<State>()) {
  set("muster_build_info", {{"version", MUSTER_VERSION}}, 1);
}

Instruments::~Instruments() = default;

void Instruments::count(std::string_view name, const Labels& labels, double by) {
  CHECK(by >= 0 && std::isfinite(by));
  const std::lock_guard lock(state_->mutex);
  if (auto* const counter = state_->find<prometheus::Counter>(name, labels)) {
    counter->Increment(by);
  }
}

void Instruments::set(std::string_view name, const Labels& labels, double value) {
  const std::lock_guard lock(state_->mutex);
  if (auto* const gauge = state_->find<prometheus::Gauge>(name, labels)) gauge->Set(value);
}

void Instruments::replace(std::string_view name,
                          const std::vector<std::pair<Labels, double>>& series) {
  const std::lock_guard lock(state_->mutex);
  auto& known = state_->series_of<prometheus::Gauge>(name);
  // Mostly it is the same series as before, in the order of their labels.
  if (std::equal(series.begin(), series.end(), known.by_labels.begin(), known.by_labels.end(),
                 [](const auto& a, const auto& b) { return a.first == b.first; })) {
    auto gauge = known.by_labels.begin();
    for (const auto& one : series) (gauge++)->second->Set(one.second);
    return;
  }
  std::map<Labels, double> wanted(series.begin(), series.end());
  std::erase_if(known.by_labels, [&](const auto& entry) {
    const bool gone = !wanted.contains(entry.first);
    if (gone) {
      known.family->Remove(entry.second);
      ++state_->changes;
    }
    return gone;
  });
  for (const auto& [labels, value] : wanted) {
    if (auto* const gauge = state_->find<prometheus::Gauge>(name, labels)) gauge->Set(value);
  }
}

Instruments::Counter Instruments::counter(std::string_view name, const Labels& labels) {
  const std::lock_guard lock(state_->mutex);
  Counter counter;
  counter.series_ = state_->find<prometheus::Counter>(name, labels);
  return counter;
}

void Instruments::Counter::add(double by) const {
  CHECK(by >= 0 && std::isfinite(by));
  if (series_ != nullptr) series_->Increment(by);
}

Instruments::Histogram Instruments::histogram(std::string_view name, const Labels& labels) {
  const std::lock_guard lock(state_->mutex);
  Histogram histogram;
  histogram.series_ = state_->histogram(name, labels);
  return histogram;
}

void Instruments::Histogram::observe(double value) const {
  if (series_ != nullptr) series_->Observe(std::isfinite(value) && value > 0 ? value : 0);
}

void Instruments::observe(std::string_view name, double value, const Labels& labels) {
  const std::lock_guard lock(state_->mutex);
  Histogram histogram;
  histogram.series_ = state_->histogram(name, labels);
  histogram.observe(value);
}

// Straight from the series: what the registry collects are copies of every name and label.
void Instruments::read(Reading& reading) const {
  constexpr MetricType kTypes[] = {MetricType::Counter, MetricType::Gauge, MetricType::Histogram};
  const std::lock_guard lock(state_->mutex);
  if (reading.of_ != state_->changes) {
    reading.families_.clear();
    reading.families_.reserve(state_->in_order.size());
    for (const Instrument* instrument : state_->in_order) {
      if (series_of(*instrument) == 0) continue;
      const Declaration& declared = *instrument->declared;
      reading.families_.push_back({declared.name, declared.help,
                                   kTypes[static_cast<std::size_t>(declared.type)],
                                   samples_of(*instrument)});
    }
    reading.of_ = state_->changes;
  }
  auto family = reading.families_.begin();
  for (const Instrument* instrument : state_->in_order) {
    if (series_of(*instrument) != 0) set_values((family++)->samples, *instrument);
  }
}

std::string Instruments::text() const {
  Reading reading;
  read(reading);
  return exposition_text(reading.families());
}

}  // namespace muster::collector
