"""Keys and values: what is written is there, what is watched is told, what is refused says why."""
import http.client
import json
import threading
import time

import cluster as harness
from shared import ClusterCase


class Keys(ClusterCase):
    def setUp(self):
        super().setUp()
        self.coordinator = self.cluster.coordinator()
        self.follower = next(node.name for node in self.cluster.masters()
                             if node.name != self.coordinator)
        self.worker = next(node.name for node in self.cluster.nodes.values() if not node.master)
        self.addCleanup(self.ask, "DELETE", "/v1/kv?prefix=")

    def ask(self, method, path, body=None, node=None, timeout=15.0, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return harness.request(self.cluster.nodes[node or self.coordinator].address, method, path,
                               body, timeout=timeout, headers=headers)

    def put(self, key, value, **more):
        answer = self.ask("PUT", f"/v1/kv/{key}", value, **more)
        self.assertEqual(answer.status, 200, answer.body)
        return json.loads(answer.body)["index"]

    def test_what_one_agent_acknowledged_every_agent_reads_at_once(self):
        nodes = (self.coordinator, self.follower, self.worker)
        for number, (writer, reader) in enumerate((w, r) for w in nodes for r in nodes):
            value = bytes([number, 0, 255])
            index = self.put("same", value, node=writer)
            answer = self.ask("GET", "/v1/kv/same?raw", node=reader)
            self.assertEqual((answer.status, answer.body), (200, value), f"{writer} -> {reader}")
            self.assertEqual(answer.headers["ETag"], f'"{index}"')
            self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")

    def test_an_id_is_good_for_one_change_on_whatever_agent_it_is_asked_again(self):
        first = self.put("once", "1", Muster_Request_Id="once-1")
        for node in (self.coordinator, self.follower, self.worker):
            with self.subTest(node=node):
                self.assertEqual(self.put("once", "1", node=node, Muster_Request_Id="once-1"),
                                 first)
                for key, value in (("once", "2"), ("twice", "1")):
                    other = self.ask("PUT", f"/v1/kv/{key}", value, node=node,
                                     Muster_Request_Id="once-1")
                    self.assertEqual(other.status, 400, other.body)
                    self.assertIn(b"was used for another change", other.body)
        self.assertEqual(self.ask("GET", "/v1/kv/once?raw").body, b"1")
        self.assertEqual(self.ask("GET", "/v1/kv/twice").status, 404)

    def test_of_many_that_compare_and_set_one_wins_each_time(self):
        first = self.put("counter", "0")
        self.assertEqual(self.ask("PUT", "/v1/kv/counter", "x", If_None_Match="*").status, 412)
        won = []

        def count(node):
            for _ in range(20):
                while True:
                    shown = self.ask("GET", "/v1/kv/counter?raw", node=node)
                    answer = self.ask("PUT", "/v1/kv/counter", str(int(shown.body) + 1), node=node,
                                      If_Match=shown.headers["ETag"])
                    if answer.status == 200:
                        won.append(node)
                        break
                    self.assertEqual(answer.status, 412, answer.body)
                    self.assertIn("ETag", answer.headers)
        threads = [threading.Thread(target=count, args=(node,))
                   for node in (self.coordinator, self.follower, self.worker)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        last = json.loads(self.ask("GET", "/v1/kv/counter").body)
        self.assertEqual(self.ask("GET", "/v1/kv/counter?raw").body, b"60")
        self.assertEqual((len(won), last["created_index"], last["version"]), (60, first, 61))

    def test_a_request_that_is_repeated_is_done_once(self):
        index = self.put("once", "a", Muster_Request_Id="same-id")
        self.put("once", "b")
        self.assertEqual(self.put("once", "a", Muster_Request_Id="same-id"), index)
        self.assertEqual(self.ask("GET", "/v1/kv/once?raw").body, b"b")

    def test_a_blocking_read_comes_when_its_prefix_changes_wherever_it_waits(self):
        self.put("watched/a", "1")
        for node in (self.coordinator, self.follower, self.worker):
            with self.subTest(node=node):
                listed = self.ask("GET", "/v1/kv?prefix=watched/", node=node)
                index = int(listed.headers["Muster-Index"])
                got = []
                path = f"/v1/kv?prefix=watched/&index={index}&wait=20s"

                def wait():
                    got.append((self.ask("GET", path, node=node, timeout=30), time.monotonic()))
                waiting = threading.Thread(target=wait)
                waiting.start()
                self.put("elsewhere", "1")
                harness.pause(0.5)
                self.assertEqual(got, [], "it answered although nothing it reads has changed")
                at = time.monotonic()
                self.put("watched/a", "2")
                waiting.join()
                answer, came = got[0]
                self.assertLess(came - at, 2 * harness.SCALE)
                self.assertGreater(int(answer.headers["Muster-Index"]), index)
                self.assertEqual(json.loads(answer.body)["keys"][0]["value_base64"], "Mg==")

    def test_a_blocking_read_ends_with_its_time(self):
        for node in (self.coordinator, self.worker):
            index = self.ask("GET", "/v1/kv", node=node).headers["Muster-Index"]
            at = time.monotonic()
            answer = self.ask("GET", f"/v1/kv?prefix=none/&index={index}&wait=1s", node=node)
            self.assertEqual(answer.status, 200)
            self.assertGreater(time.monotonic() - at, 0.9)
            self.assertLess(time.monotonic() - at, 2 * harness.SCALE)

    def test_a_watch_tells_every_change_in_order_and_goes_on_after_a_break(self):
        for node in (self.coordinator, self.follower, self.worker):
            with self.subTest(node=node):
                prefix = f"w-{node}/"
                begin = self.put(prefix + "0", "begin")
                stream = Stream(self.cluster.nodes[node].address,
                                f"/v1/watch?prefix={prefix}&index={begin}")
                indexes = [self.put(f"{prefix}{number % 3}", str(number)) for number in range(3)]
                seen = [stream.next() for _ in range(3)]
                self.assertEqual([int(event["id"]) for event in seen], indexes)
                stream.close()
                self.ask("DELETE", f"/v1/kv/{prefix}1")
                self.ask("DELETE", f"/v1/kv?prefix={prefix}")
                stream = Stream(self.cluster.nodes[node].address, f"/v1/watch?prefix={prefix}",
                                {"Last-Event-ID": seen[-1]["id"]})
                self.assertEqual(stream.next()["event"], "delete")
                gone = stream.next()
                self.assertEqual((gone["event"], json.loads(gone["data"])["prefix"]),
                                 ("delete-prefix", prefix))
                stream.close()

    def test_events_are_streamed_as_they_happen(self):
        for node in (self.coordinator, self.worker):
            stream = Stream(self.cluster.nodes[node].address, "/v1/events/stream")
            self.run_web(replicas=1)
            kinds = []
            while "instance-ready" not in kinds:
                event = stream.next()
                self.assertEqual(int(event["id"]), json.loads(event["data"])["sequence"])
                kinds.append(event["event"])
            stream.close()
            self.cluster.remove("web")

    def test_what_is_too_large_is_refused_with_the_limit_and_the_way_out(self):
        self.put("large", b"x" * (512 << 10))
        for size in ((512 << 10) + 1, 10_000_000):
            answer = self.ask("PUT", "/v1/kv/large", b"x" * size)
            self.assertEqual(answer.status, 413, size)
            problem = json.loads(answer.body)
            self.assertIn("524288", problem["detail"])
            self.assertIn("elsewhere", problem["next"])
        self.assertEqual(len(self.ask("GET", "/v1/kv/large?raw").body), 512 << 10)

    def test_the_command_line_reads_writes_lists_and_deletes(self):
        muster = self.cluster.muster
        self.assertEqual(muster("kv", "put", "cli/a", "one").returncode, 0)
        self.assertEqual(muster("kv", "get", "cli/a", node=self.worker).stdout, "one")
        refused = muster("kv", "put", "cli/a", "two", "--if-absent")
        self.assertEqual((refused.returncode, refused.stderr.count("\n")), (1, 1), refused.stderr)
        index = json.loads(muster("kv", "get", "cli/a", "--output", "json").stdout)["modified_index"]
        self.assertEqual(muster("kv", "put", "cli/a", "two", "--if-index", index).returncode, 0)
        self.assertEqual(muster("kv", "put", "cli/b c", "three").returncode, 0)
        self.assertEqual(muster("kv", "list", "cli/").stdout, "cli/a\ncli/b c\n")
        self.assertEqual(muster("kv", "delete", "cli/", "--prefix").returncode, 0)
        self.assertEqual(muster("kv", "get", "cli/a").returncode, 3)

    def test_leases_have_one_holder_and_rising_tokens(self):
        muster = self.cluster.muster
        first = muster("lease", "take", "db", "--holder", "a", "--ttl", "30s")
        self.assertEqual(first.returncode, 0, first.stderr)
        token = first.stdout.strip()
        self.assertEqual(muster("lease", "take", "db", "--holder", "b").returncode, 1)
        self.assertEqual(muster("lease", "renew", "db", "--holder", "a", "--token",
                                token).returncode, 0)
        self.assertIn("db", muster("lease", "list").stdout)
        self.assertEqual(muster("lease", "release", "db", "--holder", "a", "--token",
                                token).returncode, 0)
        second = muster("lease", "take", "db", "--holder", "b", "--ttl", "1s")
        self.assertGreater(int(second.stdout), int(token))
        muster("lease", "release", "db", "--holder", "b", "--token", second.stdout.strip())

    def test_a_lease_whose_holder_is_silent_is_the_next_ones_after_its_time(self):
        def take(holder, ttl):
            return self.ask("PUT", "/v1/leases/silent", json.dumps({"holder": holder, "ttl": ttl}),
                            node=self.worker)
        at = time.monotonic()  # from when the holder counts: before it asked
        first = json.loads(take("a", "2s").body)
        self.assertEqual(take("b", "30s").status, 409)
        got = self.cluster.wait_for(
            lambda: next((answer for answer in [take("b", "30s")] if answer.status == 200), None),
            "the lease to be free", 5 * harness.SCALE, 0.02)
        self.assertGreater(time.monotonic() - at, 2)
        second = json.loads(got.body)
        self.assertGreater(second["token"], first["token"])
        late = self.ask("PUT", "/v1/leases/silent",
                        json.dumps({"holder": "a", "token": first["token"]}))
        self.assertEqual(late.status, 409, late.body)
        self.assertIn("stop what it is for", json.loads(late.body)["detail"])
        events = json.loads(self.ask("GET", "/v1/events").body)["events"]
        self.assertIn("lease/silent", [one["subject"] for one in events
                                       if one["kind"] == "lease-expired"])
        self.ask("DELETE", f"/v1/leases/silent?holder=b&token={second['token']}")


class Stream:
    """Server-sent events of one agent, one after the other."""

    def __init__(self, address, path, headers=None):
        self.connection = http.client.HTTPConnection(address, harness.HTTP,
                                                     timeout=20 * harness.SCALE)
        self.connection.request("GET", path, headers=headers or {})
        self.answer = self.connection.getresponse()
        if self.answer.status != 200:
            raise harness.Broken(f"{path}: {self.answer.status} {self.answer.read()!r}")
        self.answer.readline()  # the greeting: from here on nothing is missed

    def next(self):
        event = {}
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            if not line and event:
                return event
            name, colon, value = line.partition(": ")
            if colon and name:
                event[name] = value

    def close(self):
        self.connection.close()
