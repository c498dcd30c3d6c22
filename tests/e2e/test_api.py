"""Does every answer of the API look as docs/openapi.yaml says? Asked of a master and of a worker."""
import json
import urllib.parse

import jsonschema
import yaml

import cluster as harness
from shared import ClusterCase


class Api(ClusterCase):
    def setUp(self):
        super().setUp()
        text = self.ask("GET", "/v1/openapi.yaml").body.decode()
        self.assertEqual(text, (harness.ROOT / "docs/openapi.yaml").read_text())
        self.document = yaml.safe_load(text)
        self.resolver = jsonschema.RefResolver("", self.document)

    def ask(self, method, path, body=None, node=None, headers=None, timeout=15.0):
        address = self.cluster.nodes[node or self.cluster.coordinator()].address
        return harness.request(address, method, path, body, timeout=timeout, headers=headers)

    def follow(self, item):
        while "$ref" in item:
            item = self.resolver.resolve(item["$ref"])[1]
        return item

    def described(self, template, method, answer):
        """Holds an answer against the document."""
        operation = self.document["paths"][template][method.lower()]
        responses = operation["responses"]
        status = str(answer.status)
        what = f"{method} {template}: {status} {answer.body[:300]!r}"
        kind = answer.headers["Content-Type"].split(";")[0]
        if status not in responses and kind == "application/problem+json":
            content = self.document["components"]["responses"]["Problem"]["content"]
        else:
            self.assertIn(status, responses, what)
            response = self.follow(responses[status])
            content = response.get("content", {})
            for header in response.get("headers", {}):
                self.assertIn(header, answer.headers, what)
        self.assertIn(kind, content, what)
        schema = content[kind].get("schema")
        if schema is None or schema.get("type") == "string":
            return answer
        validator = jsonschema.Draft202012Validator(schema, resolver=self.resolver)
        problems = [problem.message for problem in validator.iter_errors(json.loads(answer.body))]
        self.assertEqual(problems, [], what)
        return answer

    def check(self, method, template, body=None, status=200, query="", node=None, headers=None,
              **names):
        path = template
        for name, value in names.items():
            path = path.replace("{" + name + "}", urllib.parse.quote(value, safe="/"))
            path = path.replace("{" + name + "...}", urllib.parse.quote(value, safe="/"))
        answer = self.ask(method, path + query, body, node, headers)
        self.assertEqual(answer.status, status, f"{method} {path}{query}: {answer.body[:500]!r}")
        return self.described(template, method, answer)

    def test_every_listing_is_as_described_on_masters_and_on_others(self):
        self.run_web(replicas=2)
        instance = str(self.cluster.instances("web")[0]["instance"])
        runner = self.cluster.instances("web")[0]["node"]
        self.check("PUT", "/v1/kv/{key...}", "v", key="api/a")
        self.check("PUT", "/v1/leases/{name}", json.dumps({"holder": "h", "ttl": "30s"}), name="l")
        silence = json.loads(self.check("POST", "/v1/silences", json.dumps(
            {"matchers": [{"label": "a", "op": "==", "value": "b"}], "duration": "1h"})).body)
        worker = next(node.name for node in self.cluster.nodes.values() if not node.master)
        followers = [node.name for node in self.cluster.masters()
                     if node.name != self.cluster.coordinator()]
        for node in (self.cluster.coordinator(), followers[0], worker):
            with self.subTest(node=node):
                for path in ("/healthz", "/readyz", "/metrics", "/v1/openapi.yaml", "/v1/status",
                             "/v1/self", "/v1/members", "/v1/nodes", "/v1/workloads", "/v1/events",
                             "/v1/sd/prometheus", "/v1/kv", "/v1/leases", "/v1/tokens",
                             "/v1/silences", "/v1/masters", "/v1/keyring"):
                    self.check("GET", path, node=node)
                self.check("GET", "/v1/why/node/{name}", node=node, name="n1")
                self.check("GET", "/v1/why/node/{name}", node=node, name="n99", status=404)
                self.check("GET", "/v1/workloads/{name}", node=node, name="web")
                self.check("GET", "/v1/workloads/{name}", node=node, name="none", status=404)
                self.check("GET", "/v1/leases/{name}", node=node, name="l")
                self.check("GET", "/v1/kv/{key...}", node=node, key="api/a")
                self.check("GET", "/v1/kv", node=node, query="?prefix=api/&keys_only")
                self.check("GET", "/v1/ca", node=node, status=404)  # a plain cluster
        self.check("GET", "/v1/logs/{instance}", node=runner, instance=instance)
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
                ("POST", "/v1/workloads", "name: a\ncomand: [x]\n", "", {}, 400)):
            answer = self.check(method, template, body, status, query, **names)
            problem = json.loads(answer.body)
            self.assertTrue(problem["detail"] and problem["next"], problem)

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
