#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Layers: laws that hold between what guests saw, what really was, and the physical processors; and the samples' known causes."""
import collections
import json

import tap

ON_CPU = ("running_ns", "user_ns", "syscall_ns", "irq_ns", "softirq_ns", "guest_ns")
OFF_CPU = ("preempted_ns", "yielded_ns", "wait_cpu_ns", "throttled_ns", "blocked_ns")


def rows(command, scenario, *options):
    return json.loads(tap.strata(command, "--format=json", *options, scenario).stdout)["rows"]


def layered():
    """Scenarios with a host and guests."""
    return [scenario for scenario in tap.scenarios() if (scenario / "host").is_dir() and any(scenario.glob("l[12]-*"))]


def check_processors(scenario):
    duration = {(r["machine"], r["cpu"]): sum(v for k, v in r.items() if k.endswith("_ns") and k != "time_ns" and v)
                for r in rows("cpus", scenario, "--alone", "--level=0")}
    found = collections.Counter()
    for r in rows("layers", scenario, "--by=cpu"):
        found[r["host"], r["cpu"]] += r["ns"]
    tap.equal(dict(found), duration, "time of each physical processor, over all that ran on it")


def test_all_that_ran_adds_up_to_the_processors_time():
    for scenario in layered():
        yield scenario.name, check_processors, scenario


def check_steps(scenario):
    whole, steps = collections.Counter(), collections.Counter()
    for r in rows("layers", scenario):
        whole[r["level"], r["machine"], r["what"]] += r["ns"]
    for r in rows("layers", scenario, "--every=700ms"):
        steps[r["level"], r["machine"], r["what"]] += r["ns"]
    tap.equal(set(steps), set(whole), "what ran")
    for key, ns in whole.items():
        tap.check(abs(steps[key] - ns) <= 1000, f"{key}: {ns} ns in one piece, {steps[key]} in steps")


def test_steps_add_up_to_the_whole():
    for scenario in layered()[:2]:
        yield scenario.name, check_steps, scenario


def check_threads(scenario):
    alone = {(r["machine"], r["tid"], i): r for i, r in enumerate(sorted(rows("threads", scenario, "--alone"), key=order))}
    real = {(r["machine"], r["tid"], i): r for i, r in enumerate(sorted(rows("threads", scenario), key=order))}
    tap.equal(set(real), set(alone), "threads")
    taken = 0
    for key, was in alone.items():
        now = real[key]
        for name in OFF_CPU:
            tap.equal(now[name], was[name], f"{key}: {name}")
        kept = sum(now[name] for name in ON_CPU)
        lost = now["steal_ns"] + now["exit_ns"] + now["unknown_ns"] - was["unknown_ns"]
        tap.equal(kept + lost, sum(was[name] for name in ON_CPU), f"{key}: time on a processor")
        tap.check(all(now[name] <= was[name] for name in ON_CPU), f"{key}: nothing gets longer")
        taken += now["steal_ns"] + now["exit_ns"]
    tap.check(taken > 0, "something was taken from some thread")


def order(row):
    return row["machine"], row["tid"], row["switches"], row["wakeups"], row["blocked_ns"], row["preempted_ns"], row["wait_cpu_ns"], row["name"]


def test_what_a_guest_thread_believed_is_what_it_had_and_what_was_taken():
    for scenario in layered():
        yield scenario.name, check_threads, scenario


def check_both_ways(scenario):
    """What guests' processors did, once seen from each guest and once from the physical processors."""
    above, below = collections.Counter(), collections.Counter()
    for r in rows("cpus", scenario):
        above[r["machine"]] += sum(r[n] for n in ("user_ns", "syscall_ns", "kthread_ns", "running_ns", "irq_ns", "softirq_ns", "hypervisor_ns"))
    for r in rows("layers", scenario):
        if r["what"] in ("thread", "irq", "hypervisor"):
            below[r["machine"]] += r["ns"]
    for machine, ns in above.items():
        tap.check(abs(below[machine] - ns) <= 5e-3 * ns + 1e6, f"{machine}: {ns} ns in its own rows, {below[machine]} on the host's processors")


def test_both_ways_lead_to_the_same():
    for scenario in layered():
        yield scenario.name, check_both_ways, scenario


def test_the_busy_loop_of_level_1_is_who_took_the_time_of_level_2():
    scenario = tap.SAMPLES / "nested-cpu"
    lost = collections.Counter()
    for r in rows("states", scenario, "--row=n/thread/* periodic", "--level=2"):
        if r["state"] == "steal":
            lost[r["detail"].rsplit(" ", 1)[0]] += r["end_ns"] - r["begin_ns"]
    (who, ns), = lost.most_common(1)
    tap.equal(who, "L1 preempted by sh", "who took most")
    tap.check(ns > sum(lost.values()) / 2, f"{ns} of {sum(lost.values())} ns")


def test_states_are_in_the_roots_clock():
    """Guests' clocks are days off in some recordings: all rows lie within the host's time nevertheless."""
    scenario = tap.SAMPLES / "nested-cpu"
    hosts = rows("states", scenario, "--level=0", "--row=*/cpu/0")
    begin, end = hosts[0]["begin_ns"], hosts[-1]["end_ns"]
    for level in (1, 2):
        for r in rows("states", scenario, f"--level={level}", "--row=*/cpu/0"):
            tap.check(begin <= r["begin_ns"] < r["end_ns"] <= end, f"{r}: outside of {begin}..{end}")


def test_a_host_alone_has_guests_without_names():
    found = {(r["level"], r["what"]) for r in rows("layers", tap.SAMPLES / "nested-cpu/host")}
    tap.check((1, "guest") in found and (0, "hypervisor") in found, f"{found}")


def test_wrong_choices_are_told():
    for options in (["--by=nothing"], ["--by=thread", "--every=1s"]):
        tap.check("--by" in tap.strata("layers", *options, tap.SAMPLES / "nested-cpu/host", status=2).stderr, "what is wrong")


tap.main(globals())
