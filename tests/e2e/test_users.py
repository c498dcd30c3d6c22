"""May whoever shows a user's certificate do what its role may, and nothing once it is revoked?"""
import contextlib
import http.client
import json
import ssl

import cluster as harness
from test_secured import SecuredCase


class Users(SecuredCase):
    joining = (("n2", "master"), ("n3", "master"), ("n4", "agent"))

    def user(self, name, role, *more):
        """Options that show a certificate of this user, and its serial."""
        base = self.directory / name
        made = self.ask("user", "certificate", name, "--role", role, "--out", base, *more,
                        "--output", "json", status=0)
        for suffix, mode in ((".key", 0o600), (".pem", 0o600)):
            self.assertEqual(base.with_suffix(suffix).stat().st_mode & 0o777, mode)
        return (("--certificate", base.with_suffix(".pem"), "--key", base.with_suffix(".key")),
                json.loads(made.stdout)["serial"])

    def shows(self, certificate, *arguments, node="n1"):
        return self.muster("--ca", self.directory / "n1" / "identity" / "ca.pem", *certificate,
                           "--address", f"https://{self.address(node)}:{harness.HTTP}",
                           *arguments, status=None)

    def connection(self, certificate):
        """HTTPS of n1 with this user's certificate, which stands until it is closed."""
        context = ssl.create_default_context(
            cafile=self.directory / "n1" / "identity" / "ca.pem")
        context.load_cert_chain(certificate[1], certificate[3])
        return http.client.HTTPSConnection(self.address("n1"), harness.HTTP, timeout=10,
                                           context=context)

    def test_a_certificate_without_a_token_is_worth_its_role_until_it_is_revoked(self):
        viewer, _ = self.user("vera", "viewer")
        operator, serial = self.user("otto", "operator", "--ttl", "2h")
        again = self.ask("user", "certificate", "otto", "--role", "admin", "--out",
                         self.directory / "otto")
        self.assertEqual(again.returncode, 1, again.stderr)
        self.assertIn("there already", again.stderr)
        for node in ("n1", "n2"):
            with self.subTest(node=node):
                done = self.shows(operator, "kv", "put", "cert", "1", node=node)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.shows(viewer, "kv", "get", "cert", node=node).stdout, "1")
                refused = self.shows(viewer, "kv", "put", "cert", "2", node=node)
                self.assertEqual(refused.returncode, 1, refused.stderr)
                self.assertIn("operator", refused.stderr)
                refused = self.shows(operator, "user", "list", node=node)
                self.assertEqual(refused.returncode, 1, refused.stderr)
        listed = json.loads(self.ask("user", "list", "--output", "json", status=0).stdout)
        self.assertEqual({one["name"]: one["role"] for one in listed["certificates"]},
                         {"vera": "viewer", "otto": "operator"})

        status = {}
        with contextlib.closing(self.connection(viewer)) as of_viewer, \
                contextlib.closing(self.connection(operator)) as of_operator:
            def answer(connection, method):
                connection.request(method, "/v1/kv/cert", body="3" if method == "PUT" else None)
                response = connection.getresponse()
                response.read()
                return response.status
            status["before"] = [answer(of_viewer, "GET"), answer(of_viewer, "PUT"),
                                answer(of_operator, "PUT")]
            self.ask("revoke", "--serial", serial, status=0)
            self.ask("revoke", "--user", "vera", status=0)
            self.wait(lambda: answer(of_viewer, "GET") == 401, "n1 to know of it", 5)
            status["after"] = [answer(of_viewer, "GET"), answer(of_operator, "PUT")]
        self.assertEqual(status, {"before": [200, 403, 200], "after": [401, 401]})
        for certificate in (viewer, operator):
            for node in ("n1", "n4"):
                refused = self.shows(certificate, "kv", "get", "cert", node=node)
                self.assertNotEqual(refused.returncode, 0)
                self.assertIn("revoked", refused.stderr)
        self.assertEqual(self.ask("user", "list", "--output", "json").stdout.count("serial"), 0)
        self.assertNotEqual(self.ask("revoke", "--user", "vera").returncode, 0)
        told = [event["text"] for event in self.events() if event["subject"] == "user/otto"]
        self.assertTrue(any("as operator" in text for text in told), told)
        self.assertTrue(any("revoked" in text for text in told), told)
        audit = (self.directory / "n1" / "audit.log").read_text()
        self.assertIn("user otto as operator", audit)
        self.assertIn('"who":"otto"', audit)
        self.assertNotIn("PRIVATE KEY", audit)
