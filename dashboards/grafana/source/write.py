#!/usr/bin/python3
"""Writes dashboards/grafana/*.json from what lies here; with --check it only says what would change."""
import json
import pathlib
import sys

import cluster
import failover
import node
import workload

HERE = pathlib.Path(__file__).resolve().parent


def main():
    changed = []
    for name, module in (("cluster", cluster), ("node", node), ("workload", workload),
                         ("failover", failover)):
        path = HERE.parent / f"{name}.json"
        text = json.dumps(module.board().json(), indent=1, ensure_ascii=False) + "\n"
        if not path.exists() or path.read_text() != text:
            changed.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(text)
    print("\n".join(changed))
    return 1 if changed and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
