"""Does every query of every dashboard, and every recording rule, return data from a cluster that failed over?"""
import json
import math
import os
import re
import signal
import time
import types

import yaml

import cluster as harness
from prometheus import Prometheus
from shared import ClusterCase
from test_secured import SecuredCase as Secured

DASHBOARDS = harness.ROOT / "dashboards"
BUILT_IN = {"__rate_interval": "10s", "__interval": "1s", "__range": "5m"}


def boards():
    return [json.loads(path.read_text()) for path in sorted((DASHBOARDS / "grafana").glob("*.json"))]


def configuration(name, addresses, **more):
    """A file of dashboards/prometheus for agents at these addresses, and faster; `more` replaces keys of the job."""
    book = yaml.safe_load((DASHBOARDS / "prometheus" / name).read_text())
    book["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    book["rule_files"] = [str(DASHBOARDS / "prometheus" / name) for name in book["rule_files"]]
    job, = book["scrape_configs"]
    job.update(more)
    find, = job["http_sd_configs"]
    find.update({key: value for key, value in more.items() if key in find})
    job["http_sd_configs"] = [
        {**find, "url": f"{job.get('scheme', 'http')}://{address}:{harness.HTTP}/v1/sd/prometheus",
         "refresh_interval": "1s"} for address in addresses]
    return yaml.safe_dump(book)


def records():
    names = set()
    for path in (DASHBOARDS / "prometheus").glob("*_rules.yml"):
        for group in yaml.safe_load(path.read_text())["groups"]:
            names |= {rule["record"] for rule in group["rules"]}
    return names


def has_data(series, expression):
    """A value that is a number; a share of nothing (0 / 0 on a calm machine) is one of its samples too."""
    values = [value for _, found in series for value in found]
    return bool(values) and (" / " in expression or any(map(math.isfinite, values)))


class Dashboards(ClusterCase):
    def fail_over(self, began):
        """A copy is restarted, then the coordinator and a worker die at once, and come back."""
        self.run_web(replicas=3)
        self.seen("five agents", "count(up == 1) == 5")
        restarted = self.cluster.processes("web")[0]
        os.killpg(restarted.group, signal.SIGKILL)
        # An increase needs more than one sample, and its node may be the next to die.
        self.seen("a restart", "max(count_over_time(muster_restarts_total[1m])) > 2")
        victims = [self.cluster.coordinator()]
        victims.append(self.worker_with(besides=victims))
        self.cluster.kill_node(*victims)
        self.seen("two agents that do not answer", "count(up == 0) == 2")
        self.seen("the replacement", "sum(muster_replacement_seconds_count) > 0")
        self.cluster.start(*victims)
        self.cluster.wait_whole(20)
        self.seen("all agents again", "count(up == 1) == 5")
        self.seen("what runs on each of them", "count(count by (node) (muster_workload_processes)) >= 3")
        return began

    def seen(self, what, expression):
        """Waits until it is so in two scrapes."""
        for _ in range(2):
            at = time.time()
            harness.wait_for(lambda: self.prometheus.query(expression), f"Prometheus to see {what}", 20, 0.1)
            harness.wait_for(lambda since=at: self.prometheus.query(f"max(timestamp(up)) > {since}"),
                             "another scrape", 10, 0.1)

    def values(self, board):
        """What Grafana would put in the place of each variable, from the same queries."""
        values = dict(BUILT_IN)
        for variable in board["templating"]["list"]:
            if variable["type"] != "query":
                continue
            query = variable["query"]["query"]
            by_label = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
            of_series = re.fullmatch(r"query_result\((.+)\)", query)
            expression = self.filled((by_label or of_series).group(1), values)
            series = self.prometheus.query(expression)
            self.assertTrue(series, f"${variable['name']}: {expression}")
            if by_label:
                self.assertTrue(all(labels[by_label.group(2)] for labels, _ in series))
                values[variable["name"]] = variable["allValue"]
                continue
            regex = re.compile(variable["regex"].strip("/g").replace("(?<", "(?P<"))
            labels = sorted(series, key=lambda one: one[0]["node"])[0][0]
            text = ", ".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
            found = [match.group("value") for match in regex.finditer("{" + text + "}") if match.group("value")]
            self.assertEqual(found, [labels["instance"]])
            values[variable["name"]] = found[0]
        return values

    @staticmethod
    def filled(expression, values):
        return re.sub(r"\$\{?(\w+)\}?", lambda found: values[found.group(1)], expression)

    def queries(self):
        """(where, expression, whether its present value is shown alone) of everything."""
        for board in boards():
            values = self.values(board)
            for panel in board["panels"]:
                for target in panel.get("targets", []):
                    yield (f"{board['title']}: {panel['title']} {target['refId']}",
                           self.filled(target["expr"], values), target["instant"])
            for mark in board["annotations"]["list"]:
                yield f"{board['title']}: {mark['name']}", self.filled(mark["expr"], values), False
        for name in sorted(records()):
            yield name, name, False

    def without_data(self, queries, began):
        """Those that return nothing; present values are asked for now, the others for all the time."""
        now = time.time()
        empty = []
        for where, expression, instant in queries:
            start = now if instant else began
            if not has_data(self.prometheus.query_range(expression, start, now), expression):
                empty.append((where, expression, instant))
        return empty

    def test_every_query_of_every_panel_and_every_recording_rule_returns_data(self):
        masters = [node.address for node in self.cluster.masters()]
        with Prometheus(self.cluster, configuration=configuration("scrape.yml", masters)) as self.prometheus:
            began = time.time()
            self.prometheus.wait_ready()
            self.fail_over(began)
            empty = list(self.queries())
            self.assertGreater(len(empty), 150)

            def all_answered():
                empty[:] = self.without_data(empty, began)
                return not empty
            try:
                harness.wait_for(all_answered, "data for every query", 10, 0.5)
            except harness.Failure:
                self.fail("no data:\n" + "\n".join(f"{where}: {what}" for where, what, _ in empty))


class SecuredScrape(Secured):
    joining = (("n2", "agent"),)

    def test_a_secured_cluster_is_scraped_with_a_viewers_token_and_its_own_authority(self):
        token, authority = self.token("viewer"), self.directory / "n1/identity/ca.pem"
        text = configuration("scrape-secured.yml", [self.address("n1")],
                             authorization={"credentials_file": str(token)},
                             tls_config={"ca_file": str(authority), "min_version": "TLS13"})
        place = types.SimpleNamespace(nodes={}, network=self.network)
        with Prometheus(place, configuration=text) as prometheus:
            prometheus.wait_ready()
            up = self.wait(lambda: len(found := prometheus.query("up == 1")) == 2 and found,
                           "two agents that are scraped")
            self.assertEqual({(labels["node"], labels["role"], labels["cluster"]) for labels, _ in up},
                             {("n1", "master", "prod"), ("n2", "worker", "prod")})
            self.wait(lambda: prometheus.query("muster_master_certificate_expiry_timestamp_seconds > time()"),
                      "the date on which a certificate ends")
