"""What does a scrape of the node's metrics cost? muster and node_exporter in turn, the same collectors.

some      the eleven collectors that most dashboards live of
all       every collector that both have and run by default
memory    what the collectors add to an agent that has run none of them yet: it keeps no history
history   what keeping the past costs at the defaults. Of an agent: processor beside one that keeps none, and its
          files, over a minute. Of the store alone, as fast as it can: two days of as many series as a node can
          have, with all that is downsampled and removed meanwhile
storm     100 scrapes at a time, 20 of each of five agents, while the coordinator dies: who was late by it? Beside
          the same death in calm
"""
import contextlib
import http.client
import json
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time

import cluster as harness
import idle as usage
from duel import AtMost, Duel, OfOther
from system import free_network

EXPORTER = "prometheus-node-exporter"
PORT = 9100
SCRAPES, BLOCK = 500, 50  # of each system, and in its turn
SOME = "cpu diskstats filesystem loadavg meminfo netdev pressure stat time uname vmstat".split()
STORM, STORM_SECONDS = 100, 6.0  # at a time in all
HISTORY_QUIET, HISTORY_WATCH, HISTORY_SERIES = 15.0, 60.0, 320
HISTORY_MIB = 50  # its default


class Scraped:
    """One process that is scraped over a connection that stays open."""

    def __init__(self, process, address, port):
        self.process, self.address, self.port = process, address, port
        self.connection = None

    def scrape(self):
        """The body; the connection is made anew only when there is none."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.address, self.port, timeout=10)
        self.connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise harness.Failure(f"/metrics of {self.address}:{self.port}: {answer.status}")
        return body

    def plain(self):
        connection = http.client.HTTPConnection(self.address, self.port, timeout=10)
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()

    def wait(self):
        def answers():
            try:
                return self.plain()
            except OSError:
                return None
        return harness.wait_for(answers, f"/metrics of {self.address}:{self.port}", 10)

    def processor(self):
        """Seconds of processor time of all its threads, those that have ended too, in nanoseconds' steps."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def hang_up(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def stop(self):
        self.hang_up()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


def exporter(address, collectors):
    flags = ["--collector.disable-defaults", *[f"--collector.{name}" for name in collectors],
             f"--web.listen-address={address}:{PORT}", "--collector.netdev.device-exclude=",
             "--log.level=error"]
    return Scraped(subprocess.Popen([EXPORTER, *flags], stderr=subprocess.DEVNULL), address, PORT)


def agent(address, directory, metrics, name="n1", history=None):
    """An agent that is a cluster of its own."""
    config = pathlib.Path(directory) / f"{name}.yaml"
    lines = [f"cluster: bench-{name}", f"node: {{name: {name}}}", f"data_dir: {directory}/{name}",
             f"listen: {{address: {address}}}",
             f"masters: [{{name: {name}, rpc: \"{address}:{harness.RPC}\"}}]",
             f"metrics: {json.dumps(metrics)}"]
    if history is not None:
        lines.append(f"history: {json.dumps(history)}")
    config.write_text("\n".join(lines) + "\n")
    log = open(pathlib.Path(directory) / f"{name}.log", "ab")
    command = [harness.binary("muster", "MUSTER_BINARY"), "agent", "-c", str(config)]
    with log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    return Scraped(process, address, harness.HTTP)


def collectors_of(scraped):
    """Those that say of themselves that they ran, and whether they succeeded."""
    found = {}
    for line in scraped.plain().splitlines():
        if line.startswith("node_scrape_collector_success{"):
            name = line.split('"')[1]
            found[name] = line.endswith(" 1")
    return found


def both_have(network, directory):
    """The collectors that both systems run by default and have data of here."""
    sides = []
    other = Scraped(subprocess.Popen([EXPORTER, f"--web.listen-address={network}9:{PORT}",
                                      "--log.level=error"], stderr=subprocess.DEVNULL),
                    f"{network}9", PORT)
    for one in (other, agent(f"{network}8", directory, {}, "look")):
        one.wait()
        sides.append({name for name, well in collectors_of(one).items() if well})
        one.stop()
    return sorted(sides[0] & sides[1])


def only(collectors, directory, network):
    """The configuration of an agent that runs no other collectors than these."""
    one = agent(f"{network}8", directory, {}, "names")
    one.wait()
    there = set(collectors_of(one))
    one.stop()
    return {"disable": sorted(there - set(collectors))}


class Run:
    def __init__(self, say, trials):
        self.duel, self.say, self.trials = Duel("node_exporter"), say, trials
        self.network = free_network()

    def add(self, name, unit, system, values, *targets):
        self.duel.add(name, unit, system, values, *targets)
        self.say(f"{name}: {system} " + " ".join(f"{value:.4g}" for value in values[:10]))


def scrapes(run, label, collectors):
    run.say(f"{label}: {len(collectors)} collectors: {' '.join(collectors)}")
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as directory:
        ours = agent(f"{run.network}1", directory, only(collectors, directory, run.network))
        theirs = exporter(f"{run.network}2", collectors)
        sides = {"node_exporter": theirs, "muster": ours}
        try:
            for one in sides.values():
                one.wait()
            for name, one in sides.items():
                run.add(f"{label}_series", "", name,
                        [sum(1 for line in one.plain().splitlines() if not line.startswith("#"))])
            for block in range((run.trials or SCRAPES) // BLOCK):
                for name, one in sides.items() if block % 2 else reversed(sides.items()):
                    one_block(run, label, name, one)
        finally:
            for one in sides.values():
                one.stop()


def one_block(run, label, name, one):
    one.hang_up()  # servers close what has been idle for the other's turn
    one.scrape()  # which has pushed it out of the caches, too
    took = []
    begin = one.processor()
    for _ in range(BLOCK):
        at = time.perf_counter()
        one.scrape()
        took.append((time.perf_counter() - at) * 1000)
    used = (one.processor() - begin) / BLOCK * 1000
    run.add(f"{label}_cpu", "ms", name, [used], OfOther("median", 4))
    run.add(f"{label}_latency", "ms", name, took, OfOther("p99", 2))


def some(run):
    scrapes(run, "some", SOME)


def every(run):
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as directory:
        names = both_have(run.network, directory)
    scrapes(run, "all", names)


def memory(run):
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as directory:
        for trial in range(5):
            one = agent(f"{run.network}1", directory, {}, f"m{trial}", {"interval": "0s"})
            try:
                harness.wait_for(lambda: listening(one), "the agent listens", 10)
                harness.pause(2)  # what starting needs is there
                before = usage.resident_mib(one.process.pid)
                for _ in range(SCRAPES):
                    one.scrape()
                run.add("memory_added", "MiB", "muster",
                        [usage.resident_mib(one.process.pid) - before], AtMost("median", 8))
            finally:
                one.stop()


def listening(one):
    try:
        return harness.request(one.address, "GET", "/readyz").status == 200
    except OSError:
        return False


def history(run):
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as directory:
        on = agent(f"{run.network}1", directory, {}, "on")
        off = agent(f"{run.network}2", directory, {}, "off", {"interval": "0s"})
        try:
            for one in (on, off):
                harness.wait_for(lambda one=one: listening(one), "the agent listens", 10)
            harness.pause(HISTORY_QUIET)
            begin = [one.processor() for one in (on, off)]
            harness.pause(HISTORY_WATCH)
            used = [one.processor() - at for one, at in zip((on, off), begin)]
            run.add("history_cpu", "% core", "muster", [(used[0] - used[1]) / HISTORY_WATCH * 100],
                    AtMost("median", 0.5))
            files = (pathlib.Path(directory) / "on").glob("history.db*")
            run.add("history_disk", "MiB", "muster",
                    [sum(file.stat().st_size for file in files) / 2 ** 20], AtMost("max", HISTORY_MIB))
        finally:
            on.stop()
            off.stop()
        day(run, directory)


def day(run, directory):
    command = [harness.binary("bench_history", "MUSTER_BENCH_HISTORY"), directory, str(HISTORY_SERIES)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    run.say(text.strip())

    def figure(pattern):
        return [float(re.search(pattern, text)[1])]
    run.add("history_day_cpu", "% core", "muster", figure(r"([\d.]+) % of a core"), AtMost("max", 0.5))
    run.add("history_day_disk", "MiB", "muster", figure(r"largest on disk: ([\d.]+) MiB"),
            AtMost("max", HISTORY_MIB))


@contextlib.contextmanager
def without_autogroups(run):
    """Five agents stand for five machines here. Where the kernel groups processes by session, as desktops
    want it, each would compete with the other four as a group, and nice values count in a group only."""
    setting = pathlib.Path("/proc/sys/kernel/sched_autogroup_enabled")
    before = setting.read_text() if setting.exists() else None
    if before is None or before.strip() == "0":
        yield
        return
    try:
        setting.write_text("0")
    except OSError as problem:
        run.say(f"kernel.sched_autogroup_enabled stays {before.strip()}: {problem}")
        yield
        return
    run.say("kernel.sched_autogroup_enabled is 0 for as long as this runs")
    try:
        yield
    finally:
        setting.write_text(before)


def storm(run):
    with without_autogroups(run):
        calm_and_storm(run)


def calm_and_storm(run):
    for label in ("calm", "storm"):
        with harness.Cluster(label="bench") as cluster:
            cluster.start().wait_whole(30)
            stop, counts, threads = threading.Event(), [], []
            if label == "storm":
                threads = [threading.Thread(target=hammer, args=(node, stop, counts))
                           for node in cluster.nodes.values()
                           for _ in range(STORM // len(cluster.nodes))]
            before = counters(cluster)
            for thread in threads:
                thread.start()
            harness.pause(1)
            seen = cluster.last_event()
            victim = cluster.coordinator()
            at, _ = cluster.kill_node(victim)
            cluster.wait_event("node-failed", seen, f"node/{victim}", timeout=20)
            detected = time.monotonic() - at
            harness.pause(STORM_SECONDS)
            stop.set()
            for thread in threads:
                thread.join()
            judge(run, label, cluster, victim, seen, before)
            run.add(f"{label}_detected", "s", "muster", [detected])
            if threads:
                run.add("storm_scrapes", "", "muster", [sum(counts)])


UNMOVED = ("muster_gossip_refutations_total", "muster_gossip_stalls_total")


def counters(cluster):
    """Of each agent that runs: its figures without labels, and how late its loop was."""
    found = {}
    for node in cluster.nodes.values():
        if not node.alive():
            continue
        text = harness.request(node.address, "GET", "/metrics", timeout=10).body.decode()
        pairs = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        found[node.name] = {name: float(value) for name, value in pairs if "{" not in name}
        found[node.name]["lag"] = lag_buckets(text)
    return found


def judge(run, label, cluster, victim, seen, before):
    after = counters(cluster)
    wrong = {event["subject"] for event in cluster.events(seen)
             if event["kind"] in ("node-failed", "node-suspected")} - {f"node/{victim}"}
    run.add(f"{label}_wrong_suspects", "", "muster", [len(wrong)], AtMost("max", 0))
    for name in UNMOVED:
        moved = sum(one.get(name, 0) - before[node].get(name, 0) for node, one in after.items())
        run.add(f"{label}_{name.split('_')[2]}", "", "muster", [moved], AtMost("max", 0))
    # One election: the one after the coordinator's death.
    terms = [max(one.get("muster_raft_term", 0) for one in side.values()) for side in (before, after)]
    run.add(f"{label}_elections", "", "muster", [terms[1] - terms[0]], AtMost("max", 1))
    # A heartbeat comes every 150 ms, and a probe is answered within 200.
    lags = [worst_lag(before[node]["lag"], one["lag"]) for node, one in after.items()]
    run.add(f"{label}_worst_lag_bucket", "s", "muster", [max(lags)], AtMost("max", 0.1))


def hammer(node, stop, counts):
    """Scrapes until told to stop; a node that dies is none of its business."""
    done = 0
    connection = http.client.HTTPConnection(node.address, harness.HTTP, timeout=10)
    while not stop.is_set():
        try:
            connection.request("GET", "/metrics")
            connection.getresponse().read()
            done += 1
        except (OSError, http.client.HTTPException):
            connection.close()
            if not node.alive():
                break
    counts.append(done)


def lag_buckets(text):
    """Of muster_loop_lag_seconds: by its upper bound, how often the loop was late by as much at most."""
    lines = [line for line in text.splitlines() if line.startswith("muster_loop_lag_seconds_bucket")]
    return {float(line.split('"')[1]): float(line.rsplit(" ", 1)[1]) for line in lines}


def worst_lag(before, after):
    """The upper bound of the highest bucket that something fell into meanwhile."""
    highest, below = 0.0, 0.0
    for bound in sorted(after):
        count = after[bound] - before.get(bound, 0)
        if count > below:
            highest, below = bound, count
    return highest


MODES = {"some": some, "all": every, "memory": memory, "history": history, "storm": storm}


def measure(say, trials, only_modes):
    run = Run(say, trials)
    try:
        for name in only_modes or MODES:
            MODES[name](run)
    except (harness.Failure, harness.Broken) as problem:
        return run.duel, problem
    return run.duel, None
