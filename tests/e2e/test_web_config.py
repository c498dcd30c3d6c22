"""Does a real Prometheus scrape the port for metrics with TLS and a password, and nobody else?"""
import base64
import os
import pathlib
import signal
import ssl
import subprocess
import unittest
import urllib.error
import urllib.request

import cluster as harness
from prometheus import Prometheus

PORT = 9100
# bcrypt of "s3cret" and of "other", as cheap as it can be.
SECRET = "$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG"
OTHER = "$2y$04$ABCDEFGHIJKLMNOPQRSTUubdTkc8VfDg3xLFFedNQLivmNw6I3T6K"


def openssl(*arguments, cwd):
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True, timeout=30)


def make_certificate(directory, address):
    """ca.pem, and server.pem with server.key for this address."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=scrapes", cwd=directory)
    openssl("req", "-x509", *key, "-keyout", "server.key", "-out", "server.pem", "-days", "2",
            "-subj", "/CN=n1", "-addext", f"subjectAltName=IP:{address}",
            "-addext", "basicConstraints=critical,CA:FALSE",
            "-CA", "ca.pem", "-CAkey", "ca.key", cwd=directory)


class DoorCluster(harness.Cluster):
    """One agent with metrics.listen and a web_config."""

    def __init__(self):
        super().__init__(masters=1, workers=0, label="web")
        self.node = self.nodes["n1"]
        self.web = self.node.directory / "web.yml"
        make_certificate(self.node.directory, self.node.address)
        self.write(SECRET)

    def write(self, secret_hash):
        self.web.write_text("tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
                            f"basic_auth_users:\n  ann: {secret_hash}\n")

    def take(self, secret_hash):
        """Writes it and waits until it holds; without guessing, which would count against this address."""
        def taken():
            return self.node.log.read_text().count("taken: metrics.web_config ")
        before, text = taken(), self.web.read_text()
        self.write(secret_hash)
        if self.web.read_text() != text:
            self.wait_for(lambda: taken() > before, "the changed file to be taken", 15, 0.1)

    def config_text(self, node, **changes):
        return super().config_text(node, **changes) + \
            f"metrics:\n  listen: {node.address}:{PORT}\n" \
            f"  web_config: {node.directory / 'web.yml'}\n"

    def ask(self, path="/metrics", user="ann", password="s3cret"):
        """(status, body) of the port for metrics."""
        request = urllib.request.Request(f"https://{self.node.address}:{PORT}{path}")
        if user:
            both = base64.b64encode(f"{user}:{password}".encode()).decode()
            request.add_header("Authorization", f"Basic {both}")
        trust = ssl.create_default_context(cafile=self.node.directory / "ca.pem")
        try:
            with urllib.request.urlopen(request, context=trust, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()


class WebConfig(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = DoorCluster()
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.start()
        cls.cluster.wait_whole(30, workloads=False)

    def setUp(self):
        self.cluster.take(SECRET)
        self.assertEqual(self.cluster.ask()[0], 200)

    def test_a_real_prometheus_scrapes_with_tls_and_a_password(self):
        node = self.cluster.node
        with Prometheus(self.cluster, scrape=(
                "  - job_name: door\n    scheme: https\n"
                f"    tls_config: {{ca_file: {node.directory}/ca.pem}}\n"
                "    basic_auth: {username: ann, password: s3cret}\n"
                f"    static_configs: [{{targets: ['{node.address}:{PORT}']}}]\n"
                "  - job_name: stranger\n    scheme: https\n"
                f"    tls_config: {{ca_file: {node.directory}/ca.pem}}\n"
                f"    static_configs: [{{targets: ['{node.address}:{PORT}']}}]\n")) as prometheus:
            prometheus.wait_ready()
            self.cluster.wait_for(lambda: prometheus.query('up{job="door"} == 1'),
                                  "the door to be up", 20, 0.1)
            self.assertEqual(len(prometheus.query('node_load1{job="door"}')), 1)
            self.assertEqual(len(prometheus.query('muster_build_info{job="door"}')), 1)
            self.cluster.wait_for(lambda: prometheus.query('up{job="stranger"} == 0'),
                                  "who has no password to be kept out", 20, 0.1)

    def test_who_proves_nothing_sees_nothing(self):
        self.assertEqual(self.cluster.ask(user=None)[0], 401)
        self.assertEqual(self.cluster.ask(password="guess")[0], 401)
        self.assertEqual(self.cluster.ask(user="bob")[0], 401)
        self.assertEqual(self.cluster.ask()[0], 200)
        _, metrics = self.cluster.ask()
        self.assertRegex(metrics, r"(?m)^muster_http_auth_failures_total [1-9]")
        self.assertNotIn("s3cret", self.cluster.node.log.read_text())

    def test_nothing_but_metrics_is_behind_it(self):
        for path in ("/v1/status", "/v1/kv/a", "/healthz", "/v1/openapi.yaml"):
            self.assertEqual(self.cluster.ask(path)[0], 404, path)
        self.assertIn("/metrics", self.cluster.ask("/")[1])

    def test_a_change_holds_without_a_restart_and_a_bad_one_changes_nothing(self):
        node = self.cluster.node
        self.cluster.take(OTHER)
        self.assertEqual(self.cluster.ask(password="other")[0], 200)
        self.assertEqual(self.cluster.ask()[0], 401)
        self.cluster.write("s3cret")  # no hash
        os.kill(node.agent.pid, signal.SIGHUP)
        self.cluster.wait_for(lambda: f"{self.cluster.web}:5:8: basic_auth_users.ann: is no bcrypt"
                              in node.log.read_text(), "the place to be said", 15, 0.1)
        self.assertEqual(self.cluster.ask(password="other")[0], 200)


class BadWebConfig(unittest.TestCase):
    def setUp(self):
        self.cluster = DoorCluster()
        self.addCleanup(self.cluster.close)

    def refused(self, *command):
        done = subprocess.run([self.cluster.binary, *command], capture_output=True, text=True,
                              timeout=20 * harness.SCALE, env=self.cluster.environment())
        self.assertEqual(done.returncode, 78, done.stderr)
        return done.stderr.rstrip("\n").splitlines()[-1]

    def test_a_bad_file_stops_the_start_with_its_place(self):
        self.cluster.web.write_text("basic_auth_users:\n  ann: s3cret\n")
        place = f"{self.cluster.web}:2:8: basic_auth_users.ann: is no bcrypt hash"
        self.assertIn(place, self.refused("agent", "-c", self.cluster.node.config))
        self.assertIn(place, self.refused("validate", "-f", self.cluster.node.config))

    def test_beyond_loopback_somebody_must_be_asked_for_something(self):
        config = pathlib.Path(self.cluster.node.config)
        config.write_text(config.read_text().replace(
            f"listen: {self.cluster.node.address}:{PORT}", f"listen: 0.0.0.0:{PORT}"))
        self.cluster.web.write_text("")
        said = self.refused("agent", "-c", config)
        self.assertIn(f"{self.cluster.web}:1:1: ", said)
        self.assertIn("asks nobody for anything", said)


if __name__ == "__main__":
    unittest.main()
