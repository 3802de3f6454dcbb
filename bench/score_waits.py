#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How often `strata waits`, which sees the host's trace only, is right: the guests' own traces are the judge.

    score_waits.py STRATA FOLDER..

Each folder has a host's trace and those of its guests. For every time for which a vCPU was halted, the first interrupt that its guest handled afterwards is what the wait was
for: a device's (by its handler's name), the local timer, another processor's call. Waits that end outside of the guest's trace are not judged.
"""
import bisect
import collections
import json
import re
import subprocess
import sys

LINE = re.compile(r"\[(\d+)\.(\d{9})\] .*?(\w+): \{ cpu_id = (\d+) \}(.*)")
NAME = re.compile(r'(?<![a-z])name = "([^"]*)"')
IPI = ("reschedule", "call_function", "call_function_single", "irq_work")


def ask(strata, *arguments):
    return json.loads(subprocess.run([strata, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout)


def kind_of(event, rest):
    """What an event of the guest says about why its processor woke up; None: nothing."""
    if event == "irq_handler_entry":
        name = NAME.search(rest).group(1)
        if "-req" in name:
            return "disk"
        return "network" if re.search(r"-(input|output)", name) else "device"
    match = re.fullmatch(r"x86_irq_vectors_(\w+)_entry", event)
    if match:
        return "timer" if match.group(1) == "local_timer" else "ipi" if match.group(1) in IPI else "device"
    return "timer" if event == "timer_hrtimer_expire_entry" else None


def interrupts(folder):
    """By processor: the times of interrupts and what they were for, in order."""
    found = collections.defaultdict(list)
    text = subprocess.Popen(["babeltrace2", "--clock-seconds", folder], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in text.stdout:
        match = LINE.match(line)
        if match and ("irq" in match.group(3) or "hrtimer" in match.group(3)):
            kind = kind_of(match.group(3), match.group(5))
            if kind:
                found[int(match.group(4))].append((int(match.group(1)) * 10**9 + int(match.group(2)), kind))
    return found


def to_guest(pairs, time):
    """A time of the parent in the guest's clock; None: it isn't aligned."""
    for pair in reversed(pairs):
        own = pair["ref_ns"] + round((time - pair["offset_ns"] - pair["ref_ns"]) / (1 + pair["drift"]))
        if own >= (pair.get("from_ns") or own):
            return own
    return None


def judge(strata, folder):
    """The score of each guest: (name, counter)."""
    by_guest = collections.defaultdict(list)
    for pair in ask(strata, "sync", "--format=json", folder)["pairs"]:
        if pair.get("parent") and pair.get("offset_ns") is not None:
            by_guest[pair["trace"], pair["machine"], pair["parent"], pair["vm_pid"]].append(pair)
    traces = {machine["name"]: machine["trace"] for machine in ask(strata, "report", "--format=json", folder)["machines"]}
    for (trace, machine, parent, pid), pairs in sorted(by_guest.items()):
        heard = interrupts(trace)
        waits = ask(strata, "waits", "--log", "--limit=0", "--format=json", traces[parent])["rows"]
        score = collections.Counter()
        for wait in waits:
            if wait["vm"] != pid or wait["state"] != "halted" or not heard.get(wait["vcpu"]):
                continue
            times = heard[wait["vcpu"]]
            woken = to_guest(pairs, wait["time_ns"] + wait["duration_ns"])
            i = bisect.bisect(times, (woken - pairs[0]["bound_ns"],)) if woken is not None else len(times)
            asleep = to_guest(pairs, wait["time_ns"])
            if i == 0 or i >= len(times) or asleep is None or asleep < times[0][0]:
                continue
            truth, said = times[i][1], wait["reason"]
            for what, amount in (("n", 1), ("ns", wait["duration_ns"])):
                score[what, "all"] += amount
                score[what, "right" if said == truth else "unknown" if said == "unknown" else "wrong"] += amount
                if said != truth:
                    score[what, f"{truth} said {said}"] += amount
        yield f"{folder.rstrip('/').rsplit('/', 1)[-1]}/{machine}", score


def show(name, score):
    n, ns = score["n", "all"], score["ns", "all"]
    if not n:
        print(f"{name:32} nothing to judge")
        return
    print(f"{name:32} {n:7} waits {ns / 1e9:8.2f} s  right {score['n', 'right'] / n:6.1%} of waits, {score['ns', 'right'] / ns:6.1%} of time; "
          f"unknown {score['n', 'unknown'] / n:5.1%}, {score['ns', 'unknown'] / ns:5.1%}")
    wrong = sorted(((ns, key[1]) for key, ns in score.items() if key[0] == "ns" and " said " in key[1]), reverse=True)
    for amount, what in wrong[:4]:
        print(f"{'':34}{what}: {score['n', what]} waits, {amount / ns:.1%} of time")


def main():
    totals = collections.Counter()
    for folder in sys.argv[2:]:
        for name, score in judge(sys.argv[1], folder):
            show(name, score)
            totals.update(score)
    show("all", totals)


if __name__ == "__main__":
    main()
