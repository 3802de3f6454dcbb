#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""User space traces and spans, against what babeltrace2's text says of them."""
import collections
import json
import re

import tap

EVENT = re.compile(r"\[(\d+)\.(\d+)\] \([^)]*\) (?:\S+ )?(\S+): \{ cpu_id = (\d+) \}(?:, \{([^{}]*)\})?, \{(.*)\}$")


def events(folder):
    """(ns, name, context, payload) of each event, both as dictionaries of texts."""
    text = tap.run("babeltrace2", "--clock-seconds", folder).stdout
    for line in text.splitlines():
        found = EVENT.match(line)
        if found:
            yield (int(found[1]) * 10**9 + int(found[2]), found[3], *(dict(re.findall(r'(\w+) = ("[^"]*"|[^, ]+)', part or "")) for part in found.group(5, 6)))


def folders(user):
    for scenario in tap.scenarios():
        for folder in tap.trace_dirs(scenario):
            if (b'domain = "ust"' in (folder / "metadata").read_bytes()) == user:
                yield f"{scenario.name}/{folder.name}", folder


def rows(command, folder, *options):
    return json.loads(tap.strata(command, "--no-cache", "--format=json", *options, folder).stdout)["rows"]


def check_counts(folder):
    counted = collections.Counter((int(context["vtid"]), name) for _, name, context, _ in events(folder))
    told = {(row["tid"], row["what"]): row["count"] for row in rows("user", folder) if row["kind"] == "event"}
    tap.equal(told, dict(counted))


def test_events_by_thread_and_name_are_counted():
    for name, folder in folders(True):
        yield name, check_counts, folder


def check_memory(folder):
    """Bytes: a size for each address, until it is given back."""
    live, allocated, allocations, frees = {}, collections.Counter(), collections.Counter(), collections.Counter()
    for _, name, context, payload in events(folder):
        pid, call = int(context["vpid"]), name.removeprefix("lttng_ust_libc:")
        address, size = int(payload.get("ptr", "0"), 0), int(payload.get("size", "0"), 0)
        if call in ("free", "realloc"):
            old = address if call == "free" else int(payload["in_ptr"], 0)
            if old:
                frees[pid] += 1
                live.pop((pid, old), None)
        if call in ("malloc", "calloc", "realloc") and address:
            size *= int(payload.get("nmemb", "1"))
            live[pid, address] = size
            allocations[pid] += 1
            allocated[pid] += size
    told = {row["pid"]: (row["count"], row["allocated_bytes"], row["live_bytes"]) for row in rows("user", folder) if row["kind"] == "memory"}
    tap.equal(told, {pid: (allocations[pid], allocated[pid], sum(size for (p, _), size in live.items() if p == pid)) for pid in allocations})


def test_memory_is_what_was_allocated_and_not_freed():
    for name, folder in folders(True):
        yield name, check_memory, folder


def check_mutexes(folder):
    asked, waits = {}, collections.defaultdict(list)
    for time, name, context, payload in events(folder):
        key = (int(context["vtid"]), payload.get("mutex"))
        if name.endswith("mutex_lock_req"):
            asked[key] = time
        elif name.endswith("mutex_lock_acq") and key in asked:
            waits[key].append(time - asked.pop(key))
    told = {(row["tid"], row["what"].split()[1].rstrip(":").lower()): (row["count"], row["wait_ns"], row["max_ns"])
            for row in rows("user", folder) if row["kind"] == "mutex"}
    tap.equal(told, {(tid, mutex.lower()): (len(all_), sum(all_), max(all_)) for (tid, mutex), all_ in waits.items()})


def test_waits_for_mutexes():
    for name, folder in folders(True):
        yield name, check_mutexes, folder


def test_spans_of_user_space_by_a_field():
    open_, taken = {}, []
    folder = tap.SAMPLES / "one-vm-io/l1-a-ust"
    for time, name, _, payload in events(folder):
        if name == "lab:request_begin":
            open_[payload["id"]] = time
        elif name == "lab:request_end":
            taken.append(time - open_.pop(payload["id"]))
    row = rows("spans", folder, "--span", "request=lab:request_begin..lab:request_end by id")[0]
    tap.equal((row["span"], row["count"], row["total_ns"], row["min_ns"], row["max_ns"], row["unfinished"], row["ends_alone"]),
              ("request", len(taken), sum(taken), min(taken), max(taken), len(open_), 0))


def check_kernel_spans(folder):
    """System calls by thread: the thread is the one that sched_switch put on the processor."""
    current, open_, taken = {}, {}, []
    text = tap.run("babeltrace2", "--clock-seconds", folder).stdout
    for line in text.splitlines():
        found = EVENT.match(line)
        if not found:
            continue
        time, name, cpu = int(found[1]) * 10**9 + int(found[2]), found[3], found[4]
        who = (current.get(cpu), found[5] if "vtid" in (found[5] or "") else None)
        if name == "syscall_entry_read":
            open_.setdefault(who, []).append(time)
        elif name == "syscall_exit_read" and open_.get(who):
            taken.append(time - open_[who].pop())
        elif name == "sched_switch":
            current[cpu] = re.search(r"next_tid = (\d+)", found[6])[1]
    told = [row for row in rows("spans", folder, "--span", "read=syscall_entry_read..syscall_exit_read")]
    tap.equal([(row["count"], row["total_ns"]) for row in told], [(len(taken), sum(taken))] if taken else [])


def test_spans_of_kernel_events():
    for name, folder in folders(False):
        yield name, check_kernel_spans, folder


def test_the_threads_are_the_kernels():
    scenario = tap.SAMPLES / "one-vm-io"
    log = rows("spans", scenario, "--log", "--limit=0", "--span", "request=lab:request_begin..lab:request_end by id")
    tap.check(log, "there are spans")
    states = ["cpu_ns", "guest_ns", "irq_ns", "lower_ns", "runnable_ns", "disk_ns", "network_ns", "lock_ns", "timer_ns", "other_ns", "state_unknown_ns"]
    for row in log:
        tap.equal(sum(row[state] for state in states), row["duration_ns"], "the kernel's states of the thread add up to the span")
        tap.check(row["disk_ns"] > 0 and row["timer_ns"] > 0, "each request writes to the disk and sleeps")
    tap.equal({row["thread"] for row in log}, {"ustreq"}, "name of the kernel's thread")
    events_ = rows("user", scenario, "--log", "--limit=0", "--alone")
    tap.check(all(row["state"] in ("user", "running") or row["state"].startswith("syscall") for row in events_ if row["event"].startswith("lab:")),
              "who traces is on a processor")


def test_spans_stand_below_the_kernels_thread():
    rule = ("--span", "request=lab:request_begin..lab:request_end by id")
    text = tap.strata("states", "--no-cache", "--format=csv", "--row=*/span/*", *rule, tap.SAMPLES / "one-vm-io").stdout
    states = [line.split(",") for line in text.splitlines()[1:]]
    tap.equal({row for row, *_ in states}, {"a/thread/213 ustreq/span/request"})
    spans = rows("spans", tap.SAMPLES / "one-vm-io", *rule)
    # Rows are in the root's clock, each edge rounded; durations in the machine's own.
    less = sum(int(end) - int(begin) for _, begin, end, state, _ in states if state == "active") - spans[0]["total_ns"]
    tap.check(abs(less) <= len(states) + spans[0]["total_ns"] * 1e-6, f"none overlaps another: {less} ns")


def test_definitions_are_checked_before_anything_is_read():
    done = tap.strata("spans", "--span", "nonsense", tap.SAMPLES / "one-vm-io", status=2)
    tap.check("NAME=BEGIN_GLOB..END_GLOB" in done.stderr, done.stderr)


tap.main(globals())
