"""Does the cluster heal when nodes die, and does it stay calm when they come back?"""
import cluster as harness
from shared import ClusterCase


class NodeDeath(ClusterCase):
    def heal(self, *victims):
        """Kills these nodes and waits until every wanted copy is ready on the others."""
        cluster = self.cluster
        since = cluster.last_event()
        cluster.kill_node(*victims)
        # SIGKILL is sent, not yet obeyed: a process is seen until the kernel has ended it.
        cluster.wait_for(lambda: not any(p.node in victims for p in cluster.processes("web")),
                         f"what ran on {victims} to be gone", 5, 0.002)

        def healed():
            ready = [one for one in cluster.instances("web") if one["phase"] == "ready"]
            places = {one["node"] for one in ready}
            return len(ready) == self.wanted and not places & set(victims) and \
                len(cluster.processes("web")) == self.wanted
        cluster.wait_for(healed, f"web to be whole without {victims}", 15, 0.02)
        for victim in victims:
            cluster.wait_event("node-failed", since, f"node/{victim}")
        kinds = [event["kind"] for event in cluster.events(since)]
        for kind in ("placed", "instance-starting", "instance-ready"):
            self.assertIn(kind, kinds)
        return since

    def come_back(self, *victims):
        """Restarts the nodes; never fewer ready copies than wanted, in the end just as many."""
        cluster = self.cluster
        with harness.Sampler(cluster, "web") as sampler:
            cluster.start(*victims)
            cluster.wait_whole(20)
            # Long enough for a second opinion: whatever would be started late starts by then.
            members = len(sampler.samples) + 100
            harness.wait_for(lambda: len(sampler.samples) >= members, "100 more samples", 20)
        self.assertGreaterEqual(sampler.fewest_ready(), self.wanted)
        self.assertEqual(len(cluster.processes("web")), self.wanted)
        self.assertTrue(cluster.whole())

    def start_web(self):
        # Two copies may share a node after a death, so the port cannot be the same for all: one
        # workload of three copies leaves two nodes free instead.
        self.wanted = 3
        self.run_web(replicas=self.wanted)

    def test_a_dead_workers_copies_start_elsewhere_and_its_return_doubles_nothing(self):
        self.start_web()
        victim = self.worker_with()
        self.heal(victim)
        self.come_back(victim)

    def test_a_dead_coordinators_copies_start_elsewhere_under_another_coordinator(self):
        self.start_web()
        first = self.cluster.coordinator()
        since = self.cluster.last_event()
        self.cluster.kill_node(first)
        second = self.cluster.wait_for(self.cluster.coordinator, "another coordinator", 10)
        self.assertNotEqual(first, second)
        self.cluster.wait_event("node-failed", since, f"node/{first}")
        self.cluster.wait_event("coordinator-elected", since, f"node/{second}")
        self.cluster.wait_for(lambda: self.cluster.settled("web") and
                              first not in self.nodes_of(), "web to be whole again", 15, 0.02)
        self.come_back(first)

    def test_the_coordinator_and_a_worker_may_die_at_once(self):
        self.start_web()
        coordinator = self.cluster.coordinator()
        self.heal(coordinator, self.worker_with(besides=[coordinator]))
        self.come_back(*[node.name for node in self.cluster.nodes.values() if not node.alive()])

    def test_an_agent_that_was_given_up_returns_and_no_copy_ends_before_enough_are_ready(self):
        """Its copies lived on, so that there are too many of them for a while."""
        self.start_web()
        victim = self.worker_with()
        since = self.cluster.last_event()
        self.cluster.kill_agent(victim)
        self.cluster.wait_event("node-failed", since, f"node/{victim}")
        self.cluster.wait_for(lambda: len(self.cluster.processes("web")) == self.wanted + 1,
                              "the copy besides the unseen one", 15, 0.02)
        self.come_back(victim)
