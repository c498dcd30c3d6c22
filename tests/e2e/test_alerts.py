"""Does a real webhook receiver get the alerts, in Alertmanager's payload, firing and resolved?"""
import time

from shared import ClusterCase


class Alerts(ClusterCase):
    def wait_alert(self, name, status, since, **labels):
        return self.cluster.wait_for(
            lambda: self.receiver.alerts(name, status, since, **labels),
            f"the receiver to get {name} {status} {labels}", 20, 0.02)[0][1]

    def test_a_failed_node_fires_and_its_return_resolves(self):
        since = time.time()
        self.cluster.kill_node("n5")
        fired = self.wait_alert("NodeFailed", "firing", since, node="n5")
        self.assertEqual(fired["endsAt"], "0001-01-01T00:00:00Z")
        self.cluster.start("n5")
        resolved = self.wait_alert("NodeFailed", "resolved", since, node="n5")
        self.assertEqual(resolved["fingerprint"], fired["fingerprint"])
        self.assertEqual(resolved["startsAt"], fired["startsAt"])
        self.assertNotEqual(resolved["endsAt"], fired["endsAt"])

    def test_the_payload_is_alertmanagers_version_4(self):
        since = time.time()
        self.cluster.kill_node("n4")
        self.wait_alert("NodeFailed", "firing", since, node="n4")
        at, headers, body = [one for one in self.receiver.notifications if one[0] >= since][0]
        self.assertEqual(headers["Content-Type"].split(";")[0], "application/json")
        self.assertEqual(body["version"], "4")
        self.assertEqual(body["receiver"], "hook")
        for key in ("groupLabels", "commonLabels", "commonAnnotations"):
            self.assertIsInstance(body[key], dict)
        self.assertIsInstance(body["truncatedAlerts"], int)
        for key in ("status", "externalURL", "groupKey"):
            self.assertIsInstance(body[key], str)
        for alert in body["alerts"]:
            self.assertRegex(alert["fingerprint"], r"^[0-9a-f]{16}$")
            self.assertRegex(alert["startsAt"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
            self.assertIsInstance(alert["annotations"], dict)
        self.assertGreater(at, since)

    def test_a_receiver_in_trouble_is_tried_again(self):
        since = time.time()
        self.receiver.refuse(2)
        self.cluster.kill_node("n5")
        self.wait_alert("NodeFailed", "firing", since, node="n5")
        self.assertEqual(self.receiver.refusals, 0)

    def test_a_new_coordinator_is_told_and_so_is_its_predecessors_death(self):
        since = time.time()
        first = self.cluster.coordinator()
        self.cluster.kill_node(first)
        second = self.cluster.wait_for(self.cluster.coordinator, "another coordinator", 20, 0.02)
        # It fires for a minute. The same change within it, by an earlier test, is the same alert,
        # which is not told twice.
        self.wait_alert("CoordinatorChanged", "firing", since - 60,
                        **{"from": first, "to": second})
        self.wait_alert("NodeFailed", "firing", since, node=first)
        self.cluster.start(first)
        self.wait_alert("NodeFailed", "resolved", since, node=first)

    def test_a_workload_without_room_fires_and_resolves(self):
        since = time.time()
        self.cluster.apply(self.cluster.spec(replicas=1, constraints=["zone == nowhere"]))
        self.wait_alert("WorkloadUnplaceable", "firing", since, workload="web")
        self.run_web(replicas=1)
        self.wait_alert("WorkloadUnplaceable", "resolved", since, workload="web")

    def test_a_workload_that_cannot_stay_up_fires_and_resolves(self):
        since = time.time()
        self.cluster.apply(self.cluster.spec(replicas=1, command=["/bin/false"], port=None,
                                             liveness=None, readiness=None))
        self.wait_alert("WorkloadFailing", "firing", since, workload="web")
        self.run_web(replicas=1)
        self.wait_alert("WorkloadFailing", "resolved", since, workload="web")
