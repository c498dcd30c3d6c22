"""What happens when a node's disk is full? Nothing is lost, it is said, and room mends it."""
import os
import subprocess
import threading
import time
import unittest

import cluster as harness

ROOM = "4m"


class SmallDisks(unittest.TestCase):
    """Every node keeps its data on a small file system of its own."""
    masters, workers = 3, 2

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("only root can mount a small file system")
        self.cluster = harness.Cluster(masters=self.masters, workers=self.workers, label="full")
        self.addCleanup(self.tear_down)
        self.mounted = []
        for node in self.cluster.nodes.values():
            node.data.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", node.data],
                           check=True)
            self.mounted.append(node.data)
        self.cluster.start().wait_whole(30)

    def tear_down(self):
        for path in self.mounted:
            subprocess.run(["umount", "-l", path], check=True)
        self.cluster.close()

    def fill(self, name):
        """Until not one more byte fits."""
        with open(self.cluster.nodes[name].data / "filler", "wb", buffering=0) as filler:
            for size in (1 << 16, 512, 1):
                try:
                    while filler.write(b"x" * size):
                        pass
                except OSError:
                    pass

    def free(self, name):
        (self.cluster.nodes[name].data / "filler").unlink()


class FullDisk(SmallDisks):
    def test_a_coordinator_with_a_full_disk_hands_over_and_no_acknowledged_write_is_lost(self):
        cluster = self.cluster
        full = cluster.coordinator()
        since = cluster.last_event()
        self.fill(full)
        # Whoever coordinates now: the two others can keep what this one cannot.
        applied = [f"one{number}" for number in range(3)]

        def apply():
            for name in applied:
                cluster.apply(cluster.spec(name, replicas=1, command=["sleep", "1000"], port=None,
                                           readiness=None, liveness=None,
                                           constraints=[f"node != {full}"]), 20)
        began = time.monotonic()
        applying = threading.Thread(target=apply)
        applying.start()
        self.addCleanup(applying.join)
        cluster.wait_for(lambda: cluster.coordinator() not in (None, full),
                         "another master to coordinate", 20, 0.02)
        self.assertLess(time.monotonic() - began, 2 * harness.SCALE)
        applying.join()
        self.assertTrue(cluster.status(full)["disk_failing"])
        self.assertIn("disk is full", cluster.nodes[full].log.read_text())
        for name in applied:
            cluster.wait_for(lambda name=name: cluster.workload(name)["running"] == 1,
                             f"{name} to run", 20, 0.02)
        self.free(full)
        cluster.wait_for(lambda: not cluster.status(full)["disk_failing"],
                         "the disk to be well again", 20, 0.02)
        cluster.wait_for(lambda: cluster.status(full)["index"] == cluster.status()["index"],
                         "the master to have caught up", 20, 0.02)
        self.assertEqual(sorted(cluster.workloads(full)), sorted(applied))
        self.assertTrue(cluster.events(since))

    def test_an_agent_that_cannot_write_what_it_runs_starts_nothing_and_says_so(self):
        cluster = self.cluster
        worker = "n5"
        self.fill(worker)
        cluster.apply(cluster.spec("web", replicas=1, constraints=[f"node == {worker}"]))

        def refused():
            return any("not started" in one["why"] for one in cluster.instances("web"))
        cluster.wait_for(refused, "the copy to be held back", 20, 0.02)
        self.assertFalse(cluster.processes("web"))
        address = cluster.nodes[worker].address

        def ready():
            return harness.request(address, "GET", "/readyz").status
        # The coordinator may hear of it before the agent's own pages show it.
        cluster.wait_for(lambda: ready() == 503, "the agent to call itself not ready", 5, 0.02)
        self.free(worker)
        cluster.wait_for(lambda: cluster.settled("web"), "the copy to run", 20, 0.02)
        cluster.wait_for(lambda: ready() == 200, "the agent to be ready again", 5, 0.02)


class LonelyFullDisk(SmallDisks):
    masters, workers = 1, 0

    def put(self, timeout=10.0):
        return harness.request(self.cluster.nodes["n1"].address, "PUT", "/v1/kv/a", "1",
                               timeout=timeout)

    def test_where_nobody_can_take_over_a_change_is_refused_at_once_and_the_disk_is_named(self):
        cluster = self.cluster
        self.assertEqual(self.put().status, 200)
        self.fill("n1")
        first = threading.Thread(target=self.put)  # nobody can know what becomes of this one
        first.start()
        self.addCleanup(first.join)
        cluster.wait_for(lambda: cluster.status("n1")["disk_failing"], "the disk to fail", 5, 0.02)
        cluster.wait_for(lambda: self.put(0.5).status == 503, "changes to be refused", 5, 0.02)
        began = time.monotonic()
        refused = self.put()
        self.assertLess(time.monotonic() - began, 1)
        self.assertEqual(refused.status, 503)
        for words in (b"nothing was changed", b"log of n1 cannot be written", b"is full",
                      b"make room"):
            self.assertIn(words, refused.body)
        self.free("n1")
        cluster.wait_for(lambda: self.put().status == 200, "changes to be taken", 10, 0.02)
