"""How is one machine? Processors, memory, disks, file systems, network, the kernel, the scrape itself."""
from panels import BLUE, GREEN, RED, YELLOW, Board, mapped, steps

I = 'instance="$instance"'
RATE = "[$__rate_interval]"
REAL_DISKS = 'device!~"(loop|ram|zram|fd|sr).*"'
FULL = steps(GREEN, (0.8, YELLOW), (0.9, RED))


def board():
    b = Board("muster-node", "muster / node",
              "One machine, from its agent or from node_exporter: the metrics are the same.")
    b.cluster_variable()
    b.query_variable("instance", "Node",
                     'query_result(max by (instance, node) (node_uname_info{cluster=~"$cluster"}))',
                     regex='/instance="(?<value>[^"]+)|node="(?<text>[^"]+)/g')
    now(b)
    processors(b)
    memory(b)
    disks(b)
    network(b)
    kernel(b)
    scrape(b)
    return b


def now(b):
    b.row("Now")
    b.stat("Up for", f"time() - max(node_boot_time_seconds{{{I}}})", "s", decimals=1,
           color={"mode": "fixed", "fixedColor": BLUE})
    b.stat("CPUs", f'count(count by (cpu) (node_cpu_seconds_total{{{I}}}))',
           color={"mode": "fixed", "fixedColor": BLUE})
    b.stat("CPU", f'1 - avg(rate(node_cpu_seconds_total{{{I}, mode="idle"}}{RATE}))',
           "percentunit", thresholds=FULL)
    b.stat("Load for each CPU", f'max(node_load1{{{I}}}) / count(count by (cpu) '
                                f'(node_cpu_seconds_total{{{I}}}))',
           thresholds=steps(GREEN, (1, YELLOW), (2, RED)))
    b.stat("Memory", f"max(1 - node_memory_MemAvailable_bytes{{{I}}} / "
                     f"node_memory_MemTotal_bytes{{{I}}})", "percentunit", thresholds=FULL)
    b.stat("Fullest file system", f"max(1 - node_filesystem_avail_bytes{{{I}}} / "
                                  f"node_filesystem_size_bytes{{{I}}})", "percentunit",
           thresholds=FULL)
    b.stat("Waits for a disk", f"max(rate(node_pressure_io_waiting_seconds_total{{{I}}}{RATE}))",
           "percentunit", thresholds=steps(GREEN, (0.2, YELLOW), (0.5, RED)),
           about="Share of the time in which some task waited.")
    b.stat("Kernel", f"max by (release) (node_uname_info{{{I}}})", legend="{{release}}", name=True,
           color={"mode": "fixed", "fixedColor": BLUE})


def processors(b):
    b.row("Processors")
    b.graph("CPU by mode", (f'sum by (mode) (rate(node_cpu_seconds_total{{{I}, mode!="idle"}}'
                            f'{RATE})) / scalar(count(count by (cpu) (node_cpu_seconds_total{{{I}}})'
                            '))', "{{mode}}"), unit="percentunit", stack=True, max=1)
    b.graph("Each CPU", (f'1 - sum by (cpu) (rate(node_cpu_seconds_total{{{I}, mode="idle"}}'
                         f'{RATE}))', "{{cpu}}"), unit="percentunit", max=1)
    b.graph("Load", *[(f"max(node_load{n}{{{I}}})", f"{n} min") for n in (1, 5, 15)],
            (f"count(count by (cpu) (node_cpu_seconds_total{{{I}}}))", "CPUs"))
    b.graph("Pressure: some task waited for",
            *[(f"max(rate(node_pressure_{what}_waiting_seconds_total{{{I}}}{RATE}))", what)
              for what in ("cpu", "io", "memory")], unit="percentunit",
            about="Share of the time.")
    b.graph("Tasks", (f"max(node_procs_running{{{I}}})", "run or could"),
            (f"max(node_procs_blocked{{{I}}})", "blocked"))
    b.graph("Switches, interrupts, forks",
            (f"sum(rate(node_context_switches_total{{{I}}}{RATE}))", "context switches"),
            (f"sum(rate(node_intr_total{{{I}}}{RATE}))", "interrupts"),
            (f"sum(rate(node_forks_total{{{I}}}{RATE}))", "forks"), unit="ops")


def memory(b):
    b.row("Memory")

    def of(field):
        return f"max(node_memory_{field}_bytes{{{I}}})"
    b.graph("Memory",
            (f"{of('MemTotal')} - {of('MemFree')} - {of('Buffers')} - {of('Cached')} - "
             f"{of('SReclaimable')}", "used"),
            (of("Buffers") + " + " + of("SReclaimable"), "buffers and slab"),
            (of("Cached"), "page cache"), (of("MemFree"), "free"), unit="bytes", stack=True,
            size=(12, 7))
    b.graph("Available, dirty, committed", (of("MemAvailable"), "available"), (of("Dirty"), "dirty"),
            (of("Writeback"), "being written"), (of("Committed_AS"), "promised"), unit="bytes",
            size=(12, 7))
    b.graph("Swap", (of("SwapTotal") + " - " + of("SwapFree"), "used"), (of("SwapTotal"), "total"),
            unit="bytes")
    b.graph("Faults", (f"sum(rate(node_vmstat_pgfault{{{I}}}{RATE}))", "all"),
            (f"sum(rate(node_vmstat_pgmajfault{{{I}}}{RATE}))", "read from a disk"), unit="ops")
    b.graph("Pages in and out", (f"sum(rate(node_vmstat_pgpgin{{{I}}}{RATE})) * 1024", "read"),
            (f"sum(rate(node_vmstat_pgpgout{{{I}}}{RATE})) * 1024", "written"),
            (f"sum(increase(node_vmstat_oom_kill{{{I}}}{RATE}))", "processes killed for want of it"),
            unit="Bps")


def disks(b):
    b.row("Disks and file systems")
    b.bars("File systems", (f"max by (mountpoint) (1 - node_filesystem_avail_bytes{{{I}}} / "
                            f"node_filesystem_size_bytes{{{I}}})", "{{mountpoint}}"),
           unit="percentunit", thresholds=FULL, min=0, max=1)
    b.graph("Space left", (f"max by (mountpoint) (node_filesystem_avail_bytes{{{I}}})",
                           "{{mountpoint}}"), unit="bytes")
    b.graph("Inodes left", (f"max by (mountpoint) (node_filesystem_files_free{{{I}}} / "
                            f"(node_filesystem_files{{{I}}} > 0))", "{{mountpoint}}"),
            unit="percentunit", max=1)
    rates = (("Read and written", "node_disk_read_bytes_total", "node_disk_written_bytes_total",
              "Bps"),
             ("Requests", "node_disk_reads_completed_total", "node_disk_writes_completed_total",
              "iops"))
    for title, read, written, unit in rates:
        b.graph(title, (f"sum by (device) (rate({read}{{{I}, {REAL_DISKS}}}{RATE}))",
                        "{{device}} read"),
                (f"sum by (device) (rate({written}{{{I}, {REAL_DISKS}}}{RATE}))",
                 "{{device}} written"), unit=unit)
    b.graph("Busy", (f"sum by (device) (rate(node_disk_io_time_seconds_total{{{I}, {REAL_DISKS}}}"
                     f"{RATE}))", "{{device}}"), unit="percentunit", max=1,
            about="Share of the time with a request under way.")
    b.graph("Requests that wait", (f"sum by (device) (rate(node_disk_io_time_weighted_seconds_total"
                                   f"{{{I}, {REAL_DISKS}}}{RATE}))", "{{device}}"))
    b.graph("A request takes",
            (f"sum by (device) (rate(node_disk_read_time_seconds_total{{{I}, {REAL_DISKS}}}{RATE})) "
             f"/ sum by (device) (rate(node_disk_reads_completed_total{{{I}, {REAL_DISKS}}}{RATE}))",
             "{{device}} to read"),
            (f"sum by (device) (rate(node_disk_write_time_seconds_total{{{I}, {REAL_DISKS}}}{RATE}))"
             f" / sum by (device) (rate(node_disk_writes_completed_total{{{I}, {REAL_DISKS}}}"
             f"{RATE}))", "{{device}} to write"), unit="s")
    b.graph("File descriptors", (f"max(node_filefd_allocated{{{I}}})", "open"),
            (f"max(node_filefd_maximum{{{I}}})", "limit"), scale={"type": "log", "log": 10})


def network(b):
    b.row("Network")
    for title, what, unit in (("Bytes", "bytes", "Bps"), ("Packets", "packets", "pps"),
                              ("Errors and drops", None, "pps")):
        queries = [(f"sum by (device) (rate(node_network_{direction}_{kind}_total{{{I}}}{RATE}))",
                    "{{device}} " + name)
                   for direction, way in (("receive", "received"), ("transmit", "sent"))
                   for kind, name in ([(what, way)] if what else
                                      [("errs", way + " wrong"), ("drop", way + " dropped")])]
        b.graph(title, *queries, unit=unit)
    b.timeline("Links", (f"max by (device) (node_network_up{{{I}}})", "{{device}}"), size=(8, 7),
               mappings=mapped(_0=("down", RED), _1=("up", GREEN)),
               about="The loopback and some virtual ones say nothing of themselves: down.")
    b.graph("TCP", (f"max(node_netstat_Tcp_CurrEstab{{{I}}})", "connections"),
            (f"max(node_sockstat_TCP_tw{{{I}}})", "waiting to be forgotten"),
            (f"max(node_sockstat_TCP_orphan{{{I}}})", "orphans"))
    b.graph("TCP trouble",
            (f"sum(rate(node_netstat_Tcp_RetransSegs{{{I}}}{RATE}))", "sent again"),
            (f"sum(rate(node_netstat_TcpExt_ListenDrops{{{I}}}{RATE}))", "refused: queue full"),
            (f"sum(rate(node_netstat_Tcp_InErrs{{{I}}}{RATE}))", "broken"),
            (f"sum(rate(node_netstat_Tcp_OutRsts{{{I}}}{RATE}))", "resets sent"), unit="pps")
    b.graph("UDP", (f"sum(rate(node_netstat_Udp_InDatagrams{{{I}}}{RATE}))", "received"),
            (f"sum(rate(node_netstat_Udp_OutDatagrams{{{I}}}{RATE}))", "sent"),
            (f"sum(rate(node_netstat_Udp_InErrors{{{I}}}{RATE}))", "lost: queue full, or broken"),
            (f"sum(rate(node_netstat_Udp_NoPorts{{{I}}}{RATE}))", "for nobody"), unit="pps")
    b.graph("Connections that the kernel follows",
            (f"max(node_nf_conntrack_entries{{{I}}})", "entries"),
            (f"max(node_nf_conntrack_entries_limit{{{I}}})", "limit"))
    b.graph("Packets that no CPU had time for",
            (f"sum(rate(node_softnet_dropped_total{{{I}}}{RATE}))", "dropped"),
            (f"sum(rate(node_softnet_times_squeezed_total{{{I}}}{RATE}))", "put off"), unit="pps")


def kernel(b):
    b.row("Clock and kernel")
    b.graph("Clock", (f"max(node_timex_offset_seconds{{{I}}})", "off by"),
            (f"max(node_timex_estimated_error_seconds{{{I}}})", "estimated error"), unit="s",
            min=None)
    b.timeline("Clock is kept", (f"max(node_timex_sync_status{{{I}}})", "synchronised"),
               size=(8, 7), mappings=mapped(_0=("no", RED), _1=("yes", GREEN)))
    b.graph("Randomness", (f"max(node_entropy_available_bits{{{I}}})", "bits"))


def scrape(b):
    b.row("The scrape itself")
    b.graph("Collectors take", (f"max by (collector) (node_scrape_collector_duration_seconds{{{I}}})",
                                "{{collector}}"), unit="s")
    b.timeline("Collectors that have something", (
        f"max by (collector) (node_scrape_collector_success{{{I}}})", "{{collector}}"),
        size=(8, 7), mappings=mapped(_0=("nothing, or failed", RED), _1=("yes", GREEN)),
        about="A collector that finds nothing on this machine (no RAID, say) says 0 as well.")
    b.graph("Scrape", (f"max(scrape_duration_seconds{{{I}}})", "took"), unit="s")
