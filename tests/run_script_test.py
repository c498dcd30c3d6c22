"""Does ./run find the mirror for backports in every form of apt sources that Debian uses?"""
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent


def stanza(files, codename="bookworm"):
    """(exit status, printed stanza) of ./run's backports_stanza on an apt directory of `files`."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run(
            ["bash", "-c", 'source ./run && backports_stanza "$1"', "bash", codename],
            cwd=ROOT, env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "APT_DIRECTORY": folder},
            stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return done.returncode, done.stdout


SOURCES = """# A comment
Types: deb deb-src
# another
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""


class BackportsStanza(unittest.TestCase):
    def test_takes_mirror_and_keyring_from_a_deb822_file(self):
        self.assertEqual(stanza({"sources.list.d/debian.sources": SOURCES}), (
            0, "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm-backports\n"
               "Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"))

    def test_skips_disabled_stanzas_and_other_suites(self):
        disabled = SOURCES.replace("Types: deb deb-src", "Enabled: no\nTypes: deb deb-src")
        self.assertNotEqual(stanza({"sources.list.d/debian.sources": disabled})[0], 0)
        self.assertNotEqual(stanza({"sources.list.d/debian.sources": SOURCES}, "trixie")[0], 0)

    def test_copies_a_key_that_stands_inside_the_stanza(self):
        key = "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINB\n"
        text = SOURCES.replace(
            "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n", key, 1)
        status, found = stanza({"sources.list.d/debian.sources": text})
        self.assertEqual(status, 0)
        self.assertTrue(found.endswith(key), found)

    def test_takes_mirror_and_keyring_from_one_line_entries(self):
        text = ("# deb http://commented.example/debian bookworm main\n"
                "deb-src http://source.example/debian bookworm main\n"
                "deb [arch=amd64 signed-by=/usr/share/keyrings/k.gpg] "
                "https://mirror.example/debian bookworm main\n")
        self.assertEqual(stanza({"sources.list": text}), (
            0, "Types: deb\nURIs: https://mirror.example/debian\nSuites: bookworm-backports\n"
               "Components: main\nSigned-By: /usr/share/keyrings/k.gpg\n"))

    def test_takes_one_line_entries_without_options_and_from_list_files(self):
        text = "deb http://mirror.example/debian bookworm non-free main\n"
        self.assertEqual(stanza({"sources.list.d/x.list": text}), (
            0, "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm-backports\n"
               "Components: main\n"))

    def test_fails_where_no_source_serves_the_release(self):
        self.assertNotEqual(stanza({"sources.list": ""})[0], 0)


class Commands(unittest.TestCase):
    def run_script(self, *arguments):
        return subprocess.run([ROOT / "run", *arguments], cwd="/", stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)

    def test_prints_the_usage_alone(self):
        done = self.run_script()
        self.assertEqual(done.returncode, 0)
        self.assertIn("usage: ./run COMMAND", done.stdout)

    def test_refuses_an_unknown_command_by_name(self):
        done = self.run_script("frobnicate")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no such command: frobnicate", done.stderr)


class Layers(unittest.TestCase):
    def test_every_rule_of_the_layer_checker_fires(self):
        done = subprocess.run(["/usr/bin/python3", ROOT / "tests/check_layers.py", "--selftest"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
