"""How is a workload? Copies by phase, probes, restarts, what they use and where."""
from panels import BLUE, GREEN, RED, YELLOW, Board, steps

W = 'cluster=~"$cluster", workload=~"$workload"'
LEADS = "and on (instance) muster_is_coordinator == 1"
RATE = "[$__rate_interval]"


def board():
    b = Board("muster-workload", "muster / workload",
              "What was wanted, what ran where, how it was probed and what it used.")
    b.cluster_variable()
    b.query_variable("workload", "Workload",
                     'label_values(muster_workload_wanted{cluster=~"$cluster"}, workload)',
                     every=True)
    now(b)
    copies(b)
    health(b)
    usage(b)
    return b


def now(b):
    b.row("Now")
    b.stat("Wanted", f"sum(muster_workload_wanted{{{W}}} {LEADS})", size=(4, 4),
           color={"mode": "fixed", "fixedColor": BLUE})
    b.stat("Ready", f'sum(muster_workload_instances{{{W}, phase="ready"}} {LEADS}) or vector(0)',
           size=(4, 4), thresholds=steps(RED, (1, GREEN)))
    b.stat("Missing", f"sum(muster_workload_wanted{{{W}}} {LEADS}) - (sum("
                      f'muster_workload_instances{{{W}, phase="ready"}} {LEADS}) or vector(0))',
           size=(4, 4), thresholds=steps(GREEN, (1, RED)))
    b.stat("Restarts", f"sum(increase(muster_restarts_total{{{W}}}[$__range])) or vector(0)",
           size=(4, 4), decimals=0, thresholds=steps(GREEN, (1, YELLOW), (10, RED)),
           about="In the time that is shown.")
    b.stat("CPU", f"sum(rate(muster_workload_cpu_seconds_total{{{W}}}{RATE}))", "cores",
           size=(4, 4), decimals=2, color={"mode": "fixed", "fixedColor": BLUE})
    b.stat("Memory", f"sum(muster_workload_memory_bytes{{{W}}})", "bytes", size=(4, 4),
           color={"mode": "fixed", "fixedColor": BLUE})


def copies(b):
    b.row("Copies")
    b.graph("Copies by phase", (f"sum by (phase) (muster_workload_instances{{{W}}} {LEADS})",
                                "{{phase}}"), stack=True, size=(12, 8))
    b.graph("Missing copies", (f"max by (workload) (muster_workload_wanted{{{W}}} {LEADS}) - "
                               f"(max by (workload) (muster_workload_instances{{{W}, "
                               f'phase="ready"}} {LEADS}) or max by (workload) '
                               f"(muster_workload_wanted{{{W}}} {LEADS}) * 0)", "{{workload}}"),
            size=(12, 8), about="Wanted, but not ready.")
    b.table("Where they run", "copy", [
        (None, f"max by (copy, workload, node, zone) (muster_workload_processes{{{W}}})", "short"),
        ("CPU", f"sum by (copy) (rate(muster_workload_cpu_seconds_total{{{W}}}{RATE}))", "cores"),
        ("Memory", f"sum by (copy) (muster_workload_memory_bytes{{{W}}})", "bytes"),
        ("Processes", f"sum by (copy) (muster_workload_processes{{{W}}})", "short"),
        ("Threads", f"sum by (copy) (muster_workload_threads{{{W}}})", "short"),
        ("Restarts", f"sum by (copy) (muster_workload_restarts_total{{{W}}})", "short")])


def health(b):
    b.row("Probes and restarts")
    b.graph("Probes that failed", (
        f'sum by (workload, node, probe) (rate(muster_probe_results_total{{{W}, result="failure"}}'
        f"{RATE})) / sum by (workload, node, probe) (rate(muster_probe_results_total{{{W}}}{RATE}))",
        "{{workload}} on {{node}}: {{probe}}"), unit="percentunit", max=1)
    b.graph("Probes", (f"sum by (probe, result) (rate(muster_probe_results_total{{{W}}}{RATE}))",
                       "{{probe}} {{result}}"), unit="ops")
    b.graph("Restarts", (f"sum by (workload, node) (increase(muster_restarts_total{{{W}}}{RATE}))",
                         "{{workload}} on {{node}}"))


def usage(b):
    b.row("What they use")
    for title, metric, unit, rate in (
            ("CPU", "muster_workload_cpu_seconds_total", "cores", True),
            ("Memory", "muster_workload_memory_bytes", "bytes", False),
            ("Read from disks", "muster_workload_io_read_bytes_total", "Bps", True),
            ("Written to disks", "muster_workload_io_write_bytes_total", "Bps", True),
            ("Open files and sockets", "muster_workload_open_fds", "short", False),
            ("Threads", "muster_workload_threads", "short", False)):
        series = f"rate({metric}{{{W}}}{RATE})" if rate else f"{metric}{{{W}}}"
        b.graph(title, (f"sum by (workload, copy, node) ({series})",
                        "{{workload}} {{copy}} on {{node}}"), unit=unit)
