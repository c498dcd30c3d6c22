"""How long until a replacement runs when a node dies? By the harness's clock, from outside.

started: the replacement's process exists. ready: it answers GET /readyz on its port with 200.
"""
import time

import cluster as harness

LIMIT = 20.0


def prepare(cluster):
    cluster.apply(cluster.spec("web", replicas=3, port=8080))
    cluster.wait_whole(30)


def watch(cluster, known, wanted, started_at):
    """Waits for `wanted` new processes of web; (started, ready) of the last, in seconds."""
    started, ready, found = None, None, {}
    deadline = started_at + LIMIT
    while time.monotonic() < deadline:
        if len(found) < wanted:
            # Only ids that were not there before: reading all of /proc would disturb the agents.
            for pid in harness.pids() - known:
                name, process = harness.process_of(pid) or ("", None)
                if name == cluster.name and process.workload == "web" and \
                        str(cluster.hello) in process.command:
                    found.setdefault(process.group, process)
            if len(found) == wanted:
                started = time.monotonic() - started_at
        if len(found) == wanted:
            waiting = [p for p in found.values() if not answers(cluster, p)]
            if not waiting:
                ready = time.monotonic() - started_at
                return started, ready
        harness.pause(0.002)
    raise harness.Failure(f"{len(found)} of {wanted} replacements within {LIMIT:g} s\n"
                          + cluster.summary() + cluster.tail())


def answers(cluster, process):
    try:
        return harness.request(cluster.nodes[process.node].address, "GET", "/readyz", port=8080,
                               timeout=0.2).status == 200
    except OSError:
        return False


def trial(cluster, victims):
    lost = sum(process.node in victims for process in cluster.processes("web"))
    known = harness.pids()
    at, _ = cluster.kill_node(*victims)
    started, ready = watch(cluster, known, lost, at)
    cluster.start(*victims)
    cluster.wait_whole(30)
    return started, ready


def holders(cluster, masters):
    """Nodes that run web and do not coordinate: masters, or those that are none."""
    coordinator = cluster.coordinator()
    running = sorted({process.node for process in cluster.processes("web")})
    return [name for name in running
            if name != coordinator and cluster.nodes[name].master == masters]


def worker_with_web(cluster):
    """A worker that runs a copy. When only masters do, one of them loses its own first."""
    while not holders(cluster, masters=False):
        trial(cluster, holders(cluster, masters=True)[:1])
    return holders(cluster, masters=False)[0]


def run(figures, trials, say):
    with harness.Cluster(label="bench") as cluster:
        cluster.start().wait_whole(30)
        prepare(cluster)
        for number in range(trials):
            victim = worker_with_web(cluster)
            started, ready = trial(cluster, [victim])
            figures.add("worker_killed_to_started", "s", started, median=1.2, p99=2.5)
            figures.add("worker_killed_to_ready", "s", ready)
            say(f"worker {number + 1}/{trials}: {victim} started {started:.3f} ready {ready:.3f}")
        for number in range(trials):
            coordinator = cluster.coordinator()
            victim = worker_with_web(cluster)
            started, ready = trial(cluster, [coordinator, victim])
            name = "coordinator_and_worker_killed_to_"
            figures.add(name + "started", "s", started, median=2.0, p99=4.0)
            figures.add(name + "ready", "s", ready)
            say(f"both {number + 1}/{trials}: {coordinator}+{victim} started {started:.3f} "
                f"ready {ready:.3f}")
