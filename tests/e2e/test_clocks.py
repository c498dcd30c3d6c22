"""Is a machine whose clock is a day off kept out of a secured cluster, and told why?"""
import os
import re
import unittest
import unittest.mock

import cluster as harness
from test_secured import SecuredCase

DAY = 24 * 60 * 60


class Clocks(SecuredCase):
    joining = (("n2", "agent"),)

    @classmethod
    def setUpClass(cls):
        cls.library = harness.binary("muster", "MUSTER_BINARY").parent / "libother-clock.so"
        if harness.SCALE > 1:
            raise unittest.SkipTest("a sanitizer's binaries take no preloaded library")
        if not cls.library.is_file():
            raise unittest.SkipTest(f"{cls.library} is not there: run ./run build release")
        super().setUpClass()

    def clock(self, ahead):
        """By the wall clock of what starts meanwhile it is so many seconds later."""
        return unittest.mock.patch.dict(os.environ, {
            "LD_PRELOAD": str(self.library), "OTHER_CLOCK_SECONDS": str(ahead)})

    def test_a_machine_whose_clock_is_a_day_off_does_not_join_and_its_token_is_not_used(self):
        token = self.token("agent")
        of_masters = (r"the clock of the machine that wants to join is 2[34] h \d+ min ahead of this "
                      r"master's: it says .* there and .* here")
        of_certificates = r"certificate is valid from .*, and this machine's clock says"
        for ahead, named in ((DAY, of_masters), (-DAY, of_certificates)):
            with self.subTest(ahead=ahead), self.clock(ahead):
                refused = self.join("n3", "agent", token, status=None)
                self.assertGreater(refused.returncode, 0)
                self.assertRegex(refused.stderr, named)
                self.assertIn("timedatectl", refused.stderr)
                self.assertFalse((self.directory / "n3.yaml").exists())
        self.join("n3", "agent", token)

    def restart(self, name, ahead=0):
        self.agents[name].kill()
        self.agents[name].wait()
        with self.clock(ahead):
            self.start(name)

    def test_a_node_whose_clock_was_set_a_day_off_says_so_and_is_back_when_it_is_right_again(self):
        self.restart("n2", DAY)
        self.wait(lambda: re.search(
            r"the clock of coordinator n1 is 2[34] h \d+ min behind this node's: it says .* there "
            r"and .* here: .*timedatectl.* this node's certificate is not renewed",
            self.log("n2")), "n2 to say so")
        self.ask("kv", "put", "clock", "1", node="n2", status=0)  # what it does goes on
        self.restart("n2", -DAY)
        self.wait(lambda: re.search("is not valid before .*, and this node's clock says .*"
                                    "timedatectl", self.log("n2")), "n2 to say what it refuses")
        self.restart("n2")
        self.wait(lambda: self.ask("kv", "put", "clock", "2", node="n2").returncode == 0,
                  "n2 to be back")


if __name__ == "__main__":
    unittest.main()
