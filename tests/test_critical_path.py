#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Critical paths: they cover the time asked for, exactly; what no waker explains is the thread's own; known causes are in them."""
import collections
import json
import random

import tap


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
        yield scenario.name, check_covers, scenario, 12


def check_own_time(scenario):
    """What the thread did itself, it did for as long as its row says: only waits are replaced."""
    for thread in sorted(table("threads", "--limit=0", scenario), key=lambda t: -t["cpu_ns"])[:6]:
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


def test_nobody_is_an_error():
    sample = tap.SAMPLES / "container/l1-a"
    tap.check("--thread" in tap.strata("critical-path", sample, status=2).stderr, "whose?")
    tap.check("no thread" in tap.strata("critical-path", "--thread=nosuch", sample, status=2).stderr, "nobody")


tap.main(globals())
