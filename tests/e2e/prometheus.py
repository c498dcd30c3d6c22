"""What does a real Prometheus see of a cluster? Debian's, with muster's http_sd, on loopback."""
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import urllib.parse

import cluster as harness

PROGRAM = "/usr/bin/prometheus"


def free_port(address):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Prometheus:
    """Discovers agents at every node's /v1/sd/prometheus; scrapes twice a second by default.

    `configuration`: the text of a prometheus.yml to run instead; `scrape`: other entries of
    scrape_configs instead.
    """

    def __init__(self, cluster, interval="500ms", address=None, configuration=None, scrape=None):
        if not pathlib.Path(PROGRAM).exists():
            raise SystemExit(f"{PROGRAM} is not there: run ./run deps")
        self.address = address or cluster.network + "200"
        self.port = free_port(self.address)
        self.url = f"http://{self.address}:{self.port}"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="muster-prometheus-"))
        self.log = self.directory / "prometheus.log"
        urls = "".join(
            f"      - url: http://{node.address}:{harness.HTTP}/v1/sd/prometheus\n"
            f"        refresh_interval: 1s\n" for node in cluster.nodes.values())
        (self.directory / "prometheus.yml").write_text(
            configuration or f"global:\n  scrape_interval: {interval}\n  scrape_timeout: {interval}\n"
            "scrape_configs:\n" +
            (scrape or f"  - job_name: node\n    http_sd_configs:\n{urls}"))
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, f"--config.file={self.directory}/prometheus.yml",
                 f"--storage.tsdb.path={self.directory}/data",
                 f"--web.listen-address={self.address}:{self.port}", "--log.level=warn"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                start_new_session=True)

    def ready(self):
        if self.process.poll() is not None:
            raise harness.Broken("prometheus ended: " + self.log.read_text()[-2000:])
        return harness.request(self.address, "GET", "/-/ready", port=self.port).status == 200

    def wait_ready(self):
        harness.wait_for(self.ready, "prometheus to be ready", 20, 0.05)
        return self

    def query(self, expression):
        """[(labels, value)] of an instant vector."""
        path = "/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        answer = harness.request(self.address, "GET", path, port=self.port)
        if answer.status != 200:
            raise harness.Failure(f"prometheus: {expression}: {answer.status} {answer.body!r}")
        return [(item["metric"], float(item["value"][1]))
                for item in json.loads(answer.body)["data"]["result"]]

    def query_range(self, expression, start, end, step=1.0):
        """[(labels, [value, ...])] of what an expression was from `start` to `end`, unix seconds."""
        path = "/api/v1/query_range?" + urllib.parse.urlencode(
            {"query": expression, "start": start, "end": end, "step": step})
        answer = harness.request(self.address, "GET", path, port=self.port, timeout=10)
        if answer.status != 200:
            raise harness.Failure(f"prometheus: {expression}: {answer.status} {answer.body!r}")
        return [(item["metric"], [float(value) for _, value in item["values"]])
                for item in json.loads(answer.body)["data"]["result"]]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
