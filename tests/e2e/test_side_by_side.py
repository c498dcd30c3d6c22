"""Does an agent say of a machine what node_exporter says, but for what docs/METRICS.md lists?"""
import subprocess
import unittest

import side_by_side
from scrape_differences import differences, parse

RUNS = [(machine, newest) for machine in side_by_side.MACHINES for newest in (False, True)]
LOOKS = 4  # at the real machine, where a connection or a mount may come between two scrapes

THEIRS = """# HELP node_a Of a.
# TYPE node_a gauge
node_a{path="/x/one",zone="1"} 1
node_a{path="/x/two",zone="2"} 2
# HELP node_b_total Of b.
# TYPE node_b_total counter
node_b_total 7
# HELP node_load1 Of load.
# TYPE node_load1 gauge
node_load1 0.5
"""
PAGE = side_by_side.HEADING + "\n| metric | difference | on | why |\n"


def complaints(text):
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                          capture_output=True, timeout=20)
    return {line for line in (done.stdout + done.stderr).splitlines() if line.strip()}


class Comparer(unittest.TestCase):
    def found(self, *changes, later=None):
        ours = THEIRS
        for old, new in changes:
            self.assertIn(old, ours)
            ours = ours.replace(old, new)
        return [(one.kind, one.name) for one in differences(
            parse(THEIRS), parse(ours), parse(later) if later else None)]

    def test_it_finds_every_kind_of_difference(self):
        self.assertEqual(self.found(), [])
        self.assertEqual(self.found(("node_b_total", "node_c_total")),
                         [("missing", "node_b_total"), ("extra", "node_c_total")])
        self.assertEqual(self.found(('node_a{path="/x/two",zone="2"} 2\n', "")),
                         [("missing", "node_a")])
        self.assertEqual(self.found(("Of a.", "Of A.")), [("help", "node_a")])
        self.assertEqual(self.found(("total counter", "total gauge")), [("type", "node_b_total")])
        self.assertEqual(self.found(("node_b_total 7", "node_b_total 8")),
                         [("value", "node_b_total")])
        self.assertEqual(self.found(("/x/", "/")), [("label", "node_a")] * 2)
        self.assertEqual(self.found(("zone", "area")), [("label", "node_a")] * 2)
        self.assertEqual(self.found(("/x/", "/"), ('zone="2"} 2', 'zone="2"} 3')),
                         [("label", "node_a")] * 2 + [("value", "node_a")])

    def test_what_counts_must_lie_between_two_looks_and_what_moves_may_do_so(self):
        later = THEIRS.replace("node_b_total 7", "node_b_total 9").replace("load1 0.5", "load1 0.7")
        self.assertEqual(self.found(("node_b_total 7", "node_b_total 8"), later=later), [])
        self.assertEqual(self.found(("node_b_total 7", "node_b_total 6"), later=later),
                         [("value", "node_b_total")])
        self.assertEqual(self.found(("node_b_total 7", "node_b_total 10"), later=later),
                         [("value", "node_b_total")])
        self.assertEqual(self.found(("node_load1 0.5", "node_load1 3"), later=later), [])
        self.assertEqual(self.found(("node_load1 0.5", "node_load1 3")), [("value", "node_load1")])
        self.assertEqual(self.found(('zone="2"} 2', 'zone="2"} 3'), later=later),
                         [("value", "node_a")])

    def test_a_series_that_is_there_twice_is_no_scrape(self):
        with self.assertRaises(ValueError):
            parse(THEIRS + "node_b_total 8\n")

    def test_a_row_allows_what_it_names_where_it_says_and_no_more(self):
        rows = side_by_side.allowed(PAGE + '| `node_a{zone="1,3"}` | missing | odd | so it is |\n')
        lost = {zone: differences(parse(THEIRS), parse(THEIRS.replace(line + "\n", "")))
                for zone, line in (("1", 'node_a{path="/x/one",zone="1"} 1'),
                                   ("2", 'node_a{path="/x/two",zone="2"} 2'))}
        self.assertEqual(side_by_side.unlisted(lost["1"], "odd", True, rows), [])
        self.assertEqual(len(side_by_side.unlisted(lost["1"], "real", True, rows)), 1)
        self.assertEqual(len(side_by_side.unlisted(lost["2"], "odd", True, rows)), 1)
        runs = {("odd", False): lost["1"], ("odd", True): []}
        self.assertEqual([row.labels for row, _ in side_by_side.unseen(rows, runs)], [{"zone": "3"}])

    def test_a_row_without_a_reason_or_with_another_word_is_refused(self):
        for row in ("| `node_a` | missing | odd |  |", "| `node_a` | gone | odd | why |",
                    "| `node_a` | missing | mars | why |"):
            with self.assertRaises(ValueError):
                side_by_side.allowed(PAGE + row + "\n")


class SideBySide(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        version = side_by_side.exporter_version()
        if not version.startswith("1.5."):
            raise unittest.SkipTest(f"node_exporter {version} is not the 1.5 of docs/METRICS.md")
        cls.rows = side_by_side.allowed()
        cls.texts, cls.runs = {}, {}
        for machine, newest in RUNS:
            with side_by_side.Pair(machine, newest) as pair:
                cls.texts[machine, newest] = compared = pair.compare()
                cls.runs[machine, newest] = found = compared.found
                looks = 1
                while machine == "real" and looks < LOOKS and \
                        side_by_side.unlisted(found, machine, newest, cls.rows):
                    again = {(one.kind, one.name, str(one.labels)) for one in pair.compare().found}
                    found[:] = [one for one in found
                                if (one.kind, one.name, str(one.labels)) in again]
                    looks += 1

    def test_nothing_differs_but_what_the_page_lists(self):
        for (machine, newest), found in self.runs.items():
            with self.subTest(machine=machine, newest=newest):
                others = side_by_side.unlisted(found, machine, newest, self.rows)
                self.assertEqual([f"{one.kind}: {one.text}" for one in others], [])

    def test_what_the_page_lists_does_differ(self):
        self.assertEqual([f"{place}: {row.kind} {row.name} {row.labels or ''}"
                          for row, place in side_by_side.unseen(self.rows, self.runs)], [])

    def test_every_collector_has_something_to_show_on_a_made_up_machine(self):
        theirs = parse(self.texts["units", False].theirs)
        successes = theirs["node_scrape_collector_success"].series
        well = {dict(labels)["collector"] for labels, value in successes.items() if value == 1}
        ours = parse(self.texts["units", False].ours)["node_scrape_collector_success"].series
        self.assertEqual({dict(labels)["collector"] for labels in ours} - well, {"workloads"})
        self.assertGreaterEqual(len(well), 35)
        self.assertGreater(sum(len(family.series) for family in theirs.values()), 600)

    def test_a_text_file_that_contradicts_something_is_refused_by_name(self):
        log = self.texts["textfiles", False].log
        for name, why in {
                "clash": "backup_size_bytes has another type in /srv/metrics/backup.prom",
                "own": "muster_of_others is a name of muster's own",
                "stamped": "line 1", "twice": "line 2"}.items():
            self.assertRegex(log, f"collector textfile: /srv/metrics/{name}.prom: .*{why}")
        self.assertNotIn("well.prom", log)

    def test_promtool_says_nothing_of_it_that_it_does_not_say_of_node_exporter(self):
        for (machine, newest), compared in self.texts.items():
            with self.subTest(machine=machine, newest=newest):
                self.assertEqual(complaints(compared.ours) - complaints(compared.theirs), set())
