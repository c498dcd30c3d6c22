"""What does `muster why node` tell about a node that died, and about one that never was?"""
import json
import signal

import cluster as harness
from shared import ClusterCase

FAILED = ("accused by n", "last heard from it at ", "own ping sent at ")


class WhyNode(ClusterCase):
    def why(self, name, node):
        done = self.cluster.muster("--output", "json", "why", "node", name, node=node)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def newest(self, name, kind, node, since):
        """The newest event of this kind after `since` (milliseconds), or None."""
        found = [event for event in self.why(name, node)["events"]
                 if event["kind"] == kind and event["at_ms"] >= since]
        return found[-1] if found else None

    def test_a_killed_node_is_explained_by_accuser_confirmers_and_own_probe(self):
        cluster = self.cluster
        victim = self.worker()
        survivors = [name for name in cluster.nodes if name != victim]
        _, at = cluster.kill_node(victim)
        since = int(at * 1000) - 5
        events = {}
        for node in survivors:
            events[node] = cluster.wait_for(lambda: self.newest(victim, "failed", node, since),
                                            f"{node} to tell that {victim} failed", 15, 0.05)
        for node, event in events.items():
            self.assertIn(event["accuser"], survivors)
            self.assertLessEqual(set(event["confirmers"]), set(survivors))
            self.assertEqual(event["incarnation"], event["incarnation_before"])
            why = self.why(victim, node)
            self.assertEqual(why["state"], "failed")
            self.assertEqual(why["agent"], node)
            suspected = self.newest(victim, "suspected", node, since)
            if suspected:  # else it heard of the failure first
                self.assertLessEqual(suspected["at_ms"], event["at_ms"])
            decided = why["cluster_events"]
            if cluster.nodes[node].master:
                self.assertIn("node-failed", [one["kind"] for one in decided])
            else:
                self.assertIsNone(decided)
        # Whoever accused had sent something, and says so.
        self.assertTrue(any(event["confirmers"] for event in events.values()), events)
        accusers = {event["accuser"] for event in events.values()}
        for node in accusers:
            probe = events[node]["probe"]
            self.assertIsNotNone(probe, events[node])
            self.assertLessEqual(probe["sent"], events[node]["at"])
            text = cluster.muster("why", "node", victim, node=node).stdout
            self.assertTrue(text.startswith(f"{victim} is failed since "), text)
            for words in FAILED:
                self.assertIn(words, " ".join(text.split()))
            self.assertEqual([line for line in text.splitlines() if len(line) > 80], [])
        cluster.start(victim)
        cluster.wait_whole(20)
        self.assertIsNotNone(self.newest(victim, "returned", survivors[0], since))

    def worker(self):
        return next(node.name for node in self.cluster.nodes.values() if not node.master)

    def test_a_paused_agent_is_seen_to_be_suspected_and_to_refute(self):
        cluster = self.cluster
        victim = self.worker()
        since = max(event["at_ms"] for event in self.why(victim, "n1")["events"]) + 1
        agent = cluster.nodes[victim].agent
        agent.send_signal(signal.SIGSTOP)
        try:
            cluster.wait_for(lambda: self.newest(victim, "suspected", "n1", since),
                             "n1 to suspect it", 10, 0.01)
        finally:
            agent.send_signal(signal.SIGCONT)
        cluster.wait_whole(20)
        events = [event for event in self.why(victim, "n1")["events"] if event["at_ms"] >= since]
        last = events[-1]
        self.assertIn(last["kind"], ("refuted", "returned", "flapping"), events)
        back = [event for event in events if event["kind"] in ("refuted", "returned")][-1]
        self.assertGreater(back["incarnation"], back["incarnation_before"])

    def test_a_node_that_never_was_is_not_found_and_the_answer_says_what_to_do(self):
        for name in ("n99", "no_name"):
            done = self.cluster.muster("why", "node", name)
            self.assertEqual(done.returncode, 3, done.stdout)
            self.assertIn("muster members", done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_the_counters_of_gossip_are_metrics(self):
        text = harness.request(self.cluster.nodes["n1"].address, "GET",
                               "/metrics").body.decode()
        self.assertRegex(text, r"(?m)^muster_gossip_probes_total [1-9]")
        self.assertRegex(text, r"(?m)^muster_gossip_health_score [0-8]$")
        for reason in ("foreign-cluster", "wrong-version", "misaddressed", "refused-claim"):
            self.assertIn(f'muster_gossip_dropped_total{{reason="{reason}"}} ', text)
        for name in ("gossip_probes_failed", "gossip_refutations", "gossip_hints",
                     "gossip_stream_acks", "gossip_digest_syncs", "member_flaps"):
            self.assertRegex(text, f"(?m)^muster_{name}_total [0-9]")
