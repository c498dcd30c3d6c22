#!/usr/bin/env python3
"""How does membership scale? Simulates it at N = 3 ... 10,000 and draws docs/membership-scale.svg.

scale.py --binaries DIR [--nodes 3,10,...] [--json FILE] [--svg FILE]

Every size is one `muster-sim --nodes N --json`: production code, virtual time, one seed, so the figures
are the same on every machine; only the wall time and the memory of the simulator are not.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
NODES = (3, 5, 10, 32, 100, 320, 1000, 3200, 10000)

PLOT = """
set terminal svg size 900,900 dynamic font 'sans-serif,13' background '#ffffff'
set output '{svg}'
set multiplot layout 3,1 title 'Membership at N members (lan profile, 1 % loss, simulated)'
set logscale x
set grid
set key left top
set xrange [2.5:12000]
set xtics (3, 10, 32, 100, 320, 1000, 3200, 10000)
set yrange [0:*]
set ylabel 'seconds from kill to failed'
plot '{data}' using 1:2 with linespoints lw 2 title 'agent killed: p50 of all members', \\
     '' using 1:3 with linespoints lw 2 dt 2 title 'agent killed: p99', \\
     '' using 1:4 with linespoints lw 2 title 'machine gone: p50', \\
     '' using 1:5 with linespoints lw 2 dt 2 title 'machine gone: p99'
set ylabel 'bytes a node and second'
plot '{data}' using 1:6 with linespoints lw 2 title 'datagrams, sealed, with IP and UDP headers', \\
     '' using 1:7 with linespoints lw 2 title 'tables over TCP'
set ylabel 'packets a node and second'
set xlabel 'members'
plot '{data}' using 1:8 with linespoints lw 2 title 'datagrams sent'
unset multiplot
"""


def measure(binaries, nodes):
    out = subprocess.run([binaries / "muster-sim", "--nodes", str(nodes), "--json"],
                         capture_output=True, text=True, check=True)
    return json.loads(out.stdout)


def row(figures):
    killed, silent = figures["killed"], figures["silent"]
    seen = lambda d, key: d[key] if d["kills"] else "NaN"
    return [figures["nodes"], seen(killed, "each_p50"), seen(killed, "each_p99"),
            seen(silent, "each_p50"), seen(silent, "each_p99"),
            figures["datagram_bytes_per_node_second"], figures["table_bytes_per_node_second"],
            figures["packets_per_node_second"]]


def draw(all_figures, svg):
    with tempfile.NamedTemporaryFile("w", suffix=".dat") as data:
        for figures in all_figures:
            print(*row(figures), file=data)
        data.flush()
        subprocess.run(["gnuplot"], input=PLOT.format(svg=svg, data=data.name), text=True,
                       check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=pathlib.Path, required=True)
    parser.add_argument("--nodes", type=lambda text: [int(n) for n in text.split(",")],
                        default=NODES)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--svg", type=pathlib.Path, default=ROOT / "docs/membership-scale.svg")
    arguments = parser.parse_args()
    everything = []
    print("    N   killed p50/p99 s   silent p50/p99 s   packets/s   bytes/s   table B/s"
          "   false   KiB/node   wall s")
    for nodes in arguments.nodes:
        figures = measure(arguments.binaries.resolve(), nodes)
        everything.append(figures)
        killed, silent = figures["killed"], figures["silent"]
        print(f"{nodes:5}   {killed['each_p50']:7.3f} {killed['each_p99']:7.3f}"
              f"    {silent['each_p50']:7.3f} {silent['each_p99']:7.3f}"
              f"   {figures['packets_per_node_second']:9.1f}"
              f"   {figures['datagram_bytes_per_node_second']:7.0f}"
              f"   {figures['table_bytes_per_node_second']:9.1f}"
              f"   {figures['false_failures']:5}"
              f"   {figures['memory_per_node_bytes'] / 1024:8.0f}"
              f"   {figures['wall_seconds']:6.1f}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(everything, indent=1) + "\n")
    draw(everything, arguments.svg)
    print(f"drawn: {arguments.svg}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
