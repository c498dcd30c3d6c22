"""What becomes of a machine that was cloned, when the original lives? And of the original?"""
import re
import shutil
import signal

import cluster as harness
from test_secured import SecuredCase


class Clones(SecuredCase):
    joining = (("n2", "master"), ("n3", "master"), ("n4", "agent"))

    def clone(self, name):
        """A second machine with all that the disk of this node holds, at an address of its own."""
        copied = self.directory / f"clone-of-{name}"
        harness.send(self.agents[name].pid, signal.SIGSTOP)  # for some milliseconds
        try:
            shutil.copytree(self.directory / name, copied)
        finally:
            harness.send(self.agents[name].pid, signal.SIGCONT)
        text = (self.directory / f"{name}.yaml").read_text()
        text = text.replace(str(self.directory / name), str(copied))
        mine, other = self.address(name), self.address("n" + name[1:] * 2)
        text = re.sub(rf"{re.escape(mine)}(?=$|:{harness.RPC})", other, text, flags=re.MULTILINE)
        (self.directory / f"clone-of-{name}.yaml").write_text(text)
        return f"clone-of-{name}"

    def test_the_clone_of_a_node_that_lives_is_refused_and_the_original_is_not_disturbed(self):
        for name in ("n4", "n3", "n1"):
            with self.subTest(name=name):
                clone = self.clone(name)
                since = self.events()[-1]["sequence"]
                self.start(clone)
                agent = self.agents.pop(clone)
                try:
                    self.wait(lambda: agent.poll() is not None, f"the {clone} to end")
                finally:
                    agent.kill()
                    agent.wait()
                self.assertEqual(agent.returncode, 78)
                said = next(line for line in self.log(clone).splitlines() if " E " in line)
                for part in (f"the name {name} is in use by the agent at {self.address(name)}:",
                             "move its data_dir away", "muster join"):
                    self.assertIn(part, said)
                self.undisturbed(since)
                self.assertEqual(self.node(name)["rpc"], f"{self.address(name)}:{harness.RPC}")
                self.ask("kv", "put", "undisturbed", name, node=name, status=0)
                self.assertEqual(len(self.voters()), 3)
