"""How long until another master accepts a write when the coordinator's node dies?"""
import time

import cluster as harness

LIMIT = 20.0


def first_accepted(cluster, spec, at):
    """POSTs to the surviving masters in turn until one says 2xx; seconds since `at`."""
    while time.monotonic() < at + LIMIT:
        for master in cluster.masters():
            if not master.alive():
                continue
            try:
                answer = harness.request(master.address, "POST", "/v1/workloads", spec, timeout=1)
                if answer.status in (200, 201, 202):
                    return time.monotonic() - at
                last = f"{master}: {answer.status} {answer.body[:200]!r}"
            except OSError as problem:
                last = f"{master}: {problem!r}"
        harness.pause(0.005)
    raise harness.Failure(f"no master accepted a write within {LIMIT:g} s; last {last}\n"
                          + cluster.summary() + cluster.tail())


def run(figures, trials, say):
    with harness.Cluster(label="bench") as cluster:
        cluster.start().wait_whole(30)
        for number in range(trials):
            coordinator = cluster.coordinator()
            # Another value each time, so that it is a write and no repetition; and for no node, so
            # that nothing but the write is measured.
            spec = cluster.spec("none", replicas=1, constraints=["zone == nowhere"],
                                env={"TRIAL": str(number)})
            at, _ = cluster.kill_node(coordinator)
            took = first_accepted(cluster, spec, at)
            figures.add("coordinator_killed_to_write_accepted", "s", took, median=0.9)
            say(f"coordinator {number + 1}/{trials}: {coordinator} {took:.3f}")
            cluster.start(coordinator)
            cluster.wait_whole(30, workloads=False)
