"""In what do two scrapes of one machine differ? Texts in, a list of differences out."""
import collections
import re

# kind: missing, extra (of ours), label, value, type or help; labels: those that it is about, {} for all.
Difference = collections.namedtuple("Difference", "kind name labels text")
Family = collections.namedtuple("Family", "type help series")  # {((label, value), ...): number}

SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)",?')

# The running kernel's, whatever the roots: clocks, what file systems hold, what a scrape takes; and
# what either says of its own process.
LIVE = re.compile(r"process_\w+|node_(time_seconds|timex_\w+|scrape_collector_duration_seconds"
                  r"|filesystem_(avail_bytes|files|files_free|free_bytes))")
# Besides those, what goes up and down on a real machine.
MOVING = re.compile(
    r"node_(arp_entries|cooling_device_cur_state|cpu_(frequency|scaling_frequency)_hertz|disk_io_now"
    r"|entropy_available_bits|filefd_allocated|hwmon_\w+|load(1|5|15)"
    r"|memory_(?!MemTotal|SwapTotal|Hugepagesize|VmallocTotal)\w+|netstat_\w+_CurrEstab"
    r"|nf_conntrack_entries|power_supply_\w+|procs_(blocked|running)|sockstat_\w+"
    r"|softnet_backlog_len|thermal_zone_temp|udp_queues)")


def parse(text):
    """{name: Family} of an exposition in text 0.0.4; raises ValueError for what is there twice."""
    families, owners = {}, {}
    for line in text.splitlines():
        if line.startswith("# "):
            _, word, name, rest = line.split(" ", 3)
            family = families.setdefault(name, {"series": {}})
            if word in family:
                raise ValueError(f"twice: {line}")
            family[word] = rest
            if word == "TYPE" and rest in ("histogram", "summary"):
                owners.update({name + part: name for part in ("_bucket", "_sum", "_count")})
            continue
        found = SAMPLE.fullmatch(line)
        if not found:
            raise ValueError(f"no sample: {line}")
        name, labels, value = found.groups()
        labels = LABEL.findall(labels or "")
        if name in owners:
            labels.append(("", name))
        series = families[owners.get(name, name)]["series"]
        key = tuple(sorted(labels))
        if key in series:
            raise ValueError(f"twice: {line}")
        series[key] = float(value)
    return {name: Family(family.get("TYPE"), family.get("HELP"), family["series"])
            for name, family in families.items()}


def written(name, labels):
    inside = ",".join(f'{key}="{value}"' for key, value in labels if key)
    return f"{name}{{{inside}}}" if inside else name


def differences(theirs, ours, later=None):
    """Of `ours` from `theirs`; on a real machine `later` is theirs once more, after ours."""
    found = []
    for name in sorted(set(theirs) | set(ours)):
        if name not in theirs or name not in ours:
            kind, side = ("missing", theirs) if name in theirs else ("extra", ours)
            found += alone(kind, name, side[name].series)
            continue
        for kind in ("type", "help"):
            there, here = getattr(theirs[name], kind), getattr(ours[name], kind)
            if there != here:
                found.append(Difference(kind, name, {}, f"{name}: {there!r} there, {here!r} here"))
        until = later.get(name, Family("", "", {})) if later is not None else theirs[name]
        found += of_series(name, theirs[name], ours[name], until, later is not None)
    return found


def alone(kind, name, series):
    return [Difference(kind, name, dict(labels), written(name, labels)) for labels in sorted(series)]


def of_series(name, theirs, ours, until, real):
    """Labels that only one side has; then, without them, series; then values."""
    names = [{key for labels in side.series for key, _ in labels} for side in (theirs, ours)]
    odd = names[0] ^ names[1]
    found = [Difference("label", name, {key: ""},
                        f"{name}: label {key} is only {'there' if key in names[0] else 'here'}")
             for key in sorted(odd)]
    there, here, after = ({tuple(pair for pair in labels if pair[0] not in odd): value
                           for labels, value in side.series.items()}
                          for side in (theirs, ours, until))
    pairs = [(labels, labels) for labels in sorted(set(there) & set(here))]
    missing, extra = sorted(set(there) - set(here)), sorted(set(here) - set(there))
    renamed = dict(zip(missing, extra)) if len(missing) == len(extra) else {}
    if renamed and len({differ_in(*both) for both in renamed.items()} - {None}) == 1:
        key = differ_in(missing[0], extra[0])
        found += [Difference("label", name, {key: dict(labels)[key]},
                             f"{written(name, labels)} there, {written(name, other)} here")
                  for labels, other in renamed.items()]
        pairs += renamed.items()
        missing = extra = []
    found += alone("missing", name, missing) + alone("extra", name, extra)
    for labels, other in pairs:
        value, low, high = here[other], there[labels], after.get(labels)
        if high is not None and not agree(name, theirs.type, low, value, high, real):
            found.append(Difference("value", name, dict(labels),
                                    f"{written(name, labels)}: {low!r} there, {value!r} here"))
    return found


def differ_in(labels, other):
    """The label whose value is another one, when there is one such label only."""
    if [key for key, _ in labels] != [key for key, _ in other]:
        return None
    changed = [one[0] for one, two in zip(labels, other) if one != two]
    return changed[0] if len(changed) == 1 else None


def agree(name, kind, low, value, high, real):
    """Of what counts, ours lies between both of theirs; of what stays, all are the same."""
    if LIVE.fullmatch(name) or real and MOVING.fullmatch(name):
        return True
    if low == high:
        return value == low or value != value and low != low
    return kind in ("counter", "untyped") and low <= value <= high
