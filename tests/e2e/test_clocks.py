"""Is a machine whose clock is a day off kept out of a secured cluster, and told why?"""
import glob
import os
import unittest
import unittest.mock

import cluster as harness
from test_secured import SecuredCase

LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")


@unittest.skipUnless(LIBRARIES, "faketime is not installed: ./run deps")
@unittest.skipIf(harness.SCALE > 1, "a sanitizer's binaries take no preloaded library")
class Clocks(SecuredCase):
    joining = (("n2", "agent"),)

    @staticmethod
    def clock(offset):
        """What starts meanwhile takes the time to be another one; what it waits for, it does not."""
        return unittest.mock.patch.dict(os.environ, {
            "LD_PRELOAD": LIBRARIES[0], "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"})

    def test_a_machine_whose_clock_is_a_day_off_does_not_join_and_its_token_is_not_used(self):
        token = self.token("agent")
        for offset, named in (("+1d", ("the clock of the machine that wants to join is 24 h 0 min "
                                       "ahead of this master's",)),
                              ("-1d", ("not valid before", "this machine's clock says"))):
            with self.subTest(offset=offset), self.clock(offset):
                refused = self.join("n3", "agent", token, status=None)
                print(refused.stderr)
                self.assertNotIn(refused.returncode, (0, -11))
                for part in (*named, "timedatectl"):
                    self.assertIn(part, refused.stderr)
                self.assertFalse((self.directory / "n3.yaml").exists())
        self.join("n3", "agent", token)

    def restart(self, name, offset=None):
        self.agents[name].kill()
        self.agents[name].wait()
        if offset is None:
            return self.start(name)
        with self.clock(offset):
            return self.start(name)

    def test_a_node_and_its_coordinator_say_so_when_their_clocks_differ_and_when_they_agree(self):
        self.restart("n2", "+1d")
        self.wait(lambda: "the clock of coordinator n1 is 24 h 0 min behind this node's"
                  in self.log("n2"), "n2 to say so")
        self.wait(lambda: "the clock of n2 is 24 h 0 min ahead of this coordinator's"
                  in self.log("n1"), "n1 to say so")
        for name in ("n1", "n2"):
            told = next(line for line in self.log(name).splitlines() if "24 h 0 min" in line)
            self.assertIn("timedatectl", told)
            self.assertIn("not renewed", told)
        self.ask("kv", "put", "clock", "1", node="n2", status=0)  # what it does goes on
        self.restart("n2", "-1d")
        self.wait(lambda: "not valid before" in self.log("n2"), "n2 to say what it refuses")
        self.restart("n2")
        self.wait(lambda: self.ask("kv", "put", "clock", "2", node="n2").returncode == 0,
                  "n2 to be back")
        self.wait(lambda: "the clock of n2 agrees with this coordinator's again"
                  in self.log("n1"), "n1 to say so")


if __name__ == "__main__":
    unittest.main()
