"""Does a secured cluster answer every request as docs/openapi.yaml says, and refuse it so?"""
import contextlib
import http.client
import json
import signal
import ssl
import subprocess
import time
import urllib.parse

import cluster as harness
from described import Described
from system import Response
from test_secured import SecuredCase

SPEC = """name: web
replicas: 1
command: ["/bin/sh", "-c", "echo hello; exec sleep 60"]
"""


class SecuredApi(Described, SecuredCase):
    joining = (("n2", "master"), ("n3", "master"), ("n4", "agent"))

    def setUp(self):
        self.admin = (self.directory / "n1" / "identity" / "admin.token").read_text().strip()
        self.read_document(self.answer_to("GET", "/v1/openapi.yaml", token=None).body.decode())

    def connect(self, node="n1", source=None, certificate=None):
        context = ssl.create_default_context(cafile=self.directory / node / "identity" / "ca.pem")
        if certificate:
            context.load_cert_chain(*certificate)
        return contextlib.closing(http.client.HTTPSConnection(
            self.address(node), harness.HTTP, timeout=15 * harness.SCALE, context=context,
            source_address=(source, 0) if source else None))

    def answer_to(self, method, path, body=None, node=None, headers=None, token="", **how):
        """With the admin's token unless another one is given; with none for None."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token or self.admin}"
        with self.connect(node or "n1", **how) as connection:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Response(answer.status, dict(answer.getheaders()), answer.read())

    def body(self, *arguments, **names):
        return json.loads(self.check(*arguments, **names).body)

    def request_for(self, name):
        """A new key's file, and a request for a certificate of it."""
        key = self.directory / f"{name}-{time.monotonic_ns()}.key"
        made = subprocess.run(
            ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-keyout", key, "-subj", "/CN=whatever"], capture_output=True, text=True,
            timeout=20 * harness.SCALE, check=True)
        return key, made.stdout

    def coordinator(self):
        return json.loads(self.answer_to("GET", "/v1/status").body)["coordinator"]

    def path_of(self, template):
        for name, value in (("key...", "a/b"), ("instance", "1"), ("name", "n4"), ("id", "x"),
                            ("serial", "00")):
            template = template.replace("{" + name + "}", value)
        return template

    def guarded(self):
        return [one for one in self.operations() if one[2]["x-role"] != "none"]

    # --- who is not let in ---
    def test_whoever_proves_nothing_is_told_so_by_every_operation_that_needs_a_role(self):
        tries = 0
        for template, method, _ in self.guarded():
            for token in (None, "muster1.nobody.knows"):
                tries += 1  # each from another machine: one that fails often must wait
                answer = self.answer_to(method, self.path_of(template), token=token,
                                      source=f"127.9.{tries // 200}.{tries % 200 + 1}")
                self.assertEqual(answer.status, 401, f"{method} {template}")
                self.described(template, method, answer)
        for template in ("/healthz", "/readyz", "/v1/openapi.yaml", "/v1/ca"):
            self.described(template, "GET", self.answer_to("GET", template, token=None))

    def test_a_role_that_does_not_reach_is_told_so_by_every_operation(self):
        order = ("viewer", "operator", "admin")
        for index, role in enumerate(order[:2]):
            token = self.token(role).read_text().strip()
            for template, method, operation in self.guarded():
                if order.index(operation["x-role"]) <= index:
                    continue
                answer = self.answer_to(method, self.path_of(template), token=token)
                self.assertEqual(answer.status, 403, f"{role}: {method} {template}")
                self.described(template, method, answer)
                self.assertIn(operation["x-role"], json.loads(answer.body)["detail"])

    def test_an_address_that_fails_often_waits_whatever_it_asks_and_nobody_else_does(self):
        source, statuses = "127.10.0.1", []
        while not statuses or (statuses[-1] == 401 and len(statuses) < 50):
            statuses.append(self.answer_to("GET", "/v1/status", token=None, source=source).status)
        self.assertEqual(statuses[-1], 429, statuses)
        self.assertGreater(len(statuses), 5)
        for template, method, operation in self.operations():
            if operation["x-role"] == "none" and template != "/v1/join":
                continue
            answer = self.answer_to(method, self.path_of(template), source=source)
            self.assertEqual(answer.status, 429, f"{method} {template}")
            self.described(template, method, answer)
            self.assertGreater(int(answer.headers["Retry-After"]), 0)
        self.assertEqual(self.answer_to("GET", "/healthz", source=source).status, 200)
        self.assertEqual(self.answer_to("GET", "/v1/status", source="127.10.0.2").status, 200)

    # --- what is done ---
    def test_every_operation_succeeds_as_described(self):
        self.listings()
        self.workloads()
        self.keys_and_leases()
        self.streams()
        self.tokens()
        self.user_certificates()
        self.joins_and_revocations()
        self.rotations()
        self.masters()
        self.assertEqual(self.held, {(template, method) for template, method, _ in
                                     self.operations()})

    def listings(self):
        for node in ("n1", "n2", "n4"):
            for template, method, _ in self.operations():
                plain = "{" not in template and template not in (
                    "/v1/watch", "/v1/events/stream", "/v1/snapshot")
                if method == "GET" and plain:
                    query = "?series=load1" if template == "/v1/history" else ""
                    self.check("GET", template, node=node, query=query)
            self.check("GET", "/v1/why/node/{name}", node=node, name="n4")
        leader = self.coordinator()
        self.check("GET", "/v1/snapshot", node=leader)
        self.check("GET", "/v1/snapshot", node="n4", status=503)
        pem = self.check("GET", "/v1/ca").body.decode()
        self.assertEqual(pem, self.authorities("n1"))
        self.assertEqual(self.body("GET", "/v1/self")["role"], "admin")

    def workloads(self):
        self.check("POST", "/v1/workloads", SPEC, headers={"Muster-Request-Id": "api-web"})

        def runs():
            copies = self.body("GET", "/v1/workloads/{name}", name="web")["instances"]
            return next((one for one in copies if one["phase"] == "ready"), None)
        copy = self.wait(runs, "web to run")
        self.wait(lambda: self.check("GET", "/v1/logs/{instance}", node=copy["node"],
                                     instance=str(copy["instance"])).body == b"hello\n",
                  "web to speak")
        self.check("GET", "/v1/workloads")
        self.check("DELETE", "/v1/workloads/{name}", name="web")
        self.wait(lambda: self.body("GET", "/v1/workloads")["workloads"] == [], "web to be gone")

    def keys_and_leases(self):
        at = self.check("PUT", "/v1/kv/{key...}", "1", key="api/a").headers["ETag"]
        self.check("GET", "/v1/kv/{key...}", key="api/a")
        self.check("DELETE", "/v1/kv/{key...}", headers={"If-Match": at}, key="api/a", node="n4")
        self.check("PUT", "/v1/kv/{key...}", "1", key="api/b")
        self.check("DELETE", "/v1/kv", query="?prefix=api/")
        lease = self.body("PUT", "/v1/leases/{name}", {"holder": "h", "ttl": "30s"}, name="l")
        again = {"holder": "h", "token": lease["token"]}
        self.check("PUT", "/v1/leases/{name}", again, name="l")
        self.check("PUT", "/v1/leases/{name}", {"holder": "other", "ttl": "30s"}, 409, name="l")
        self.check("GET", "/v1/leases/{name}", name="l")
        self.check("GET", "/v1/leases")
        self.check("DELETE", "/v1/leases/{name}", name="l",
                   query="?" + urllib.parse.urlencode(again))
        silence = self.body("POST", "/v1/silences", {
            "matchers": [{"label": "alertname", "op": "==", "value": "NodeDown"}],
            "duration": "1h", "comment": "as described"})
        self.assertEqual(len(self.body("GET", "/v1/silences")["silences"]), 1)
        self.check("DELETE", "/v1/silences/{id}", id=silence["id"])

    def streams(self):
        for node in ("n2", "n4"):
            index = json.loads(self.check("PUT", "/v1/kv/{key...}", "1", key="s/a").body)["index"]
            for template, query, last in (
                    ("/v1/watch", f"?prefix=s/&index={index - 1}",
                     lambda event, index=index: event.id >= index),
                    ("/v1/events/stream", "?since=0", lambda event: event.id >= 5)):
                self.asked_as_described(template, "GET", None, query, {})
                with self.connect(node) as connection:
                    connection.request("GET", template + query,
                                       headers={"Authorization": f"Bearer {self.admin}"})
                    self.heard(template, connection.getresponse(), last)

    def tokens(self):
        for body in ({"role": "viewer", "ttl": "1h", "description": "of the API's test"},
                     {"join": "agent", "uses": 2, "ttl": "1h"}, {"join": "master"}):
            made = self.body("POST", "/v1/tokens", body)
            listed = {one["id"]: one for one in self.body("GET", "/v1/tokens")["tokens"]}
            self.assertEqual(listed[made["id"]]["expires"], made["expires"])
            self.check("DELETE", "/v1/tokens/{id}", id=made["id"])
            self.check("DELETE", "/v1/tokens/{id}", status=404, id=made["id"])
        self.check("POST", "/v1/tokens", {"role": "viewer", "uses": 2}, 400)

    def user_certificates(self):
        made = {}
        for name, role in (("vera", "viewer"), ("otto", "operator")):
            key, request = self.request_for(name)
            body = {"csr": request, "name": name, "role": role, "ttl": "1h"}
            made[name] = self.body("POST", "/v1/users/certificates", body)
            pem = key.with_suffix(".pem")
            pem.write_text(made[name]["certificate"])
            shown = self.described("/v1/self", "GET", self.answer_to(
                "GET", "/v1/self", token=None, certificate=(pem, key)))
            self.assertEqual(json.loads(shown.body),
                             {"name": name, "role": role, "authenticated": True,
                              "address": json.loads(shown.body)["address"]})
        listed = self.body("GET", "/v1/users/certificates")["certificates"]
        self.assertEqual({one["serial"] for one in listed},
                         {one["serial"] for one in made.values()})
        self.check("POST", "/v1/users/certificates", {"csr": "", "name": "x", "role": "viewer"},
                   400)
        for status in (200, 404):
            self.check("DELETE", "/v1/users/certificates/{serial}", status=status,
                       serial=made["vera"]["serial"])
            self.check("POST", "/v1/users/{name}/revoke", status=status, name="otto")

    def joins_and_revocations(self):
        token = self.body("POST", "/v1/tokens", {"join": "agent"})["token"]
        body = {"token": token, "name": "n5", "csr": self.request_for("n5")[1],
                "clock": int(time.time() * 1000)}
        self.asked_as_described("/v1/join", "POST", json.dumps(body), "", {})
        for clock, status in ((body["clock"] + 86_400_000, 400), (body["clock"], 200)):
            answer = self.answer_to("POST", "/v1/join", json.dumps({**body, "clock": clock}),
                                  token=None, source=self.address("n5"))
            self.assertEqual(answer.status, status, answer.body)
            self.described("/v1/join", "POST", answer)
        gets = json.loads(answer.body)
        self.assertEqual((gets["cluster"], gets["role"], gets["bundle"]),
                         ("prod", "agent", self.authorities("n1")))
        self.assertEqual({one["name"] for one in gets["masters"]}, {"n1", "n2", "n3"})
        other = self.answer_to("POST", "/v1/join", json.dumps({**body, "name": "n6"}), token=None,
                             source=self.address("n6"))
        self.assertEqual(other.status, 403, other.body)
        self.described("/v1/join", "POST", other)
        self.check("POST", "/v1/nodes/{name}/revoke", name="n5")
        self.check("POST", "/v1/nodes/{name}/revoke", status=404, name="n99")
        self.check("POST", "/v1/nodes/{name}/revoke", status=409, name="n2")

    @contextlib.contextmanager
    def stopped(self, name):
        harness.send(self.agents[name].pid, signal.SIGSTOP)
        try:
            yield
        finally:
            harness.send(self.agents[name].pid, signal.SIGCONT)

    def rotations(self):
        with self.stopped("n4"):
            for what in ("ca", "keyring"):
                self.check("POST", f"/v1/{what}/rotate")
                self.check("POST", f"/v1/{what}/rotate", status=409)

            def waiting():
                listed = self.body("GET", "/v1/rotations")["rotations"]
                return {one["what"] for one in listed if one["waits_for"] == ["n4"]}
            self.wait(lambda: waiting() == {"authority", "gossip key"}, "n4 to be waited for")
            self.assertEqual(len(self.body("GET", "/v1/keyring")["keys"]), 2)
            self.assertEqual(self.check("GET", "/v1/ca").body.count(b"BEGIN"), 2)

        def over():
            with contextlib.suppress(ssl.SSLError):  # one node has it, and the other not yet
                return self.body("GET", "/v1/rotations")["rotations"] == []
        self.wait(over, "the rotations to end")

    def registered(self, node):
        status = json.loads(self.answer_to("GET", "/v1/status", node=node).body)
        return status["coordinator"] if status["registered"] else ""

    def masters(self):
        leader = self.coordinator()
        new = next(name for name in ("n2", "n3") if name != leader)
        self.check("POST", "/v1/masters/transfer", {"name": new}, node=leader)
        self.wait(lambda: self.coordinator() == new, f"{new} to lead", 5)
        gone = "n3" if new == "n2" else "n2"
        self.wait(lambda: self.registered(gone) == new, f"{gone} to be registered with {new}")
        # As long as it hears nothing of it, it is a candidate still.
        with self.stopped(gone):
            self.check("DELETE", "/v1/masters/{name}", node=new, name=gone)
            self.check("DELETE", "/v1/masters/{name}", status=404, node=new, name=gone)
            self.check("POST", "/v1/masters", {"name": gone}, node=new)
            self.check("POST", "/v1/masters", {"name": "n4"}, 400, node=new)
            self.check("POST", "/v1/masters", {"name": new}, 409, node=new)
        self.check("POST", "/v1/masters/transfer", node=new)
