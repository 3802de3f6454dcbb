#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clocks and parents: where it is known how the machines' clocks really were related (clocks.json), the truth lies within the printed bounds."""
import csv
import io
import json
import pathlib
import random
import re
import shutil
import struct
import tempfile

import tap

YEAR = 365 * 86400 * 10**9
PACKET = struct.Struct("<I16sIIIBBBBB")  # the header of a packet of metadata


class Truth:
    """A scenario's clocks, as its clocks.json has them; all times are integers of ns with their clock's origin applied."""

    def __init__(self, scenario):
        clocks = json.loads((scenario / "clocks.json").read_text(encoding="utf-8"))
        self.levels, self.mapping = clocks["levels"], clocks["mapping"]
        self.dirs = [name for name in self.levels if (scenario / name / "metadata").is_file()]
        self.pids = {m["dir"]: m.get("qemu_pid") for m in machines(scenario)}

    def parent(self, name):
        return self.levels[name]["parent"]

    def origin(self, name):
        return self.levels[name]["ctf_clock"]["origin_ns"]

    def ends(self, name):
        """The first and the last time at which the relation was measured, in the machine's clock."""
        samples = self.levels[name]["samples"]
        return [self.origin(name) + at["mono_ns"] for at in (samples["start"][-1], samples["end"][0])]

    def to_host(self, name, time):
        if name not in self.mapping:
            return time
        m, own = self.mapping[name], time - self.origin(name)
        moved = m["mono_offset_at_start_ns"] + (own - m["guest_mono_at_start_ns"]) * (m["mono_slope"] - 1)
        return own + round(moved) + self.origin("host")

    def from_host(self, name, time):
        guess = time
        for _ in range(6):
            guess += time - self.to_host(name, guess)
        return guess

    def between(self, name, other, time):
        """A time of one machine in another's clock."""
        return self.from_host(other, self.to_host(name, time))


def machines(scenario):
    truth = json.loads((scenario / "truth.json").read_text(encoding="utf-8"))["machines"]
    if isinstance(truth, dict):
        truth = [{"name": name, **values} for name, values in truth.items()]
    return [{"dir": m.get("dir", m.get("trace", m["name"])), **m} for m in truth]


def scenarios():
    return [scenario for scenario in tap.scenarios() if (scenario / "clocks.json").is_file() and (scenario / "host").is_dir()]


def sync(*arguments):
    return json.loads(tap.strata("sync", "--format=json", *arguments).stdout)


# ---- Copies of traces whose clocks are others ---------------------------------------------------------------------------


def metadata_text(trace):
    """The metadata without its packets."""
    data, text, at = (trace / "metadata").read_bytes(), b"", 0
    if data[:4] not in (b"\x57\x1d\xd1\x75", b"\x75\xd1\x1d\x57"):
        return data.decode()
    while at + PACKET.size <= len(data):
        content, size = PACKET.unpack_from(data, at)[3:5]
        text += data[at + PACKET.size:at + content // 8]
        at += size // 8
    return "/* CTF 1.8 */\n" + text.decode()


def copy_trace(trace, to, shift=0, freq=None, hide=None):
    """A copy whose clock is `shift` ns ahead, and counts `freq` a second; events whose names begin with `hide` have others."""
    shutil.copytree(trace, to, copy_function=lambda a, b: pathlib.Path(b).symlink_to(pathlib.Path(a).resolve()))
    text = metadata_text(trace)
    text = re.sub(r"(\n\s*offset = )(\d+);", lambda m: f"{m[1]}{int(m[2]) + shift};", text, count=1)
    if freq:
        text = re.sub(r"(\n\s*freq = )(\d+);", rf"\g<1>{freq};", text, count=1)
    if hide:
        text = text.replace(f'"{hide}', f'"hidden_{hide}')
    (to / "metadata").unlink()
    (to / "metadata").write_text(text, encoding="utf-8")
    return to


# ---- The law -----------------------------------------------------------------------------------------------------------


def line(pair, time):
    return time + pair["offset_ns"] + round(pair["drift"] * (time - pair["ref_ns"]))


def check_pair(truth, pair, name, parent, shifts):
    """The bound holds at both ends of the guest's trace, and the drift is within its own."""
    most = 100 if pair["nested"] else 10000  # whose code a nested run was is sometimes taken for another's
    tap.check(pair["contradictions"] <= pair["constraints"] // most, f"{name}: {pair['contradictions']} contradictions")
    own, other = shifts.get(name, 0), shifts.get(parent, 0)
    true = []
    for time in truth.ends(name):
        true.append(truth.between(name, parent, time) + other)
        error = line(pair, time + own) - true[-1]
        tap.check(abs(error) <= pair["bound_ns"], f"{name} in {parent}: {error} ns off, and the bound is {pair['bound_ns']}")
    begin, end = truth.ends(name)
    slope = (true[1] - true[0]) / (end - begin) - 1
    tap.check(abs(pair["drift"] - slope) <= pair["drift_bound"], f"{name}: drift {pair['drift']}, in truth {slope}, within {pair['drift_bound']}")
    tap.check(pair["bound_ns"] < 500_000, f"{name}: a bound of {pair['bound_ns']} ns is no alignment")


def check_all(truth, answer, where, shifts=None):
    """`where`: the names of the scenario's machines by the directories that were given."""
    found = {}
    names = {m["name"]: where[m["trace"]] for m in answer["machines"]}
    for pair in answer["pairs"]:
        name = where[pair["trace"]]
        tap.check(name not in found, f"{name} has two lines")
        found[name] = pair
        tap.equal(pair["problem"], None, name)
        parent = truth.parent(name)
        while parent not in where.values():
            parent = truth.parent(parent)
        tap.equal(names[pair["parent"]], parent, f"parent of {name}")
        tap.equal(pair["nested"], parent != truth.parent(name), f"{name} is a nested VM of its parent")
        if not pair["nested"]:
            tap.equal(pair["vm_pid"], truth.pids.get(name) or pair["vm_pid"], f"VM of {name}")
        check_pair(truth, pair, name, parent, shifts or {})
    tap.equal(sorted(found), sorted(set(where.values()) - {"host"}), "machines that were placed")
    tap.equal(names[answer["root"]], "host", "root")
    for m in answer["machines"]:
        tap.equal(m["level"], truth.levels[names[m["name"]]]["level"], f"level of {names[m['name']]}")


def check_scenario(scenario):
    truth = Truth(scenario)
    check_all(truth, sync(scenario), {str(scenario / name): name for name in truth.dirs})


def test_the_truth_lies_within_the_bound():
    for scenario in scenarios():
        yield scenario.name, check_scenario, scenario


def check_shifted(scenario):
    """Clocks shifted by up to a year, directories of other names in another order."""
    truth, rng = Truth(scenario), random.Random(scenario.name)
    with tempfile.TemporaryDirectory() as folder:
        shifts = {name: rng.randrange(-YEAR, YEAR) for name in truth.dirs}
        where = {}
        for name in rng.sample(truth.dirs, len(truth.dirs)):
            to = pathlib.Path(folder) / f"{rng.randrange(10**6)}"
            where[str(copy_trace(scenario / name, to, shifts[name]))] = name
        check_all(truth, sync("--no-cache", *where), where, shifts)


def test_clocks_may_be_a_year_apart():
    for scenario in scenarios():
        yield scenario.name, check_shifted, scenario


def check_drift(scenario, ppm):
    """A guest's clock that runs too fast or slow is found to do so."""
    truth = Truth(scenario)
    name = next(n for n in truth.dirs if truth.parent(n) == "host")
    with tempfile.TemporaryDirectory() as folder:
        freq = 10**9 + ppm * 1000
        guest = copy_trace(scenario / name, pathlib.Path(folder) / "guest", 0, freq)
        answer = sync("--no-cache", guest, scenario / "host")
        pair, = [p for p in answer["pairs"] if p["parent"]]
        for time in truth.ends(name):
            own = time * 10**9 // freq  # the origin is told in cycles, too
            error = line(pair, own) - truth.between(name, "host", time)
            tap.check(abs(error) <= pair["bound_ns"], f"{error} ns off, and the bound is {pair['bound_ns']}")
        tap.check(abs(pair["drift"] * 1e6 - ppm) < 3, f"drift {pair['drift']}")


def test_drift_is_found():
    for scenario in scenarios()[:2]:
        for ppm in (-450, -40, 120, 450):
            yield f"{scenario.name}, {ppm} ppm", check_drift, scenario, ppm


def check_without_exits(scenario):
    """The tracers of many distributions record no entries and exits."""
    truth = Truth(scenario)
    with tempfile.TemporaryDirectory() as folder:
        where = {str(copy_trace(scenario / name, pathlib.Path(folder) / name, hide="kvm_x86_")): name for name in truth.dirs}
        check_all(truth, sync("--no-cache", *where), where)


def test_the_scheduler_alone_is_enough():
    for scenario in scenarios():
        yield scenario.name, check_without_exits, scenario


# ---- What is missing ------------------------------------------------------------------------------------------------------


def check_without(scenario, left):
    truth = Truth(scenario)
    where = {str(scenario / name): name for name in truth.dirs if name != left}
    check_all(truth, sync(*where), where)


def test_a_nested_guest_without_its_hypervisors_trace():
    for scenario in scenarios():
        truth = Truth(scenario)
        for name in truth.dirs:
            if any(truth.parent(other) == name for other in truth.dirs) and name != "host":
                yield f"{scenario.name} without {name}", check_without, scenario, name


def check_alone(scenario, name):
    answer = sync(scenario / name)
    tap.equal(answer["pairs"], [], "pairs")
    tap.equal([(m["parent"], m["level"], m["problem"]) for m in answer["machines"]], [(None, 0, None)])


def test_a_trace_alone_is_a_root():
    for scenario in scenarios()[:2]:
        for name in Truth(scenario).dirs:
            yield f"{scenario.name}/{name}", check_alone, scenario, name


def check_strangers(guest, host):
    """A guest of another recording fits nowhere, and that is said."""
    answer = sync(guest, host)
    pair, = [p for p in answer["pairs"] if p["trace"] == str(guest)]
    tap.equal([pair["parent"], pair["vm_pid"], pair["offset_ns"], pair["bound_ns"]], [None] * 4)
    tap.check(pair["problem"], "no problem is told")
    level, = [m["level"] for m in answer["machines"] if m["trace"] == str(guest)]
    tap.equal(level, -1)


def test_a_stranger_fits_nowhere():
    all_of_them = scenarios()
    for i, scenario in enumerate(all_of_them):
        other = all_of_them[(i + 1) % len(all_of_them)]
        for name in Truth(scenario).dirs:
            if Truth(scenario).parent(name) and not any(Truth(scenario).parent(n) == name for n in Truth(scenario).levels):
                yield f"{scenario.name}/{name} in {other.name}", check_strangers, scenario / name, other / "host"


def check_packets(scenario, names):
    truth = Truth(scenario)
    answer = sync(*[scenario / name for name in names])
    aligned = [p for p in answer["pairs"] if p["method"] == "packets"]
    if not aligned:
        tap.skip("they sent one another nothing")
    for pair in aligned:
        name, other = (pathlib.Path(m["trace"]).name for m in
                       [next(m for m in answer["machines"] if m["name"] == pair[key]) for key in ("machine", "clock_of")])
        tap.equal(pair["parent"], None, "it runs in none of them")
        for time in truth.ends(name):
            error = line(pair, time) - truth.between(name, other, time)
            tap.check(abs(error) <= pair["bound_ns"] < 10_000_000, f"{error} ns off, and the bound is {pair['bound_ns']}")


def test_machines_that_share_no_host_are_aligned_by_packets():
    for scenario in scenarios():
        names = [name for name in Truth(scenario).dirs if Truth(scenario).parent(name) == "host"]
        if len(names) > 1:
            yield scenario.name, check_packets, scenario, names


# ---- What the user tells, and forms -----------------------------------------------------------------------------------------


# ---- Time stamp counters ------------------------------------------------------------------------------------------------


def counters(scenario, folder, shift=0):
    """Copies of a scenario's traces, with what was read of clocks and counters in `.strata-clock`; offsets are `shift` ticks wrong."""
    truth = Truth(scenario)
    for name in truth.dirs:
        copy = copy_trace(scenario / name, pathlib.Path(folder) / name)
        lines = [f"clock {at['tsc']} {at['mono_ns']} {at['tsc_width']}" for part in ("start", "end") for at in truth.levels[name]["samples"][part]]
        for guest, level in truth.levels.items():
            offsets = level["tsc_offset_from_parent"] if level["parent"] == name else {}
            lines += [f"vcpu {truth.pids[guest]} {vcpu} {(offset + shift) % 2**64}" for vcpu, offset in offsets.items()]
        (copy / ".strata-clock").write_text("# made\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return pathlib.Path(folder)


def check_counters(scenario):
    truth, before = Truth(scenario), {pathlib.Path(pair["trace"]).name: pair for pair in sync(scenario)["pairs"]}
    with tempfile.TemporaryDirectory() as folder:
        for pair in sync("--no-cache", counters(scenario, folder))["pairs"]:
            name = pathlib.Path(pair["trace"]).name
            check_pair(truth, pair, name, truth.parent(name), {})
            tap.equal(pair["method"], "containment, tsc", name)
            tap.check(pair["bound_ns"] < before[name]["bound_ns"] / 2, f"{name}: {pair['bound_ns']} ns with counters, {before[name]['bound_ns']} without")
            tap.equal(pair["constraints"], before[name]["constraints"], f"{name}: events compared")


def test_time_stamp_counters_narrow_the_bound():
    for scenario in scenarios():
        if all(pid for name, pid in Truth(scenario).pids.items() if name != "host"):
            yield scenario.name, check_counters, scenario


def test_counters_that_contradict_the_events_are_not_used():
    scenario = tap.SAMPLES / "nested-cpu"
    with tempfile.TemporaryDirectory() as folder:
        done = tap.strata("sync", "--no-cache", "--format=json", counters(scenario, folder, 10**6))
        tap.equal([p["offset_ns"] for p in json.loads(done.stdout)["pairs"]], [p["offset_ns"] for p in sync(scenario)["pairs"]])
        tap.equal(done.stderr.count("contradicts its events"), 2, done.stderr)


def test_a_damaged_file_of_counters_is_told_line_by_line():
    scenario = tap.SAMPLES / "nested-cpu"
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_trace(scenario / "host", pathlib.Path(folder) / "host")
        (copy / ".strata-clock").write_bytes(b"clock 1 2\nvcpu 1 2 three\n\xff\n\nclock 1 2 3 4 5 6 7 8\nvcpu 1 2 3 0 5\n# fine\nclock 5 6 7\n" + b"x" * 2**21)
        done = tap.strata("sync", "--no-cache", "--format=json", copy)
        for number in (1, 2, 3, 5, 6, 9):
            tap.check(f".strata-clock:{number}: " in done.stderr, f"line {number}: {done.stderr}")
        for number in (4, 7, 8):
            tap.check(f".strata-clock:{number}: " not in done.stderr, f"line {number}: {done.stderr}")
        tap.check("is not read" in done.stderr, done.stderr)


def test_clock_reads_this_machine():
    with tempfile.TemporaryDirectory() as folder:
        for vcpu, files in (("vcpu0", {"tsc-offset": "-12"}), ("vcpu1", {"tsc-offset": "-12", "tsc-scaling-ratio": "3", "tsc-scaling-ratio-frac-bits": "1"})):
            (pathlib.Path(folder) / "183-11" / vcpu).mkdir(parents=True)
            for name, value in files.items():
                (pathlib.Path(folder) / "183-11" / vcpu / name).write_text(value + "\n", encoding="utf-8")
        done = tap.strata("clock", "--readings=3", f"--debugfs={folder}", status=None)
        if "no time stamp counter" in done.stderr:
            tap.skip("there is no time stamp counter")
        words = [line.split() for line in done.stdout.splitlines()]
        tap.equal(words[3:], [["vcpu", "183", "0", "-12"], ["vcpu", "183", "1", "-12", "3", "1"]])
        readings = [(int(tsc), int(time)) for kind, tsc, time, _ in words[:3]]
        tap.check(all(b[1] - a[1] >= 20_000_000 and b[0] > a[0] for a, b in zip(readings, readings[1:])), str(readings))
    tap.strata("clock", "trace", status=2)
    tap.strata("clock", "--readings=0", status=2)


# ---- What the user says -------------------------------------------------------------------------------------------------


def test_map_overrides():
    scenario = tap.SAMPLES / "one-vm-io"
    host, guest = scenario / "host", scenario / "l1-a"
    pid = sync(scenario)["pairs"][0]["vm_pid"]
    for vm in (str(pid), f"{sync(host)['root']}/vm/{pid}"):
        pair, = sync("--map", f"{vm}={guest}", host, guest)["pairs"]
        tap.equal((pair["vm_pid"], pair["method"]), (pid, "containment, map"))
    tap.equal([m["level"] for m in sync("--map", "none=l1-a", host, guest)["machines"]], [0, 0])
    for wrong in ("nonsense", "4711=l1-a", f"{pid}=nobody", f"{pid}=host"):
        done = tap.strata("sync", "--map", wrong, host, guest, status=2)
        tap.check("--map" in done.stderr, done.stderr)


def test_a_copy_has_its_place_only_once():
    scenario = tap.SAMPLES / "one-vm-io"
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_trace(scenario / "l1-a", pathlib.Path(folder) / "copy", 1000)
        text = re.sub(r'\n\s*uuid = "[^"]*";', "", (copy / "metadata").read_text(encoding="utf-8"))
        (copy / "metadata").write_text(text, encoding="utf-8")  # with its uuid it were the same trace
        answer = sync("--no-cache", scenario / "host", scenario / "l1-a", copy)
        placed = [p for p in answer["pairs"] if p["parent"]]
        tap.equal(len(placed), 1, "machines that were placed")
        other, = [p for p in answer["pairs"] if not p["parent"]]
        tap.check("ambiguous" in other["problem"], other["problem"])


def test_csv_has_the_same():
    scenario = tap.SAMPLES / "nested-cpu"
    table = list(csv.DictReader(io.StringIO(tap.strata("sync", "--format=csv", scenario).stdout)))
    for pair in sync(scenario)["pairs"]:
        row, = [r for r in table if r["trace"] == pair["trace"]]
        for name in ("machine", "parent", "vm_pid", "from_ns", "ref_ns", "offset_ns", "bound_ns", "constraints", "contradictions", "method"):
            tap.equal(row[name], str(pair[name]), name)
        tap.equal(float(row["drift"]), pair["drift"], "drift")


def test_the_same_bytes_whatever_the_number_of_threads():
    for scenario in scenarios():
        tap.equal(tap.strata("sync", "-j1", scenario).stdout, tap.strata("sync", "-j4", scenario).stdout)


tap.main(globals())
