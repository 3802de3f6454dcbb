#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures Strata against babeltrace2 on a trace made by mktrace, and prints a table in Markdown.

Every figure is of a whole process: start, metadata and exit included. Rounds are interleaved: each runs every command once, in
an order that rotates, and ratios are taken within a round, so that whatever else the machine does hits all of them.
"""
import argparse
import hashlib
import os
import pathlib
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent


class Job:
    """A command, what its speed is compared with, and what was measured."""

    def __init__(self, title, command, trace, baseline=None, before=None):
        self.title, self.command, self.trace, self.baseline, self.before = title, command, trace, baseline, before
        self.wall, self.user, self.peak = [], [], []

    def run(self):
        """One round: (seconds, user seconds, peak bytes), or an exit with what the program complained about."""
        if self.before:
            self.before(self)
        with tempfile.TemporaryFile() as complaints:
            begin = time.monotonic()
            pid = os.posix_spawn(self.command[0], [*map(str, self.command), str(self.trace.path)], os.environ, file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, complaints.fileno(), 2)])
            _, status, usage = os.wait4(pid, 0)
            wall = time.monotonic() - begin
            code = os.waitstatus_to_exitcode(status)
            if code != 0:
                complaints.seek(0)
                sys.exit(f"measure: {self.title}: exit status {code}\n{complaints.read()[-2000:].decode(errors='replace')}")
        self.wall.append(wall)
        self.user.append(usage.ru_utime)
        self.peak.append(usage.ru_maxrss * 1024)

    def ratios(self):
        return sorted(base / own for base, own in zip(self.baseline.wall, self.wall))

    def peak_text(self):
        """In MB. Linux counts what the process was before it became the command, which is this one."""
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return f"{max(self.peak) / 1e6:.0f}" if max(self.peak) > own * 1.05 else f"< {own * 1.05 / 1e6:.0f}"

    def row(self):
        wall = statistics.median(self.wall)
        cells = [self.title, f"{self.trace.events / 1e6:g} M", f"{wall:.3g}", f"{statistics.median(self.user):.3g}",
                 f"{self.trace.events / wall / 1e6:.3g}", self.peak_text()]
        if self.baseline:
            ratios = self.ratios()
            cells.append(f"{ratios[0]:.1f} .. **{statistics.median(ratios):.1f}** .. {ratios[-1]:.1f}")
        else:
            cells.append("1")
        return cells


class Trace:
    """A generated trace in the cache; made when it is not there, or was made by another mktrace."""

    def __init__(self, cache, mktrace, events, cpus):
        self.events = events
        kind = f"{events}-{cpus}"
        self.path = cache / f"{kind}-{hashlib.sha256(mktrace.read_bytes()).hexdigest()[:12]}"
        if not self.path.is_dir():
            for stale in cache.glob(f"{kind}-*"):
                shutil.rmtree(stale) if stale.is_dir() else stale.unlink()
            self.make(mktrace, cpus)
        self.bytes = sum(file.stat().st_size for file in self.path.iterdir())

    def make(self, mktrace, cpus):
        unfinished = self.path.with_name("." + self.path.name)
        shutil.rmtree(unfinished, ignore_errors=True)
        subprocess.run([mktrace, "--events", str(self.events), "--cpus", str(cpus), "--nested",
                        "--truth", f"{self.path}.truth.json", unfinished], check=True)
        unfinished.rename(self.path)

    def warm(self):
        """Into the page cache."""
        for file in self.path.iterdir():
            with file.open("rb", buffering=0) as data:
                while data.read(1 << 20):
                    pass


def arguments():
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "strata-bench"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strata", type=pathlib.Path, default=SOURCE / "build/src/cli/strata", help="the program (%(default)s)")
    parser.add_argument("--mktrace", type=pathlib.Path, help="(of the same build)")
    parser.add_argument("--events", type=int, default=20_000_000, help="of the trace (%(default)s)")
    parser.add_argument("--text-events", type=int, default=1_000_000, help="of the one printed as text (%(default)s)")
    parser.add_argument("--cpus", type=int, default=8, help="of the traced host (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--cache", type=pathlib.Path, default=cache, help="where traces are kept (%(default)s)")
    options = parser.parse_args()
    if min(options.events, options.text_events, options.cpus, options.rounds) < 1:
        parser.error("numbers have to be positive")
    return options


def find_mktrace(options):
    """mktrace, built if it has not been: it is not part of the default build."""
    if options.mktrace:
        return options.mktrace.resolve()
    build = options.strata.resolve().parents[2]
    if (build / "build.ninja").exists():
        subprocess.run(["ninja", "-C", build, "bench/mktrace"], check=True, stdout=subprocess.DEVNULL)
    if not (build / "bench/mktrace").exists():
        sys.exit(f"measure: no mktrace in {build}: name it with --mktrace")
    return build / "bench/mktrace"


def keep_history(job):
    """What the command keeps is there, and in the page cache."""
    subprocess.run([*map(str, job.command), str(job.trace.path)], stdout=subprocess.DEVNULL, check=True)


def jobs(options, big, small):
    babeltrace2 = shutil.which("babeltrace2") or sys.exit("measure: no babeltrace2 (apt-get install babeltrace2)")
    strata = options.strata.resolve()
    decode = Job("`babeltrace2 -o dummy`", [babeltrace2, "-o", "dummy"], big)
    text = Job("`babeltrace2` (text)", [babeltrace2], small)
    return [
        decode,
        Job("`strata events --format none --jobs 1`", [strata, "events", "--format", "none", "--jobs", "1"], big, decode),
        Job("`strata report --format json --jobs 1`", [strata, "report", "--format", "json", "--jobs", "1"], big, decode),
        Job("`strata report --format json --jobs 2`", [strata, "report", "--format", "json", "--jobs", "2"], big, decode),
        Job("`strata threads --no-cache --jobs 1`", [strata, "threads", "--no-cache", "--jobs", "1"], big, decode),
        Job("`strata threads --no-cache --jobs 2`", [strata, "threads", "--no-cache", "--jobs", "2"], big, decode),
        Job("`strata threads`, for the second time", [strata, "threads"], big, decode, before=keep_history),
        text,
        Job("`strata events` (text)", [strata, "events"], small, text),
    ]


def first_line(command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def table(rows):
    head = ["command", "events", "wall s", "user s", "M events/s", "peak MB", "times babeltrace2"]
    print("| " + " | ".join(head) + " |")
    print("|---|" + "---:|" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def main():
    options = arguments()
    if not os.access(options.strata, os.X_OK):
        sys.exit(f"measure: {options.strata}: no such program: build it, or name it with --strata")
    options.cache.mkdir(parents=True, exist_ok=True)
    mktrace = find_mktrace(options)
    big = Trace(options.cache, mktrace, options.events, options.cpus)
    small = Trace(options.cache, mktrace, options.text_events, options.cpus)
    todo = jobs(options, big, small)
    for number in range(options.rounds):
        turn = number % len(todo)
        for job in todo[turn:] + todo[:turn]:
            job.trace.warm()
            job.run()
            if sys.stderr.isatty():
                print(f"round {number + 1} of {options.rounds}: {job.title}: {job.wall[-1]:.3f} s", file=sys.stderr)
    table(job.row() for job in todo)
    print(f"\n{cpu_model()}, {os.cpu_count()} processors; Linux {platform.release()}; {first_line(['babeltrace2', '--version'])};"
          f" {first_line([options.strata.resolve(), '--version'])}. A trace by `mktrace --events {options.events} --cpus {options.cpus}"
          f" --nested` ({big.bytes / 1e6:.0f} MB, in the page cache). Medians of {options.rounds} interleaved rounds, whole processes;"
          " ratios are of a round's wall times: least .. **median** .. greatest. Peak memory counts mapped pages of the trace.")


if __name__ == "__main__":
    main()
