"""What does a scrape of the node's metrics cost? muster and node_exporter in turn, the same collectors.

some      the eleven collectors that most dashboards live of
all       every collector that both have and run by default
memory    what the collectors add to an agent that nobody has scraped yet
history   what keeping the past costs an agent: processor and disk
storm     100 scrapes at a time of each of five agents while a node of theirs dies: who was late by it?
"""
import http.client
import json
import pathlib
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
STORM, STORM_SECONDS = 100, 6.0
HISTORY_QUIET, HISTORY_WATCH = 15.0, 60.0


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
            one = agent(f"{run.network}1", directory, {}, f"m{trial}")
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
        finally:
            on.stop()
            off.stop()


def storm(run):
    for scraped in (False, True):
        with harness.Cluster(label="bench") as cluster:
            cluster.start().wait_whole(30)
            stop = threading.Event()
            counts = []
            threads = []
            if scraped:
                for node in cluster.nodes.values():
                    for _ in range(STORM // len(cluster.nodes)):
                        threads.append(threading.Thread(target=hammer, args=(node, stop, counts)))
            for thread in threads:
                thread.start()
            harness.pause(1)
            seen = cluster.last_event()
            victim = cluster.coordinator()
            at, _ = cluster.kill_node(victim)
            cluster.wait_event("node_failed", seen, victim, timeout=20)
            detected = time.monotonic() - at
            harness.pause(STORM_SECONDS)
            stop.set()
            for thread in threads:
                thread.join()
            label = "storm" if scraped else "calm"
            wrong = {event["subject"] for event in cluster.events(seen)
                     if event["kind"] in ("node_failed", "node_suspect")} - {victim}
            run.add(f"{label}_detected", "s", "muster", [detected])
            run.add(f"{label}_wrong_suspects", "", "muster", [len(wrong)], AtMost("max", 0))
            run.add(f"{label}_worst_lag_bucket", "s", "muster",
                    [max(worst_lag(node) for node in cluster.nodes.values() if node.alive())],
                    AtMost("max", 0.25))
            if scraped:
                run.add("storm_scrapes", "", "muster", [sum(counts)])


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


def worst_lag(node):
    """The upper bound of the highest bucket of muster_loop_lag_seconds that is not empty."""
    text = harness.request(node.address, "GET", "/metrics", timeout=10).body.decode()
    highest, before = 0.0, 0.0
    for line in text.splitlines():
        if line.startswith("muster_loop_lag_seconds_bucket"):
            bound, count = line.split('"')[1], float(line.rsplit(" ", 1)[1])
            if count > before:
                highest, before = float(bound), count
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
