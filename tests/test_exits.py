#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What exits were for against what babeltrace2's text says, counted in the simplest way that is right; and against the exits by reason."""
import collections
import functools
import json
import re
import subprocess

import tap

LINE = re.compile(r"^\[(\d+)\] \([^)]*\) (?:\S+ )?([\w:]+): \{ cpu_id = (\d+) \}, \{[^}]*vtid = (\d+)")
WORDS = re.compile(r"(\w+) = (-?\d+)")
WANTED = re.compile(r" kvm_x86_(?:exit|entry|msr|cpuid|hypercall): | kvm_mmio: ")
IOIO, MSR, CPUID, NPF, VMMCALL = 123, 124, 114, 1024, 129  # AMD's


def events(trace):
    """(event, thread, fields) of the events that are counted here."""
    with subprocess.Popen(["babeltrace2", "--clock-cycles", str(trace)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          errors="replace") as process:
        for line in process.stdout:
            if WANTED.search(line):
                head = LINE.match(line)
                yield head[2], int(head[4]), {name: int(value) for name, value in WORDS.findall(line[head.end():])}


class Counted:
    """Exits of a trace by mode, and by what the first event in their handling says that they were for."""

    def __init__(self, trace):
        self.modes, self.whats, self.codes, self.rips = (collections.Counter() for _ in range(4))
        self.open = {}
        self.has_mmio = b"kvm_mmio" in (trace / "metadata").read_bytes()
        for event, tid, fields in events(trace):
            self.add(event.removeprefix("kvm_x86_").removeprefix("kvm_"), tid, fields)
        for tid in list(self.open):
            self.close(tid)

    def close(self, tid):
        done = self.open.pop(tid, None)
        if done:
            self.whats[done[1]] += 1

    def add(self, event, tid, fields):
        if event in ("exit", "entry"):
            self.close(tid)
        if event == "exit":
            rip, code = fields["guest_rip"] % 2**64, fields["exit_reason"]
            self.modes["kernel" if rip >> 63 else "user" if rip else "unknown"] += 1
            self.rips[rip] += 1
            self.codes[code] += 1
            self.open[tid] = [code, self.by_exit(code, fields)]
        elif event != "entry" and tid in self.open:
            code, what = self.open[tid]
            if what[1] is None:
                self.open[tid][1] = self.by_event(event, code, fields) or what

    def by_exit(self, code, fields):
        info, address = fields["info1"], fields["info2"] % 2**64
        if code == NPF and not self.has_mmio and (info & 8 or 0xfec00000 <= address < 0xfef00000 or 0xa0000 <= address < 0xc0000):
            return ("mmio-write" if info & 2 else "mmio-read", address)
        if code == IOIO:
            return ("port-in" if info & 1 else "port-out", info >> 16 & 0xffff)
        return {MSR: ("msr-write" if info & 1 else "msr-read", None), CPUID: ("cpuid", None), NPF: ("memory", None), VMMCALL: ("hypercall", None)}.get(code, ("", None))

    @staticmethod
    def by_event(event, code, fields):
        if (event, code) == ("msr", MSR):
            return ("msr-write" if fields["write"] else "msr-read", fields["ecx"])
        if (event, code) == ("cpuid", CPUID):
            return ("cpuid", fields["function"] % 2**32)
        if (event, code) == ("hypercall", VMMCALL):
            return ("hypercall", fields["nr"] % 2**64)
        if (event, code) == ("mmio", NPF):
            return ("mmio-write" if fields["type"] == 2 else "mmio-read", fields["gpa"] % 2**64)
        return None


@functools.lru_cache(maxsize=None)
def counted(trace):
    return Counted(trace)


def hosts():
    """Traces of kernels that run VMs, without lost events."""
    for scenario in tap.scenarios():
        host = scenario / "host"
        if host.is_dir() and counted(host).codes:
            yield host


def rows(trace, *options):
    return json.loads(tap.strata("exits", "--format=json", *options, trace).stdout)["rows"]


def number(row):
    return row["count"] + row["untimed"]


def check_modes(trace):
    got = collections.Counter()
    shares = collections.defaultdict(float)
    for row in rows(trace, "--by=mode"):
        got[row["mode"]] += number(row)
        shares[row["vm_pid"], row["vcpu"], row["level"]] += row["share"]
    tap.equal(dict(got), dict(counted(trace).modes))
    for vcpu, share in shares.items():
        tap.check(abs(share - 1) < 1e-9, f"shares of {vcpu} add up to {share}")


def check_whats(trace):
    """Each port, MSR, address and leaf was the reason as often as the text says."""
    got = collections.Counter()
    for row in rows(trace, "--by=what"):
        got[row["kind"], None if row["address"] is None else int(row["address"], 16)] += number(row)
    tap.equal(got, counted(trace).whats)


def check_rips(trace):
    got = collections.Counter()
    for row in rows(trace, "--by=rip"):
        got[int(row["rip"], 16)] += number(row)
    tap.equal(got, counted(trace).rips)


def check_reasons(trace):
    """The same as the table of exits by vCPU and reason, which is made by other means."""
    plain = collections.Counter()
    for row in rows(trace):
        key = (row["vm_pid"], row["vcpu"], row["level"], row["reason"])
        plain[*key, "count"] += row["count"]
        plain[*key, "to_user"] += row["to_user"]
    got = collections.Counter()
    for row in rows(trace, "--by=vcpu"):
        key = (row["vm_pid"], row["vcpu"], row["level"], row["reason"])
        got[*key, "count"] += number(row)
        got[*key, "to_user"] += row["to_user"]
    tap.equal(got, plain)
    for key, column in (("reason", "count"), ("what", "on_cpu_ns")):
        tap.equal(sum(row[column] for row in rows(trace, f"--by={key}")), sum(row[column] for row in rows(trace, "--by=vcpu")), column)


def check_steps(trace):
    """Steps add up to the whole."""
    whole, steps = collections.Counter(), collections.Counter()
    for options, counter in ([], whole), (["--every=700ms"], steps):
        for row in rows(trace, "--by=what", *options):
            for column in ("count", "total_ns", "on_cpu_ns", "untimed"):
                counter[row["vm_pid"], row["level"], row["reason"], row["what"], column] += row[column] or 0
    tap.equal(steps, whole)


def check_log(trace):
    log = rows(trace, "--log", "--limit=0")
    tap.equal(len(log), sum(row["count"] for row in rows(trace, "--by=reason") if row["reason"] not in ("HLT", "IDLE_HLT")), "exits")
    durations = [row["duration_ns"] for row in log]
    tap.equal(durations, sorted(durations, reverse=True), "longest first")
    tap.check(all(row["on_cpu_ns"] <= row["duration_ns"] for row in log), "time on the processor is part of the duration")


def test_exits():
    for trace in hosts():
        for check in (check_modes, check_whats, check_rips, check_reasons, check_steps, check_log):
            yield f"{trace.parent.name}/{trace.name}, {check.__name__[6:]}", check, trace


def test_usage():
    done = tap.strata("exits", "--by=colour", tap.SAMPLES / "nested-cpu/host", status=2)
    tap.check("colour" in done.stderr, done.stderr)


tap.main(globals())
