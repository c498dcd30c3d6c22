"""What becomes of workloads when only their agent dies, and what when they fail themselves?"""
import contextlib
import os
import unittest

import cluster as harness
from shared import ClusterCase


class AgentDeath(ClusterCase):
    def test_a_restarted_agent_adopts_its_workloads_and_nothing_moves(self):
        cluster = self.cluster
        self.run_web(replicas=3)
        cluster.apply(cluster.spec("everywhere", replicas=None, on="every node", port=8081))
        cluster.wait_for(lambda: cluster.settled("everywhere"), "a copy on every node", 20, 0.02)
        before = sorted(cluster.processes())
        placed = {name: sorted((one["instance"], one["node"]) for one in cluster.instances(name))
                  for name in ("web", "everywhere")}
        since = cluster.last_event()
        victims = [self.worker_with(), cluster.coordinator()]
        for victim in victims:
            cluster.kill_agent(victim)
            cluster.start(victim)
            cluster.wait_whole(20)
        self.assertEqual(sorted(cluster.processes()), before)
        for name, places in placed.items():
            now = sorted((one["instance"], one["node"]) for one in cluster.instances(name))
            self.assertEqual(now, places)
            self.assertEqual([one["restarts"] for one in cluster.instances(name)],
                             [0] * len(places))
        kinds = {event["kind"] for event in cluster.events(since)}
        self.assertFalse(kinds & {"placed", "instance-starting", "instance-stopping",
                                  "instance-backoff"}, kinds)

    def test_the_status_names_the_pids_that_really_run(self):
        self.run_web(replicas=2)
        self.assertEqual(sorted(one["pid"] for one in self.cluster.instances("web")),
                         sorted(process.pid for process in self.cluster.processes("web")))

    @unittest.skipUnless(os.geteuid() == 0 and os.getpriority(os.PRIO_PROCESS, 0) == 0,
                         "nice values below 0 need root")
    def test_the_control_thread_goes_first_and_nobody_else(self):
        self.run_web(replicas=2)
        for node in self.cluster.nodes.values():
            threads = {}
            for name in os.listdir(f"/proc/{node.agent.pid}/task"):
                with contextlib.suppress(ProcessLookupError):  # it has ended since
                    threads[int(name)] = os.getpriority(os.PRIO_PROCESS, int(name))
            self.assertEqual(threads.pop(node.agent.pid), -10, node.name)
            self.assertEqual(set(threads.values()), {0}, node.name)
        for process in self.cluster.processes("web"):
            self.assertEqual(os.getpriority(os.PRIO_PROCESS, process.pid), 0)

    def test_a_copy_that_died_while_its_agent_was_down_is_started_again(self):
        self.run_web(replicas=1)
        process = self.cluster.processes("web")[0]
        self.cluster.kill_agent(process.node)
        harness.send(process.group, 9, group=True)
        self.cluster.start(process.node)

        def again():
            found = self.cluster.processes("web")
            return len(found) == 1 and found[0].pid != process.pid
        self.cluster.wait_for(again, "another process", 15, 0.02)
        self.cluster.wait_whole()


class WorkloadFailure(ClusterCase):
    def call(self, process, path):
        return harness.request(self.cluster.nodes[process.node].address, "GET", path, port=8080)

    def replaced(self, process):
        """Waits for the process that took the place of this one on the same node."""
        def successor():
            found = self.cluster.processes("web")
            return found[0] if len(found) == 1 and found[0].pid != process.pid else None
        found = self.cluster.wait_for(successor, "the restarted process", 15)
        self.assertEqual(found.instance, process.instance)
        self.assertEqual(found.node, process.node)
        self.cluster.wait_for(lambda: self.cluster.settled("web"), "web to be ready", 10, 0.02)
        return found

    def test_a_failing_liveness_probe_restarts_with_growing_back_off(self):
        self.run_web(replicas=1, restart={"policy": "always", "initialDelay": "300ms",
                                          "maxDelay": "10s"})
        process = self.cluster.processes("web")[0]
        since = self.cluster.last_event()
        for _ in range(3):
            self.assertEqual(self.call(process, "/fail").status, 200)
            process = self.replaced(process)
        self.assertEqual(self.cluster.instances("web")[0]["restarts"], 3)
        events = [event for event in self.cluster.events(since)
                  if event["subject"] == f"instance/{process.instance}"]
        waits, began = [], None
        for event in events:
            if event["kind"] == "instance-backoff":
                began = event["at_ms"]
            elif event["kind"] in ("instance-starting", "instance-running") and began:
                waits.append((event["at_ms"] - began) / 1000)
                began = None
        self.assertEqual(len(waits), 3, events)
        for wait, least in zip(waits, (0.3, 0.6, 1.2)):
            self.assertGreaterEqual(wait, least * 0.85)
            self.assertLess(wait, (least * 1.5 + 0.7) * harness.SCALE)

    def test_a_process_that_exits_is_restarted_and_the_exit_is_told(self):
        self.run_web(replicas=1)
        process = self.cluster.processes("web")[0]
        since = self.cluster.last_event()
        self.call(process, "/exit")
        self.replaced(process)
        event = self.cluster.wait_event("instance-backoff", since, f"instance/{process.instance}")
        self.assertRegex(event["text"], "1")  # the exit status

    def test_a_process_that_should_not_be_restarted_is_done(self):
        self.cluster.apply(self.cluster.spec(
            "once", replicas=1, command=["/bin/true"], port=None, liveness=None, readiness=None,
            restart={"policy": "never"}))
        self.cluster.wait_for(lambda: self.cluster.workload("once")["instances"][0]["phase"]
                              == "done", "once to be done", 10, 0.02)
        self.assertEqual(self.cluster.processes("once"), [])

    def test_a_command_that_does_not_exist_is_refused_and_named(self):
        since = self.cluster.last_event()
        self.cluster.apply(self.cluster.spec(
            "lost", replicas=1, command=["/nowhere/program"], port=None, liveness=None,
            readiness=None))
        event = self.cluster.wait_event("instance-refused", since)
        self.assertIn("/nowhere/program", event["text"])
