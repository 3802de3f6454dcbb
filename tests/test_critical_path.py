#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Critical paths: they cover the time asked for, exactly; what no waker explains is the thread's own; known causes are in them."""
import collections
import json
import os
import pathlib
import random
import re
import struct
import tempfile

import handmade
import handmade_packets
import tap
from handmade_talk import CLIENT, SERVER, talk

# A build with sanitizers is many times slower.
SLOW = int(os.environ.get("STRATA_PATIENCE", "1")) > 1
MS = 1_000_000


def table(command, *arguments, **options):
    return json.loads(tap.strata(command, "--format=json", *arguments, **options).stdout)["rows"]


def path(scenario, thread, *options):
    return table("critical-path", f"--thread={thread}", *options, scenario)


def check_covers(scenario, rounds):
    seen = random.Random(1)
    threads = [t for t in table("threads", "--limit=0", scenario) if t["cpu_ns"] and t["tid"] > 0]
    for _ in range(rounds):
        thread = seen.choice(threads)
        name = f"{thread['machine']}:{thread['tid']}"
        whole = path(scenario, name)
        begin, end = whole[0]["begin_ns"], whole[-1]["begin_ns"] + whole[-1]["duration_ns"]
        a, b = sorted((seen.randint(begin, end), seen.randint(begin, end)))
        done = tap.strata("critical-path", f"--thread={name}", f"--begin={a}", f"--end={b}", "--format=json", scenario, status=None)
        if done.returncode:
            tap.check("lived" in done.stderr, done.stderr)
            continue
        for pieces in (whole, json.loads(done.stdout)["rows"]):
            at = pieces[0]["begin_ns"]
            for piece in pieces:
                tap.check(piece["begin_ns"] == at and piece["duration_ns"] >= 0, f"{name}: {piece} does not follow {at}")
                at = piece["begin_ns"] + piece["duration_ns"]
        part = json.loads(done.stdout)["rows"]
        tap.check(a - 1 <= part[0]["begin_ns"] and part[-1]["begin_ns"] + part[-1]["duration_ns"] <= b + 2, f"{name}: outside of {a}..{b}")


def test_pieces_cover_the_time_exactly():
    for scenario in tap.scenarios():
        yield scenario.name, check_covers, scenario, 2 if SLOW else 10


def check_own_time(scenario):
    """What the thread did itself, it did for as long as its row says: only waits are replaced."""
    for thread in sorted(table("threads", "--limit=0", scenario), key=lambda t: -t["cpu_ns"])[:2 if SLOW else 6]:
        own = collections.Counter()
        for piece in path(scenario, f"{thread['machine']}:{thread['tid']}"):
            if piece["depth"] == 0:
                own[piece["state"]] += piece["duration_ns"]
        for state, column in (("user", "user_ns"), ("syscall", "syscall_ns"), ("preempted", "preempted_ns"), ("wait-cpu", "wait_cpu_ns"),
                              ("throttled", "throttled_ns"), ("steal", "steal_ns"), ("exit", "exit_ns")):
            # A guest's clock is not quite the root's, in which pieces are.
            tap.check(abs(own[state] - thread[column]) <= 1e-5 * thread[column] + 20000, f"{thread['machine']}:{thread['tid']} {state}: {own[state]}, {thread[column]}")
        tap.check(own["blocked"] <= thread["blocked_ns"] * 1.00001 + 20000, "only waits get shorter")


def test_a_threads_own_time_stays():
    for scenario in tap.scenarios()[:5]:
        yield scenario.name, check_own_time, scenario


def test_the_throttled_container_is_seen():
    sums = collections.Counter()
    for r in table("critical-path", "--thread=a:periodic", "--container=c2", "--by=summary", tap.SAMPLES / "container"):
        sums[r["state"], r["detail"]] += r["total_ns"]
    tap.check(sums["throttled", None] > 2_000_000_000, f"{sums.most_common(4)}")


def test_level_1_is_in_the_path_of_level_2():
    steal = sum(r["total_ns"] for r in table("critical-path", "--thread=n:periodic", "--by=summary", tap.SAMPLES / "nested-cpu")
                if r["state"] == "steal" and r["level"] == 1 and " sh " in f"{r['detail']} ")
    tap.check(steal > 1_000_000_000, f"{steal} ns")


def lives(scenario):
    """Processes: (machine, pid) -> begin and end of their threads' rows, in ns."""
    of_process = {}
    pids = {(t["machine"], t["tid"]): t["pid"] for t in table("threads", "--limit=0", scenario)}
    for row in table("states", "--row=*/thread/*", scenario):
        machine, thread = row["row"].split("/thread/")
        pid = pids.get((machine, int(re.match(r"\d+", thread)[0]))) if re.match(r"\d+[ #]", thread) else None
        if pid and row["state"] != "unknown":
            begin, end = of_process.get((machine, pid), (row["begin_ns"], 0))
            of_process[machine, pid] = min(begin, row["begin_ns"]), max(end, row["end_ns"])
    return of_process


def test_a_processs_path_covers_its_life():
    scenario = tap.SAMPLES / "container"
    life = lives(scenario)
    busy = [p for p in table("processes", "--limit=0", scenario) if p["pid"] > 2 and p["user_ns"]]
    tap.check(len(busy) > 3, "processes")
    for p in sorted(busy, key=lambda p: -p["cpu_ns"])[:3 if SLOW else 12]:
        pieces = table("critical-path", f"--process={p['machine']}:{p['pid']}", scenario)
        begin, end = life[p["machine"], p["pid"]]
        at = pieces[0]["begin_ns"]
        tap.check(at <= begin + 1 and pieces[-1]["begin_ns"] + pieces[-1]["duration_ns"] >= end - 1, f"{p['name']}: from its begin to its end")
        for piece in pieces:
            tap.equal(piece["begin_ns"], at, p["name"])
            at += piece["duration_ns"]


def test_children_are_in_the_path_of_who_waits_for_them():
    scenario = tap.SAMPLES / "nested-cpu"
    waiting = [p for p in table("processes", "--limit=0", scenario) if p["blocked_child_ns"] > 500_000_000 and p["threads"] == 1]
    tap.check(waiting, "no process waits for children")
    replaced = 0
    for p in waiting:
        pieces = table("critical-path", f"--process={p['machine']}:{p['pid']}", scenario)
        left = sum(x["duration_ns"] for x in pieces if x["depth"] == 0 and x["detail"] and x["detail"].startswith("child"))
        inside = sum(x["duration_ns"] for x in pieces if x["depth"] > 0)
        # What is not left of the wait has become what was waited for. (A child that ran on when the trace ended has woken nobody.)
        tap.check(inside >= (p["blocked_child_ns"] - left) * 0.999 - 20000, f"{p['name']}: waited {p['blocked_child_ns']}, {left} left, {inside} by others")
        replaced += p["blocked_child_ns"] - left > 500_000_000
    tap.check(replaced, "what children did took the place of no wait")


def check_sums(scenario, option):
    """However it is added up, it is the same time."""
    totals = {by: sum(r["total_ns"] for r in table("critical-path", option, f"--by={by}", scenario)) for by in ("summary", "culprit", "state", "level", "stack")}
    tap.equal(len(set(totals.values())), 1, f"{totals}")
    lines = tap.strata("critical-path", option, "--format=folded", scenario).stdout.splitlines()
    stacks = [line.rsplit(" ", 1) for line in lines]
    tap.equal(sum(int(ns) for _, ns in stacks), totals["stack"], "folded stacks")
    tap.equal(len({stack.split(";")[0] for stack, _ in stacks}), 1, "the outermost frame is who was asked about")
    tap.equal(len({stack for stack, _ in stacks}), len(stacks), "each stack once")
    whole = sum(totals.values()) / len(totals)
    for row in table("critical-path", option, "--by=level", scenario):
        tap.check(abs(sum(row["when"]) / len(row["when"]) - row["total_ns"] / whole) < 1e-6, f"when: {row}")


def test_sums_and_stacks_are_of_the_same_time():
    for scenario, option in (("nested-cpu", "--thread=n:periodic"), ("container", "--thread=a:periodic"), ("one-vm-io", "--process=qemu*")):
        yield scenario, check_sums, tap.SAMPLES / scenario, option


def test_a_packet_leads_to_who_sent_it():
    scenario = tap.SAMPLES / "one-vm-io"
    pieces = table("critical-path", "--thread=a:iperf3", scenario)
    remote = [p for p in pieces if p["machine"] != "a"]
    tap.check(remote and all(p["depth"] > 0 for p in remote), "what the host's iperf3 did is in its guest's path")
    tap.check(any(p["thread"].startswith("iperf3") for p in remote), f"{ {p['thread'] for p in remote} }")
    stacks = [row["stack"] for row in table("critical-path", "--thread=a:iperf3", "--by=stack", scenario)]
    tap.check(any(stack.split(";")[1].startswith(remote[0]["machine"] + ": ") for stack in stacks if stack.count(";") > 1), "stacks name the machine where it changes")


def test_a_guests_disk_is_the_hosts():
    """Most of what a guest's thread waits for its disk is told by the thread that serves it, and by the host's own disk."""
    scenario = tap.SAMPLES / "one-vm-io"
    alone = sum(p["duration_ns"] for p in path(scenario, "a:mixed", "--alone") if p["state"] == "blocked" and p["detail"].startswith("disk"))
    pieces = path(scenario, "a:mixed")
    left = sum(p["duration_ns"] for p in pieces if p["machine"] == "a" and p["state"] == "blocked" and p["detail"].startswith("disk"))
    below = [p for p in pieces if p["level"] == 0 and p["machine"] != "a"]
    disk = sum(p["duration_ns"] for p in below if p["state"] == "blocked" and re.match(r"disk: vd[ac]$", p["detail"]))
    tap.check(left < alone / 3, f"{left} of {alone} are left to the guest")
    tap.check(disk > MS * 50, f"{disk} on the host's disks")
    tap.check({"qemu-system-x86 183", "CPU 0/KVM 196"} <= {p["thread"] for p in below}, "who serves the disk, and the processor that takes its interrupt")


def check_nested_disk(scenario, machine):
    """What a thread of level 2 waits for its disk is told by level 1's thread that serves it, by level 1's disk, and so on down to level 0's."""
    thread = max(table("threads", "--limit=0", f"--machine={machine}", scenario), key=lambda t: t["blocked_disk_ns"])
    disk = collections.Counter()
    for piece in path(scenario, f"{machine}:{thread['tid']}"):
        if piece["state"] == "blocked" and piece["detail"].startswith("disk"):
            disk[piece["level"]] += piece["duration_ns"]
    tap.check(disk[1] > 0 and disk[0] > 0 and disk[2] < thread["blocked_disk_ns"] / 3, f"{thread['blocked_disk_ns']}: {disk}")


def test_the_disk_of_level_2_is_that_of_levels_below():
    for scenario in tap.scenarios():
        for machine in json.loads((scenario / "truth.json").read_text())["machines"]:
            if machine["level"] == 2 and machine["traced"] and max(t["blocked_disk_ns"] for t in table("threads", "--limit=0", f"--machine={machine['name']}", scenario)) > 250 * MS:
                yield f"{scenario.name} {machine['name']}", check_nested_disk, scenario, machine["name"]


def test_a_vcpu_is_told_from_the_host_alone():
    """Its exits by reason; the time of exits and of the system call together is what its thread was in system calls; its waits for its I/O thread are that one's."""
    host = next(p for p in (tap.SAMPLES / "one-vm-io").iterdir() if p.name == "host")
    pieces = path(host, "CPU 0/KVM")
    own = collections.Counter()
    for piece in pieces:
        if piece["depth"] == 0:
            own[(piece["detail"] or "").startswith("KVM exit "), piece["state"]] += piece["duration_ns"]
    thread = next(t for t in table("threads", "--limit=0", host) if t["name"] == "CPU 0/KVM")
    tap.check(own[True, "syscall"] > 2 * own[False, "syscall"], f"{own}")
    tap.check(abs(own[True, "syscall"] + own[False, "syscall"] - thread["syscall_ns"]) < 20000, f"{own}, {thread['syscall_ns']}")
    tap.check(any(p["thread"].startswith("qemu-system-x86") and p["state"] == "blocked" and p["detail"].startswith("disk: vd") for p in pieces), "the host's disk")
    tap.check(not any(p["detail"] == "idle" and p["depth"] for p in pieces), "that a worker was idle explains nothing")


def fill(trace, queue, own):
    """Twenty reads of thread 11, of 5 ms each; meanwhile thread 22 has `queue` requests at a time there, and 11 `own` more."""
    trace.event(0, "lttng_statedump_block_device", dev=8 << 20, diskname="sda")
    names = {0: "swapper", 11: "reader", 22: "filler"}
    for tid in (11, 22):
        trace.event(tid, "lttng_statedump_process_state", tid=tid, vtid=tid, pid=tid, vpid=tid, ppid=1, vppid=1, name=names[tid], type=0, mode=5, submode=0, status=5,
                    ns_level=0, cpu=0)

    def switch(time, prev, following):
        trace.event(time, "sched_switch", prev_comm=names[prev], prev_tid=prev, prev_prio=20, prev_state=2 if following == 0 else 0, next_comm=names[following],
                    next_tid=following, next_prio=20)

    def request(time, sector, tid, done=None):
        fields = {"dev": 8 << 20, "sector": sector, "nr_sector": 8}
        if done is None:
            trace.event(time, "block_rq_issue", **fields, bytes=4096, rwbs=4, tid=tid, comm="x")
        else:
            trace.event(time, "block_rq_complete", **fields, error=0, rwbs=4)

    for i in range(20):
        t = (i + 1) * 10 * MS
        switch(t, 0, 22)
        for k in range(queue):
            request(t + 100 + k, 10000 + k * 8, 22)
        switch(t + 1000, 22, 11)
        request(t + 2000, 8, 11)
        for k in range(own):
            request(t + 2100 + k, 5000 + k * 8, 11)
        switch(t + 3000, 11, 0)
        trace.event(t + 5 * MS, "irq_softirq_entry", vec=4)
        for k in range(queue):
            request(t + 5 * MS + 100 + k, 10000 + k * 8, 22, True)
        for k in range(own):
            request(t + 5 * MS + 200 + k, 5000 + k * 8, 11, True)
        request(t + 5 * MS + 300, 8, 11, True)
        trace.event(t + 5 * MS + 1000, "sched_waking", comm="x", tid=11, prio=20, target_cpu=0)
        trace.event(t + 5 * MS + 2000, "irq_softirq_exit", vec=4)
        switch(t + 5 * MS + 3000, 0, 11)
        switch(t + 6 * MS, 11, 0)
    trace.event(230 * MS, "sched_stat_runtime", comm="x", tid=11, runtime=1, vruntime=1)


def test_who_fills_a_disk_is_named():
    for queue, own, filled in ((3, 0, True), (0, 0, False), (2, 4, False)):
        trace = handmade.Trace(hostname="m", domain="kernel", tracer_name="lttng-modules")
        fill(trace, queue, own)
        with tempfile.TemporaryDirectory() as folder:
            trace.write(pathlib.Path(folder) / "trace")
            waits = collections.Counter()
            for piece in path(folder, "m:11", "--no-cache"):
                if piece["state"] == "blocked" and piece["detail"].startswith("disk"):
                    waits[piece["detail"]] += piece["duration_ns"]
            name = "disk: sda, which filler 22 keeps busy" if filled else "disk: sda"
            tap.check(abs(waits[name] - 20 * 5 * MS) < MS, f"{queue} of another one's, {own} of its own: {waits}")


# ---- From one machine to another ----------------------------------------------------------------------------------------


def test_a_path_follows_packets_to_another_machine_and_back():
    with tempfile.TemporaryDirectory() as folder:
        talk(folder)
        pieces = path(folder, "client:11", "--no-cache")
        sums = collections.Counter()
        for piece in pieces:
            sums[piece["machine"], piece["state"]] += piece["duration_ns"]
        # A request's 7 ms: its way is 2 ms less what both do meanwhile; 5 ms are the server's own, told within the clocks' doubt (half of the 2 ms).
        served = sum(ns for (machine, state), ns in sums.items() if machine == "server" and state in ("running", "syscall", "wait-cpu"))
        tap.check(abs(served - 20 * 5 * MS) < 20 * MS // 10, f"the server's time: {sums}")
        waited = sums["client", "blocked"] + sums["server", "blocked"]
        tap.check(abs(waited - 20 * 2 * MS) < 20 * MS // 10, f"the packets' way: {sums}")
        alone = collections.Counter()
        for piece in path(pathlib.Path(folder) / "client", "client:11", "--no-cache"):
            alone[piece["state"]] += piece["duration_ns"]
        tap.check(alone["blocked"] > 20 * 6.9 * MS, f"without the server's trace it is a wait: {alone}")
        at = pieces[0]["begin_ns"]
        for piece in pieces:
            tap.equal(piece["begin_ns"], at, "pieces follow one another")
            at += piece["duration_ns"]


def test_a_path_follows_packets_over_loopback():
    """Both threads are one machine's: a request is handed over in the softirq that its sender's system call ends with."""
    trace = handmade.Trace(hostname="both", domain="kernel", tracer_name="lttng-modules")
    threads, ends = {0: 11, 1: 22}, {0: (CLIENT, SERVER), 1: (SERVER, CLIENT)}

    def switch(time, cpu, to_thread):
        prev, following = ((0, threads[cpu]), (threads[cpu], 0))[not to_thread]
        trace.event(time, "sched_switch", cpu=cpu, prev_comm="p", prev_tid=prev, prev_prio=20, prev_state=0 if to_thread else 1, next_comm="p",
                    next_tid=following, next_prio=20)

    def send(time, cpu, skb, seq, ack):
        for offset, name in ((0, "net_dev_queue"), (2000, "net_if_receive_skb")):
            if offset:
                trace.event(time + 1000, "irq_softirq_entry", cpu=cpu, vec=3)
            head = struct.pack("<QI", skb, 154) + b"lo\0"
            trace.raw(time + offset, name, handmade_packets.DECLARATION, head + handmade_packets.segment(ends[cpu], seq, ack, 24, 100), cpu=cpu)
        trace.event(time + 3000, "sched_waking", cpu=cpu, comm="p", tid=threads[1 - cpu], prio=20, target_cpu=1 - cpu)
        trace.event(time + 4000, "irq_softirq_exit", cpu=cpu, vec=3)

    for cpu in (0, 1):
        switch(0, cpu, True)
    switch(1000, 1, False)
    for i in range(20):
        t, seq, ack = (i + 1) * 10 * MS, 1000 + 100 * i, 5000 + 100 * i
        send(t, 0, 2 * i, seq, ack)
        switch(t + 5000, 0, False)
        switch(t + 10000, 1, True)
        send(t + 5 * MS, 1, 2 * i + 1, ack, seq + 100)
        switch(t + 5 * MS + 5000, 1, False)
        switch(t + 5 * MS + 10000, 0, True)
    trace.event(230 * MS, "sched_stat_runtime", comm="p", tid=11, runtime=1, vruntime=1)
    with tempfile.TemporaryDirectory() as folder:
        trace.write(pathlib.Path(folder) / "trace")
        sums = collections.Counter()
        for piece in path(folder, "both:11", "--no-cache"):
            sums[piece["depth"], piece["state"]] += piece["duration_ns"]
        tap.check(abs(sums[1, "running"] - 20 * 5 * MS) < MS, f"the server's time: {sums}")
        tap.check(sums[0, "blocked"] < MS, f"what is left of the waits: {sums}")


def test_nobody_is_an_error():
    sample = tap.SAMPLES / "container/l1-a"
    tap.check("--thread" in tap.strata("critical-path", sample, status=2).stderr, "whose?")
    tap.check("no process" in tap.strata("critical-path", "--process=nosuch", sample, status=2).stderr, "no process")
    tap.check("no stacks" in tap.strata("threads", "--format=folded", sample, status=2).stderr, "folded threads")
    tap.check("no thread" in tap.strata("critical-path", "--thread=nosuch", sample, status=2).stderr, "nobody")


tap.main(globals())
