#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Disk requests and page faults against what babeltrace2's text says, counted in the simplest way that is right; and against the threads' states."""
import collections
import csv
import functools
import io
import json
import re
import subprocess

import tap

LINE = re.compile(r"^\[(\d+)\] \([^)]*\) (?:\S+ )?([\w:]+): \{ cpu_id = (\d+) \}")
WORDS = re.compile(r"(\w+) = (-?\w+|\"[^\"]*\")")
WANTED = re.compile(r" (?:block_rq_issue|block_rq_complete|block_rq_requeue|lttng_statedump_block_device|lttng_statedump_process_state|sched_process_fork"
                    r"|sched_switch|x86_exceptions_page_fault_user|x86_exceptions_page_fault_kernel): ")
WRITE, DISCARD, READ, FLUSH, PREFLUSH = 1, 2, 4, 256, 1024


def events(trace):
    """(ns, event, cpu, fields) of the events that are counted here."""
    command = ["babeltrace2", "--clock-cycles", str(trace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace") as process:
        for line in process.stdout:
            if WANTED.search(line):
                head = LINE.match(line)
                yield int(head[1]), head[2], int(head[3]), {name: value.strip('"') for name, value in WORDS.findall(line)}


def operation(rwbs):
    for bit, name in ((WRITE, "writes"), (DISCARD, "discards"), (READ, "reads"), (FLUSH, "flushes")):
        if rwbs & bit:
            return name
    return "others"


class Disk:
    """A device; requests that its driver has by first sector and operation, the oldest first."""

    def __init__(self):
        self.open = collections.defaultdict(collections.deque)
        self.ops, self.bytes = collections.Counter(), collections.Counter()
        self.requests = self.total = self.unmatched = self.blocked = 0

    @staticmethod
    def key(fields):
        sector, op = int(fields["sector"]), operation(int(fields["rwbs"]))
        return (0 if sector == 2**64 - 1 else sector), op

    def issue(self, time, fields):
        self.open[self.key(fields)].append([time, int(fields["nr_sector"]), int(fields["bytes"])])

    def requeue(self, fields):
        if self.open[self.key(fields)]:
            self.open[self.key(fields)].popleft()

    def complete(self, time, fields):
        (sector, op), done = self.key(fields), int(fields["nr_sector"])
        if op == "writes" and done == 0:  # what had flush commands around it: they, and its data, were told of
            return
        if not self.open[sector, op]:
            self.unmatched += 1
            return
        request = self.open[sector, op].popleft()
        if done < request[1]:
            request[1] -= done
            self.open[sector + done, op].append(request)
            return
        self.requests += 1
        self.ops[op] += 1
        self.bytes[op] += request[2]
        self.total += time - request[0]


class Counted:
    """What a trace says."""

    def __init__(self, trace):
        self.disks, self.names, self.faults = collections.defaultdict(Disk), {}, collections.Counter()
        self.pids, self.current = {0: 0}, {}
        for time, event, cpu, fields in events(trace):
            self.add(time, event, cpu, fields)

    def add(self, time, event, cpu, fields):
        if event == "sched_switch":
            self.current[cpu] = int(fields["next_tid"])
        elif event == "sched_process_fork":
            self.pids[int(fields["child_tid"])] = int(fields["child_pid"])
        elif event == "lttng_statedump_process_state":
            self.pids[int(fields["tid"])] = int(fields["pid"])
        elif event == "lttng_statedump_block_device":
            self.names[int(fields["dev"])] = fields["diskname"]
        elif event.startswith("x86"):
            self.faults[self.current.get(cpu, int(fields["vtid"]))] += 1
        else:
            disk = self.disks[int(fields["dev"])]
            if event == "block_rq_issue":
                disk.issue(time, fields)
            elif event == "block_rq_requeue":
                disk.requeue(fields)
            else:
                disk.complete(time, fields)

    def by_name(self):
        return {self.names.get(dev, f"{dev >> 20}:{dev & 0xfffff}"): disk for dev, disk in self.disks.items()}

    def faults_by_process(self):
        faults = collections.Counter()
        for tid, n in self.faults.items():
            faults[self.pids.get(tid, tid)] += n
        return dict(faults)


@functools.lru_cache(maxsize=None)
def counted(trace):
    return Counted(trace)


def kernel_traces():
    for scenario in tap.scenarios():
        for trace in tap.trace_dirs(scenario):
            if not trace.name.endswith("-ust"):
                yield trace


def rows(command, trace, *options):
    return json.loads(tap.strata(command, "--no-cache", "--format=json", *options, trace).stdout)["rows"]


def check_disks(trace):
    wanted = {name: {"requests": d.requests, "reads": d.ops["reads"], "writes": d.ops["writes"], "discards": d.ops["discards"],
                     "flushes": d.ops["flushes"], "others": d.ops["others"], "read_bytes": d.bytes["reads"],
                     "written_bytes": d.bytes["writes"], "total_ns": d.total}
              for name, d in counted(trace).by_name().items() if d.requests}
    table = rows("disk", trace)
    for row in table:
        if row["process"] is None and row["requests"]:
            tap.equal({name: row[name] for name in wanted.get(row["device"], {})}, wanted.pop(row["device"], None), row["device"])
    tap.equal(wanted, {}, "disks that are not told of")
    for device in {row["device"] for row in table}:
        whole = [row for row in table if row["device"] == device and row["process"] is None]
        parts = [row for row in table if row["device"] == device and row["process"] is not None]
        tap.equal(len(whole), 1, f"{device}: rows for everybody")
        for name in ("requests", "written_bytes", "read_bytes", "total_ns", "blocked_ns", "merges"):
            if name in whole[0]:
                tap.equal(sum(row[name] for row in parts), whole[0][name], f"{device}: {name} of all processes")


def check_log(trace):
    wanted = sum(d.requests for d in counted(trace).disks.values())
    log = [row for row in rows("disk", trace, "--log", "--limit=0") if row["end"] != "open"]
    tap.equal(len(log), wanted, "requests")
    tap.equal(sum(row["driver_ns"] for row in log), sum(d.total for d in counted(trace).disks.values()), "time in the driver")
    for row in log:
        tap.check(row["total_ns"] >= row["driver_ns"] + (row["queue_ns"] or 0), f"{row}: the whole is more than its parts")
    totals = [row["total_ns"] for row in log]
    tap.equal(totals, sorted(totals, reverse=True), "slowest first")


def check_steps(trace):
    """Steps add up to the whole; so does a range to the ranges that it is made of."""
    whole = {row["device"]: row for row in rows("disk", trace) if row["process"] is None}
    steps = collections.defaultdict(collections.Counter)
    for row in rows("disk", trace, "--every=700ms"):
        for name in ("requests", "read_bytes", "written_bytes", "total_ns", "merges", "blocked_ns"):
            steps[row["device"]][name] += row[name]
    for device, row in whole.items():
        for name, value in steps[device].items():
            tap.equal(value, row[name], f"{device}: {name}")


def check_blocked(trace):
    """Who is blocked by a disk is so in his own row as well, for as long. A disk has a number until its name is told."""
    names = {f"{dev >> 20}:{dev & 0xfffff}": name for dev, name in counted(trace).names.items()}
    states = tap.strata("states", "--no-cache", "--format=csv", trace).stdout
    wanted = collections.Counter()
    for row in csv.DictReader(io.StringIO(states)):
        told = re.match(r"disk: (\S+)(?: through .*)?$", row["detail"] or "")
        if "/thread/" in row["row"] and row["state"] == "blocked" and told:
            wanted[names.get(told[1], told[1])] += int(row["end_ns"]) - int(row["begin_ns"])
    for row in rows("disk", trace):
        if row["process"] is None:
            tap.equal(row["blocked_ns"], wanted[row["device"]], f"{row['device']}: blocked")


def check_states(trace):
    """The disk's row is busy as long as the table says."""
    busy, begin, end = collections.Counter(), None, None
    for row in csv.DictReader(io.StringIO(tap.strata("states", "--no-cache", "--format=csv", "--row=*/disk/*", trace).stdout)):
        device = row["row"].split("/disk/")[1]
        begin, end = min(begin or int(row["begin_ns"]), int(row["begin_ns"])), max(end or 0, int(row["end_ns"]))
        if row["state"] not in ("idle", "unknown"):
            busy[device] += int(row["end_ns"]) - int(row["begin_ns"])
        elif row["state"] == "unknown":
            return
    for row in rows("disk", trace):
        if row["process"] is None and counted(trace).by_name()[row["device"]].unmatched == 0:
            tap.check(abs(row["utilization"] * (end - begin) - busy[row["device"]]) < 10, f"{row['device']}: busy")


def check_faults(trace):
    table = rows("memory", trace)
    got = {row["pid"]: row["faults"] for row in table if row["faults"]}
    tap.equal(sum(got.values()), sum(counted(trace).faults.values()), "all faults")
    tap.equal(got, counted(trace).faults_by_process(), "faults of processes")
    log = rows("memory", trace, "--log", "--limit=0")
    tap.equal(len(log), sum(got.values()), "faults in the log")
    tap.equal(sum(row["slept_ns"] for row in log), sum(row["slept_ns"] for row in table), "time asleep")
    tap.equal(sum(row["major"] for row in log), sum(row["major_faults"] for row in table), "major faults")


def test_requests_bytes_and_time_of_each_disk():
    for trace in kernel_traces():
        yield f"{trace.parent.name}/{trace.name}", check_disks, trace


def test_log_has_each_request():
    for trace in kernel_traces():
        yield f"{trace.parent.name}/{trace.name}", check_log, trace


def test_faults_of_each_process():
    for trace in kernel_traces():
        yield f"{trace.parent.name}/{trace.name}", check_faults, trace


def test_steps_add_up():
    for trace in kernel_traces():
        yield f"{trace.parent.name}/{trace.name}", check_steps, trace


def test_blocked_threads_are_so_in_their_rows():
    for trace in kernel_traces():
        yield f"{trace.parent.name}/{trace.name}", check_blocked, trace


def test_rows_are_busy_as_the_table_says():
    for trace in kernel_traces():
        yield f"{trace.parent.name}/{trace.name}", check_states, trace


tap.main(globals())
