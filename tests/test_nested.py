#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Nested VMs as the host's trace alone tells of them, with the trace of the VM that runs them as the judge; and laws."""
import bisect
import collections
import csv
import io
import json
import re

import tap

PARTS = ("own_ns", "l2_ns", "other_l2_ns", "l1_ns", "l1_else_ns", "l0_l1_ns", "l0_l2_ns", "irq_ns", "taken_ns", "blocked_ns", "l1_idle_ns", "halted_ns",
         "unknown_ns")


def scenarios():
    """Those with nested VMs of which the host's and the VM's traces are there."""
    for scenario in tap.scenarios():
        machines = json.loads((scenario / "truth.json").read_text())["machines"]
        if any(machine["level"] == 2 for machine in machines) and (scenario / "l1-a/metadata").is_file():
            yield scenario


def nested(folder, *options):
    return json.loads(tap.strata("nested", "--format=json", "--no-cache", *options, folder).stdout)["rows"]


def rows(folder, glob):
    """Intervals of rows, by path without the machine's name."""
    found = collections.defaultdict(list)
    text = tap.strata("states", "--alone", "--no-cache", "--format=csv", f"--row={glob}", folder).stdout
    for row in csv.DictReader(io.StringIO(text)):
        found[row["row"].split("/", 1)[1]].append((int(row["begin_ns"]), int(row["end_ns"]), row["state"]))
    return found


class Clock:
    """Time of the VM a in the host's, as the recording measured it."""

    def __init__(self, scenario):
        clocks = json.loads((scenario / "clocks.json").read_text())
        self.map = clocks["mapping"]["l1-a"]
        self.guest, self.host = (clocks["levels"][name]["ctf_clock"]["origin_ns"] for name in ("l1-a", "host"))

    def up(self, time):
        own = time - self.guest
        return round(own + self.map["mono_offset_at_start_ns"] + (own - self.map["guest_mono_at_start_ns"]) * (self.map["mono_slope"] - 1)) + self.host


def overlap(chain, begins, begin, end):
    """Parts of intervals within [begin, end)."""
    at = max(bisect.bisect_right(begins, begin) - 1, 0)
    while at < len(chain) and chain[at][0] < end:
        ns = min(end, chain[at][1]) - max(begin, chain[at][0])
        if ns > 0:
            yield chain[at], ns
        at += 1


def check_judge(scenario):
    """Time in each nested VM is, within 1 %, what its own hypervisor has from entry to exit, less what the host took of it and what that hypervisor itself ran."""
    clock, host, guest = Clock(scenario), rows(scenario / "host", "*/vm/*"), rows(scenario / "l1-a", "*/vm/*")
    l2s = {path: chain for path, chain in host.items() if "/l2/" in path}
    entered = {path: [(clock.up(b), clock.up(e)) for b, e, state in chain if state == "guest-l1"] for path, chain in guest.items()}
    begin, end = (f(clock.up(t[at]) for chain in guest.values() for t in (chain[0], chain[-1])) for f, at in ((min, 0), (max, 1)))
    known = {}
    for vm, brackets in entered.items():
        known[vm] = collections.Counter()
        for path, chain in l2s.items():
            runs = [i for i in chain if i[2] == "guest-l2"]
            begins = [i[0] for i in runs]
            known[vm][path] = sum(ns for b, e in brackets for _, ns in overlap(runs, begins, b, e))
    told = {path: sum(max(min(e, end) - max(b, begin), 0) for b, e, state in chain if state == "guest-l2") for path, chain in l2s.items()}
    vms = collections.Counter()
    for vm, by in known.items():
        vms[re.match(r"vm/\d+", vm)[0]] += 1
        path, _ = by.most_common(1)[0]
        judged = sum(by.values())
        tap.check(abs(told[path] - judged) <= 0.01 * judged, f"{vm} is {path}: {told[path] / 1e6:.1f} ms, and not {judged / 1e6:.1f} ms")
        tap.check(by[path] >= 0.99 * judged, f"{path}: {by[path] / judged:.4f} of its time is {vm}'s")
    paths = {by.most_common(1)[0][0] for by in known.values()}
    tap.equal(len(paths), len(known), "vCPUs of nested VMs told apart")
    tap.check(abs(sum(told.values()) - sum(sum(by.values()) for by in known.values())) <= 0.01 * sum(told.values()), "all time in level 2 is between entry and exit")


def whole(row):
    return sum(row[part] or 0 for part in PARTS)


def check_laws(folder):
    found = nested(folder)
    tap.check(any(row["l2"] is not None for row in found), "no nested VM")
    for row in found:
        tap.equal(whole(row), row["life_ns"], f"{row['name']}: all parts")
        tap.equal(row["wanted_ns"], row["life_ns"] - row["halted_ns"] - row["unknown_ns"], f"{row['name']}: wanted")
    for vcpu in (row for row in found if row["l2"] is None):
        l2s = [row for row in found if row["l2"] is not None and (row["vm_pid"], row["vcpu"]) == (vcpu["vm_pid"], vcpu["vcpu"])]
        tap.equal(sum(row["own_ns"] for row in l2s), vcpu["l2_ns"], "time in nested VMs is theirs")
        tap.check(all(row["exits"] >= row["reflected"] >= row["away"] for row in l2s), "exits")
    by_vm = nested(folder, "--by=vm")
    for part in PARTS:
        for level in (False, True):
            tap.equal(sum(row[part] or 0 for row in by_vm if (row["l2"] is None) == level), sum(row[part] or 0 for row in found if (row["l2"] is None) == level),
                      f"{part} by VM")


def check_series(folder):
    found, steps = nested(folder), nested(folder, "--every=300ms")
    for name in (*PARTS, "exits", "reflected"):
        added, wanted = collections.Counter(), collections.Counter()
        for row in steps:
            added[row["name"], row["vcpu"]] += row[name] or 0
        for row in found:
            wanted[row["name"], row["vcpu"]] += row[name] or 0
        tap.equal(+added, +wanted, f"{name} of all steps")


def check_levels(folder):
    """The report's account of the same, which does not know of interrupts."""
    report = tap.strata("vcpus", "--format=json", folder)
    vcpus = {(row["vm_pid"], row["vcpu"]): row for row in json.loads(report.stdout)["rows"]}
    for row in nested(folder):
        if row["l2"] is not None:
            continue
        vcpu = vcpus[row["vm_pid"], row["vcpu"]]
        parts = {"guest_l1_ns": ("own_ns", "l1_ns"), "guest_l2_ns": ("l2_ns",), "exit_ns": ("l0_l1_ns", "l0_l2_ns")}
        less = {column: vcpu[column] - sum(row[part] for part in names) for column, names in parts.items()}
        more = vcpu["emulation_ns"]
        tap.check(all(ns >= -more for ns in less.values()), f"{row['name']}: {less}")
        tap.equal(sum(less.values()) + more, row["irq_ns"], f"{row['name']}: interrupts are what is missing")
        tap.check(row["taken_ns"] <= vcpu["preempted_ns"] + vcpu["wait_cpu_ns"] + vcpu["throttled_ns"], "without a processor")


def check_phases(scenario):
    """While another thread of level 1, or another nested VM, contends for its processor, it is level 1 that starves the nested VM, for as long as its own trace says."""
    truth, clocks, told = (json.loads((scenario / f"{name}.json").read_text()) for name in ("truth", "clocks", "verify"))
    origin = clocks["levels"]["host"]["ctf_clock"]["origin_ns"]
    names = [machine["name"] for machine in truth["machines"] if machine["level"] == 2]
    by_user = "MariaDB" in truth["workload"]
    other = any(cause["kind"] == "preempted-by-vm" for cause in truth["causes"])
    for phase, after in zip(truth["phases"], truth["phases"][1:]):
        if phase["phase"] != "contention-on":
            continue
        part = [f"--begin={phase['host_mono_ns'] + origin}", f"--end={after['host_mono_ns'] + origin}"]
        for row in (row for row in nested(scenario / "host", *part) if row["l2"] is not None):
            (known,) = [r for r in told["l1-a"]["vcpus"] if r["phase"] == f"contention-on{phase['i']}" and r["vcpu"] == names[row["l2"]] + "/vcpu0"]
            text = f"{phase['phase']}{phase['i']} {known['vcpu']}"
            tap.equal(row["starved_by"], "L1: other L2" if other else "L1: itself", text)
            tap.check(row["starved_l1_ns"] <= known["ready_ms"] * 1.1e6, f"{text}: {row['starved_l1_ns']} and not {known['ready_ms']} ms")
            # Where it works for a disk, exits are served by the hypervisor's user part: what level 1 did after those counts as serving.
            tap.check(row["starved_l1_ns"] + by_user * row["l1_ns"] >= known["ready_ms"] * 0.9e6, f"{text}: {row['starved_l1_ns']} and not {known['ready_ms']} ms")


def check_multiplication(folder):
    """Exits for each exit are those that the model counts as they come."""
    exits = [row for row in json.loads(tap.strata("exits", "--format=json", folder).stdout)["rows"] if row["l2"] is not None and row["multiplication"] and row["class"] != "halt"]
    for row in (row for row in nested(folder, "--by=vm") if row["l2"] is not None):
        mine = [e for e in exits if e["l2"] == row["l2"] and e["vm_pid"] == row["vm_pid"]]
        counted = sum(e["multiplication"] * e["reflected"] for e in mine) / sum(e["reflected"] for e in mine)
        tap.check(abs(row["multiplication"] - counted) < 0.02 * counted, f"{row['name']}: {row['multiplication']} exits for each, and not {counted}")


def test_exits_multiply_as_counted():
    for scenario in scenarios():
        yield scenario.name, check_multiplication, scenario / "host"


def test_level1_is_the_judge():
    for scenario in scenarios():
        yield scenario.name, check_judge, scenario


def test_parts_add_up():
    for scenario in scenarios():
        yield scenario.name, check_laws, scenario / "host"


def test_steps_add_up():
    for scenario in scenarios():
        yield scenario.name, check_series, scenario / "host"


def test_it_is_the_account_of_all_vcpus():
    for scenario in scenarios():
        yield scenario.name, check_levels, scenario / "host"


def test_who_starves():
    for scenario in scenarios():
        if (scenario / "verify.json").is_file():
            yield scenario.name, check_phases, scenario


def test_hosts_without_nested_vms():
    tap.equal(nested(tap.SAMPLES / "one-vm-io/host"), [], "rows")
    tap.check("No VM ran nested VMs" in tap.strata("nested", tap.SAMPLES / "one-vm-io/host").stdout, "it is said")
    done = tap.strata("nested", "--by=moon", tap.SAMPLES / "nested-cpu/host", status=2)
    tap.check("vcpu or vm" in done.stderr, done.stderr)


tap.main(globals())
