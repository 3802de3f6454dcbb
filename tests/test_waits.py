#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Why vCPUs slept: waits against the vCPUs' rows and babeltrace2's text, and the guests' own traces as judges."""
import collections
import importlib.util
import json
import re

import tap

spec = importlib.util.spec_from_file_location("score_waits", tap.SOURCE / "bench/score_waits.py")
score_waits = importlib.util.module_from_spec(spec)
spec.loader.exec_module(score_waits)

LINE = re.compile(r"\[(\d+)\.(\d{9})\] .*?(\w+): \{ cpu_id = (\d+) \}(.*)")


def rows(command, *arguments):
    return json.loads(tap.strata(command, "--format=json", *arguments).stdout)["rows"]


def hosts():
    for scenario in tap.scenarios():
        if (scenario / "host").is_dir():
            yield scenario.name, scenario / "host"


def check_rows(host):
    """Every wait is an interval of its vCPU's row, and hardly any interval is none."""
    intervals = collections.defaultdict(set)
    total = collections.Counter()
    for r in rows("states", "--row=*/vm/*/vcpu/*", host):
        match = re.search(r"/vm/(-?\d+)/vcpu/(\d+)$", r["row"])
        if match and r["state"] in ("halted", "blocked"):
            key = int(match.group(1)), int(match.group(2))
            intervals[key].add((r["begin_ns"], r["end_ns"]))
            total[key] += r["end_ns"] - r["begin_ns"]
    waits = collections.Counter()
    for w in rows("waits", "--log", "--limit=0", host):
        waits[w["vm"], w["vcpu"]] += w["duration_ns"]
        span = w["time_ns"], w["time_ns"] + w["duration_ns"]
        tap.check(any(a <= span[0] and span[1] <= b for a, b in intervals[w["vm"], w["vcpu"]]), f"{w}: in no interval of its row")
    for key, ns in total.items():
        edges = sum(b - a for a, b in sorted(intervals[key])[:1] + sorted(intervals[key])[-1:])
        tap.check(ns - edges <= waits[key] <= ns, f"vCPU {key}: {waits[key]} ns of waits, {ns} ns asleep, {edges} of that at the trace's ends")


def test_waits_are_intervals_of_the_rows():
    for name, host in hosts():
        yield name, check_rows, host


def check_sums(host):
    log, table = collections.Counter(), collections.Counter()
    for w in rows("waits", "--log", "--limit=0", host):
        log[w["vm"], w["vcpu"], w["reason"], w["state"]] += w["duration_ns"]
    for r in rows("waits", host):
        table[r["vm"], r["vcpu"], r["reason"], r["state"]] += r["total_ns"]
    tap.equal(table, log, "sums of the table and of single waits")


def test_the_table_is_the_sum_of_the_waits():
    for name, host in hosts():
        yield name, check_sums, host


def check_timers(host):
    """A wait said to be for a timer ended while a timer's handler ran."""
    expired = collections.defaultdict(list)
    for line in tap.run("babeltrace2", "--clock-seconds", host).stdout.splitlines():
        match = LINE.match(line)
        if match and match.group(3) == "timer_hrtimer_expire_entry":
            expired[int(match.group(4))].append(int(match.group(1)) * 10**9 + int(match.group(2)))
    if not expired:
        tap.skip("no timers were recorded")
    times = sorted(t for all_of_cpu in expired.values() for t in all_of_cpu)
    for w in rows("waits", "--log", "--limit=400", host):
        if w["reason"] == "timer" and "timer" in w["evidence"].split(",")[0]:
            end = w["time_ns"] + w["duration_ns"]
            i = score_waits.bisect.bisect(times, end)
            tap.check(i and end - times[i - 1] < 2_000_000, f"{w}: no timer expired before it")


def test_timers_had_expired():
    for name, host in hosts():
        yield name, check_timers, host


def check_score(scenario):
    totals = collections.Counter()
    for _, score in score_waits.judge(tap.STRATA, str(scenario)):
        totals.update(score)
    tap.check(totals["n", "all"] > 100, f"{totals['n', 'all']} waits were judged")
    tap.check(totals["ns", "right"] >= 0.95 * totals["ns", "all"] and totals["n", "right"] >= 0.9 * totals["n", "all"], f"right: {totals}")
    tap.check(totals["ns", "unknown"] <= 0.05 * totals["ns", "all"], f"unknown: {totals}")


def test_guests_agree():
    for name in ("nested-cpu", "one-vm-io"):
        yield name, check_score, tap.SAMPLES / name


tap.main(globals())
