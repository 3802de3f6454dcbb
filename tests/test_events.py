#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`strata events` against babeltrace2: the same bytes, whatever the traces and the options."""
import json
import os
import re
import shutil
import subprocess

import tap

OPTIONS = ["--clock-cycles", "--clock-seconds", "--clock-date", "--clock-gmt", "--no-delta", "--names all", "--names none",
           "--names payload", "--names context --names scope", "--names header,scope --no-delta", "--names all --names ctx",
           "--fields all", "--fields all --names all", "--fields trace --clock-cycles", "--fields trace:hostname,loglevel,emf",
           "--fields trace:domain --fields trace:procname,trace:vpid", "--names header --fields loglevel --clock-seconds"]


def output(*command, env=None):
    """Exit status and standard output, in bytes."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False, env=env and {**os.environ, **env})
    return done.returncode, done.stdout


def need_babeltrace2():
    if not shutil.which("babeltrace2"):
        tap.skip("no babeltrace2")
    if "2.0" not in tap.run("babeltrace2", "--version").stdout:
        tap.skip("babeltrace2 is not of version 2.0")


def first_difference(wanted, got):
    for number, (w, g) in enumerate(zip(wanted.split(b"\n"), got.split(b"\n")), 1):
        if w != g:
            return f"line {number}:\nbabeltrace2: {w[:2000]!r}\nstrata:      {g[:2000]!r}"
    return f"{len(wanted)} bytes wanted, got {len(got)}"


def same(*arguments, env=None):
    status, wanted = output("babeltrace2", *arguments, env=env)
    tap.equal(status, 0, "babeltrace2's exit status")
    status, got = output(tap.STRATA, "events", *arguments, env=env)
    tap.equal(status, 0, "exit status")
    tap.check(wanted == got, first_difference(wanted, got) if wanted != got else "")


def test_traces():
    need_babeltrace2()
    for scenario in tap.scenarios():
        for trace in tap.trace_dirs(scenario):
            yield f"{scenario.name}/{trace.name}", same, trace
        yield f"{scenario.name}, all at once", same, scenario


def test_several_arguments():
    need_babeltrace2()
    traces = tap.trace_dirs(tap.SAMPLES)
    yield "in order", same, *traces
    yield "in another order", same, *reversed(traces)


def test_options():
    need_babeltrace2()
    folder, single = tap.SAMPLES / "one-vm-io", tap.SAMPLES / "one-vm-io/l1-a-ust"
    for option in OPTIONS:
        yield f"{option}, a trace", same, *option.split(), single
    for option in OPTIONS[::3]:
        yield f"{option}, a folder", same, *option.split(), folder


def test_time_zones():
    need_babeltrace2()

    def check(zone):
        same("--clock-date", tap.SAMPLES / "one-vm-io/l1-a-ust", env={"TZ": zone})
    for zone in ("Europe/Berlin", "America/St_Johns", "UTC+13"):
        yield zone, check, zone


def test_threads():
    wanted = output(tap.STRATA, "events", "--jobs=1", tap.SAMPLES / "container")
    for jobs in (2, 3, 7):
        tap.check(output(tap.STRATA, "events", f"--jobs={jobs}", tap.SAMPLES / "container") == wanted, f"{jobs} threads")


# ---- What babeltrace2 doesn't have -------------------------------------------------------------------------------------------

HOST = tap.SAMPLES / "container/host"


def text_lines(*arguments):
    return tap.strata("events", "--no-quirks", "--no-delta", "--clock-seconds", *arguments, HOST).stdout.splitlines()


def nanoseconds(line):
    return int(re.match(r"\[(\d+)\.(\d{9})\]", line)[0][1:-1].replace(".", ""))


def name_of(line):
    return line.split(" ", 3)[2].rstrip(":")


def test_selection_by_name_and_cpu():
    everything = text_lines()
    tap.equal(text_lines("--event", "sched_*", "--event", "kvm_x86_entry"),
              [line for line in everything if re.match(r"sched_|kvm_x86_entry$", name_of(line))], "by name")
    tap.equal(text_lines("--cpu", "1"), [line for line in everything if "{ cpu_id = 1 }" in line], "by processor")
    tap.equal(text_lines("--cpu", "0,1"), everything, "by all processors")
    tap.equal(text_lines("--cpu", "0", "--event", "timer_*"),
              [line for line in everything if "{ cpu_id = 0 }" in line and name_of(line).startswith("timer_")], "by both")


def test_selection_by_time():
    everything = text_lines()
    begin = nanoseconds(everything[0])
    for low, high in ((1000000000, 2000000000), (0, 0), (9000000000, 100000000000)):
        wanted = [line for line in everything if begin + low <= nanoseconds(line) <= begin + high]
        tap.check(wanted, "an empty range tests nothing")
        tap.equal(text_lines(f"--begin=+{low}ns", f"--end=+{high}ns"), wanted, "relative")
        tap.equal(text_lines(f"--begin={begin + low}", f"--end={begin + high}"), wanted, "absolute")


def thread_of(line, running):
    """The thread that runs on the event's processor, as sched_switch tells; a switch belongs to both."""
    cpu = re.search(r"\{ cpu_id = (\d+) \}", line)[1]
    switch = re.search(r"prev_tid = (\d+).* next_tid = (\d+)", line) if name_of(line) == "sched_switch" else None
    if switch:
        running[cpu] = switch[2]
        return {switch[1], switch[2]}
    return {running.get(cpu) or re.search(r"vtid = (\d+)", line)[1]}


def test_selection_by_thread():
    running = {}
    owners = [(thread_of(line, running), line) for line in text_lines()]
    counts = {}
    for threads, _ in owners:
        for thread in threads:
            counts[thread] = counts.get(thread, 0) + 1
    busiest = sorted(counts, key=counts.get)[-3:]
    for thread in busiest:
        tap.equal(text_lines("--thread", thread), [line for threads, line in owners if thread in threads], f"thread {thread}")
    some = text_lines("--thread", ",".join(busiest), "--begin=+5s")
    begin = nanoseconds(owners[0][1])
    tap.equal(some, [line for threads, line in owners if threads & set(busiest) and nanoseconds(line) >= begin + 5000000000], "later")


def test_selection_by_machine():
    folder = tap.SAMPLES / "container"
    machine = json.loads(tap.strata("info", "--format", "json", HOST).stdout)["rows"][0]["machine"]
    tap.equal(output(tap.STRATA, "events", "--machine", machine, folder), output(tap.STRATA, "events", HOST), "by name")
    tap.equal(output(tap.STRATA, "events", "--machine", machine[:-1] + "?", folder), output(tap.STRATA, "events", HOST), "by glob")
    tap.strata("events", "--machine", "nobody", folder, status=1)


def test_json():
    text = text_lines()
    records = [json.loads(line) for line in tap.strata("events", "--format", "json", HOST).stdout.splitlines()]
    tap.equal(len(records), len(text), "number of events")
    for line, record in zip(text, records):
        tap.equal((record["time"], record["name"]), (nanoseconds(line), name_of(line)), "time and name")
        tap.check(f" {record['machine']} " in line and f"{{ cpu_id = {record['cpu']} }}" in line, f"{record} and {line}")
        tap.check(f"vpid = {record['context']['vpid']}, vtid = {record['context']['vtid']}, " in line, f"{record} and {line}")
        for key, value in record["fields"].items():
            tap.check(f"{key} = " in line, f"{key} in {line}")
            if isinstance(value, int) and value >= 0:
                tap.check(re.search(rf"\b{key} = ({value}|0x{value:X}|0{value:o})[ ,]", line), f"{key} = {value} in {line}")


def test_format_none():
    tap.equal(tap.strata("events", "--format=none", HOST).stdout, "")


def test_usage():
    for wrong in (["--names", "nothing"], ["--names", "all,none"], ["--fields", "none"], ["--format", "xml"], ["--begin", "noon"],
                  ["--cpu", "one"], ["--thread", "x"], ["--begin", "+2s", "--end", "+1s"], ["--jobs", "-1"], ["--unknown"]):
        done = tap.strata("events", *wrong, HOST, status=2)
        tap.check(done.stderr.startswith("strata events: ") and not done.stdout, f"{wrong}: {done.stderr}")
    tap.strata("events", status=2)
    tap.strata("events", tap.SOURCE / "nowhere", status=1)


def test_output_that_cant_be_written():
    if not os.path.exists("/dev/full"):
        tap.skip("no /dev/full")
    with open("/dev/full", "wb") as full:
        done = tap.strata("events", HOST, status=1, stdout=full)
    tap.check("standard output: No space left" in done.stderr, done.stderr)


tap.main(globals())
