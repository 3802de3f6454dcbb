#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Requests of VMs as their host sees them: against the host's own tables of disks, system calls and interfaces, and against the guests' own traces."""
import collections
import functools
import json

import tap


@functools.lru_cache(maxsize=None)
def rows(command, trace, *options):
    return json.loads(tap.strata(command, "--format=json", *options, trace).stdout)["rows"]


def hosts():
    for scenario in tap.scenarios():
        if (scenario / "host").is_dir():
            yield scenario / "host"


def total(table, column, **wanted):
    return sum(row[column] or 0 for row in table if all(row[name] == value for name, value in wanted.items()))


def check_disks(trace):
    """What devices did for the VM's process is what the table of disks says of that, and of its vhost workers."""
    table = rows("vmio", trace)
    disk = rows("disk", trace)
    for pid in {row["vm_pid"] for row in table}:
        for device in {row["target"] for row in table if row["kind"] == "disk" and row["vm_pid"] == pid}:
            for op, column in (("read", "reads"), ("write", "writes"), ("discard", "discards"), ("sync", "flushes")):
                tap.equal(total(table, "requests", vm_pid=pid, kind="disk", target=device, op=op), total(disk, column, device=device, pid=pid),
                          f"VM {pid}, {device}: {column}")
            for op, column in (("read", "read_bytes"), ("write", "written_bytes")):
                tap.equal(total(table, "bytes", vm_pid=pid, kind="disk", target=device, op=op), total(disk, column, device=device, pid=pid),
                          f"VM {pid}, {device}: {column}")


def check_calls(trace):
    table = rows("vmio", trace)
    for pid in {row["vm_pid"] for row in table}:
        calls = {row["syscall"]: row for row in rows("syscalls", trace, f"--process={pid}")}
        sync = [calls[name] for name in ("fdatasync", "fsync", "sync_file_range", "syncfs") if name in calls]
        tap.equal(total(table, "requests", vm_pid=pid, kind="call", op="sync"), sum(row["count"] for row in sync), f"VM {pid}: syncs")
        tap.equal(total(table, "total_ns", vm_pid=pid, kind="call", op="sync"), sum(row["total_ns"] for row in sync), f"VM {pid}: time in them")
        submit = calls.get("io_submit", {"count": 0, "total_ns": 0})
        tap.equal(total(table, "count", vm_pid=pid, kind="call", op="submit"), submit["count"], f"VM {pid}: submissions")
        tap.equal(total(table, "total_ns", vm_pid=pid, kind="call", op="submit"), submit["total_ns"], f"VM {pid}: time in them")


def check_taps(trace):
    """What is sent to a tap is received by the VM whose thread reads that."""
    table = [row for row in rows("vmio", trace) if row["kind"] == "net"]
    net = {row["interface"]: row for row in rows("net", trace) if row["service"] is None}
    for row in table:
        way = "out" if row["op"] == "to-vm" else "in"
        tap.equal((row["requests"], row["bytes"]), (net[row["target"]][f"{way}_packets"], net[row["target"]][f"{way}_bytes"]), row["target"])
        tap.check(net[row["target"]]["reader"], f"{row['target']}: nobody reads it")


def check_crowd(trace):
    """How many requests a disk had already when one came: counted request by request."""
    disks = collections.defaultdict(list)
    for row in rows("disk", trace, "--log", "--limit=0"):
        if row["time_ns"] is not None:
            disks[row["device"]].append((row["time_ns"], row["time_ns"] + row["total_ns"]))
    for row in [row for row in rows("vmio", trace, "--log", "--limit=2000") if row["kind"] == "disk"][:300]:
        at = row["begin_ns"]
        sure = sum(begin < at < end for begin, end in disks[row["target"]])
        most = sum(begin <= at <= end for begin, end in disks[row["target"]]) - 1
        tap.check(sure <= row["own"] + row["others"] <= most, f"{row}: there were {sure} to {most}")


def check_steps(trace):
    whole, steps = collections.Counter(), collections.Counter()
    for counter, options in (whole, []), (steps, ["--every=900ms"]):
        for row in rows("vmio", trace, *options):
            for column in ("requests", "bytes", "count", "total_ns", "errors"):
                counter[row["vm_pid"], row["kind"], row["target"], row["op"], column] += row[column] or 0
    tap.equal(steps, whole)


def guests(host):
    """(VM's process, guest's trace) of those that ran in this host while both were recorded."""
    scenario = host.parent
    traces = sorted(path for path in scenario.iterdir() if path.name.startswith("l1-") and not path.name.endswith("-ust") and (path / "metadata").is_file())
    if not traces:
        return []
    pairs = json.loads(tap.strata("sync", "--format=json", host, *traces).stdout)["pairs"]
    return [(pair["vm_pid"], pair["trace"]) for pair in pairs if pair["vm_pid"] and pair["vm_pid"] > 0]


def check_guest(host):
    """Reads, writes and flushes of the guest's virtio disks are as many as its hypervisor's calls, but for those at the ends of the recordings."""
    compared = 0
    for pid, guest in guests(host):
        own = [row for row in rows("disk", guest) if row["process"] is None]
        table = rows("vmio", host)
        for what, columns, ops in (("reads and writes", ("reads", "writes"), ("read", "write", "submit")), ("flushes", ("flushes",), ("sync",))):
            asked = sum(row[column] for row in own for column in columns)
            done = sum(total(table, "requests", vm_pid=pid, kind="call", op=op) for op in ops)
            if not asked or not done:
                continue
            tap.check(abs(asked - done) <= 6 + asked * 0.03, f"VM {pid}: {asked} {what} asked for, {done} done")
            compared += 1
    if not compared:
        tap.skip("no guest that asked a disk for anything has a trace")


def test_vmio():
    for trace in hosts():
        for check in (check_disks, check_calls, check_taps, check_crowd, check_steps, check_guest):
            yield f"{trace.parent.name}, {check.__name__[6:]}", check, trace


tap.main(globals())
