"""What becomes of a machine that was cloned, when the original lives? And of the original?"""
import shutil

import cluster as harness
from test_secured import SecuredCase


class Clones(SecuredCase):
    joining = (("n2", "master"), ("n3", "master"), ("n4", "agent"))

    def clone(self, name):
        """A second machine with all that the disk of this node holds, at an address of its own."""
        copied = self.directory / f"clone-of-{name}"
        self.agents[name].kill()
        self.agents[name].wait()
        shutil.copytree(self.directory / name, copied)
        self.start(name)
        text = (self.directory / f"{name}.yaml").read_text()
        text = text.replace(str(self.directory / name), str(copied))
        lines = [line if line.lstrip().startswith("- ") else
                 line.replace(self.address(name), self.address("n" + name[1:] * 2))
                 for line in text.splitlines()]
        (self.directory / f"clone-of-{name}.yaml").write_text("\n".join(lines) + "\n")
        self.wait(lambda: self.node(name)["state"] == "alive" and
                  self.ask("kv", "put", "back", name, node=name).returncode == 0,
                  f"{name} to be back")
        return f"clone-of-{name}"

    def test_the_clone_of_a_node_that_lives_is_refused_and_the_original_is_not_disturbed(self):
        for name in ("n4", "n3", "n1"):
            with self.subTest(name=name):
                clone = self.clone(name)
                self.wait(lambda: len(self.voters()) == 3, "every master to vote")
                since, lines = self.events()[-1]["sequence"], self.log(name).count("\n")
                self.start(clone)
                agent = self.agents.pop(clone)
                self.wait(lambda: agent.poll() is not None, f"the {clone} to end", 20)
                print(self.log(clone))
                self.assertEqual(agent.returncode, 78)
                said = self.log(clone).splitlines()[-1]
                for part in (f"the name {name} is in use by the agent at {self.address(name)}:"
                             f"{harness.GOSSIP}", "muster join"):
                    self.assertIn(part, said)
                self.undisturbed(since)
                print("\n".join(self.log(name).splitlines()[lines:]))
                self.assertEqual(self.node(name)["rpc"], f"{self.address(name)}:{harness.RPC}")
                self.ask("kv", "put", "undisturbed", name, node=name, status=0)
                self.assertEqual(len(self.voters()), 3)
