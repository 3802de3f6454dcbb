#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What threads and processors did, against what babeltrace2's text says of switches, wakeups and handlers; and laws that hold for every trace."""
import collections
import csv
import io
import json
import re
import subprocess

import tap

LINE = re.compile(r"\[(\d+)\.(\d+)\] (?:\([^)]*\) )?(?:\S+ )?(\S+): \{ cpu_id = (\d+) \}, (.*)")
NUMBER = {name: re.compile(rf"\b{name} = (-?\d+)") for name in
          ("prev_tid", "prev_state", "next_tid", "child_tid", "tid", "irq", "vec", "vector")}
WAKEUPS = {"sched_waking", "sched_wakeup", "sched_wakeup_new"}
HANDLER = re.compile(r"(irq_handler|irq_softirq|softirq|x86_irq_vectors_\w+?)_(entry|exit)$")
ON_CPU = ("running", "user", "syscall", "irq", "softirq", "guest")
READY, ASLEEP = 0, 1


def value(name, line):
    return int(NUMBER[name].search(line)[1])


class Truth:
    """One pass over a trace's text."""

    def __init__(self, folder):
        self.first = self.last = None
        self.cpu_ns, self.wakeups, self.latency_ns, self.switches = (collections.Counter() for _ in range(4))
        self.born = collections.defaultdict(list)
        self.current, self.since, self.seen_switch = {}, {}, set()
        self.state, self.woken = {}, {}
        self.stack, self.charged, self.handler_ns = collections.defaultdict(list), {}, collections.Counter()
        self.fresh = collections.defaultdict(lambda: True)
        self.cpus = set()
        command = ["babeltrace2", "--clock-seconds", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace") as process:
            for line in process.stdout:
                found = LINE.match(line)
                if found:
                    self.event(int(found[1]) * 10**9 + int(found[2]), found[3], int(found[4]), found[5])
        for cpu, tid in self.current.items():
            self.cpu_ns[tid] += self.last - self.since[cpu]
        for cpu, stack in self.stack.items():
            if stack:
                self.handler_ns[cpu] += self.last - self.charged[cpu]

    def event(self, time, name, cpu, rest):
        self.first, self.last = self.first or time, time
        self.cpus.add(cpu)
        if name == "sched_switch":
            self.switch(time, cpu, rest)
        elif name in WAKEUPS:
            self.wake(time, name, value("tid", rest))
        elif name == "sched_process_fork":
            child = value("child_tid", rest)
            self.born[child].append(time)
            self.state[child], self.woken[child] = READY, time
        elif name.startswith("syscall_"):
            self.fresh[cpu] = False
        else:
            self.handler(time, name, cpu, rest)

    def switch(self, time, cpu, rest):
        prev, next_, state = value("prev_tid", rest), value("next_tid", rest), value("prev_state", rest)
        self.cpu_ns[prev] += time - self.since.get(cpu, self.first)
        self.current[cpu], self.since[cpu], self.fresh[cpu] = next_, time, False
        self.state[prev] = READY if state in (0, 0x100) else ASLEEP
        self.switches[next_] += 1
        if next_ in self.woken:
            self.latency_ns[next_] += time - self.woken.pop(next_)
        self.state[next_] = READY

    def wake(self, time, name, tid):
        if name == "sched_wakeup_new" and tid in self.woken:
            self.woken[tid] = time
        elif self.state.get(tid, ASLEEP) == ASLEEP:
            self.wakeups[tid] += 1
            self.state[tid], self.woken[tid] = READY, time

    def handler(self, time, name, cpu, rest):
        found = HANDLER.match(name)
        if not found:
            return
        kind = "softirq" if "softirq" in found[1] else found[1]
        key = kind, value({"irq_handler": "irq", "softirq": "vec"}.get(kind, "vector"), rest)
        if self.stack[cpu]:
            self.handler_ns[cpu] += time - self.charged[cpu]
        if found[2] == "entry":
            self.stack[cpu].append(key)
        elif self.stack[cpu]:
            tap.equal(self.stack[cpu].pop(), key, f"the handler that ends at {time}")
        elif self.fresh[cpu]:
            self.handler_ns[cpu] += time - self.first
        self.charged[cpu], self.fresh[cpu] = time, False


def traces():
    for scenario in tap.scenarios():
        for folder in tap.trace_dirs(scenario):
            if b"sched_switch" in (folder / "metadata").read_bytes():
                yield f"{scenario.name}/{folder.name}", folder


def table(command, folder, *options):
    return json.loads(tap.strata(command, "--format=json", "--no-cache", *options, folder).stdout)["rows"]


def loses_events(folder):
    return any("lost" in line or "discarded" in line for line in tap.run("babeltrace2", "-o", "dummy", folder).stderr.splitlines())


def by_tid(rows, column):
    sums = collections.Counter()
    for row in rows:
        sums[row["tid"]] += row[column] or 0
    return +sums


def check_truth(folder):
    if loses_events(folder):
        tap.skip("events were lost")
    truth, threads, cpus = Truth(folder), table("threads", folder), table("cpus", folder)
    counted = +collections.Counter({tid: ns for tid, ns in truth.cpu_ns.items() if tid})
    tap.equal(by_tid(threads, "cpu_ns"), counted, "time on processors by thread")
    tap.equal(by_tid(threads, "wakeups"), +truth.wakeups, "wakeups by thread")
    tap.equal(by_tid(threads, "latency_ns"), +truth.latency_ns, "waits of woken threads")
    tap.equal(by_tid(threads, "switches"), +collections.Counter({t: n for t, n in truth.switches.items() if t}), "switches by thread")
    tap.equal({row["cpu"]: row["irq_ns"] + row["softirq_ns"] for row in cpus}, {cpu: truth.handler_ns[cpu] for cpu in truth.cpus},
              "time in handlers by processor")
    idle = sum(ns for tid, ns in truth.cpu_ns.items() if tid == 0)
    tap.check(sum(row["idle_ns"] for row in cpus) <= idle, "processors are idle for longer than their idle threads have them")


def intervals(folder, *options):
    rows = collections.defaultdict(list)
    text = tap.strata("states", "--format=csv", "--no-cache", *options, folder).stdout
    for row in csv.DictReader(io.StringIO(text)):
        rows[row["row"].split("/", 1)[1]].append((int(row["begin_ns"]), int(row["end_ns"]), row["state"], row["detail"]))
    return rows


def check_chain(path, chain):
    for before, after in zip(chain, chain[1:]):
        tap.equal(after[0], before[1], f"{path}: a state begins where the last one ends")
        tap.check(after[2:] != before[2:], f"{path}: two intervals of the same state")
    tap.check(all(begin < end for begin, end, *_ in chain), f"{path}: an interval without length")


def sums(chain):
    result = collections.Counter()
    for begin, end, state, detail in chain:
        result[state] += end - begin
        if state == "blocked":
            result["blocked_" + detail.split(":")[0]] += end - begin
    return result


def columns(row):
    """Of a row of `strata threads` those that are states, as sums() has them."""
    result = {name: row[name.replace("-", "_") + "_ns"] for name in
              (*ON_CPU, "preempted", "yielded", "wait-cpu", "throttled", "blocked", "unknown")}
    result |= {name[:-3]: ns for name, ns in row.items() if name.startswith("blocked_") and name.endswith("_ns")}
    return +collections.Counter({name: ns for name, ns in result.items() if name != "blocked_" and ns})


def check_laws(folder):
    rows = intervals(folder)
    for path, chain in rows.items():
        check_chain(path, chain)
    threads = {path: chain for path, chain in rows.items() if path.startswith("thread/") and "/span/" not in path}
    cpus = {path: chain for path, chain in rows.items() if re.fullmatch(r"cpu/\d+", path)}
    begins, ends = ({chain[at][at] for chain in cpus.values()} for at in (0, -1))
    ends = {chain[-1][1] for chain in cpus.values()}
    tap.equal((len(begins), len(ends)), (1, 1), "all processors have the trace's time")
    told = table("threads", folder)
    tap.equal(len(told), len(threads), "a row for each thread")
    tap.equal(sorted((sorted(columns(row).items()) for row in told)), sorted(sorted((+sums(chain)).items()) for chain in threads.values()),
              "the table's sums are those of the states")
    for row in told:
        tap.equal(sum(row[name + "_ns"] for name in ON_CPU), row["cpu_ns"], "states on a processor")
    for row in table("cpus", folder):
        chain = sums(cpus[f"cpu/{row['cpu']}"])
        tap.equal(+collections.Counter({name[:-3]: ns for name, ns in row.items() if name.endswith("_ns")}), +chain, "a processor's states")


def check_range(folder):
    """A part of a trace: states are cut at its ends, exactly."""
    rows = intervals(folder)
    begin, end = (f(t for chain in rows.values() for i in chain for t in i[:2]) for f in (min, max))
    begin, end = begin + (end - begin) // 3, begin + (end - begin) * 2 // 3
    part = [f"--begin={begin}", f"--end={end - 1}"]  # --end itself is within
    cut = {path: [(max(b, begin), min(e, end), *rest) for b, e, *rest in chain if b < end and e > begin] for path, chain in rows.items()}
    tap.equal({path: [tuple(i) for i in chain] for path, chain in intervals(folder, *part).items()},
              {path: chain for path, chain in cut.items() if chain}, "intervals within the range")
    threads = [chain for path, chain in cut.items() if path.startswith("thread/") and "/span/" not in path and chain]
    told = table("threads", folder, *part)
    tap.equal(sorted((sorted(columns(row).items()) for row in told)), sorted(sorted((+sums(chain)).items()) for chain in threads), "sums")
    steps = table("cpus", folder, *part, "--every=100ms")
    whole = {row["cpu"]: row for row in table("cpus", folder, *part)}
    for name in ("idle_ns", "user_ns", "irq_ns", "guest_ns", "unknown_ns"):
        added = collections.Counter()
        for row in steps:
            added[row["cpu"]] += row[name]
        tap.equal(dict(added), {cpu: row[name] for cpu, row in whole.items()}, f"{name} of all steps")


def check_threads_alike(folder):
    """The number of threads makes no difference."""
    for command in (["threads"], ["processes"], ["cpus"], ["threads", "--log"], ["states", "--format=csv"]):
        outputs = {tap.strata(*command, "--no-cache", f"-j{jobs}", folder).stdout for jobs in (1, 2, 4)}
        tap.equal(len(outputs), 1, f"outputs of {' '.join(command)}")


def check_processes(folder):
    """A process's time is that of its threads."""
    names = [name for name in table("threads", folder)[0] if name.endswith("_ns") and not re.search(r"p\d\d|max", name)]
    by_pid = collections.defaultdict(collections.Counter)
    for row in table("threads", folder):
        by_pid[row["pid"]].update({name: row[name] or 0 for name in [*names, "switches", "wakeups"]})
    told = {row["pid"]: +collections.Counter({name: row[name] or 0 for name in [*names, "switches", "wakeups"]})
            for row in table("processes", folder)}
    tap.equal(told, {pid: +counter for pid, counter in by_pid.items()}, "sums by process")


def test_switches_wakeups_and_handlers_are_those_of_the_text():
    for name, folder in traces():
        yield name, check_truth, folder


def test_states_are_exclusive_and_whole():
    for name, folder in traces():
        yield name, check_laws, folder


def test_ranges_are_exact():
    for name, folder in traces():
        if (folder / "metadata").is_file() and sum(f.stat().st_size for f in folder.iterdir() if f.is_file()) < 16_000_000:
            yield name, check_range, folder


def test_processes_are_their_threads():
    for name, folder in traces():
        yield name, check_processes, folder


def test_result_does_not_depend_on_threads():
    for scenario in tap.scenarios():
        yield scenario.name, check_threads_alike, scenario


def test_the_throttled_container_is_seen():
    rows = [row for row in table("threads", tap.SAMPLES / "container/l1-a") if row["throttled_ns"]]
    tap.equal([(row["tid"], row["name"]) for row in rows], [(211, "periodic")], "throttled threads")


def test_too_many_steps_are_refused():
    for command in ("threads", "processes", "cpus"):
        done = tap.strata(command, "--no-cache", "--every=1us", tap.SAMPLES / "container/l1-a", status=2)
        tap.check("--every" in done.stderr, done.stderr)


tap.main(globals())
