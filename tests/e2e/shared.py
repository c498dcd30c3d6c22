"""Which cluster do the test classes share? Five agents, three of them masters, and a receiver."""
import unittest

import cluster as harness
from receiver import Receiver

five = None
receiver = None


def shared_cluster():
    """The running cluster, whole and with no workloads; a new one when that is beyond repair."""
    global five, receiver
    if five is not None:
        try:
            return five.restore(20)
        except Exception as problem:  # a test left it broken: say so, and spare the others
            print(f"the shared cluster did not recover: {problem}", flush=True)
            five.close()
            five = None
    if receiver is None:
        receiver = Receiver()
    five = harness.Cluster(masters=3, workers=2, receivers=[("hook", receiver.url)])
    five.start()
    return five.wait_whole(30)


def close():
    global five, receiver
    if five is not None:
        five.close()
    if receiver is not None:
        receiver.close()
    five = receiver = None


class ClusterCase(unittest.TestCase):
    """A test on the shared cluster; each begins with a whole cluster without workloads."""

    def setUp(self):
        self.cluster = shared_cluster()
        self.receiver = receiver

    def run_web(self, **keys):
        """Applies the hello service as `web` and waits until all its copies are ready."""
        self.cluster.apply(self.cluster.spec(**keys))
        self.cluster.wait_for(lambda: self.cluster.settled(keys.get("name", "web")),
                              "web to be ready", 20, 0.02)

    def nodes_of(self, workload="web"):
        return sorted(process.node for process in self.cluster.processes(workload))

    def worker_with(self, workload="web", besides=()):
        """A node that runs the workload and is no master, or at least not the coordinator.

        With `besides` somebody else dies too: then only nodes that are no masters are taken, also
        idle ones, so that a quorum stays.
        """
        workers = [node.name for node in self.cluster.nodes.values() if not node.master]
        if besides:
            return next((name for name in workers if name in self.nodes_of(workload)), workers[0])
        names = list(self.nodes_of(workload))
        names.sort(key=lambda name: self.cluster.nodes[name].master)
        for name in names:
            if name != self.cluster.coordinator():
                return name
        self.fail(f"no node but the coordinator's runs {workload}")
        return None
