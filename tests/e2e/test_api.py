"""Does every answer of the API look as docs/openapi.yaml says? Asked of a master and of a worker of
a plain cluster; test_api_secured.py has the same of a secured one."""
import contextlib
import http.client
import json

import cluster as harness
from described import Described
from shared import ClusterCase


class Api(Described, ClusterCase):
    def setUp(self):
        super().setUp()
        self.read_document(self.ask("GET", "/v1/openapi.yaml").body.decode())

    def ask(self, method, path, body=None, node=None, headers=None, timeout=15.0):
        address = self.cluster.nodes[node or self.cluster.coordinator()].address
        return harness.request(address, method, path, body, timeout=timeout, headers=headers)

    answer_to = ask  # what Described asks by

    def workers(self):
        return [node.name for node in self.cluster.nodes.values() if not node.master]

    def followers(self):
        leader = self.cluster.coordinator()
        return [node.name for node in self.cluster.masters() if node.name != leader]

    def test_every_listing_is_as_described_on_masters_and_on_others(self):
        self.run_web(replicas=2)
        instance = str(self.cluster.instances("web")[0]["instance"])
        runner = self.cluster.instances("web")[0]["node"]
        self.check("PUT", "/v1/kv/{key...}", "v", key="api/a")
        self.check("PUT", "/v1/leases/{name}", json.dumps({"holder": "h", "ttl": "30s"}), name="l")
        silence = json.loads(self.check("POST", "/v1/silences", json.dumps(
            {"matchers": [{"label": "a", "op": "==", "value": "b"}], "duration": "1h"})).body)
        for node in (self.cluster.coordinator(), self.followers()[0], self.workers()[0]):
            with self.subTest(node=node):
                for path in ("/healthz", "/readyz", "/metrics", "/v1/openapi.yaml", "/v1/status",
                             "/v1/self", "/v1/members", "/v1/nodes", "/v1/workloads", "/v1/events",
                             "/v1/sd/prometheus", "/v1/kv", "/v1/leases", "/v1/tokens",
                             "/v1/silences", "/v1/masters", "/v1/keyring", "/v1/rotations",
                             "/v1/users/certificates", "/v1/history/series"):
                    self.check("GET", path, node=node)
                self.check("GET", "/v1/history", node=node, query="?series=load1,cpu_busy&since=5m")
                self.check("GET", "/v1/why/node/{name}", node=node, name="n1")
                self.check("GET", "/v1/why/node/{name}", node=node, name="n99", status=404)
                self.check("GET", "/v1/workloads/{name}", node=node, name="web")
                self.check("GET", "/v1/workloads/{name}", node=node, name="none", status=404)
                self.check("GET", "/v1/leases/{name}", node=node, name="l")
                self.check("GET", "/v1/kv/{key...}", node=node, key="api/a")
                self.check("GET", "/v1/kv", node=node, query="?prefix=api/&keys_only")
                self.check("GET", "/v1/ca", node=node, status=404)  # a plain cluster
                for path in ("/v1/nodes", "/v1/events", "/v1/kv", "/v1/masters"):
                    self.check("GET", path, node=node, query="?stale")
        self.check("GET", "/v1/logs/{instance}", node=runner, instance=instance)
        elsewhere = next(name for name in self.cluster.nodes if name not in self.nodes_of())
        self.check("GET", "/v1/logs/{instance}", status=404, node=elsewhere, instance=instance)
        self.check("DELETE", "/v1/silences/{id}", id=silence["id"])
        self.check("DELETE", "/v1/kv", query="?prefix=api/")
        self.check("DELETE", "/v1/kv", query="?prefix=api/", status=404)
        self.check("DELETE", "/v1/workloads/{name}", name="web")

    def test_every_method_of_every_path_is_answered_and_no_other(self):
        for template, path in self.document["paths"].items():
            concrete = template.replace("{key...}", "no/such").replace("{instance}", "1")
            concrete = concrete.replace("{name}", "nosuch").replace("{id}", "nosuch")
            methods = {method.upper() for method in path if method != "parameters"}
            allowed = methods | ({"HEAD"} if "GET" in methods else set())
            if concrete == "/v1/masters/transfer":
                allowed.add("DELETE")  # a master may have that name
            refused = self.ask("PATCH", concrete)
            self.assertEqual(refused.status, 405, concrete)
            self.assertEqual(set(refused.headers["Allow"].split(", ")), allowed, concrete)
            if concrete in ("/v1/watch", "/v1/events/stream", "/v1/masters/transfer"):
                continue
            for method in methods - {"POST"}:
                answer = self.ask(method, concrete)
                self.assertNotIn(answer.status, (405, 500), f"{method} {concrete}")
                self.assertNotIn(b"no such path", answer.body, f"{method} {concrete}")
        self.assertEqual(self.ask("GET", "/v1/nothing").status, 404)

    def test_what_is_wrong_is_told_with_what_to_do(self):
        for method, template, body, query, names, status in (
                ("GET", "/v1/nodes", None, "?tsale", {}, 400),
                ("GET", "/v1/kv/{key...}", None, "", {"key": "none"}, 404),
                ("PUT", "/v1/kv/{key...}", "x", "", {"key": "a\nb"}, 400),
                ("DELETE", "/v1/kv", None, "", {}, 400),
                ("PUT", "/v1/leases/{name}", "{}", "", {"name": "l"}, 400),
                ("POST", "/v1/tokens", json.dumps({"role": "root"}), "", {}, 400),
                ("POST", "/v1/tokens", json.dumps({"role": "viewer"}), "", {}, 409),
                ("POST", "/v1/silences", "[]", "", {}, 400),
                ("POST", "/v1/masters", json.dumps({"nmae": "n4"}), "", {}, 400),
                ("POST", "/v1/workloads", "name: a\ncomand: [x]\n", "", {}, 400),
                ("POST", "/v1/masters", json.dumps({"name": "n4"}), "", {}, 400),
                ("POST", "/v1/masters", json.dumps({"name": "n1"}), "", {}, 409),
                ("DELETE", "/v1/masters/{name}", None, "", {"name": "n4"}, 404),
                ("POST", "/v1/join", "{}", "", {}, 503),
                ("POST", "/v1/ca/rotate", None, "", {}, 503),
                ("POST", "/v1/nodes/{name}/revoke", None, "", {"name": "n1"}, 409),
                ("POST", "/v1/users/{name}/revoke", None, "", {"name": "u"}, 404),
                ("PUT", "/v1/leases/{name}", "x" * 70_000, "", {"name": "l"}, 413)):
            with self.subTest(method=method, template=template):
                self.check(method, template, body, status, query, names=names)
        kept = self.check("PUT", "/v1/kv/{key...}", "1", key="wrong").headers["ETag"]
        for tag, there in (('"1"', kept), ("*", kept)):
            wanted = {"If-None-Match" if tag == "*" else "If-Match": tag}
            told = self.check("PUT", "/v1/kv/{key...}", "2", 412, headers=wanted, key="wrong")
            self.assertEqual(told.headers["ETag"], there)
        self.check("GET", "/v1/kv/{key...}", status=304, headers={"If-None-Match": kept},
                   key="wrong")
        self.check("DELETE", "/v1/kv/{key...}", status=403, headers={"Origin": "http://x"},
                   key="wrong")
        self.check("DELETE", "/v1/kv/{key...}", headers={"If-Match": kept}, key="wrong")

    def test_under_a_name_that_is_not_its_own_a_plain_agent_tells_health_and_metrics_only(self):
        for template, method, _ in self.operations():
            path = template.replace("{key...}", "k").replace("{instance}", "1")
            path = path.replace("{name}", "n").replace("{id}", "i").replace("{serial}", "0")
            answer = self.ask(method, path, headers={"Host": "muster.example"})
            if template in ("/healthz", "/readyz", "/metrics"):
                self.assertEqual(answer.status, 200, template)
            else:
                self.assertEqual(answer.status, 421, f"{method} {template}")
            self.described(template, method, answer)

    def test_news_comes_as_described_through_masters_and_others(self):
        for node in (self.followers()[0], self.workers()[0]):
            with self.subTest(node=node):
                self.news(node)

    def news(self, node):
        first = self.check("PUT", "/v1/kv/{key...}", "1", key="news/a", node=node)
        index = json.loads(first.body)["index"]
        self.check("GET", "/v1/kv", query=f"?prefix=news/&index={index}&wait=50ms", node=node)
        now = self.check("GET", "/v1/kv", query=f"?prefix=news/&index={index - 1}&wait=10s",
                         node=node)
        self.assertGreaterEqual(int(now.headers["Muster-Index"]), index)
        self.check("DELETE", "/v1/kv/{key...}", key="news/a", node=node)
        self.check("PUT", "/v1/kv/{key...}", "2", key="news/b", node=node)
        self.check("DELETE", "/v1/kv", query="?prefix=news/", node=node)
        self.check("PUT", "/v1/kv/{key...}", "3", key="news/c", node=node)
        heard = self.listen(node, "/v1/watch", f"?prefix=news/&index={index - 1}", {},
                            lambda event: event.data.get("key") == "news/c")
        self.assertEqual({event.kind for event in heard} | {"put"},
                         {"put", "delete", "delete-prefix"})
        self.listen(node, "/v1/watch", "?prefix=news/", {"Last-Event-ID": str(heard[-2].id)},
                    lambda event: event == heard[-1])
        self.listen(node, "/v1/events/stream", "?since=0", {}, lambda event: event.id >= 5)
        self.check("DELETE", "/v1/kv", query="?prefix=news/", node=node)

    def listen(self, node, template, query, headers, last):
        self.asked_as_described(template, "GET", None, query, headers)
        with contextlib.closing(http.client.HTTPConnection(
                self.cluster.nodes[node].address, harness.HTTP, timeout=10)) as connection:
            connection.request("GET", template + query, headers=headers)
            return self.heard(template, connection.getresponse(), last)

    def test_changes_are_audited_and_secrets_are_not(self):
        coordinator = self.cluster.coordinator()
        self.check("PUT", "/v1/kv/{key...}", "s3cret-value", key="audit/me",
                   headers={"Muster-Request-Id": "audited-1"})
        self.ask("PUT", "/v1/kv/audit%0Ame", "s3cret-value")
        log = self.cluster.nodes[coordinator].data / "audit.log"
        self.assertEqual(log.stat().st_mode & 0o777, 0o600)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        done = next(line for line in lines if line["request_id"] == "audited-1")
        self.assertEqual((done["method"], done["path"], done["status"], done["outcome"]),
                         ("PUT", "/v1/kv/audit/me", 200, "done"))
        self.assertTrue(done["from"] and done["who"] and done["time"])
        self.assertTrue(any(line["status"] == 400 and line["outcome"] == "refused"
                            for line in lines))
        self.assertNotIn("s3cret", log.read_text())
        self.ask("DELETE", "/v1/kv?prefix=audit/")
