#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""System calls, files and futexes: the same figures, counted by a simple script over babeltrace2's text."""
import collections
import csv
import functools
import io
import json
import re
import subprocess

import tap

HEAD = re.compile(r"^\[(\d+)\] \([^)]*\) (?:\S+ )?([\w:]+): \{ cpu_id = (\d+) \}")
CLOEXEC = 0o2000000
AT_FDCWD = -100

# x86-64's numbers that LTTng 2.13 calls "unknown".
NUMBERS = {15: "rt_sigreturn", 58: "vfork", 158: "arch_prctl", 318: "getrandom", 319: "memfd_create", 324: "membarrier", 326: "copy_file_range", 332: "statx", 334: "rseq",
           425: "io_uring_setup", 426: "io_uring_enter", 427: "io_uring_register", 434: "pidfd_open", 435: "clone3", 436: "close_range",
           437: "openat2", 439: "faccessat2", 441: "epoll_pwait2", 449: "futex_waitv"}

READS = {"read": "fd", "pread64": "fd", "readv": "fd", "preadv": "fd", "preadv2": "fd", "recvfrom": "fd", "recvmsg": "fd"}
WRITES = {"write": "fd", "pwrite64": "fd", "writev": "fd", "pwritev": "fd", "pwritev2": "fd", "sendto": "fd", "sendmsg": "fd", "vmsplice": "fd"}
COPIES = {"sendfile64": ("in_fd", "out_fd"), "splice": ("fd_in", "fd_out"), "tee": ("fdin", "fdout"), "copy_file_range": ("fd_in", "fd_out")}
WAITS = {0, 6, 9, 11, 13}


def number(name, line, otherwise=None):
    found = re.search(rf"\b{name} = (-?(?:0x[0-9A-Fa-f]+|\d+))", line)
    if not found:
        return otherwise
    text = found[1]
    if re.fullmatch(r"-?0\d+", text):
        return int(text, 8)
    return int(text, 0)


def int32(value):
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def text(name, line):
    found = re.search(rf'\b{name} = "([^"]*)"', line)
    return found[1] if found else None


class Oracle:
    """What the events of one trace say, by the thread that sched_switch last gave their processor to."""

    def __init__(self):
        self.calls = collections.defaultdict(lambda: [0, 0, 0])        # name -> count, errors, ns
        self.files = collections.defaultdict(lambda: [0, 0, 0, 0])     # path or None -> reads, bytes, writes, bytes
        self.futexes = collections.defaultdict(lambda: [0, 0])         # address -> waits, ns
        self.current, self.open, self.pid = {}, {}, {}
        self.tables, self.cwd, self.by_address, self.dumped = {}, {}, {}, {}

    # -- descriptors: {fd: [path or None, close on exec, known from an event]} of a process

    def table(self, tid):
        return self.tables.setdefault(self.pid.get(tid, tid), {})

    def file(self, tid, fd):
        return self.table(tid).get(int32(fd), [None])[0]

    def put(self, tid, fd, path, cloexec):
        self.table(tid)[int32(fd)] = [path, bool(cloexec), True]

    def opened(self, tid, name, entry, fd):
        path = text("pathname" if name == "creat" else "filename", entry)
        flags = number("flags", entry, 0) if name != "openat2" else 0
        dfd = number("dfd", entry, AT_FDCWD)
        if path and not path.startswith("/"):
            base = self.cwd.get(self.pid.get(tid, tid)) if dfd == AT_FDCWD else self.file(tid, dfd)
            while base and path.startswith("./"):
                path = path[2:]
            path = base.rstrip("/") + "/" + path if base else None
        self.put(tid, fd, path or None, flags & CLOEXEC)

    def returned(self, tid, name, entry, line, ret):
        """What a call that succeeded did to descriptors."""
        if name in ("open", "openat", "openat2", "creat"):
            self.opened(tid, name, entry, ret)
        elif name in ("dup", "dup2", "dup3"):
            old = number("fildes" if name == "dup" else "oldfd", entry)
            if int32(ret) != int32(old):
                self.put(tid, ret, self.file(tid, old), number("flags", entry, 0) & CLOEXEC)
        elif name == "fcntl" and number("cmd", entry) in (0, 1030):
            self.put(tid, ret, self.file(tid, number("fd", entry)), number("cmd", entry) == 1030)
        elif name == "fcntl" and number("cmd", entry) == 2:
            self.table(tid).setdefault(number("fd", entry), [None, False, False])[1] = bool(number("arg", entry) & 1)
        elif name in ("pipe", "pipe2", "socketpair"):
            field = "socket" if name == "socketpair" else "fildes"
            fds = re.search(rf"{field} = \[ \[0\] = (\d+), \[1\] = (\d+) \]", line)
            for fd in fds.groups():
                self.put(tid, int(fd), None, number("type" if name == "socketpair" else "flags", entry, 0) & CLOEXEC)
        elif name in ("socket", "accept", "accept4", "eventfd", "eventfd2", "timerfd_create", "epoll_create", "epoll_create1",
                      "inotify_init", "inotify_init1", "memfd_create", "signalfd", "signalfd4", "perf_event_open", "io_uring_setup",
                      "pidfd_open", "userfaultfd", "open_by_handle_at", "fanotify_init"):
            if name.startswith("signalfd") and int32(number("ufd", entry, -1)) >= 0:
                return
            flags = number("type" if name == "socket" else "flags", entry, 0)
            if name == "memfd_create":
                self.put(tid, ret, "/memfd:" + (text("uname", entry) or ""), flags & 1)
            else:
                self.put(tid, ret, None, flags & CLOEXEC)
        elif name == "chdir":
            path = text("filename", entry)
            self.cwd[self.pid.get(tid, tid)] = path if path and path.startswith("/") else None
        elif name == "fchdir":
            self.cwd[self.pid.get(tid, tid)] = self.file(tid, number("fd", entry))

    # -- events

    def called(self, tid, name, entry):
        """Files are those of the time of the call; a closed descriptor is closed at once."""
        files = None
        if name in READS or name in WRITES:
            files = self.file(tid, number("fd", entry))
        elif name in COPIES:
            files = tuple(self.file(tid, number(field, entry)) for field in COPIES[name])
        elif name == "close":
            self.table(tid).pop(int32(number("fd", entry)), None)
        return files

    def retried(self, tid, name, was, ret):
        """A state dump may have told of the file while the call went on."""
        if ret == -9 or was[4] not in (None, (None, None)) or name == "close":
            return was[4]
        return self.called(tid, name, was[3])

    def moved(self, name, files, ret):
        ok, files = max(ret, 0), files or (None, None) if name in COPIES else files
        if name in READS or name in COPIES:
            row = self.files[files if name in READS else files[0]]
            row[0] += 1
            row[1] += ok
        if name in WRITES or name in COPIES:
            row = self.files[files if name in WRITES else files[1]]
            row[2] += 1
            row[3] += ok

    def entry(self, tid, name, time, line):
        shown = name
        if name == "unknown":
            shown = NUMBERS.get(number("id", line), f"unknown {number('id', line)}")
        self.open[tid] = (name, shown, time, line, self.called(tid, name, line))

    def exit(self, tid, name, time, line):
        was = self.open.pop(tid, None)
        if not was or was[0] != name:
            return
        ret = number("ret", line)
        failed = -4095 <= ret < 0
        call = self.calls[was[1]]
        call[0] += 1
        call[1] += failed
        call[2] += time - was[2]
        self.moved(was[1], self.retried(tid, name, was, ret), ret)
        if name == "futex" and number("op", was[3]) & 127 in WAITS and ret not in (-11,) and (ret >= 0 or ret in (-110, -4) or -516 <= ret <= -512):
            wait = self.futexes[number("uaddr", was[3])]
            wait[0] += 1
            wait[1] += time - was[2]
        if not failed:
            self.returned(tid, name, was[3], line, ret)

    def fork(self, line):
        parent, child = number("parent_tid", line), number("child_tid", line)
        self.open.pop(child, None)
        self.pid[parent], self.pid[child] = number("parent_pid", line), number("child_pid", line)
        if self.pid[parent] == self.pid[child]:
            return
        flags = number("flags", self.open.get(parent, ("", "", 0, "", None))[3], 0) if self.open.get(parent, [""])[0] == "clone" else 0
        table = self.table(parent)
        self.tables[child] = table if flags & 0x400 else {fd: list(slot) for fd, slot in table.items()}
        self.cwd[child] = self.cwd.get(self.pid[parent])

    def dump(self, event, line):
        if event == "lttng_statedump_process_state":
            self.pid[number("tid", line)] = number("pid", line)
            if number("tid", line) == number("pid", line):
                self.by_address.setdefault(number("file_table_address", line), self.table(number("tid", line)))
            return
        table = self.by_address.get(number("file_table_address", line))
        fd, path = number("fd", line), re.sub(r" \(deleted\)$", "", text("filename", line))
        if table is None or (fd in table and table[fd][2]):
            return
        table[fd] = [path if path.startswith("/") else None, bool(number("flags", line) & CLOEXEC), False]

    def event(self, time, event, cpu, line):
        tid = self.current.get(cpu)
        call = re.match(r"(?:compat_)?syscall_(entry|exit)_(\w+)$", event)
        if call and tid is not None:
            (self.entry if call[1] == "entry" else self.exit)(tid, call[2], time, line)
        elif event == "sched_switch":
            self.current[cpu] = number("next_tid", line)
        elif event == "sched_process_fork":
            self.fork(line)
        elif event == "sched_process_exec":
            old, new = number("old_tid", line, number("tid", line)), number("tid", line)
            if old != new and old in self.open:
                self.open[new] = self.open.pop(old)
            for slots in [self.table(new)]:
                for fd in [fd for fd, slot in slots.items() if slot[1]]:
                    del slots[fd]
        elif event == "sched_process_exit":
            self.open.pop(number("tid", line), None)
        elif event in ("lttng_statedump_process_state", "lttng_statedump_file_descriptor"):
            self.dump(event, line)


def lines(trace):
    """Of babeltrace2's text. Version 2.0 shows an older event's text in place of an empty one (a path that was not in memory): those alone are of
    strata's, which has the same lines."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True, "errors": "replace"}
    with subprocess.Popen(["babeltrace2", "--clock-cycles", str(trace)], **options) as theirs, \
            subprocess.Popen([tap.STRATA, "events", "--clock-cycles", "--no-quirks", str(trace)], **options) as ours:
        for line, right in zip(theirs.stdout, ours.stdout):
            head = HEAD.match(line)
            if head:
                yield int(head[1]), head[2], int(head[3]), right if '= ""' in right else line


@functools.lru_cache(maxsize=2)
def oracle(trace):
    """A first pass finds who was on each processor before its first switch."""
    found = Oracle()
    held = list(lines(trace))
    for _, event, cpu, line in held:
        if event == "sched_switch":
            found.current.setdefault(cpu, number("prev_tid", line))
    for time, event, cpu, line in held:
        found.event(time, event, cpu, line)
    return found


def same(got, wanted, what):
    """Two tables; tells only where they differ."""
    keys = [key for key in {**got, **wanted} if got.get(key) != wanted.get(key)]
    tap.equal({key: got.get(key) for key in keys}, {key: wanted.get(key) for key in keys}, what)


def rows(command, trace, *options):
    return json.loads(tap.strata(command, "--no-cache", "--format=json", *options, trace).stdout)["rows"]


def check_calls(trace):
    wanted = {name: tuple(values) for name, values in oracle(trace).calls.items()}
    got = {row["syscall"]: (row["count"], row["errors"], row["total_ns"]) for row in rows("syscalls", trace) if row["count"]}
    tap.check(got, "no system call")
    same(got, wanted, "count, errors and time by name")


def check_files(trace):
    wanted = oracle(trace).files
    got = rows("files", trace)
    sums = [sum(values[i] for values in wanted.values()) for i in range(4)]
    columns = ("reads", "read_bytes", "writes", "write_bytes")
    tap.equal([sum(row[column] for row in got) for column in columns], sums, "of all files")
    paths = {row["name"]: tuple(row[column] for column in columns) for row in got
             if row["name"].startswith("/") and (row["reads"] or row["writes"])}
    same(paths, {path: tuple(values) for path, values in wanted.items() if path}, "by path")


def check_futexes(trace):
    got = collections.defaultdict(lambda: [0, 0])
    for row in rows("futexes", trace):
        if row["count"]:
            got[int(row["address"], 0)][0] += row["count"]
            got[int(row["address"], 0)][1] += row["total_ns"]
    same(got, oracle(trace).futexes, "waits and time by address")


def check_log(trace):
    """The log has every call that the table counts, and no other; the steps of a series add up to the table."""
    logged = collections.Counter(re.match(r"[^(]*", row["call"])[0] for row in rows("syscalls", trace, "--log", "--limit=0"))
    table = {row["syscall"]: row["count"] for row in rows("syscalls", trace) if row["count"]}
    same(logged, table, "calls in the log")
    steps = collections.Counter()
    for row in rows("syscalls", trace, "--every=500ms"):
        steps[row["syscall"]] += row["count"]
    same(steps, table, "calls in steps")


def traces():
    for scenario in tap.scenarios():
        for trace in tap.trace_dirs(scenario):
            if "ust" not in trace.relative_to(scenario).parts[0]:
                yield f"{scenario.name}/{trace.relative_to(scenario)}", trace


def test_babeltrace():
    for name, trace in traces():
        yield name + ", calls", check_calls, trace
        yield name + ", files", check_files, trace
        yield name + ", futexes", check_futexes, trace


def test_forms():
    for name, trace in list(traces())[:3]:
        yield name, check_log, trace


def test_csv_is_the_same_table():
    _, trace = next(traces())
    table = list(csv.DictReader(io.StringIO(tap.strata("files", "--no-cache", "--format=csv", trace).stdout)))
    tap.equal([row["name"] for row in table], [row["name"] for row in rows("files", trace)])


tap.main(globals())
