"""What happens when a node's disk is full? Nothing is lost, it is said, and room mends it."""
import os
import subprocess
import unittest

import cluster as harness

ROOM = "4m"


class FullDisk(unittest.TestCase):
    """Every node keeps its data on a small file system of its own."""

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("only root can mount a small file system")
        self.cluster = harness.Cluster(masters=3, workers=2, label="full")
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

    def test_a_coordinator_with_a_full_disk_hands_over_and_no_acknowledged_write_is_lost(self):
        cluster = self.cluster
        full = cluster.coordinator()
        since = cluster.last_event()
        self.fill(full)
        # Whoever coordinates now: the two others can keep what this one cannot.
        applied = [f"one{number}" for number in range(3)]
        for name in applied:
            cluster.apply(cluster.spec(name, replicas=1, command=["sleep", "1000"], port=None,
                                       readiness=None, liveness=None,
                                       constraints=[f"node != {full}"]))
        cluster.wait_for(lambda: cluster.coordinator() not in (None, full),
                         "another master to coordinate", 20, 0.02)
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
