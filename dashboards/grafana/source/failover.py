"""What happened when something died? One line of time: who answered, who led, what ran, how long each step took."""
from panels import BLUE, GREEN, GREY, RED, YELLOW, Board, mapped, steps

C = 'cluster=~"$cluster"'
LEADS = "and on (instance) muster_is_coordinator == 1"
SEEN = "[$__rate_interval]"
# The same bound is 1 in the text format and 1.0 in OpenMetrics, which Prometheus asks for.
WITHIN = [("0.5", "0.5"), *((second, rf"{second}(\\.0)?") for second in ("1", "2", "5", "30"))]


def board():
    b = Board("muster-failover", "muster / failover",
              "Who answered, who led, what ran and how long each step took, one below the other; marks say "
              "what happened when.", span="now-1h")
    b.cluster_variable()
    b.query_variable("workload", "Workload",
                     'label_values(muster_workload_wanted{cluster=~"$cluster"}, workload)',
                     every=True)
    marks(b)
    steps_of_it(b)
    times(b)
    return b


def marks(b):
    """Each is a region of a minute, or the time until the next change."""
    up = f'up{{job="node", node!="", {C}}}'
    b.annotation("Agent does not answer", f"{up} == 0 and on (instance) max_over_time({up}[1m]) == 1",
                 RED, "{{node}} does not answer")
    b.annotation("Agent answers again", f"{up} == 1 and on (instance) min_over_time({up}[1m]) == 0",
                 GREEN, "{{node}} answers again")
    b.annotation("Coordinator", f"muster_is_coordinator{{{C}}} == 1 and on (instance) "
                 f"min_over_time(muster_is_coordinator[1m]) == 0", BLUE, "{{node}} is coordinator")
    b.annotation("Copy replaced",
                 f"sum by (cluster) (increase(muster_replacement_seconds_count{{{C}}}[1m])) > 0",
                 YELLOW, "A lost copy is ready elsewhere")


def steps_of_it(b):
    b.row("One below the other")
    size = (24, 7)
    b.timeline("Agents", (f'up{{job="node", node!="", {C}}}', "{{node}}"), size=size,
               mappings=mapped(_0=("does not answer", RED), _1=("answers", GREEN)))
    b.timeline("Coordinator", (f'max by (node) (muster_is_coordinator{{{C}, role="master"}})',
                               "{{node}}"), size=(24, 5),
               mappings=mapped(_0=("follows", GREY), _1=("coordinates", GREEN)))
    b.graph("Nodes", (f"max by (state) (muster_nodes{{{C}}} {LEADS})", "{{state}}"), size=(24, 6),
            about="As the coordinator has them; without one there is nothing.")
    b.graph("Copies", (f'sum by (phase) (muster_workload_instances{{{C}, workload=~"$workload"}} '
                       f"{LEADS})", "{{phase}}"), stack=True, size=(24, 7))


def times(b):
    b.row("How long each step took")
    for title, metric, about in (
            ("Detected", "muster_detection_seconds", "Last heard until declared failed; each agent "
             "counts."),
            ("Elected", "muster_election_seconds", "Leader lost until the next coordinator serves."),
            ("Replaced", "muster_replacement_seconds", "Node declared failed until the replacement "
             "is ready.")):
        count = f"sum(increase({metric}_count{{{C}}}{SEEN}))"
        b.graph(title, (f"sum(increase({metric}_sum{{{C}}}{SEEN})) / ({count} > 0)", "mean"),
                unit="s", about=about, points=True)
    for title, metric in (("Detected", "muster_detection_seconds"),
                          ("Elected", "muster_election_seconds"),
                          ("Replaced", "muster_replacement_seconds")):
        b.bars(title + " within", *[
            (f'sum(increase({metric}_bucket{{{C}, le=~"{le}"}}[$__range])) / '
             f"(sum(increase({metric}_count{{{C}}}[$__range])) > 0)", f"{name} s")
            for name, le in WITHIN], unit="percentunit", min=0, max=1,
            thresholds=steps(RED, (0.5, YELLOW), (0.95, GREEN)),
            about="Share of all in the time that is shown.")
    b.stat("Alerts that fire", f"max(muster_alerts_firing{{{C}}} {LEADS})", size=(6, 4),
           thresholds=steps(GREEN, (1, RED)))
    b.stat("Notifications that were taken",
           f'sum(increase(muster_alerts_notifications_total{{{C}, outcome="accepted"}}[$__range])) '
           "or vector(0)", size=(6, 4), decimals=0, color={"mode": "fixed", "fixedColor": BLUE})
    b.stat("Members that flapped", f"sum(increase(muster_member_flaps_total{{{C}}}[$__range]))",
           size=(6, 4), decimals=0, thresholds=steps(GREEN, (1, YELLOW)))
    b.stat("Wrong suspicions", f"sum(increase(muster_gossip_refutations_total{{{C}}}[$__range]))",
           size=(6, 4), decimals=0, thresholds=steps(GREEN, (1, YELLOW)),
           about="Refuted by whom they were about.")
