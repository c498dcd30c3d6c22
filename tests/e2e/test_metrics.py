"""Does a real Prometheus discover and scrape every agent, and is what it reads clean?"""
import gzip
import json
import pathlib
import re
import subprocess

import cluster as harness
from prometheus import Prometheus
from scrape_differences import parse
from shared import ClusterCase

EXPECTED = ("node_cpu_seconds_total", "node_memory_MemTotal_bytes", "node_load1",
            "node_network_receive_bytes_total", "muster_")


class Metrics(ClusterCase):
    def test_prometheus_finds_all_agents_by_http_sd_and_scrapes_them(self):
        self.run_web(replicas=2)
        names = sorted(self.cluster.nodes)
        with Prometheus(self.cluster) as prometheus:
            prometheus.wait_ready()
            up = self.cluster.wait_for(
                lambda: (found := prometheus.query("up == 1")) and len(found) == 5 and found,
                "five targets that are up", 20, 0.1)
            self.assertEqual(len({labels["instance"] for labels, _ in up}), 5)
            done = subprocess.run(["promtool", "query", "instant", prometheus.url, "up"],
                                  capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(re.findall(r"=> 1 @", done.stdout)), 5, done.stdout)
            for name in ("node_load1", "node_memory_MemTotal_bytes"):
                self.assertEqual(len(prometheus.query(name)), 5, name)

            victim = self.worker_with()
            self.cluster.kill_node(victim)
            self.cluster.wait_for(
                lambda: len(prometheus.query("up == 1")) == 4, "one target to be down", 15, 0.1)
            self.cluster.start(victim)
            self.cluster.wait_for(
                lambda: len(prometheus.query("up == 1")) == 5, "it to be up again", 15, 0.1)
        self.assertEqual(names, sorted(self.cluster.nodes))

    def test_promtool_complains_of_nothing_but_node_exporters_own_names(self):
        for node in self.cluster.nodes.values():
            answer = harness.request(node.address, "GET", "/metrics")
            self.assertEqual(answer.status, 200)
            self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
            text = answer.body.decode()
            for name in EXPECTED:
                self.assertRegex(text, f"(?m)^{name}")
            done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                                  capture_output=True, timeout=20)
            complaints = (done.stdout + done.stderr).splitlines()
            others = [line for line in complaints if line.strip() and not re.fullmatch(
                r"node_\w+ .*(camelCase|instead of \"bits\").*", line.strip())]
            self.assertEqual(others, [])
            self.assertIn(done.returncode, (0, 3))

    def test_masters_count_what_they_apply(self):
        def counted(name):
            answer = harness.request(self.cluster.nodes[name].address, "GET", "/metrics")
            return parse(answer.body.decode())["muster_commands_total"].series

        before = counted("n1")
        self.run_web(replicas=1)
        self.cluster.wait_for(lambda: counted("n1").get((("kind", "put-workload"),), 0) ==
                              before.get((("kind", "put-workload"),), 0) + 1, "it to be counted", 5)
        self.assertGreaterEqual(counted("n1")[(("kind", "node-up"),)], 5)

    def test_a_scrape_has_the_same_series_in_every_format(self):
        def scrape(query="", **headers):
            return harness.request(self.cluster.nodes["n1"].address, "GET", "/metrics" + query,
                                   headers={name.replace("_", "-"): value
                                            for name, value in headers.items()})

        def series(text):
            return {line.rsplit(" ", 1)[0] for line in text.splitlines() if line[:1] != "#"
                    and not line.startswith("muster_") and 'le="' not in line}

        plain = scrape()
        metrics = scrape(Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
        self.assertEqual(metrics.headers["Content-Type"],
                         "application/openmetrics-text; version=1.0.0; charset=utf-8")
        text = metrics.body.decode()
        self.assertTrue(text.endswith("\n# EOF\n"))
        self.assertIn("# TYPE node_cpu_seconds counter\n", text)
        self.assertEqual(series(plain.body.decode()) ^ series(text), set())
        packed = scrape(Accept_Encoding="gzip")
        self.assertEqual(packed.headers["Content-Encoding"], "gzip")
        self.assertEqual(series(gzip.decompress(packed.body).decode()) ^ series(text), set())
        some = scrape("?collect[]=loadavg").body.decode()
        self.assertIn("\nnode_load1 ", some)
        self.assertNotIn("node_cpu_seconds_total", some)
        self.assertEqual(scrape("?collect[]=nothing").status, 400)

    def test_the_scrape_configuration_is_one_that_prometheus_takes(self):
        path = pathlib.Path(__file__).parents[2] / "dashboards/prometheus/scrape.yml"
        done = subprocess.run(["promtool", "check", "config", path], text=True,
                              capture_output=True, timeout=20)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_target_list_is_what_http_sd_asks_for(self):
        answer = harness.request(self.cluster.nodes["n1"].address, "GET", "/v1/sd/prometheus")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"].split(";")[0], "application/json")
        groups = json.loads(answer.body)
        targets = sorted(target for group in groups for target in group["targets"])
        self.assertEqual(targets, sorted(f"{node.address}:{harness.HTTP}"
                                         for node in self.cluster.nodes.values()))
        for group in groups:
            for value in group.get("labels", {}).values():
                self.assertIsInstance(value, str)
