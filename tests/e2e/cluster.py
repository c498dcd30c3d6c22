"""How do tests, the demo and the benchmarks run real agents? As a Cluster of processes on loopback.

Each node has an address of its own in 127.0.0.0/8, a data directory and a log file; nothing is
shared with another cluster on the machine, so runs may go in parallel. What a cluster started is
found again by its unique name in the environment (MUSTER_CLUSTER) and is gone after close().

MUSTER_BINARY chooses the agent, MUSTER_HELLO the service, MUSTER_TIME_SCALE stretches every
deadline (sanitizers), MUSTER_KEEP_LOGS=1 leaves the work directory behind.
"""
import atexit
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from system import (GOSSIP, HTTP, ROOT, RPC, SCALE, Broken, Failure, binary, free_network, pause,
                    pids, process_of, processes, request, send, use_binaries, wait_for)

__all__ = ["GOSSIP", "HTTP", "ROOT", "RPC", "SCALE", "Broken", "Cluster", "Failure", "Node",
           "Sampler", "binary", "close_all", "pause", "pids", "process_of", "processes", "request",
           "send", "use_binaries", "wait_for"]

FINDINGS = re.compile(
    r"ERROR: \w*Sanitizer|WARNING: ThreadSanitizer|runtime error: |invariant broken")


class Node:
    def __init__(self, name, address, master, zone, directory):
        self.name, self.address, self.master, self.zone = name, address, master, zone
        self.directory = directory
        self.config = directory / "muster.yaml"
        self.data = directory / "data"
        self.log = directory / "agent.log"
        self.agent = None  # Popen of the running agent
        self.wanted = False  # it was started, and nobody has ended it since

    def alive(self):
        return self.agent is not None and self.agent.poll() is None

    def __repr__(self):
        return self.name


class Cluster:
    """masters + workers nodes n1..nN; start() runs them all. Use it as a context manager."""
    opened = []  # of this process, for atexit and for findings()

    def __init__(self, masters=3, workers=2, receivers=(), label="e2e", group_wait="100ms"):
        self.binary = binary("muster", "MUSTER_BINARY")
        self.hello = binary("muster-hello", "MUSTER_HELLO")
        self.network = free_network()
        self.name = f"{label}-{os.getpid()}-{free_network.count}-{time.time_ns() % 16**8:x}"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"muster-{label}-"))
        self.receivers = list(receivers)
        self.group_wait = group_wait
        self.nodes = {}
        self.findings = []
        self.master_count = masters
        for i in range(1, masters + workers + 1):
            folder = self.directory / f"n{i}"
            folder.mkdir()
            self.nodes[f"n{i}"] = Node(f"n{i}", f"{self.network}{i}", i <= masters,
                                       "abc"[(i - 1) % 3], folder)
        for node in self.nodes.values():
            node.config.write_text(self.config_text(node))
        Cluster.opened.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def masters(self):
        return [node for node in self.nodes.values() if node.master]

    def config_text(self, node, **changes):
        """The agent's configuration; `changes` replace name, masters, data_dir, listen, cluster."""
        masters = changes.get("masters", [(m.name, m.address) for m in self.masters()])
        lines = [
            f"cluster: {changes.get('cluster', self.name)}",
            "node:",
            f"  name: {changes.get('name', node.name)}",
            f"  zone: {node.zone}",
            f"  labels: {{role: {'master' if node.master else 'worker'}}}",
            f"  address: {changes.get('listen', node.address)}",
            f"data_dir: {changes.get('data_dir', node.data)}",
            "listen:",
            f"  address: {changes.get('listen', node.address)}",
            f"  gossip_port: {GOSSIP}",
            f"  rpc_port: {RPC}",
            f"  http_port: {HTTP}",
            "join:",
            *[f"  - {m.address}:{GOSSIP}" for m in self.masters()],
            "masters:",
            *[f"  - {{name: {name}, rpc: \"{address}:{RPC}\"}}" for name, address in masters],
        ]
        if self.receivers:
            lines += ["alerts:", f"  group_wait: {self.group_wait}", "  group_interval: 500ms",
                      "  receivers:"]
            for name, url in self.receivers:
                lines.append(f"    - {{name: {name}, url: \"{url}\"}}")
        return "\n".join(lines) + "\n"

    # --- processes ---------------------------------------------------------------------------
    def environment(self):
        return {key: value for key, value in os.environ.items() if not key.startswith("MUSTER_")}

    def command(self, node):
        return [self.binary, "agent", "-c", node.config]

    def start(self, *names):
        """Starts the agents named, or all, and returns at once."""
        for node in [self.nodes[name] for name in names] or self.nodes.values():
            if node.alive():
                continue
            with open(node.log, "ab") as log:
                node.agent = subprocess.Popen(
                    self.command(node), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    env=self.environment(), cwd=node.directory, start_new_session=True)
            node.wanted = True
        return self

    def stop(self, name, timeout=10.0):
        """SIGTERM to the agent; its exit status."""
        node = self.nodes[name]
        node.wanted = False
        send(node.agent.pid, signal.SIGTERM)
        try:
            return node.agent.wait(timeout * SCALE)
        except subprocess.TimeoutExpired:
            raise Failure(f"the agent of {name} still runs {timeout * SCALE:g} s after SIGTERM\n"
                          + self.tail(name)) from None

    def kill_agent(self, name):
        """SIGKILL to the agent alone: its workloads live on."""
        self.nodes[name].wanted = False
        self.nodes[name].agent.kill()
        self.nodes[name].agent.wait()

    def kill_node(self, *names):
        """The death of nodes: SIGKILL to their agents and to all that they run, at once.

        Returns (monotonic, unix) seconds of the moment before the first signal.
        """
        groups = {process.group for process in self.processes() if process.node in names}
        agents = [self.nodes[name].agent.pid for name in names]
        for name in names:
            self.nodes[name].wanted = False
        at = time.monotonic(), time.time()
        for pid in agents:
            send(pid, signal.SIGKILL)
        for group in groups:
            send(group, signal.SIGKILL, group=True)
        for name in names:
            self.nodes[name].agent.wait()
        # What an agent started between the look and the blow.
        for process in self.processes():
            if process.node in names:
                send(process.group, signal.SIGKILL, group=True)
        return at

    def restart(self, *names):
        self.start(*names)

    def processes(self, workload=None, node=None):
        """Live workload processes, one for each process group."""
        found = {}
        for process in processes(self.name):
            if workload in (None, process.workload) and node in (None, process.node):
                found.setdefault(process.group, process)
        return list(found.values())

    def close(self):
        """Ends the agents, then everything that they left running. Idempotent."""
        if self not in Cluster.opened:
            return
        Cluster.opened.remove(self)
        graceful = SCALE > 1  # a sanitizer reports leaks only when a process ends by itself
        running = [node for node in self.nodes.values() if node.alive()]
        for node in running:
            send(node.agent.pid, signal.SIGTERM if graceful else signal.SIGKILL)
        for node in running:
            try:
                node.agent.wait(10 * SCALE if graceful else 5)
            except subprocess.TimeoutExpired:
                self.findings.append(f"{self.name}/{node}: still ran long after SIGTERM")
                node.agent.kill()
                node.agent.wait()
        deadline = time.monotonic() + 5
        while (left := processes(self.name)) and time.monotonic() < deadline:
            for process in left:
                send(process.group, signal.SIGKILL, group=True)
            pause(0.01)
        for node in self.nodes.values():
            if node.log.exists():
                text = node.log.read_text(errors="replace")
                if found := FINDINGS.search(text):
                    self.findings.append(f"{self.name}/{node}:\n{text[found.start():][:6000]}")
        Cluster.all_findings += self.findings
        if os.environ.get("MUSTER_KEEP_LOGS"):
            print(f"logs: {self.directory}", file=sys.stderr)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    all_findings = []

    def tail(self, *names, lines=12):
        """The last lines of the logs of these nodes, or of all."""
        parts = []
        for name in names or self.nodes:
            node = self.nodes[name]
            text = node.log.read_text(errors="replace") if node.log.exists() else "(no log)"
            state = "running" if node.alive() else f"status {node.agent and node.agent.returncode}"
            parts.append("\n".join([f"--- {name} ({state}) {node.log}",
                                    *text.splitlines()[-lines:]]))
        return "\n".join(parts)

    def wait_for(self, condition, what, timeout=10.0, every=0.005):
        def checked():
            for node in self.nodes.values():
                if node.wanted and not node.alive():
                    node.wanted = False
                    raise Broken(f"while waiting for {what}: the agent of {node} ended by itself\n"
                                 + self.tail(node.name, lines=40))
            return condition()
        return wait_for(checked, what, timeout, every, lambda: self.summary() + self.tail())

    def summary(self):
        """Nodes and instances as the cluster sees them, for the text of a failure."""
        try:
            status, workloads = self.status(), self.workloads()
            lines = [f"status: {status}"]
            lines += [f"node: {node}" for node in self.node_records().values()]
            for workload in workloads.values():
                head = {key: value for key, value in workload.items() if key != "instances"}
                lines += [f"workload: {head}", *[f"  {one}" for one in workload["instances"]]]
        except (OSError, KeyError, ValueError, Failure) as problem:
            lines = [f"the cluster does not answer: {problem!r}"]
        lines += [f"process: {process}" for process in self.processes()]
        return "\n".join(lines) + "\n"

    # --- the API ------------------------------------------------------------------------------
    def get(self, path, node=None, timeout=2.0):
        """JSON of a 200 answer: of one node, or of the first running one that gives it."""
        candidates = [self.nodes[node]] if node else self.nodes.values()
        last = "no agent runs"
        for candidate in candidates:
            if not candidate.alive() and not node:
                continue
            try:
                answer = request(candidate.address, "GET", path, timeout=timeout)
            except OSError as problem:
                last = problem
                continue
            if answer.status == 200:
                return json.loads(answer.body)
            last = f"{answer.status} {answer.body[:300]!r}"
        raise Failure(f"GET {path} at {node or 'any node'}: {last}")

    def status(self, node=None):
        return self.get("/v1/status", node)

    def coordinator(self):
        """The node that a quorum follows: the newest term that a running master speaks of."""
        best = (0, "")
        for master in self.masters():
            if not master.alive():
                continue
            try:
                status = self.status(master.name)
            except (OSError, Failure):
                continue
            name = status.get("coordinator") or ""
            if status.get("quorum") and name in self.nodes and self.nodes[name].alive():
                best = max(best, (status["term"], name))
        if not best[1]:
            raise Failure("no coordinator")
        return best[1]

    def members(self, node=None):
        return {item["name"]: item for item in self.get("/v1/members", node)["members"]}

    def node_records(self, node=None):
        return {item["name"]: item for item in self.get("/v1/nodes", node)["nodes"]}

    def workloads(self, node=None):
        return {item["name"]: item for item in self.get("/v1/workloads", node)["workloads"]}

    def workload(self, name):
        return self.workloads(self.coordinator())[name]

    def instances(self, name):
        """Placed copies that are not given up: neither lost nor stopped."""
        return [one for one in self.workload(name)["instances"]
                if not one.get("lost") and one["phase"] not in ("stopping", "stopped")]

    def events(self, since=0):
        """Events after `since`, oldest first, as the coordinator has them."""
        found = self.get(f"/v1/events?since={since}", self.coordinator())["events"]
        return [event for event in found if event["sequence"] > since]

    def last_event(self):
        return max([event["sequence"] for event in self.events()], default=0)

    def wait_event(self, kind, since, subject=None, text="", timeout=10.0):
        def found():
            for event in self.events(since):
                if event["kind"] == kind and subject in (None, event["subject"]) and \
                        text in event["text"]:
                    return event
            return None
        what = f"event {kind} of {subject or 'anything'} {text}"
        return self.wait_for(found, what, timeout, 0.02)

    def apply(self, spec, timeout=5.0):
        """POSTs a spec until a master takes it; raises Failure at once when it is refused."""
        def accepted():
            answer = request(self.nodes[self.coordinator()].address, "POST", "/v1/workloads", spec)
            if 400 <= answer.status < 500:
                raise Broken(f"refused: {answer.status} {answer.body.decode()}")
            return answer.status in (200, 201, 202)
        self.wait_for(accepted, "the spec to be accepted", timeout, 0.02)

    def remove(self, name):
        """Stops a workload and waits until nothing of it runs and nobody speaks of it."""
        def gone():
            answer = request(self.nodes[self.coordinator()].address, "DELETE",
                             f"/v1/workloads/{name}")
            return answer.status in (200, 202, 204, 404)
        self.wait_for(gone, f"workload {name} to be stopped", 10, 0.02)
        self.wait_for(lambda: not self.processes(name) and not self.workloads().get(
            name, {}).get("instances"), f"nothing of {name} to run", 20, 0.02)

    def muster(self, *arguments, node="n1", timeout=15.0, **options):
        """Runs the command line against a node; never raises for its exit status."""
        address = ["--address", f"{self.nodes[node].address}:{HTTP}"] if node else []
        return subprocess.run([self.binary, *address, *map(str, arguments)], capture_output=True,
                              text=True, timeout=timeout * SCALE, stdin=subprocess.DEVNULL,
                              env=self.environment(), **options)

    # --- conditions ---------------------------------------------------------------------------
    def settled(self, name):
        """True when as many copies run as are wanted, all ready, and no other process of it.

        A copy on a dead node stays on record as lost until the node is back; it counts for nothing.
        """
        workload = self.workload(name)
        copies = [one for one in workload["instances"]
                  if not one["lost"] or self.nodes[one["node"]].alive()]
        ready = [one for one in copies if one["phase"] == "ready"]
        return workload["ready"] == workload["wanted"] == len(ready) == len(copies) == \
            len(self.processes(name))

    def whole(self, workloads=True):
        """True when every node is alive for all, and every workload (unless not asked) settled."""
        names = set(self.nodes)
        coordinator = self.coordinator()
        records = self.node_records(coordinator)
        if {name for name, one in records.items() if one["state"] == "alive"} != names:
            return False
        for name in names:
            alive = {m["name"] for m in self.members(name).values() if m["state"] == "alive"}
            if alive != names:
                return False
        return not workloads or all(map(self.settled, self.workloads(coordinator)))

    def wait_whole(self, timeout=30.0, workloads=True):
        self.wait_for(lambda: self.whole(workloads),
                      "every node alive and every workload settled", timeout, 0.05)
        return self

    def restore(self, timeout=30.0):
        """Brings back every dead agent, stops every workload, waits until the cluster is whole."""
        self.start()
        self.wait_for(self.coordinator, "a coordinator", timeout, 0.02)
        for name in list(self.workloads(self.coordinator())):
            self.remove(name)
        return self.wait_whole(timeout)

    def spec(self, name="web", replicas=3, port=8080, arguments=(), **keys):
        """The YAML of a workload that runs the hello service; `keys` replace or add lines.

        A value is written as JSON, which is YAML; None leaves a key out.
        """
        fields = {
            "name": name,
            "replicas": replicas,
            "driver": "process",
            "command": [str(self.hello), *map(str, arguments)],
            "port": port,
            "resources": {"cpu": "50m", "memory": "16MiB"},
            "restart": {"policy": "always", "initialDelay": "200ms", "maxDelay": "2s"},
            "readiness": {"httpGet": {"path": "/readyz"}, "periodSeconds": 0.1},
            "liveness": {"httpGet": {"path": "/healthz"}, "periodSeconds": 0.2,
                         "failureThreshold": 2},
            "stopGracePeriod": "2s",
        }
        fields.update(keys)
        return "".join(f"{key}: {json.dumps(value)}\n" for key, value in fields.items()
                       if value is not None)


class Sampler:
    """Watches, from outside, how many copies of a workload run and answer that they are ready."""

    def __init__(self, cluster, workload, port=8080):
        self.cluster, self.workload, self.port = cluster, workload, port
        self.samples = []  # (monotonic, nodes with a process, nodes that answer /readyz with 200)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        while not self.ended.is_set():
            running = [process.node for process in self.cluster.processes(self.workload)]
            ready = []
            for node in running:
                try:
                    answer = request(self.cluster.nodes[node].address, "GET", "/readyz",
                                     port=self.port, timeout=1)
                    if answer.status == 200:
                        ready.append(node)
                except OSError:
                    pass
            self.samples.append((time.monotonic(), running, ready))
            self.ended.wait(0.01)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def most_running(self):
        return max(len(running) for _, running, _ in self.samples)

    def fewest_ready(self):
        return min(len(ready) for _, _, ready in self.samples)


def close_all():
    for cluster in list(Cluster.opened):
        cluster.close()


atexit.register(close_all)
for ending in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(ending, lambda number, _: sys.exit(128 + number))
