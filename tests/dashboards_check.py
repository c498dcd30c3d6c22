#!/usr/bin/python3
"""Are the dashboards and the rules for Prometheus whole? The last line is `N passed, N failed`.

What can be said without a running Prometheus: every expression parses, every metric is one that muster or
node_exporter has, every rule has a test, panels do not overlap and take their data source from the variable.
tests/e2e/test_dashboards.py asks a real Prometheus for the data. Needs promtool (Debian's package prometheus).
"""
import itertools
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
GRAFANA = ROOT / "dashboards/grafana"
PROMETHEUS = ROOT / "dashboards/prometheus"
BOARDS = {path.name: json.loads(path.read_text()) for path in sorted(GRAFANA.glob("*.json"))}
RULES = {path.name: yaml.safe_load(path.read_text())
         for path in sorted(PROMETHEUS.glob("*_rules.yml")) + sorted(PROMETHEUS.glob("*_alerts.yml"))}
TESTS = {path.name: yaml.safe_load(path.read_text()) for path in sorted(PROMETHEUS.glob("*_test.yml"))}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
BUILT_IN = {"__rate_interval": "1m", "__interval": "15s", "__range": "1h"}
OF_PROMETHEUS = {"up", "scrape_duration_seconds"}
WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "offset",
         "bool", "sum", "min", "max", "avg", "count", "inf", "nan"}


def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=600,
                          check=False)
    return done.returncode, done.stdout + done.stderr


def panels(board):
    """Every panel but the rows, with its title for what is said of it."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions(board):
    """(where, expression) of panels, variables and annotations."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for mark in board["annotations"]["list"]:
        yield mark["name"], mark["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield f"${variable['name']}", inner(variable["query"]["query"])


def inner(query):
    """The expression in label_values(EXPRESSION, label) or query_result(EXPRESSION)."""
    found = re.fullmatch(r"label_values\((.+), \w+\)|query_result\((.+)\)", query)
    if not found:
        raise ValueError(f"{query}: neither label_values(..., ...) nor query_result(...)")
    return found.group(1) or found.group(2)


def filled(expression, board):
    """The expression with a value for each variable; an unknown variable is an error."""
    known = BUILT_IN | {one["name"]: "x" for one in board["templating"]["list"]}
    return re.sub(r"\$\{?(\w+)\}?", lambda found: known[found.group(1)], expression)


def metrics(expression):
    """Names of the series that an expression selects."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', "", expression)
    text = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", text)
    text = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", text)
    names = re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])", text)
    return {name for name in names if name not in WORDS}


def own_metrics():
    """Names that the sources declare; a histogram has three series."""
    names = set()
    for path in (ROOT / "collector").glob("*.cpp"):
        names |= set(re.findall(r'"(muster_[a-z0-9_]+)"', path.read_text()))
    return names | {name + end for name in names if name.endswith("_seconds")
                    for end in ("_bucket", "_sum", "_count")}


def rules():
    return [rule for book in RULES.values() for group in book["groups"] for rule in group["rules"]]


def all_metrics():
    listed = (ROOT / "tests/node_exporter_metrics.txt").read_text().splitlines()
    return own_metrics() | OF_PROMETHEUS | {rule["record"] for rule in rules() if "record" in rule} | \
        {name for name in listed if not name.startswith("#")}


class Dashboards(unittest.TestCase):
    def test_they_are_what_their_source_writes(self):
        done = subprocess.run([sys.executable, "-B", GRAFANA / "source/write.py", "--check"],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, "run dashboards/grafana/source/write.py: " + done.stdout)

    def test_panels_have_ids_of_their_own_and_do_not_overlap(self):
        for board in BOARDS.values():
            ids = [panel["id"] for panel in board["panels"]]
            self.assertEqual(len(ids), len(set(ids)))
            for panel in board["panels"]:
                at = panel["gridPos"]
                self.assertGreaterEqual(at["x"], 0)
                self.assertLessEqual(at["x"] + at["w"], 24, panel["title"])
            for one, other in itertools.combinations(board["panels"], 2):
                a, b = one["gridPos"], other["gridPos"]
                apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or \
                    a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
                self.assertTrue(apart, f"{one['title']} and {other['title']} overlap")

    def test_panels_have_titles_units_and_queries_of_the_variable_data_source(self):
        for board in BOARDS.values():
            titles = [(panel["type"], panel["title"]) for panel in panels(board)]
            self.assertEqual(sorted(titles), sorted(set(titles)))
            for panel in panels(board):
                self.assertTrue(panel["fieldConfig"]["defaults"]["unit"], panel["title"])
                self.assertTrue(panel["targets"], panel["title"])
                names = [target["refId"] for target in panel["targets"]]
                self.assertEqual(len(names), len(set(names)), panel["title"])
                for holder in [panel, *panel["targets"]]:
                    self.assertEqual(holder["datasource"], SOURCE, panel["title"])
            for holder in board["annotations"]["list"] + \
                    [one for one in board["templating"]["list"] if one["type"] == "query"]:
                self.assertEqual(holder["datasource"], SOURCE, holder["name"])

    def test_their_ids_and_titles_are_their_own_and_links_lead_to_one(self):
        uids = [board["uid"] for board in BOARDS.values()]
        self.assertEqual(len(uids), len(set(uids)))
        self.assertEqual(len({board["title"] for board in BOARDS.values()}), len(uids))
        for board in BOARDS.values():
            for uid in re.findall(r"/d/([\w-]+)", json.dumps(board)):
                self.assertIn(uid, uids)

    def test_variables_are_declared_before_they_are_used_and_used(self):
        for board in BOARDS.values():
            declared = []
            for variable in board["templating"]["list"]:
                for used in re.findall(r"\$\{?(\w+)", json.dumps(variable.get("query", ""))):
                    self.assertIn(used, declared, variable["name"])
                declared.append(variable["name"])
            everything = " ".join(expression for _, expression in expressions(board))
            for name in declared:
                if name != "datasource":
                    self.assertIn(f"${name}", everything)

    def test_every_expression_parses(self):
        groups = [{"name": name, "rules": [
            {"record": f"r:{i}", "expr": filled(expression, board)}
            for i, (_, expression) in enumerate(expressions(board))]} for name, board in BOARDS.items()]
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            yaml.safe_dump({"groups": groups}, file)
            file.flush()
            status, said = promtool("check", "rules", file.name)
        self.assertEqual(status, 0, said)

    def test_every_metric_is_one_that_muster_or_node_exporter_has(self):
        known = all_metrics()
        for board in BOARDS.values():
            for where, expression in expressions(board):
                self.assertEqual(metrics(expression) - known, set(), where)
                self.assertTrue(metrics(expression), where)

    def test_legends_name_labels_that_the_query_keeps(self):
        for board in BOARDS.values():
            for panel in panels(board):
                for target in panel["targets"]:
                    kept = re.match(r"\w+ by \(([^)]*)\)", target["expr"])
                    for label in re.findall(r"{{(\w+)}}", target["legendFormat"]) if kept else []:
                        self.assertIn(label, kept.group(1).split(", "), panel["title"])

    def test_provisioning_names_the_data_source_and_the_folder(self):
        sources = yaml.safe_load((GRAFANA / "provisioning/datasources/muster.yml").read_text())
        self.assertEqual([one["type"] for one in sources["datasources"]], ["prometheus"])
        providers = yaml.safe_load((GRAFANA / "provisioning/dashboards/muster.yml").read_text())
        self.assertEqual([one["type"] for one in providers["providers"]], ["file"])


class Rules(unittest.TestCase):
    def test_promtool_takes_rules_and_configurations(self):
        for arguments in (["check", "rules", *[PROMETHEUS / name for name in RULES]],
                          ["check", "config", PROMETHEUS / "scrape.yml"],
                          ["check", "config", "--syntax-only", PROMETHEUS / "scrape-secured.yml"]):
            status, said = promtool(*arguments)
            self.assertEqual(status, 0, said)

    def test_both_configurations_make_the_same_of_a_target_and_load_every_rule(self):
        plain, secured = (yaml.safe_load((PROMETHEUS / name).read_text())
                          for name in ("scrape.yml", "scrape-secured.yml"))
        for book in (plain, secured):
            self.assertEqual(sorted(book["rule_files"]), sorted(RULES))
            self.assertEqual([job["job_name"] for job in book["scrape_configs"]], ["node"])
        self.assertEqual(plain["scrape_configs"][0]["relabel_configs"],
                         secured["scrape_configs"][0]["relabel_configs"])

    def test_the_tests_of_promtool_pass(self):
        status, said = promtool("test", "rules", *[PROMETHEUS / name for name in TESTS])
        self.assertEqual(status, 0, said)

    def test_every_alert_is_shown_to_fire_and_to_be_quiet(self):
        fires, quiet = set(), set()
        for book in TESTS.values():
            for test in book["tests"]:
                for case in test.get("alert_rule_test", []):
                    if not case["exp_alerts"]:
                        quiet.add(case["alertname"])
                    for alert in case["exp_alerts"]:
                        fires.add((case["alertname"], alert["exp_labels"]["severity"]))
        alerts = {(rule["alert"], rule["labels"]["severity"]) for rule in rules() if "alert" in rule}
        self.assertEqual(alerts, fires)
        self.assertEqual({name for name, _ in alerts}, quiet)

    def test_every_recording_rule_is_tested(self):
        tested = {case["expr"] for book in TESTS.values() for test in book["tests"]
                  for case in test.get("promql_expr_test", [])}
        self.assertEqual({rule["record"] for rule in rules() if "record" in rule}, tested)

    def test_every_alert_says_how_bad_it_is_what_happened_and_what_to_do(self):
        for rule in rules():
            if "alert" in rule:
                self.assertIn(rule["labels"]["severity"], ("info", "warning", "critical"), rule["alert"])
                self.assertEqual(sorted(rule["annotations"]), ["description", "summary"], rule["alert"])

    def test_every_metric_is_one_that_muster_or_node_exporter_has(self):
        known = all_metrics()
        for rule in rules():
            self.assertEqual(metrics(rule["expr"]) - known, set(), rule)
            self.assertTrue(metrics(rule["expr"]), rule)


if __name__ == "__main__":
    outcome = unittest.TextTestRunner(verbosity=1).run(unittest.defaultTestLoader.loadTestsFromName("__main__"))
    failed = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - min(failed, outcome.testsRun)} passed, {failed} failed")
    sys.exit(1 if failed else 0)
