"""How is the cluster? Members, masters, the coordinator, elections, detections, replacements."""
from panels import BLUE, GREEN, GREY, RED, YELLOW, Board, mapped, steps

C = 'cluster=~"$cluster"'
LEADS = "and on (instance) muster_is_coordinator == 1"  # what is said of all, said by the coordinator
UP = f'up{{job="node", node!="", {C}}}'


def quantiles(metric):
    return [(f"histogram_quantile({q}, sum by (le) (increase({metric}_bucket{{{C}}}[$__range])))",
             name) for q, name in ((0.5, "median"), (0.95, "19 of 20"), (1, "slowest"))]


def board():
    b = Board("muster-cluster", "muster / cluster",
              "Members, masters and the coordinator; how fast failures were seen and mended.")
    b.cluster_variable()
    now(b)
    nodes(b)
    masters(b)
    mending(b)
    gossip(b)
    agents(b)
    return b


def now(b):
    b.row("Now")
    b.stat("Coordinator", f"max by (node) (muster_is_coordinator{{{C}}} == 1)", legend="{{node}}",
           name=True, about="The master that decides. Nobody: there is no quorum.")
    b.stat("Term", f"max(muster_raft_term{{{C}}})", color={"mode": "fixed", "fixedColor": BLUE},
           about="Rises with each election of a coordinator.")
    b.stat("Masters reached",
           f"count((muster_master_vote{{{C}}} == 1 {LEADS}) and on (instance, master) muster_master_lag_entries "
           f"unless on (instance, master) muster_master_last_contact_seconds > 10)",
           thresholds=steps(RED, (2, YELLOW), (3, GREEN)),
           about="Masters with a vote that the coordinator heard within ten seconds, and itself.")
    b.stat("Nodes alive", f'max(muster_nodes{{{C}, state="alive"}} {LEADS})')
    b.stat("Nodes failed", f'max(muster_nodes{{{C}, state="failed"}} {LEADS})',
           thresholds=steps(GREEN, (1, RED)))
    b.stat("Agents that do not answer", f"count({UP} == 0) or vector(0)",
           thresholds=steps(GREEN, (1, RED)), about="Targets of Prometheus that it cannot scrape.")
    b.stat("Copies missing",
           f"sum(muster_workload_wanted{{{C}}} {LEADS}) - (sum(muster_workload_instances{{{C}, "
           f'phase="ready"}} {LEADS}) or vector(0))',
           thresholds=steps(GREEN, (1, RED)), about="Wanted, but not ready.")
    b.stat("Alerts that fire", f"max(muster_alerts_firing{{{C}}} {LEADS})",
           thresholds=steps(GREEN, (1, RED)), about="muster's own, of which its receivers are told.")


def nodes(b):
    b.row("Nodes")
    link = [{"title": "${__value.text}", "targetBlank": False,
             "url": "/d/muster-node?${datasource:queryparam}&${cluster:queryparam}"
                    "&var-instance=${__data.fields.instance}"}]
    b.table("Nodes", "instance", [
        (None, f"max by (instance, node, zone, role, version) (muster_build_info{{{C}}})", "short"),
        ("CPU", f'1 - avg by (instance) (rate(node_cpu_seconds_total{{{C}, node!="", '
                'mode="idle"}[$__rate_interval]))', "percentunit"),
        ("Memory", f'max by (instance) (1 - node_memory_MemAvailable_bytes{{{C}, node!=""}} / '
                   'node_memory_MemTotal_bytes)', "percentunit"),
        ("Load", f'max by (instance) (node_load1{{{C}, node!=""}})', "short"),
        ("Members alive", f'max by (instance) (muster_members{{{C}, state="alive"}})', "short"),
        ("Distrust of itself", f"max by (instance) (muster_gossip_health_score{{{C}}})", "short"),
        ("Lease", f"max by (instance) (muster_lease_remaining_seconds{{{C}}})", "s")], links=link)
    b.timeline("Agents that answer", (UP, "{{node}}"),
               mappings=mapped(_0=("does not answer", RED), _1=("answers", GREEN)))
    b.graph("Nodes by state", (f"max by (state) (muster_nodes{{{C}}} {LEADS})", "{{state}}"),
            size=(12, 7), about="As the coordinator has them.")


def masters(b):
    b.row("Masters")
    b.timeline("Who coordinates", (f"max by (node) (muster_is_coordinator{{{C}, role=\"master\"}})",
                                   "{{node}}"),
               mappings=mapped(_0=("follows", GREY), _1=("coordinates", GREEN)))
    b.graph("Term and elections", (f"max(muster_raft_term{{{C}}})", "term"), size=(6, 7), min=None,
            color={"mode": "fixed", "fixedColor": BLUE})
    b.graph("Masters that know a leader", (f"sum(muster_raft_has_leader{{{C}}})", "know a leader"),
            (f"count(muster_raft_has_leader{{{C}}})", "answer"), size=(6, 7))
    b.graph("Entries behind", (f"max by (master) (muster_master_lag_entries{{{C}}} {LEADS})",
                               "{{master}}"),
            about="What the coordinator has and a master has not stored yet.")
    b.graph("Last heard", (f"max by (master) (muster_master_last_contact_seconds{{{C}}} {LEADS})",
                           "{{master}}"), unit="s", about="By the coordinator.")
    b.graph("Entries agreed on", (f"max(deriv(muster_raft_commit_index{{{C}}}[$__rate_interval]))",
                                  "a second"), unit="wps")


def mending(b):
    b.row("Failures and their mending")
    for title, metric, about in (
            ("Detection", "muster_detection_seconds", "Last heard until declared failed, as each "
             "agent saw it."),
            ("Election", "muster_election_seconds", "Leader lost until the next coordinator "
             "serves."),
            ("Replacement", "muster_replacement_seconds", "Node declared failed until what it ran "
             "is ready elsewhere.")):
        b.stat(title + "s", f"sum(increase({metric}_count{{{C}}}[$__range]))", size=(3, 6),
               decimals=0, color={"mode": "fixed", "fixedColor": BLUE},
               about="In the time that is shown. " + about)
        b.bars(title, *quantiles(metric), unit="s", size=(5, 6), min=0,
               thresholds=steps(GREEN, (2, YELLOW), (10, RED)), about=about)


def gossip(b):
    b.row("Gossip")
    b.graph("Members alive, as each agent sees it",
            (f'muster_members{{{C}, state="alive"}}', "{{node}}"))
    b.graph("Members suspected or failed",
            (f'max by (state) (muster_members{{{C}, state=~"suspect|failed"}})', "{{state}}"))
    b.graph("Distrust of its own judgement", (f"muster_gossip_health_score{{{C}}}", "{{node}}"),
            max=7, about="0: well. 7: it misses answers that others get.")
    b.graph("Probes that nobody answered",
            (f"rate(muster_gossip_probes_failed_total{{{C}}}[$__rate_interval]) / "
             "rate(muster_gossip_probes_total[$__rate_interval])", "{{node}}"), unit="percentunit")
    b.graph("Probes answered over TCP only",
            (f"rate(muster_gossip_stream_acks_total{{{C}}}[$__rate_interval]) / "
             "rate(muster_gossip_probes_total[$__rate_interval])", "{{node}}"), unit="percentunit",
            about="UDP is lost or blocked.")
    b.graph("Messages", (f"sum by (direction, kind) (rate(muster_gossip_packets_total{{{C}}}"
                         "[$__rate_interval]))", "{{direction}} {{kind}}"), unit="pps")
    b.graph("Claims refuted, and flapping",
            (f"sum(increase(muster_gossip_refutations_total{{{C}}}[$__rate_interval]))",
             "refuted by whom they were about"),
            (f"sum(increase(muster_member_flaps_total{{{C}}}[$__rate_interval]))",
             "members that began to flap"))
    b.graph("Messages refused", (f"sum by (reason) (rate(muster_gossip_dropped_total{{{C}}}"
                                 "[$__rate_interval]))", "{{reason}}"), unit="pps")
    b.graph("Loops that stood still", (f"increase(muster_gossip_stalls_total{{{C}}}"
                                       "[$__rate_interval])", "{{node}}"))


def agents(b):
    b.row("Agents")
    b.graph("How late the control loop is, 99 of 100",
            (f"histogram_quantile(0.99, rate(muster_loop_lag_seconds_bucket{{{C}}}"
             "[$__rate_interval]))", "{{node}}"), unit="s")
    b.graph("Streams", (f"sum by (direction) (rate(muster_rpc_bytes_total{{{C}}}"
                        "[$__rate_interval]))", "{{direction}}"), unit="Bps")
    b.graph("Ahead of the node's clock is the coordinator's by",
            (f"muster_clock_offset_seconds{{{C}}}", "{{node}}"), unit="s", min=None)
    b.graph("Requests that proved nobody",
            (f"sum by (node) (rate(muster_http_auth_failures_total{{{C}}}[$__rate_interval]))",
             "{{node}}"), unit="reqps")
    b.graph("Collectors that hang", (f"muster_collectors_parked{{{C}}}", "{{node}}"),
            about="A mount whose server is gone, mostly.")
    b.graph("Longest collection of a scrape",
            (f"max by (node) (node_scrape_collector_duration_seconds{{{C}, node!=\"\"}})",
             "{{node}}"), unit="s")
