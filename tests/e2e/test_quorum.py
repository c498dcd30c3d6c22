"""What still works when most masters are dead? Reading does; writing says why not."""
import json
import time

import cluster as harness
from shared import ClusterCase


PATIENCE = 2.25  # five election time-outs


def leaderless_now(cluster, name):
    answer = harness.request(cluster.nodes[name].address, "GET",
                             "/v1/history?series=muster_leaderless&since=1m")
    values = json.loads(answer.body)["series"][0]["mean"]
    return [value for value in values if value is not None][-1]


class QuorumLoss(ClusterCase):
    def test_without_quorum_reads_are_stale_writes_are_refused_and_workloads_live_on(self):
        cluster = self.cluster
        self.run_web(replicas=2, constraints=["role == worker"])
        before = sorted(cluster.processes("web"))
        since = time.time()
        coordinator = cluster.coordinator()
        others = [node.name for node in cluster.masters() if node.name != coordinator]
        survivor = others.pop()
        node = cluster.nodes[survivor]
        cluster.kill_node(coordinator, *others)

        cluster.wait_for(lambda: cluster.status(survivor)["quorum"] is False, "quorum to be lost")
        self.assertTrue(cluster.status(survivor)["stale"])
        listed = cluster.get("/v1/workloads?stale", survivor)["workloads"]
        self.assertEqual([one["name"] for one in listed], ["web"])
        ages = []
        for _ in range(2):
            answer = harness.request(node.address, "GET", "/v1/workloads?stale")
            self.assertEqual(answer.headers["Muster-Stale"], "true")
            ages.append(int(answer.headers["Muster-Last-Contact"]))
            harness.pause(0.3)
        self.assertLess(ages[0], 60_000)
        self.assertGreaterEqual(ages[1], ages[0] + 300)
        refused = harness.request(node.address, "POST", "/v1/workloads", cluster.spec("other"),
                                  timeout=15)
        self.assertEqual(refused.status, 503, refused.body)
        self.assertIn("quorum", refused.body.decode())
        path = cluster.directory / "other.yaml"
        path.write_text(cluster.spec("other"))
        shown = cluster.muster("apply", "-f", path, node=survivor)
        self.assertNotEqual(shown.returncode, 0)
        self.assertIn("quorum", shown.stderr)
        self.assertEqual(shown.stderr.count("\n"), 1, shown.stderr)
        self.assertEqual(harness.request(node.address, "GET", "/v1/sd/prometheus").status, 503)
        cluster.wait_for(lambda: self.receiver.alerts("QuorumLost", "firing", since),
                         "the receiver to get QuorumLost", 20, 0.02)
        self.assertEqual(sorted(cluster.processes("web")), before)

        cluster.start(coordinator, *others)
        cluster.wait_whole(30)
        self.assertEqual(sorted(cluster.processes("web")), before)
        self.assertNotIn("other", cluster.workloads())
        cluster.wait_for(lambda: self.receiver.alerts("QuorumLost", "resolved", since),
                         "the receiver to get the end of QuorumLost", 20, 0.02)
        cluster.apply(cluster.spec("other", replicas=1, port=8081))
        cluster.wait_for(lambda: cluster.settled("other"), "writes to work again", 15, 0.02)

    def test_a_master_that_starts_again_without_a_quorum_goes_on_saying_so(self):
        cluster = self.cluster
        since = time.time()
        coordinator = cluster.coordinator()
        others = [node.name for node in cluster.masters() if node.name != coordinator]
        survivor = others.pop()
        cluster.kill_node(coordinator, *others)

        def told(status, begin):
            return cluster.wait_for(
                lambda: self.receiver.alerts("QuorumLost", status, begin, node=survivor),
                f"the receiver to get QuorumLost {status}", 20, 0.02)[-1]

        _, first = told("firing", since)
        for end in (cluster.stop, cluster.kill_agent):
            cluster.wait_for(lambda: leaderless_now(cluster, survivor) > PATIENCE,
                             "the history to have it", 20, 0.05)
            end(survivor)
            since = time.time()
            cluster.start(survivor)
            cluster.wait_for(lambda: cluster.status(survivor), "the agent to answer", 20, 0.005)
            answering = time.time()
            at, again = told("firing", since)
            self.assertEqual(again["startsAt"], first["startsAt"])
            self.assertEqual(again["fingerprint"], first["fingerprint"])
            self.assertLess(at - answering, PATIENCE * 0.7)

        cluster.start(coordinator, *others)
        cluster.wait_whole(30)
        _, over = told("resolved", since)
        self.assertEqual(over["startsAt"], first["startsAt"])
        since = time.time()
        cluster.wait_for(lambda: leaderless_now(cluster, survivor) == 0, "the history to have that",
                         20, 0.05)
        cluster.kill_agent(survivor)
        cluster.start(survivor)
        cluster.wait_whole(30)
        self.assertEqual(self.receiver.alerts("QuorumLost", "firing", since), [])

    def test_state_survives_the_death_of_everything_at_once(self):
        cluster = self.cluster
        self.run_web(replicas=3)
        token = max(process.token for process in cluster.processes("web"))
        cluster.kill_node(*cluster.nodes)
        cluster.wait_for(lambda: not cluster.processes(), "everything to be gone", 5, 0.002)
        cluster.start()
        cluster.wait_whole(40)
        self.assertEqual(len(cluster.processes("web")), 3)
        self.assertEqual(cluster.workload("web")["revision"], 1)
        self.assertGreaterEqual(max(process.token for process in cluster.processes("web")), token)
