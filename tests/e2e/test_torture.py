"""Do masters lose nothing and tell no lies under torture? A part of `./run torture`."""
import os
import pathlib
import subprocess
import sys
import unittest

import cluster as harness

PROGRAM = pathlib.Path(__file__).resolve().parent.parent / "torture/run.py"
NO_NAMESPACES = 77
REGISTERS, WRITER = 1, 0.5  # minutes


class Torture(unittest.TestCase):
    def torture(self, part, minutes):
        done = subprocess.run(
            [sys.executable, PROGRAM, "--only", part, "--minutes", str(minutes), "--quiet"],
            capture_output=True, text=True, timeout=240 * harness.SCALE, check=False,
            env={**os.environ, "MUSTER_BINARY": str(harness.binary("muster", "MUSTER_BINARY"))})
        if done.returncode == NO_NAMESPACES:
            self.skipTest(done.stderr)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_registers_stay_linearizable_while_masters_are_tortured(self):
        self.torture("registers", REGISTERS)

    def test_every_acknowledged_write_survives_a_death_every_two_seconds(self):
        self.torture("writer", WRITER)
