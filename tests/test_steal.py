#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Time taken from vCPUs, against a count over babeltrace2's text of who had each processor; and against what is known of the scenarios."""
import bisect
import collections
import json
import re
import subprocess

import tap

LINE = re.compile(r"\[(\d+)\.(\d+)\] (?:\([^)]*\) )?(?:\S+ )?(sched_\w+): \{ cpu_id = (\d+) \}, (.*)")
NUMBER = {name: re.compile(rf"\b{name} = (-?\d+)") for name in ("prev_tid", "prev_state", "next_tid", "tid", "child_tid", "target_cpu", "dest_cpu")}
WAKEUPS = {"sched_waking", "sched_wakeup", "sched_wakeup_new"}
STEAL = ("preempted_ns", "wait_cpu_ns", "throttled_ns")
BEFORE = 10**9  # after so long the threads of all vCPUs have been seen


def value(name, line):
    found = NUMBER[name].search(line)
    return int(found[1]) if found else None


class Switches:
    """Who had each processor, and which threads waited for which."""

    def __init__(self, folder):
        self.first = self.last = None
        self.occupants = collections.defaultdict(list)  # cpu -> [(begin, tid)]
        self.waits = collections.defaultdict(list)      # tid -> [(begin, end, cpu, how)]
        self.open, self.on, self.asleep, self.cpu = {}, {}, collections.defaultdict(lambda: True), {}
        command = ["babeltrace2", "--clock-seconds", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace") as process:
            for line in process.stdout:
                found = LINE.match(line)
                time = int(line[1:line.index(".")]) * 10**9 + int(line[line.index(".") + 1:line.index("]")])
                self.first, self.last = self.first or time, time
                if found:
                    self.event(time, found[3], int(found[4]), found[5])
        for tid in list(self.open):
            self.close(tid, self.last)

    def event(self, time, name, cpu, rest):
        if name == "sched_switch":
            self.switch(time, cpu, value("prev_tid", rest), value("next_tid", rest), value("prev_state", rest))
        elif name in WAKEUPS:
            tid, target = value("tid", rest), value("target_cpu", rest)
            how = "woken_ns" if name == "sched_waking" else "wait_cpu_ns"
            if tid in self.open and self.open[tid][2] != "preempted_ns":
                self.move(tid, time, target, "wait_cpu_ns" if how == "wait_cpu_ns" else self.open[tid][2])
            elif tid not in self.open and self.asleep[tid]:
                self.open[tid] = (time, target, how)
                self.asleep[tid] = False
        elif name == "sched_migrate_task":
            self.move(value("tid", rest), time, value("dest_cpu", rest))

    def move(self, tid, time, cpu, how=None):
        if tid in self.open and cpu is not None:
            how = how or self.open[tid][2]
            self.close(tid, time)
            self.open[tid] = (time, cpu, how)

    def close(self, tid, time):
        begin, cpu, how = self.open.pop(tid)
        self.waits[tid].append((begin, time, cpu, how))

    def switch(self, time, cpu, prev, next_, state):
        if not self.occupants[cpu]:
            self.occupants[cpu].append((self.first, prev))
        self.occupants[cpu].append((time, next_))
        if next_ in self.open:
            self.close(next_, time)
        self.asleep[prev] = state not in (0, 0x100)
        if prev and not self.asleep[prev]:
            self.open[prev] = (time, cpu, "preempted_ns")
        self.asleep[next_] = False

    def who(self, cpu, begin, end):
        """(begin, end, tid) of those who had a processor."""
        chain = self.occupants[cpu]
        at = max(bisect.bisect_right(chain, (begin, 1 << 40)) - 1, 0)
        while at < len(chain) and chain[at][0] < end:
            until = chain[at + 1][0] if at + 1 < len(chain) else self.last
            if max(begin, chain[at][0]) < min(end, until):
                yield max(begin, chain[at][0]), min(end, until), chain[at][1]
            at += 1

    def in_vain(self, cpu, begin, end):
        idle = sorted(part for other in self.occupants if other != cpu for *part, tid in self.who(other, begin, end) if tid == 0)
        ns, at = 0, begin
        for b, e in idle:
            ns += max(e - max(b, at), 0)
            at = max(at, e)
        return ns


def hosts():
    for scenario in tap.scenarios():
        for folder in tap.trace_dirs(scenario):
            if folder.name == "host" and b"sched_switch" in (folder / "metadata").read_bytes():
                yield f"{scenario.name}/{folder.name}", folder


def steal(folder, *options):
    return json.loads(tap.strata("steal", "--format=json", "--no-cache", *options, folder).stdout)["rows"]


def near(got, wanted, text, part):
    tap.check(abs(got - wanted) <= wanted * part, f"{text}: {got}, and not {wanted}")


def check_waits(folder):
    """Each vCPU's waits are its run delay, and those who had the processor are those who were switched to: to the nanosecond."""
    truth = Switches(folder)
    begin = truth.first + BEFORE
    rows, checked = steal(folder, "--by=all", f"--begin={begin}"), 0
    for total in (row for row in rows if row["by_kind"] is None):
        text = f"VM {total['vm_pid']} vCPU {total['vcpu']}"
        culprits = [row for row in rows if row["by_kind"] is not None and (row["vm_pid"], row["vcpu"]) == (total["vm_pid"], total["vcpu"])]
        waits = [(max(b, begin), e, *rest) for b, e, *rest in truth.waits[total["tid"]] if e > begin]
        ns, sums = collections.Counter(), collections.Counter()
        for b, e, cpu, how in waits:
            sums["in_vain_ns"] += truth.in_vain(cpu, b, e)
            sums["woken_ns" if how == "woken_ns" else "steal_ns"] += e - b
            for part in truth.who(cpu, b, e):
                ns[part[2]] += part[1] - part[0]
        if total["unknown_ns"]:
            continue
        got = collections.Counter()
        for row in culprits:
            got[row["by_tid"] or 0] += row["steal_ns"] + row["woken_ns"]
        tap.equal({name: total[name] for name in sums}, dict(sums), text)
        if "limit" not in {row["by_kind"] for row in culprits}:
            tap.equal(+got, +ns, f"{text}: who had its processor")
        checked += 1
    if not checked:
        tap.skip("no vCPU was known all the time")


def check_laws(folder):
    vcpus = {(row["vm_pid"], row["vcpu"]): row for row in json.loads(tap.strata("vcpus", "--format=json", folder).stdout)["rows"]}
    rows = steal(folder, "--by=all")
    totals = {(row["vm_pid"], row["vcpu"]): row for row in rows if row["by_kind"] is None}
    tap.equal(set(totals), set(vcpus), "vCPUs")
    for key, total in totals.items():
        parts = [row for row in rows if row["by_kind"] is not None and (row["vm_pid"], row["vcpu"]) == key]
        for column in ("steal_ns", *STEAL, "woken_ns", "interrupts_ns", "in_vain_ns"):
            tap.equal(sum(row[column] for row in parts), total[column], f"{key}: {column} of all culprits")
        tap.equal(sum(total[column] for column in STEAL), total["steal_ns"], f"{key}: steal")
        tap.equal(total["hidden_ns"], total["exit_ns"] + total["emulation_ns"] + total["blocked_ns"] + total["interrupts_ns"] + total["woken_ns"],
                  f"{key}: hidden")
        tap.equal(total["demand_ns"], total["guest_ns"] + total["steal_ns"] + total["hidden_ns"], f"{key}: wanted")
        have = sum(ns for name, ns in vcpus[key].items() if name.endswith("_ns"))
        tap.equal(total["demand_ns"] + total["halted_ns"] + total["unknown_ns"], have, f"{key}: all of its time")
        for column in STEAL:
            more = total["woken_ns"] if column == "wait_cpu_ns" else 0
            tap.check(total[column] + more <= vcpus[key][column], f"{key}: {column} is that of strata vcpus, less what was before it was known")
    for by in ("vcpu", "vm", "culprit", "kind"):
        got = steal(folder, f"--by={by}")
        for column in ("steal_ns", "interrupts_ns", "in_vain_ns"):
            tap.equal(sum(row[column] for row in got), sum(row[column] for row in totals.values()), f"{column} by {by}")
    folded = [row for row in steal(folder) if row["by_kind"] is not None]
    tap.equal(sum(row["steal_ns"] for row in folded), sum(row["steal_ns"] for row in totals.values()), "steal where small ones are folded")


def check_series(folder):
    """Steps add up to the whole, and a wait is counted in the step in which it ended."""
    for by in ("vcpu", "kind"):
        whole, steps = steal(folder, f"--by={by}"), steal(folder, f"--by={by}", "--every=300ms")
        key = "name"
        for column in ("steal_ns", "interrupts_ns", "in_vain_ns", "hidden_ns", "count"):
            added = collections.Counter()
            for row in steps:
                added[row[key]] += row[column] or 0
            if column == "count" and by == "kind":
                continue  # a handler's run may be cut by a step
            tap.equal(+added, +collections.Counter({row[key]: row[column] or 0 for row in whole}), f"{column} of all steps by {by}")


def check_log(folder):
    rows = steal(folder, "--log", "--limit=0")
    durations = [row["duration_ns"] for row in rows]
    tap.equal(durations, sorted(durations, reverse=True), "the longest first")
    by_vcpu = collections.Counter((row["vm_pid"], row["vcpu"]) for row in rows)
    tap.equal(+by_vcpu, +collections.Counter({(row["vm_pid"], row["vcpu"]): row["count"] for row in steal(folder, "--by=vcpu")}), "waits")
    tap.check(all(0 < row["by_ns"] <= row["duration_ns"] and row["in_vain_ns"] <= row["duration_ns"] for row in rows), "parts of waits")


def ranges(scenario):
    """Phases of a scenario: name -> [(begin, end)], in the host's time."""
    truth, clocks = (json.loads((scenario / f"{name}.json").read_text()) for name in ("truth", "clocks"))
    origin = clocks["levels"]["host"]["ctf_clock"]["origin_ns"]
    phases = truth["phases"]
    for phase, after in zip(phases, phases[1:]):
        yield phase["phase"] + (str(phase["i"]) if "i" in phase else ""), phase["host_mono_ns"] + origin, after["host_mono_ns"] + origin


def check_phases(scenario):
    """Per phase what the recording's own check counted: how long a vCPU was ready, and who ran."""
    told = collections.defaultdict(dict)
    truth = json.loads((scenario / "truth.json").read_text())
    pids = {machine["name"]: machine.get("qemu_pid") for machine in truth["machines"]}
    for row in json.loads((scenario / "verify.json").read_text())["host"]["vcpus"]:
        name, vcpu = row["vcpu"].split("/vcpu")
        told[row["phase"]][pids[name], int(vcpu)] = row
    seen = collections.Counter(name for name, *_ in ranges(scenario))
    for phase, begin, end in ranges(scenario):
        if seen[phase] > 1 or phase not in told:
            continue
        for key, row in told[phase].items():
            mine = [r for r in steal(scenario / "host", "--by=all", f"--begin={begin}", f"--end={end}") if (r["vm_pid"], r["vcpu"]) == key]
            if row["ready_ms"] < 100 or not mine:
                continue
            near(mine[0]["steal_ns"], row["ready_ms"] * 1e6, f"{phase} {key}: ready to run", part=0.1)
            who, ms = next(iter(row["ran_instead"].items()))
            by_tid = collections.Counter()
            for r in mine[1:]:
                by_tid[r["by_tid"] or 0] += r["steal_ns"]
            tid, ns = by_tid.most_common(1)[0]
            tap.equal(tid, int(who.rsplit("/", 1)[1]), f"{phase} {key}: who ran instead ({who})")
            near(ns, ms * 1e6, f"{phase} {key}: for how long", part=0.1)


def test_waits_are_the_run_delay_and_culprits_who_was_switched_to():
    for name, folder in hosts():
        yield name, check_waits, folder


def test_parts_add_up():
    for name, folder in hosts():
        yield name, check_laws, folder


def test_steps_add_up():
    for name, folder in hosts():
        yield name, check_series, folder


def test_the_log_has_each_wait():
    for name, folder in hosts():
        yield name, check_log, folder


def test_phases_are_those_of_the_scenarios():
    for scenario in tap.scenarios():
        if (scenario / "verify.json").is_file():
            yield scenario.name, check_phases, scenario


def test_what_rows_are_about_is_checked():
    done = tap.strata("steal", "--by=moon", tap.SAMPLES / "nested-cpu/host", status=2)
    tap.check("vcpu, vm, culprit, kind or all" in done.stderr, done.stderr)


tap.main(globals())
