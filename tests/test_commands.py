#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Laws that hold for every command that asks the histories: forms and formats, filters, ranges, caches, threads, and what is refused."""
import collections
import csv
import io
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

import tap

# These have options of their own.
OTHERS = {"report", "vms", "vcpus", "exits", "info", "events", "clock", "serve", "export", "diff", "sync", "critical-path"}
SLOW = int(os.environ.get("STRATA_PATIENCE", "1")) > 1
SPAN = ["--span=s=*sched_switch..*sched_switch"]


def commands():
    text = tap.strata("--help").stdout.split("Commands:\n", 1)[1]
    return [name for name in re.findall(r"^  ([a-z][a-z-]*) ", text, re.M) if name not in OTHERS]


def options_of(command):
    return set(re.findall(r"^ +(?:-\w, )?--([a-z][a-z-]*)", tap.strata(command, "--help").stdout, re.M))


def forms(command):
    """The ways in which a command can answer."""
    have = options_of(command)
    yield "plain", SPAN if command == "spans" else []
    for option in ("every=500ms", "log", "histogram"):
        if option.partition("=")[0] in have:
            yield option, [f"--{option}", *(SPAN if command == "spans" else [])]
    if {"every", "histogram"} <= have:
        yield "every histogram", ["--every=1s", "--histogram", *(SPAN if command == "spans" else [])]


def cases():
    """All forms of all commands; in a build with sanitizers, which is many times slower, every fifth one."""
    every = [(f"{command} {name}", command, options) for command in commands() for name, options in forms(command)]
    yield from every[::5] if SLOW else every


def environment(cache):
    return {**os.environ, "XDG_CACHE_HOME": str(cache)}


# One cache for all that isn't about caches.
SHARED = tempfile.TemporaryDirectory()


def ask(*arguments, cache=None, **options):
    return tap.strata(*arguments, env=environment(cache or SHARED.name), **options)


def table(command, options, *arguments):
    return json.loads(ask(command, *options, "--format=json", *arguments).stdout)


def states(*arguments):
    return list(csv.DictReader(io.StringIO(ask("states", "--format=csv", *arguments).stdout)))


def rows_of(command, options, *arguments):
    return states(*arguments) if command == "states" else table(command, options, *arguments)["rows"]


def samples():
    return [tap.SAMPLES / name for name in (("container", "one-vm-io") if SLOW else ("container", "nested-cpu", "one-vm-io"))]


# ---- Forms and formats ---------------------------------------------------------------------------------------------


def as_csv(value, unit):
    if value is None:
        return ""
    if unit == "histogram":
        return " ".join(f"{begin}-{end}:{count}" for begin, end, count in value)
    if unit in ("ratio", "number"):
        return float(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


TEXT_LIMIT = 100 # rows of a table that people are shown


def name_of(options):
    return " ".join(options)


def check_formats(command, options):
    """JSON and CSV say the same, and the text has a line for each row."""
    for sample in samples():
        told = table(command, options, sample)
        head, *lines = list(csv.reader(io.StringIO(ask(command, *options, "--format=csv", sample).stdout)))
        columns = told["columns"]
        tap.equal(head, [c["name"] for c in columns], "CSV's header")
        tap.equal(len(lines), len(told["rows"]), "rows of CSV")
        for line, row in zip(lines, told["rows"]):
            tap.equal(set(row), set(head), "names in a row")
            for cell, column in zip(line, columns):
                got = float(cell) if column["unit"] in ("ratio", "number") and cell else cell
                tap.equal(got, as_csv(row[column["name"]], column["unit"]), f"{column['name']} in CSV")
        text = ask(command, *options, sample).stdout
        shown = len(told["rows"]) if "every" in name_of(options) else min(len(told["rows"]), TEXT_LIMIT)
        tap.check(len(text.splitlines()) > shown or not told["rows"], "the text has a heading and a line for each row that people are shown")
        tap.check(shown == len(told["rows"]) or f"(and {len(told['rows']) - shown} more)" in text, "and tells of the others")
        tap.check(text.strip(), "the text is never empty")


def test_formats_say_the_same():
    for name, command, options in cases():
        if command != "states":
            yield name, check_formats, command, options


def check_states_formats():
    for sample in samples():
        lines = states(sample)
        tap.equal(json.loads(ask("states", "--format=json", sample).stdout)["columns"][0]["name"], "row", "the first column")
        rows = json.loads(ask("states", "--format=json", sample).stdout)["rows"]
        tap.equal([{k: "" if v is None else str(v) for k, v in row.items()} for row in rows], lines, "JSON and CSV")


def test_states_formats_say_the_same():
    check_states_formats()


# ---- What must not matter ------------------------------------------------------------------------------------------


def check_same(command, options):
    """Kept or made anew, by one thread or two, in much memory or little: the same bytes."""
    for sample in samples():
        wanted = ask(command, *options, "--no-cache", "-j1", sample)
        with tempfile.TemporaryDirectory() as cache:
            for how in (["-j2", "--no-cache"], ["-j1"], ["-j2"], ["-j", "3"], ["--no-cache", "--memory=1M"]):
                got = ask(command, *options, *how, sample, cache=cache)
                tap.equal(got.stdout == wanted.stdout, True, f"{sample.name} {how}: the same output")
                tap.equal(got.stderr == wanted.stderr, True, f"{sample.name} {how}: the same warnings")
            kept = sorted(path.suffix for path in pathlib.Path(cache, "strata").iterdir())
            kernels = sum(b"sched_switch" in (trace / "metadata").read_bytes() for trace in tap.trace_dirs(sample))
            tap.equal(kept, [".experiment"] * (kernels > 1) + [".history"] * len(tap.trace_dirs(sample)),
                      "a file in the cache for each trace, one for all kernels' clocks, and nothing else")


def test_cache_threads_and_memory_change_nothing():
    for command in commands():
        yield command, check_same, command, next(forms(command))[1]


def test_two_at_once_share_a_cache():
    sample = tap.SAMPLES / "nested-cpu"
    wanted = ask("threads", "--no-cache", sample).stdout
    for _ in range(3):
        with tempfile.TemporaryDirectory() as cache:
            both = [subprocess.Popen([tap.STRATA, "threads", str(sample)], env=environment(cache), stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, text=True) for _ in range(4)]
            for process in both:
                out, err = process.communicate()
                tap.equal((process.returncode, out == wanted, err), (0, True, ""), "exit status, output, complaints")


def damage(path, how):
    data = bytearray(path.read_bytes())
    if how == "cut":
        data = data[: len(data) // 2]
    elif how == "flipped":
        data[len(data) // 2] ^= 0x10
    else:
        data = bytearray(b"not a history")
    path.write_bytes(data)


def check_damaged(how):
    sample = tap.SAMPLES / "nested-cpu/l1-a"
    with tempfile.TemporaryDirectory() as cache:
        wanted = ask("threads", sample, cache=cache).stdout
        (path,) = pathlib.Path(cache, "strata").iterdir()
        sound = path.stat().st_ino
        damage(path, how)
        tap.equal(ask("threads", sample, cache=cache).stdout == wanted, True, "the same output")
        again = path.stat().st_ino
        tap.check(again != sound, "another file is in its place")
        tap.equal(ask("threads", sample, cache=cache).stdout == wanted, True, "the same output once more")
        tap.equal(path.stat().st_ino, again, "which is whole, and stays")


def test_damaged_caches_are_made_anew():
    for how in ("cut", "flipped", "foreign"):
        yield how, check_damaged, how


def saving(process, cache):
    """TRUE once the process has a file of the cache directory open."""
    try:
        return any(os.readlink(fd).startswith(str(cache)) for fd in pathlib.Path("/proc", str(process.pid), "fd").iterdir())
    except OSError:
        return False


def check_interrupted(wanted, sample, wait):
    """Ctrl-C while caches are being written, `wait` seconds after the first one was begun."""
    with tempfile.TemporaryDirectory() as cache:
        process = subprocess.Popen([tap.STRATA, "threads", "-j2", str(sample)], env=environment(cache), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not saving(process, pathlib.Path(cache, "strata")):
            pass
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        process.wait()
        kept = {path.name: path.stat().st_ino for path in pathlib.Path(cache, "strata").iterdir() if path.suffix == ".history"}
        tap.equal(ask("threads", sample, cache=cache).stdout == wanted, True, "the same output afterwards")
        left = {path.name: path.stat().st_ino for path in pathlib.Path(cache, "strata").iterdir()}
        tap.equal({name: left.get(name) for name in kept}, kept, "what was there already was whole")
        tap.equal(sorted(pathlib.Path(name).suffix for name in left), [".experiment"] + [".history"] * len(tap.trace_dirs(sample)), "nothing else is left")
        return process.returncode


def test_interrupted_while_saving():
    sample = tap.SAMPLES / "nested-cpu"
    wanted = ask("threads", "--no-cache", sample).stdout
    ended = [check_interrupted(wanted, sample, number * 0.004) for number in range(12)]
    # On a busy machine some are over before they were seen to begin.
    tap.check(-signal.SIGINT in ended, f"none was interrupted: {ended}")


def test_what_a_killed_process_left_is_removed():
    sample = tap.SAMPLES / "nested-cpu"
    with tempfile.TemporaryDirectory() as cache:
        ask("threads", sample, cache=cache)
        folder = pathlib.Path(cache, "strata")
        (experiment,) = folder.glob("*.experiment")
        experiment.unlink()
        # The file of clocks is larger than that: the process dies with half of it.
        limit = "ulimit -c 0; ulimit -f 0; exec \"$@\""
        tap.run("sh", "-c", limit, "sh", tap.STRATA, "threads", sample, env=environment(cache), status=None)
        ask("threads", sample, cache=cache)
        tap.equal(sorted(path.suffix for path in folder.iterdir()), [".experiment"] + [".history"] * len(tap.trace_dirs(sample)), "nothing else is left")


def test_a_cache_that_cannot_be_had_is_a_warning():
    sample = tap.SAMPLES / "container/l1-a"
    wanted = ask("threads", "--no-cache", sample).stdout
    with tempfile.NamedTemporaryFile() as no_folder:
        got = ask("threads", sample, cache=no_folder.name)
    tap.equal(got.stdout == wanted, True, "the same output")
    tap.check("warning: no cache" in got.stderr, "a warning")


def test_a_trace_that_changed_is_read_again():
    sample = tap.SAMPLES / "container/l1-a"
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, "trace")
        tap.run("cp", "-r", sample, copy)
        tap.run("chmod", "-R", "u+w", copy)
        before = ask("threads", "--format=csv", copy, cache=folder).stdout
        stream = max((p for p in copy.iterdir() if p.name != "metadata"), key=lambda p: p.stat().st_size)
        stream.unlink()
        after = ask("threads", "--format=csv", copy, cache=folder)
        tap.check(after.stdout != before, "another answer")
        tap.equal(after.stdout == ask("threads", "--format=csv", "--no-cache", copy, status=None).stdout, True, "that of what is there now")


def test_definitions_of_spans_have_caches_of_their_own():
    sample = tap.SAMPLES / "container/l1-a"
    with tempfile.TemporaryDirectory() as cache:
        for span in ("--span=a=*sched_switch..*sched_switch", "--span=b=*sched_waking..*sched_switch by tid"):
            wanted = ask("spans", "--no-cache", span, sample).stdout
            for _ in range(2):
                tap.equal(ask("spans", span, sample, cache=cache).stdout == wanted, True, span)


# ---- Filters, ranges, order ----------------------------------------------------------------------------------------


def check_nobody(command, options):
    """Who asks for nobody gets no rows, and is not told of an error."""
    for option in ("thread", "process", "container"):
        got = rows_of(command, options, f"--{option}=there-is-none-of-this-name", tap.SAMPLES / "one-vm-io")
        tap.equal(got, [], f"--{option}")


def test_a_filter_that_fits_nothing_gives_nothing():
    for name, command, options in cases():
        if "thread" in options_of(command):
            yield name, check_nobody, command, options


def test_an_unknown_machine_is_told():
    for command in commands():
        done = ask(command, "--machine=nosuch", tap.SAMPLES / "one-vm-io", status=1)
        tap.check("no machine" in done.stderr, f"{command}: the reason")


def check_machines(command, options):
    """A machine's rows are the same with the others beside it and without."""
    def plain(rows):
        return [tuple(sorted((k, str(v)) for k, v in row.items() if not k.endswith("share"))) for row in rows]

    for sample in samples()[:2]:
        every = rows_of(command, options, "--limit=0", sample) if command != "states" else states(sample)
        for machine in {row["machine"] for row in every if "machine" in row}:
            limit = [] if command == "states" else ["--limit=0"]
            alone = rows_of(command, options, f"--machine={machine}", *limit, sample)
            tap.equal(collections.Counter(plain(alone)), collections.Counter(plain(r for r in every if r["machine"] == machine)),
                      f"{sample.name}: rows of {machine}")


def test_machines_do_not_touch_each_other():
    for command in commands():
        # The steps of a series begin at its machine's first event.
        for name, options in forms(command):
            if "every" not in name:
                yield f"{command} {name}", check_machines, command, options


def without_shares(rows):
    """A share is of what is shown."""
    return [{name: value for name, value in row.items() if not name.endswith("share")} for row in rows]


def check_thread(command, options):
    """Rows that name a thread name the one that was asked for, and they are those that the whole has of it."""
    sample = tap.SAMPLES / "one-vm-io/l1-a"
    limit = ["--limit=0"]
    every = rows_of(command, options, *limit, sample)
    if not every or "tid" not in every[0]:
        tap.skip("its rows are not of threads")
    tid, _ = collections.Counter(row["tid"] for row in every if row["tid"] is not None).most_common(1)[0]
    mine = rows_of(command, options, *limit, f"--thread={tid}", sample)
    wanted = [row for row in every if row["tid"] == tid]
    tap.equal(without_shares(mine), without_shares(wanted), f"rows of thread {tid}")


def test_a_thread_filter_picks_its_rows():
    for name, command, options in cases():
        if command != "states" and "thread" in options_of(command):
            yield name, check_thread, command, options


def check_range(command, options):
    """All of the time is what is without a range; none of it has nothing that ended in it."""
    sample = tap.SAMPLES / "one-vm-io/l1-a"
    whole = ask(command, *options, "--format=csv", sample).stdout
    tap.equal(ask(command, *options, "--format=csv", "--begin=+0s", "--end=+1000s", sample).stdout == whole, True, "a range around all")
    tap.equal(rows_of(command, options, "--begin=+1000s", "--end=+1001s", sample), [], "a range behind all")


def test_ranges():
    for name, command, options in cases():
        yield name, check_range, command, options


def check_limit(command, options):
    sample = tap.SAMPLES / "one-vm-io"
    every = table(command, options, "--limit=0", sample)["rows"]
    for n in (1, 3):
        tap.equal(table(command, options, f"--limit={n}", sample)["rows"], every[:n], f"the first {n}")


def test_a_limit_takes_the_first_rows():
    for name, command, options in cases():
        if command != "states":
            yield name, check_limit, command, options


# Rows that stand below others are sorted among those only.
TREES = {"disk", "nested", "net", "steal"}


def check_sort(command, options):
    """By every column: the greatest first, what is not known last; the same rows."""
    sample = tap.SAMPLES / "container"
    whole = table(command, options, "--limit=0", sample)
    for column in whole["columns"]:
        name = column["name"]
        if column["unit"] in ("text", "histogram"):
            continue
        for how in ([], ["--ascending"]):
            rows = table(command, options, "--limit=0", f"--sort={name}", *how, sample)["rows"]
            values = [row[name] for row in rows]
            known = [v for v in values if v is not None]
            tap.equal(values, sorted(known, reverse=not how) + [None] * (len(values) - len(known)), f"--sort={name} {how}")
            tap.equal(collections.Counter(map(str, rows)), collections.Counter(map(str, whole["rows"])), "the same rows")


def test_every_column_sorts():
    for command in commands():
        if command != "states" and command not in TREES:
            yield command, check_sort, command, next(forms(command))[1]


# ---- Distributions -------------------------------------------------------------------------------------------------


def check_distribution(command, options):
    """Percentiles are in order, and a histogram has as many as there are."""
    for sample in samples():
        for row in table(command, options, sample)["rows"]:
            for least, most in (("min_ns", "p50_ns"), ("p50_ns", "p90_ns"), ("p90_ns", "p99_ns"), ("p99_ns", "max_ns")):
                if row.get(least) is not None and row.get(most) is not None:
                    tap.check(row[least] <= row[most], f"{least} {row[least]} > {most} {row[most]}")
            bins = row.get("histogram") or []
            tap.check(all(a[1] == b[0] for a, b in zip(bins, bins[1:])), "bins follow one another")
            if bins and row.get("count") is not None:
                tap.equal(sum(count for _, _, count in bins), row["count"], "sum of the histogram")


def test_distributions():
    for name, command, options in cases():
        if "histogram" in name:
            yield name, check_distribution, command, options


# ---- What is refused -----------------------------------------------------------------------------------------------


def refused(command):
    have = options_of(command)
    yield ["--nosuch"], "--nosuch"
    yield ["--format=xml"], "xml"
    for jobs in ("-1", "0x", "1000000"):
        yield [f"--jobs={jobs}"], "jobs"
    for size in ("0", "-1", "2Q", "2GG", "", "99999999999999G"):
        yield [f"--memory={size}"], "--memory"
    yield ["--begin=+2s", "--end=+1s"], "--begin"
    yield ["--begin=yesterday"], "--begin"
    for option, bad, word in (("sort", "nosuch", "nosuch"), ("limit", "-3", "--limit"), ("limit", "x", "limit"), ("every", "0", "--every"),
                              ("every", "-1s", "--every"), ("every", "soon", "--every"), ("span", "nonsense", "span")):
        if option in have:
            yield [f"--{option}={bad}"], word
    if {"log", "every"} <= have:
        yield ["--log", "--every=1s"], "--log"


def check_refused(command):
    for options, word in refused(command):
        done = ask(command, *options, tap.SAMPLES / "container/l1-a", status=2)
        tap.check(word in done.stderr, f"{options}: the message names what is wrong: {done.stderr}")
        tap.equal(done.stdout, "", f"{options}: output")
    tap.check("no trace" in ask(command, status=2).stderr, "a trace is needed")
    ask(command, "/nonexistent", status=1)


def test_nonsense_is_refused():
    for command in commands():
        yield command, check_refused, command


def test_options_that_make_no_sense_are_not_there():
    for command in commands():
        have = options_of(command)
        for option, value in (("every", "=1s"), ("log", ""), ("histogram", ""), ("cpu", "=0"), ("row", "=*"), ("sort", "=machine"), ("thread", "=1")):
            if option not in have:
                ask(command, f"--{option}{value}", tap.SAMPLES / "container/l1-a", status=2)


tap.main(globals())
