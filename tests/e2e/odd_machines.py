"""Which machines, besides that of tests/fixtures, do node_exporter and muster see differently?

Each function makes one out of a copy of those files.
"""


import shutil


def edit(path, change):
    path.write_text(change(path.read_text()))


def odd(root):
    """An older kernel, drivers that fail, a file cut short, what is there twice, what is new."""
    proc, sys = root / "proc", root / "sys"
    # No statistics of conntrack, and PSI but for the CPUs.
    (proc / "net/stat/nf_conntrack").unlink()
    (proc / "pressure/cpu").unlink()
    # A driver that does not know the frequency now.
    (sys / "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq").write_text("<unknown>\n")
    # A line with too few columns.
    edit(proc / "diskstats", lambda text: text + "   8      32 sdc 1 2\n")
    # Mounted twice at one place, with other options; and at one with a backslash in its name.
    for name in ("mounts", "mountinfo"):
        edit(proc / "1" / name, lambda text: text + "".join(
            line.replace(" ro,", " rw,") + line.replace(" /srv ", " /srv/back\\134slash ")
            for line in text.splitlines(True)[-1:]))
    # Two entries of one device, and a sensor of frequency.
    platform = sys / "devices/platform/coretemp.0/hwmon"
    shutil.copytree(platform / "hwmon1", platform / "hwmon4", symlinks=True)
    (sys / "class/hwmon/hwmon4").symlink_to("../../devices/platform/coretemp.0/hwmon/hwmon4")
    (sys / "devices/virtual/hwmon/hwmon0/freq1_input").write_text("400000000\n")
    (sys / "devices/virtual/hwmon/hwmon0/freq1_label").write_text("sclk\n")
    # A zone that is switched off.
    (sys / "class/thermal/thermal_zone0/mode").write_text("disabled\n")
    # A line that is none, which both fail on; an agent starts nevertheless.
    edit(proc / "meminfo", lambda text: text + "HugePages: many\n")
    # One behind some that are well.
    edit(proc / "vmstat", lambda text: text + "pgfault_many many\n")


def textfiles(root):
    """Files that contradict each other, or themselves, or take a name that is not theirs."""
    for name, text in {
            "clash.prom": "# TYPE backup_size_bytes counter\nbackup_size_bytes 1\n",
            "own.prom": "muster_of_others 7\n",
            "stamped.prom": "stamped 1 1700000000000\n",
            "twice.prom": "twice 1\ntwice 2\n",
            "well.prom": "# HELP well Whether it is.\n# TYPE well gauge\nwell 1\n"}.items():
        (root / "srv/metrics" / name).write_text(text)


MADE = {"odd": odd, "textfiles": textfiles}
