#!/usr/bin/python3
"""Runs the end-to-end tests. The last line is `N passed, N failed`; any failure is exit status 1.

run.py [--binaries DIRECTORY] [--counts FILE] [--list] [WORD ...]

Only tests whose name (file.Class.test) contains one of the WORDs run. A sanitizer's report in an
agent's log, or an agent that does not end, counts as a failure too.
"""
import argparse
import pathlib
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "torture")]

import cluster as harness  # noqa: E402
import shared  # noqa: E402

FILES = ("run_script_test", "test_bad_input", "test_web_config", "test_workloads", "test_agent",
         "test_failover", "test_alerts", "test_metrics", "test_hung_mount",
         "test_side_by_side", "test_dashboards", "test_history", "test_why",
         "test_quorum", "test_full_disk",
         "test_keyring", "test_masters", "test_api", "test_api_secured", "test_kv", "test_secured",
         "test_joins", "test_users", "test_clones", "test_clocks", "test_snapshots",
         "test_disaster", "test_readme", "linearizable_test", "test_torture")


class Result(unittest.TextTestResult):
    """One line a test, with its duration, as it ends."""

    began = time.monotonic()  # of what fails before the first test

    def startTest(self, test):
        unittest.TestResult.startTest(self, test)
        self.began = time.monotonic()

    def line(self, word, test):
        seconds = time.monotonic() - self.began
        self.stream.writeln(f"{word:<5} {seconds:6.2f} s  {test.id()}")
        self.stream.flush()

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)
        self.line("ok", test)

    def addError(self, test, err):
        unittest.TestResult.addError(self, test, err)
        self.line("ERROR", test)
        self.stream.writeln(self.errors[-1][1])

    def addFailure(self, test, err):
        unittest.TestResult.addFailure(self, test, err)
        self.line("FAIL", test)
        self.stream.writeln(self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        unittest.TestResult.addSubTest(self, test, subtest, err)
        if err is not None:
            self.line("FAIL", subtest)
            self.stream.writeln(self._exc_info_to_string(err, test))

    def printErrors(self):
        pass  # each was printed as it happened


def tests_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", help="where muster and muster-hello lie")
    parser.add_argument("--counts", help="file for the two numbers")
    parser.add_argument("--list", action="store_true", help="print the tests' names only")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    if options.binaries:
        harness.use_binaries(options.binaries)
    loaded = tests_of(unittest.defaultTestLoader.loadTestsFromNames(FILES))
    chosen = [test for test in loaded
              if not options.words or any(word in test.id() for word in options.words)]
    if options.list:
        print("\n".join(test.id() for test in chosen))
        return 0
    try:
        runner = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result, verbosity=0)
        result = runner.run(unittest.TestSuite(chosen))
    finally:
        shared.close()
        harness.close_all()
    broken = {getattr(test, "test_case", test).id()
              for test, _ in result.errors + result.failures}
    broken |= {test.id() for test in result.unexpectedSuccesses}
    findings = harness.Cluster.all_findings
    for finding in findings:
        print(f"FAIL  {finding}")
    skipped = len(result.skipped)
    failed = len(broken) + len(findings)
    passed = max(0, result.testsRun - len(broken) - skipped)
    if options.counts:
        pathlib.Path(options.counts).write_text(f"{passed} {failed}\n")
    left_out = f", {skipped} skipped" if skipped else ""
    print(f"{passed} passed, {failed} failed{left_out}", flush=True)
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
