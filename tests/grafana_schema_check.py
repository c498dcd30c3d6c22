#!/usr/bin/python3
"""Are the dashboards what Grafana's own schema says? Exit status 77, with the reason: it cannot be had here.

The types come from the npm package @grafana/schema and are made a JSON schema by ts-json-schema-generator; nothing
of either is kept but under the directory that the first argument names. Needs npm and python3-jsonschema.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = ("@grafana/schema@13.2.3", "ts-json-schema-generator@2.3.0")
TYPES = "./node_modules/@grafana/schema/dist/types/raw/"
# What an annotation has of its data source; Grafana's type speaks only of the one that is built in.
OF_PROMETHEUS = ("expr", "step", "tagKeys", "textFormat", "titleFormat", "useValueForTime")
SKIPPED = 77  # what tests/CMakeLists.txt takes for "skipped"


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def run(directory, *command, timeout):
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=timeout, check=False)


def install(directory):
    """The packages, once: a directory that has them is not looked at again."""
    directory.mkdir(parents=True, exist_ok=True)
    mark = directory / "installed"
    if mark.exists() and mark.read_text().split() == list(PACKAGES):
        return
    if not shutil.which("npm"):
        skip("npm is not installed")
    (directory / "package.json").write_text('{"private": true}\n')
    try:
        done = run(directory, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save",
                   "--omit=peer", "--fetch-retries=1", *PACKAGES, timeout=120)
    except subprocess.TimeoutExpired:
        skip("the npm registry did not answer within two minutes")
    if done.returncode != 0:
        skip("npm install: " + "; ".join(re.findall("npm error (.+)", done.stderr)[:3]))
    mark.write_text("\n".join(PACKAGES))


def options_types(kind, directory):
    """Writes the types of a panel's options and of its fields' own under names of their own; returns those."""
    path = directory / TYPES / f"composable/{kind.replace('-', '')}/panelcfg/x/types.gen.d.ts"
    text = path.read_text()
    prefix = kind.replace("-", "_") + "_"
    names = [name for name in ("Options", "FieldConfig") if f"export interface {name} " in text]
    for name in names:
        text = re.sub(rf"(?<!\.)\b{name}\b", prefix + name, text)
    (directory / f"{prefix}types.d.ts").write_text(text)
    return [prefix + name for name in names]


def schema(directory, kinds):
    """One schema whose properties are `dashboard`, and KIND_Options and KIND_FieldConfig of each kind of panel."""
    lines = [f'import {{Dashboard}} from "{TYPES}dashboard/x/types.gen";']
    fields = ["dashboard: Dashboard;"]
    for kind in kinds:
        names = options_types(kind, directory)
        lines.append(f'import {{{", ".join(names)}}} from "./{kind.replace("-", "_")}_types";')
        fields += [f"{name}: {name};" for name in names]
    (directory / "all.ts").write_text("\n".join([*lines, "export interface All {", *fields, "}", ""]))
    done = run(directory, "node_modules/.bin/ts-json-schema-generator", "--path", "all.ts", "--type", "All",
               "--no-type-check", "--no-top-ref", timeout=120)
    if done.returncode != 0:
        print(done.stdout + done.stderr)
        sys.exit(1)
    return json.loads(done.stdout)


def problems(book, part, value, where):
    validator = jsonschema.Draft7Validator({**book["properties"][part], "definitions": book["definitions"]})
    for one in validator.iter_errors(value):
        yield f"{where}: {'/'.join(map(str, one.absolute_path))}: {one.message[:300]}"


def main():
    directory = pathlib.Path(sys.argv[1]).resolve()
    install(directory)
    boards = {path.name: json.loads(path.read_text())
              for path in sorted((ROOT / "dashboards/grafana").glob("*.json"))}
    kinds = sorted({panel["type"] for board in boards.values() for panel in board["panels"]} - {"row"})
    book = schema(directory, kinds)
    found = []
    for name, board in boards.items():
        for mark in board["annotations"]["list"]:
            for key in OF_PROMETHEUS:
                mark.pop(key)
        found += problems(book, "dashboard", board, name)
        for panel in board["panels"]:
            where = f"{name}: {panel['title']}"
            prefix = panel["type"].replace("-", "_")
            for part, value in ((prefix + "_Options", panel.get("options")),
                                (prefix + "_FieldConfig",
                                 panel.get("fieldConfig", {}).get("defaults", {}).get("custom"))):
                if part in book["properties"] and value is not None:
                    found += problems(book, part, value, where)
    print("\n".join(found))
    print(f"{len(boards)} dashboards with {', '.join(kinds)} against {PACKAGES[0]}: {len(found)} problems")
    return 1 if found or not boards else 0


if __name__ == "__main__":
    sys.exit(main())
