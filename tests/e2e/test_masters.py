"""Do masters that come and go forget nothing, and does nobody forget them?"""
import json
import os
import signal
import unittest

import cluster as harness


class Masters(unittest.TestCase):
    def setUp(self):
        self.cluster = harness.Cluster(masters=3, workers=1, label="masters")
        self.addCleanup(self.cluster.close)
        self.cluster.start().wait_whole(30)

    def write(self, node, key, value):
        answer = harness.request(self.cluster.nodes[node].address, "PUT", f"/v1/kv/{key}", value)
        return answer.status == 200

    def read(self, node, key):
        answer = harness.request(self.cluster.nodes[node].address, "GET", f"/v1/kv/{key}?raw")
        return answer.body.decode() if answer.status == 200 else None

    def kill(self, *names):
        for name in names:
            self.cluster.kill_agent(name)
            self.cluster.nodes[name].wanted = False

    def start(self, *names):
        for name in names:
            self.cluster.start(name)

    def lose_log(self, name):
        for file in self.cluster.nodes[name].data.glob("consensus.db*"):
            file.unlink()

    def roles(self, node="n1"):
        """Name -> role, as that node has it; nothing while nobody leads."""
        answer = harness.request(self.cluster.nodes[node].address, "GET", "/v1/masters")
        if answer.status != 200:
            return {}
        return {one["name"]: one["role"] for one in json.loads(answer.body)["masters"]}

    def votes(self, name):
        return self.roles().get(name) in ("leader", "follower")

    def log(self, name):
        return self.cluster.nodes[name].log.read_text()

    def test_a_master_that_lost_its_log_does_not_help_to_forget_what_it_acknowledged(self):
        cluster = self.cluster
        self.kill("n1")
        cluster.wait_for(lambda: self.write("n2", "acknowledged", "yes"), "a write", 15, 0.1)
        self.kill("n2", "n3")
        self.lose_log("n3")
        self.start("n1", "n3")
        cluster.wait_for(lambda: "only a coordinator can tell" in self.log("n3"),
                         "n3 to say that it waits", 15)
        self.assertIsNone(self.read("n1", "acknowledged"))
        self.assertEqual(self.roles(), {}, "n1 and n3 must elect nobody")
        cluster.nodes["n3"].wanted = False  # it will end by itself
        cluster.start("n2")
        cluster.wait_for(lambda: not cluster.nodes["n3"].alive(), "n3 to refuse to run", 15)
        self.assertEqual(cluster.nodes["n3"].agent.returncode, 78)
        self.assertIn("remembers that master n3", self.log("n3"))
        cluster.wait_for(lambda: self.read("n1", "acknowledged") == "yes", "the write", 15, 0.1)

    def test_a_master_that_was_frozen_while_it_was_taken_away_goes_on_as_an_agent(self):
        cluster = self.cluster
        leader = cluster.coordinator()
        gone = next(name for name in ("n3", "n2") if name != leader)
        os.kill(cluster.nodes[gone].agent.pid, signal.SIGSTOP)
        cluster.wait_for(lambda: cluster.node_records(leader)[gone]["state"] != "alive",
                         f"{gone} to be missed", 20)
        self.assertEqual(harness.request(cluster.nodes[leader].address, "DELETE",
                                         f"/v1/masters/{gone}", timeout=10).status, 200)
        rest = sorted({"n1", "n2", "n3"} - {gone})
        cluster.wait_for(lambda: sorted(self.roles(leader)) == rest, "it to be no master", 10)
        os.kill(cluster.nodes[gone].agent.pid, signal.SIGCONT)
        cluster.wait_for(lambda: "it goes on as an agent" in self.log(gone), "it to hear that", 20)
        cluster.wait_for(lambda: not cluster.status(gone)["master"] and
                         cluster.status(gone)["registered"], "it to be an agent", 10)
        # Whoever registers as an agent is no candidate: nothing is left that could add it.
        cluster.wait_for(lambda: cluster.node_records(leader)[gone]["state"] == "alive",
                         "the cluster to see it", 10)
        self.assertEqual(sorted(self.roles(leader)), rest)
        self.assertNotIn(f"adding master {gone}", self.log(leader))

    def test_a_master_that_was_added_stays_one_when_all_die_at_once(self):
        cluster = self.cluster
        added = cluster.nodes["n4"]
        cluster.stop("n4")
        added.config.write_text(added.config.read_text() + "role: master\n")
        self.start("n4")
        cluster.wait_for(lambda: self.votes("n4"), "n4 to get a vote", 20, 0.1)
        self.assertTrue(self.write("n4", "before", "it"))
        for _ in range(3):
            self.kill("n1", "n2", "n3", "n4")
            self.start("n4", "n1", "n2", "n3")
            cluster.wait_for(lambda: self.read("n4", "before") == "it" and self.votes("n4"),
                             "n4 to be a master still", 20, 0.1)
        self.assertNotIn("took it away", self.log("n4"))

    def test_a_master_that_was_replaced_comes_back_with_another_log(self):
        cluster = self.cluster
        for _ in range(2):
            leader = cluster.coordinator()
            replaced = "n3" if leader != "n3" else "n2"
            self.kill(replaced)

            def removed(leader=leader, replaced=replaced):
                return harness.request(cluster.nodes[leader].address, "DELETE",
                                       f"/v1/masters/{replaced}").status == 200
            cluster.wait_for(removed, f"{replaced} to be removed", 10, 0.1)
            self.lose_log(replaced)
            self.start(replaced)
            cluster.wait_for(lambda: self.votes(replaced), f"{replaced} to get a vote", 20, 0.1)
            self.assertIn("joins it as a new one", self.log(replaced))
        self.kill("n1", "n2", "n3")
        self.start("n1", "n2", "n3")
        cluster.wait_for(lambda: len(self.roles()) == 3, "all three to be masters", 20, 0.1)

    def ask(self, method, path, body=None):
        answer = harness.request(self.cluster.nodes[self.cluster.coordinator()].address, method,
                                 path, json.dumps(body) if body else None, timeout=10)
        self.assertEqual(answer.status, 200, answer.body)

    def test_the_leadership_is_handed_over_and_the_event_says_that_somebody_wanted_it(self):
        cluster = self.cluster
        old = cluster.coordinator()
        new = next(name for name in ("n1", "n2", "n3") if name != old)
        since = cluster.last_event()
        self.ask("POST", "/v1/masters/transfer", {"name": new})
        cluster.wait_for(lambda: cluster.coordinator() == new, f"{new} to coordinate", 5)
        cluster.wait_event("coordinator-elected", since, f"node/{new}", "asked this one to take over")

    def test_a_master_that_was_taken_away_is_added_as_the_refusal_says(self):
        cluster = self.cluster
        gone = next(name for name in ("n3", "n2") if name != cluster.coordinator())
        self.ask("DELETE", f"/v1/masters/{gone}")
        cluster.wait_for(lambda: not cluster.status(gone)["master"], "it to be an agent", 10)
        refused = harness.request(cluster.nodes[cluster.coordinator()].address, "POST",
                                  "/v1/masters", json.dumps({"name": gone}), timeout=10)
        self.assertEqual(refused.status, 400)
        self.assertIn(b"consensus.db.retired*", refused.body)
        cluster.stop(gone)
        for file in cluster.nodes[gone].data.glob("consensus.db.retired*"):
            file.unlink()
        self.start(gone)
        cluster.wait_for(lambda: cluster.status(gone)["registered"], "it to be back", 10)

        def added():
            answer = harness.request(cluster.nodes[cluster.coordinator()].address, "POST",
                                     "/v1/masters", json.dumps({"name": gone}), timeout=10)
            return answer.status == 200 or self.votes(gone)
        cluster.wait_for(added, "it to be added", 10, 0.1)
        cluster.wait_for(lambda: self.votes(gone), "it to get a vote", 20, 0.1)


if __name__ == "__main__":
    unittest.main()
