"""Do apply, change, stop, logs and placement do what an operator expects of them?"""
import json
import re
import subprocess
import threading

import cluster as harness
from shared import ClusterCase


class Workloads(ClusterCase):
    def test_apply_by_the_command_line_starts_and_stop_ends_everything(self):
        cluster = self.cluster
        path = cluster.directory / "web.yaml"
        path.write_text(cluster.spec())
        validated = cluster.muster("validate", "-f", path, node=None)
        self.assertEqual((validated.returncode, validated.stderr), (0, ""))
        applied = cluster.muster("apply", "-f", path, node="n5")  # no master: it finds the way
        self.assertEqual((applied.returncode, applied.stderr), (0, ""))
        cluster.wait_for(lambda: cluster.settled("web"), "web to be ready", 15, 0.02)
        for process in cluster.processes("web"):
            answer = harness.request(cluster.nodes[process.node].address, "GET", "/", port=8080)
            self.assertEqual(answer.body.decode(),
                             f"hello from {process.node} instance {process.instance}\n")
            self.assertGreater(process.token, 0)
        stopped = cluster.muster("stop", "web")
        self.assertEqual((stopped.returncode, stopped.stderr), (0, ""))
        cluster.wait_for(lambda: not cluster.processes("web"), "web to end", 10, 0.02)
        unknown = cluster.muster("stop", "web-that-never-was")
        self.assertNotEqual(unknown.returncode, 0)
        self.assertIn("web-that-never-was", unknown.stderr)

    def test_the_metrics_of_a_node_say_what_its_copies_use(self):
        self.run_web(replicas=1)
        process, = self.cluster.processes("web")

        def measured():
            text = harness.request(self.cluster.nodes[process.node].address, "GET",
                                   "/metrics").body.decode()
            labels = f'workload="web",copy="{process.instance}"'
            return {name: float(value) for name, value in re.findall(
                rf'(?m)^muster_workload_(\w+)\{{{labels}(?:,source="processes")?\}} (\S+)$', text)}
        values = self.cluster.wait_for(measured, "the copy to be in the metrics", 5, 0.1)
        self.assertEqual(values["processes"], 1)
        self.assertEqual(values["restarts_total"], 0)
        self.assertGreater(values["memory_bytes"], 1 << 20)
        self.assertGreaterEqual(values["threads"], 1)
        self.assertGreaterEqual(values["open_fds"], 4)
        for name in ("cpu_seconds_total", "io_read_bytes_total", "io_write_bytes_total"):
            self.assertIn(name, values)

    def test_a_changed_spec_rolls_and_never_has_fewer_ready_copies_than_wanted(self):
        cluster = self.cluster
        self.run_web(replicas=2)
        before = {process.pid for process in cluster.processes("web")}
        with harness.Sampler(cluster, "web") as sampler:
            cluster.apply(cluster.spec(replicas=2, env={"COLOUR": "blue"}))

            def rolled():
                now = {process.pid for process in cluster.processes("web")}
                return len(now) == 2 and not now & before and cluster.settled("web")
            cluster.wait_for(rolled, "both copies to be new", 30, 0.02)
        self.assertGreaterEqual(sampler.fewest_ready(), 2)
        self.assertEqual(cluster.workload("web")["revision"], 2)
        for process in cluster.processes("web"):
            with open(f"/proc/{process.pid}/environ", "rb") as file:
                self.assertIn(b"COLOUR=blue", file.read().split(b"\0"))

    def test_the_same_spec_again_changes_nothing(self):
        self.run_web(replicas=2)
        before = sorted(self.cluster.processes("web"))
        since = self.cluster.last_event()
        self.cluster.apply(self.cluster.spec(replicas=2))
        self.assertEqual(self.cluster.workload("web")["revision"], 1)
        self.assertEqual(sorted(self.cluster.processes("web")), before)
        self.assertNotIn("placed", [event["kind"] for event in self.cluster.events(since)])

    def test_scaling_up_and_down_keeps_the_copies_that_stay(self):
        self.run_web(replicas=2)
        two = {process.pid for process in self.cluster.processes("web")}
        self.run_web(replicas=4)
        four = {process.pid for process in self.cluster.processes("web")}
        self.run_web(replicas=1)
        one = {process.pid for process in self.cluster.processes("web")}
        self.assertTrue(two < four or len(four) == 4, (two, four))
        self.assertEqual(len(one), 1)

    def test_on_every_node_runs_one_copy_on_each(self):
        self.run_web(replicas=None, on="every node")
        self.assertEqual(self.nodes_of(), sorted(self.cluster.nodes))

    def test_copies_spread_over_nodes_and_zones(self):
        self.run_web(replicas=3)
        zones = {self.cluster.nodes[name].zone for name in self.nodes_of()}
        self.assertEqual(len(set(self.nodes_of())), 3)
        self.assertEqual(zones, {"a", "b", "c"})

    def test_constraints_are_kept(self):
        self.run_web(replicas=2, constraints=["role == worker"])
        self.assertEqual(self.nodes_of(), ["n4", "n5"])

    def test_a_workload_without_room_says_why_and_starts_when_there_is_room(self):
        since = self.cluster.last_event()
        self.cluster.apply(self.cluster.spec(replicas=1, constraints=["zone == nowhere"]))
        event = self.cluster.wait_event("unplaceable", since, "workload/web")
        self.assertIn("zone", event["text"] + json.dumps(self.cluster.workload("web")))
        self.assertEqual(self.cluster.processes("web"), [])
        self.run_web(replicas=1, constraints=["zone == b"])
        self.assertEqual([self.cluster.nodes[name].zone for name in self.nodes_of()], ["b"])

    def test_logs_show_what_a_copy_wrote(self):
        self.run_web(replicas=1)
        process = self.cluster.processes("web")[0]
        for what in ("web", str(process.instance)):
            shown = self.cluster.muster("logs", what)
            self.assertEqual((shown.returncode, shown.stderr), (0, ""))
            self.assertIn(f"listening on {self.cluster.nodes[process.node].address}:8080",
                          shown.stdout)
        answer = harness.request(self.cluster.nodes[process.node].address, "GET",
                                 f"/v1/logs/{process.instance}?lines=1")
        self.assertEqual(answer.status, 200)


class Reading(ClusterCase):
    def test_every_read_is_json_when_asked_and_text_otherwise(self):
        self.run_web(replicas=2)
        for command, key in (("members", "members"), ("nodes", "nodes"), ("status", "coordinator"),
                             ("workloads", "workloads"), ("events", "events")):
            for node in ("n1", "n5"):
                shown = self.cluster.muster("--output", "json", command, node=node)
                self.assertEqual((shown.returncode, shown.stderr), (0, ""), command)
                self.assertIn(key, json.loads(shown.stdout))
                text = self.cluster.muster(command, node=node)
                self.assertEqual((text.returncode, text.stderr), (0, ""), command)
                self.assertTrue(text.stdout.strip(), command)

    def test_the_version_needs_no_agent(self):
        shown = self.cluster.muster("version", node=None)
        self.assertEqual(shown.returncode, 0)
        self.assertRegex(shown.stdout, r"\d+\.\d+\.\d+")

    def test_an_agent_that_does_not_answer_is_named(self):
        shown = subprocess.run([self.cluster.binary, "--address", "127.0.0.1:1", "members"],
                               capture_output=True, text=True, timeout=20)
        self.assertNotEqual(shown.returncode, 0)
        self.assertIn("127.0.0.1:1", shown.stderr)
        self.assertEqual(shown.stderr.count("\n"), 1, shown.stderr)

    def test_followed_events_arrive_as_they_happen(self):
        node = self.cluster.nodes["n2"]
        follower = subprocess.Popen(
            [self.cluster.binary, "--address", f"{node.address}:{harness.HTTP}", "events",
             "--follow"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lines = []
        try:
            self.run_web(replicas=1)
            threading.Thread(
                target=lambda: lines.extend(iter(follower.stdout.readline, "")),
                daemon=True).start()
            self.cluster.wait_for(lambda: any("workload-applied" in line for line in lines) and
                                  any("instance-ready" in line for line in lines),
                                  "the follower to print what happened", 10, 0.02)
        finally:
            follower.kill()
            follower.wait()

    def test_health_and_readiness_are_told(self):
        for node in self.cluster.nodes.values():
            self.assertEqual(harness.request(node.address, "GET", "/healthz").status, 200)
            self.assertEqual(harness.request(node.address, "GET", "/readyz").status, 200)
            self.assertEqual(harness.request(node.address, "GET", "/nothing").status, 404)
