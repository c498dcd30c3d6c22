#!/usr/bin/env python3
"""Is there every command that the product and its documents name?

commands_test.py MUSTER    one line for each that is not, exit status 1 when there is any

Commands are looked for between backticks and on lines of their own in code blocks, in documents and
in the string literals of the product. A group (`muster token`) that does nothing without a verb
must be named with one, and options must be in the --help of the command that they are given to.
"""
import functools
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PRODUCT = ("base", "collector", "health", "identity", "failover", "alerting", "agent")
DOCUMENTS = ("README.md", "docs/*.md", "docs/openapi.yaml", "systemd/*.yaml", "dashboards/*")


@functools.lru_cache(maxsize=None)
def help_of(binary, *words):
    return subprocess.run([binary, *words, "--help"], capture_output=True, text=True, check=True,
                          timeout=20).stdout


def verbs_of(binary, *words):
    """The subcommands, and whether one is needed."""
    text = help_of(binary, *words)
    listed = re.search(r"^Subcommands:\n((?:  .*\n?)+)", text, re.M)
    verbs = re.findall(r"^  ([a-z][a-z-]*)", listed[1], re.M) if listed else []
    return verbs, bool(re.search(r"^Usage:.* SUBCOMMAND", text, re.M))


def problem_of(binary, said):
    """What is wrong with "muster WORD...", or None."""
    tokens = said.split()[1:]
    chosen = []
    while True:
        verbs, needed = verbs_of(binary, *chosen)
        word = tokens[0] if tokens and re.fullmatch(r"[a-z][a-z-]*", tokens[0]) else None
        if word in verbs:
            chosen.append(tokens.pop(0))
        elif verbs and word:
            return f"`{' '.join(['muster', *chosen])}` has no {word}"
        elif needed and "--help" not in tokens and "--version" not in tokens and tokens[:1] != ["..."]:
            return f"`muster {' '.join(chosen)}` needs a verb"
        else:
            break
    known = help_of(binary) + help_of(binary, *chosen) + "--help --version"
    for option in re.findall(r"(?<!\S)\[?(--[a-z][a-z-]*)", " ".join(tokens)):
        if not re.search(re.escape(option) + r"(?![a-z-])", known):
            return f"`muster {' '.join(chosen)}` takes no {option}"
    return None


def said_in(text):
    """Each "muster ..." that is meant to be run, with its line."""
    text = re.sub(r"^```.*?^```", lambda block: re.sub(r"^", "    ", block[0], flags=re.M), text,
                  flags=re.M | re.S)
    for found in re.finditer(r"`(muster [^`]+)`|^ {4}(?:\$ )?(?:sudo )?(muster .+)$", text, re.M):
        yield text.count("\n", 0, found.start()) + 1, (found[1] or found[2]).split("#")[0]


def literals_of(text):
    """The string literals of C++, those that follow each other as one; lines are about right."""
    joined = re.sub(r'"[ \t]*\n[ \t]*"', "", text)
    kept = []
    for line in joined.splitlines():
        code = re.sub(r"^\s*//.*", "", line)
        kept.append(" ".join(re.findall(r'"((?:\\.|[^"\\])*)"', code)))
    return "\n".join(kept)


def main():
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    files = [file for pattern in DOCUMENTS for file in sorted(ROOT.glob(pattern)) if file.is_file()]
    files += [file for folder in PRODUCT for file in sorted((ROOT / folder).glob("*"))
              if file.suffix in (".cpp", ".h")]
    count, wrong = 0, 0
    for file in files:
        text = file.read_text(encoding="utf-8")
        for line, said in said_in(literals_of(text) if file.suffix in (".cpp", ".h") else text):
            count += 1
            if problem := problem_of(binary, said):
                wrong += 1
                print(f"{file.relative_to(ROOT)}, near line {line}: {problem}: {said}")
    if count < 50:
        sys.exit(f"only {count} commands were found: this test does not see them any more")
    print(f"{count} commands, {wrong} wrong")
    sys.exit(1 if wrong else 0)


main()
