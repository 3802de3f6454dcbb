#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hardware counters: a made-up machine counts, its trace is written as LTTng would, and `strata counters` must find what was counted by whom, doing what."""
import collections
import json
import pathlib
import random
import shutil
import struct
import tempfile

import tap

# What Linux has everywhere: a trace that declares all of these has all system calls, so that what is in none is in user space.
SYSCALLS = ("read write close ioctl mmap munmap futex fsync socket sendmsg clone execve kill sched_yield").split()
START = 1_000_000  # all processors are recorded from then on
TEXT = "integer { size = 8; align = 8; signed = 0; encoding = UTF8; base = 10; }"
EVENTS = {
    "sched_switch": [("prev_comm", 16), ("prev_tid", "i"), ("prev_prio", "i"), ("prev_state", "q"), ("next_comm", 16), ("next_tid", "i"), ("next_prio", "i")],
    "irq_handler_entry": [("irq", "i")],
    "irq_handler_exit": [("irq", "i"), ("ret", "i")],
    "irq_softirq_entry": [("vec", "I")],
    "irq_softirq_exit": [("vec", "I")],
    **{f"syscall_entry_{name}": [("fd", "I")] for name in SYSCALLS},
    **{f"syscall_exit_{name}": [("ret", "q")] for name in SYSCALLS},
}
IDS = {name: number for number, name in enumerate(EVENTS)}
# Context's field, its format, whether it goes with threads, its column.
COUNTERS = [("perf_cpu_cycles", "Q", False, "cycles"), ("perf_cpu_instructions", "Q", False, "instructions"),
            ("perf_cpu_cache_misses", "I", False, "cache_misses"), ("perf_thread_instructions", "Q", True, "thread_instructions")]


def integer(form):
    size = 8 * struct.calcsize(form)
    return f"integer {{ size = {size}; align = 8; signed = {int(form.islower())}; }}"


def metadata(counters):
    fields = {name: "".join(f"{integer(kind)} _{field};" if isinstance(kind, str) else f"{TEXT} _{field}[{kind}];" for field, kind in members)
              for name, members in EVENTS.items()}
    return (
        '/* CTF 1.8 */\ntrace { major = 1; minor = 8; byte_order = le; packet.header := struct { ' + integer("I") + ' magic; ' + integer("I") + ' stream_id; }; };\n'
        'env { hostname = "made-up"; domain = "kernel"; tracer_name = "lttng-modules"; };\n'
        'clock { name = monotonic; freq = 1000000000; offset = 1000000000; };\n'
        'stream { id = 0; event.header := struct { ' + integer("H") + ' id; integer { size = 64; align = 8; signed = 0; map = clock.monotonic.value; } timestamp; };\n'
        ' packet.context := struct { ' + " ".join(f"integer {{ size = 64; align = 8; map = clock.monotonic.value; }} {n};" for n in ("timestamp_begin", "timestamp_end"))
        + " ".join(f"{integer('Q')} {n};" for n in ("content_size", "packet_size", "events_discarded")) + integer("I") + ' cpu_id; };\n'
        + (' event.context := struct { ' + " ".join(f"{integer(form)} _{name};" for name, form, _, _ in counters) + ' };\n' if counters else "") + '};\n'
        + "".join(f'event {{ name = "{name}"; id = {IDS[name]}; stream_id = 0; fields := struct {{ {fields[name]} }}; }};\n' for name in EVENTS))


class Stream:
    """A processor's packets."""

    def __init__(self, cpu):
        self.cpu, self.data, self.events, self.begin, self.end, self.discarded = cpu, b"", b"", START, 0, 0

    def event(self, time, name, counters, values):
        self.begin = time if self.begin is None else self.begin
        self.end = time
        self.events += struct.pack("<HQ", IDS[name], time)
        for (_, form, _, _), value in zip(COUNTERS, counters):
            self.events += struct.pack("<" + form, value)
        for (_, kind), value in zip(EVENTS[name], values):
            self.events += struct.pack("<" + kind, value) if isinstance(kind, str) else value.encode().ljust(kind, b"\0")

    def flush(self):
        if not self.events:
            return
        size = 8 * (8 + 44 + len(self.events))
        self.data += struct.pack("<II", 0xC1FC1FC1, 0) + struct.pack("<QQQQQI", self.begin, self.end, size, size, self.discarded, self.cpu) + self.events
        self.events, self.begin = b"", None


class Thread:
    def __init__(self, tid, name):
        self.tid, self.name, self.mode, self.counter, self.read = tid, name, None, 0, False


class Cpu:
    def __init__(self, number, rng):
        self.number, self.stream, self.thread, self.stack, self.seen = number, Stream(number), None, [], False
        self.idle = Thread(0, f"swapper/{number}")
        self.counters = [rng.randrange(1, 1 << 40), rng.randrange(1, 1 << 40), rng.randrange(0xFFFF0000, 1 << 32)]

    def state(self):
        if self.stack:
            return self.stack[-1]
        if self.thread.tid == 0:
            return "idle"
        return self.thread.mode or "running"


class Machine:
    """Threads on processors, whose counters go on all the time; `counted` is what a perfect reader would find."""

    def __init__(self, seed, faults=False):
        self.rng = random.Random(seed)
        self.faults = faults
        self.cpus = [Cpu(i, self.rng) for i in range(3)]
        self.ready = [Thread(100 + i, f"job{i}") for i in range(7)]
        self.time = START
        self.counted = collections.Counter()  # (column, cpu, thread, state)
        self.lost = 0

    def advance(self, cpu):
        """Up to an event on a processor: who has had it has counted."""
        self.time += self.rng.randrange(1, 40_000)
        thread = cpu.thread
        for i, (_, form, _, column) in enumerate(COUNTERS[:3]):
            step = self.rng.randrange(1, 30_000_000)
            cpu.counters[i] = (cpu.counters[i] + step) % (1 << 8 * struct.calcsize(form))
            if cpu.seen:
                self.counted[column, cpu.number, (thread.name, thread.tid), cpu.state()] += step
        step = self.rng.randrange(1, 50_000)
        thread.counter += step
        if thread.read:
            self.counted["thread_instructions", cpu.number, (thread.name, thread.tid), cpu.state()] += step
        cpu.seen = thread.read = True

    def emit(self, cpu, name, *values):
        cpu.stream.event(self.time, name, [*cpu.counters, cpu.thread.counter], values)

    def switch(self, cpu):
        wanted = self.ready.pop(self.rng.randrange(len(self.ready))) if self.ready and self.rng.random() < 0.8 else cpu.idle
        if wanted is cpu.thread:
            return
        self.advance(cpu)
        self.emit(cpu, "sched_switch", cpu.thread.name, cpu.thread.tid, 120, 1, wanted.name, wanted.tid, 120)
        if cpu.thread.tid:
            self.ready.append(cpu.thread)
        cpu.thread = wanted

    def syscall(self, cpu):
        if cpu.thread.tid == 0:
            return
        entry = cpu.thread.mode != "syscall"
        self.advance(cpu)
        self.emit(cpu, "syscall_entry_read" if entry else "syscall_exit_read", 3)
        cpu.thread.mode = "syscall" if entry else "user"

    def handler(self, cpu):
        """Softirqs interrupt threads, interrupts both."""
        self.advance(cpu)
        if cpu.stack and (cpu.stack[-1] == "irq" or self.rng.random() < 0.5):
            kind = cpu.stack[-1]
            self.emit(cpu, "irq_handler_exit" if kind == "irq" else "irq_softirq_exit", *([9, 1] if kind == "irq" else [3]))
            cpu.stack.pop()
        elif cpu.stack or self.rng.random() < 0.5:
            self.emit(cpu, "irq_handler_entry", 9)
            cpu.stack.append("irq")
        else:
            self.emit(cpu, "irq_softirq_entry", 3)
            cpu.stack.append("softirq")

    def begin(self):
        for cpu in self.cpus:
            cpu.thread = cpu.idle
            while cpu.thread is cpu.idle:
                self.switch(cpu)

    def step(self):
        cpu = self.rng.choice(self.cpus)
        if cpu.stack:
            self.handler(cpu)
        else:
            self.rng.choice([self.switch, self.syscall, self.syscall, self.handler])(cpu)
        if self.rng.random() < 0.01:
            cpu.stream.flush()
        if self.faults and self.rng.random() < 0.01:
            self.fault(cpu)

    def fault(self, cpu):
        """A counter is set back, or events are lost."""
        if self.rng.random() < 0.5:
            cpu.counters[0] = self.rng.randrange(1, 1000)
            return
        cpu.stream.flush()
        before = cpu.stream.data
        for _ in range(self.rng.randrange(1, 6)):
            (self.handler if cpu.stack else self.syscall)(cpu)
        cpu.stream.flush()
        lost = cpu.stream.data != before
        cpu.stream.data = before
        cpu.stream.discarded += 5 * lost
        self.lost += lost

    def run(self, steps):
        self.begin()
        for _ in range(steps):
            self.step()
        for cpu in self.cpus:
            cpu.stream.flush()

    def save(self, folder, counters=True):
        folder.mkdir()
        (folder / "metadata").write_text(metadata(COUNTERS if counters else []), encoding="utf-8")
        for cpu in self.cpus:
            (folder / f"channel0_{cpu.number}").write_bytes(cpu.stream.data)


class Folder:
    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="strata-counters-"))
        return self.path / "trace"

    def __exit__(self, *_):
        shutil.rmtree(self.path)


def rows(*arguments):
    return json.loads(tap.strata("counters", "--no-cache", "--format=json", *arguments).stdout)["rows"]


COLUMNS = [column for _, _, _, column in COUNTERS]


def sums(counted, of):
    """By what a row is about, and by state."""
    out = collections.defaultdict(collections.Counter)
    for (column, cpu, thread, state), n in counted.items():
        for each in (state, "all"):
            out[of(cpu, thread, state), each][column] += n
    return out


OF = {
    "thread": lambda cpu, thread, state: thread,
    "cpu": lambda cpu, thread, state: (f"cpu {cpu}", cpu),
    "state": lambda cpu, thread, state: "(all)",
}


def key_of(by, row):
    if by == "thread":
        return (row["name"].rsplit(" ", 1)[0], row["id"])
    return (row["name"], row["id"]) if by == "cpu" else row["name"]


def found(by, *arguments):
    """By name and state; in a table, rows of states stand below that of their name."""
    out, current = {}, None
    for row in rows("--by", by, *arguments):
        if row["state"] == "all":
            current = key_of(by, row)
        out[current, row["state"]] = collections.Counter({column: row[column] for column in COLUMNS if row.get(column) is not None})
    return out


def check_exact(seed):
    machine = Machine(seed)
    machine.run(4000)
    with Folder() as folder:
        machine.save(folder)
        for by, of in OF.items():
            wanted, got = sums(machine.counted, of), found(by, folder)
            tap.equal(set(got), set(wanted), f"by {by}: what there is")
            for key, counter in wanted.items():
                tap.equal(+got[key], +counter, f"by {by}: {key}")


def test_all_that_was_counted_is_found_where_it_was():
    for seed in range(6):
        yield f"seed {seed}", check_exact, seed


def check_faults(seed):
    machine = Machine(seed, faults=True)
    machine.run(4000)
    tap.check(machine.lost > 3, "events are lost")
    with Folder() as folder:
        machine.save(folder)
        wanted, got = sums(machine.counted, OF["cpu"]), found("cpu", folder)
        for number in range(3):
            name = ((f"cpu {number}", number), "all")
            for column in COLUMNS:
                tap.check(got[name][column] <= wanted[name][column], f"{name}: {column}: {got[name][column]} is more than all there was, {wanted[name][column]}")
                tap.check(got[name][column] > wanted[name][column] // 2, f"{name}: {column}: {got[name][column]} of {wanted[name][column]}")
        for key, counter in found("thread", folder).items():
            known = sums(machine.counted, OF["thread"]).get((key[0], "all"))
            for column in COLUMNS:
                tap.check(known is None or counter[column] <= known[column], f"{key} counted more than it could")


def test_nothing_is_invented_over_losses_and_resets():
    for seed in range(6):
        yield f"seed {seed}", check_faults, seed


def test_ranges_and_steps_add_up():
    machine = Machine(77)
    machine.run(4000)
    with Folder() as folder:
        machine.save(folder)
        whole = collections.Counter()
        for row in rows("--by=state", "--every=5ms", folder):
            if row["state"] == "all":
                whole.update({column: row[column] for column in COLUMNS if row[column] is not None})
        tap.equal(whole, found("state", folder)["(all)", "all"], "steps")
        half = 10**9 + machine.time // 2
        parts = found("state", "--end", str(half - 1), folder)["(all)", "all"] + found("state", "--begin", str(half), folder)["(all)", "all"]
        tap.equal(parts, whole, "two halves")


def test_filters():
    machine = Machine(78)
    machine.run(2000)
    with Folder() as folder:
        machine.save(folder)
        everything, got = found("thread", folder), found("thread", "--thread=job3", folder)
        tap.equal(got, {key: counter for key, counter in everything.items() if key[0] == ("job3", 103)}, "--thread")
        tap.equal({key for key, _ in found("cpu", "--cpu=1", folder)}, {("cpu 1", 1)}, "--cpu")


def test_ratios():
    machine = Machine(79)
    machine.run(1000)
    with Folder() as folder:
        machine.save(folder)
        for row in rows("--by=cpu", folder):
            tap.check(abs(row["ipc"] - row["instructions"] / row["cycles"]) < 1e-9, "ipc")
            tap.check(abs(row["cache_misses_per_1000"] - 1000 * row["cache_misses"] / row["instructions"]) < 1e-9, "cache misses")


def test_no_counters():
    with Folder() as folder:
        machine = Machine(80)
        machine.cpus = machine.cpus[:1]
        machine.begin()
        machine.cpus[0].stream.flush()
        folder.mkdir()
        (folder / "metadata").write_text(metadata([]), encoding="utf-8")
        tap.equal(rows(folder), [], "rows")
        tap.check("lttng add-context" in tap.strata("counters", "--no-cache", folder).stdout, "how to record them")
    tap.strata("counters", "--by=colour", tap.SAMPLES / "container/host", status=2)


tap.main(globals())
