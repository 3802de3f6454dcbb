#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random traces of CTF 1.8 (mk_random): against what their maker says is in them, and against babeltrace2's text, byte for byte.

STRATA_RANDOM_SEEDS=N takes so many seeds (150), STRATA_RANDOM_FIRST=N begins with that one (0).
"""
import codecs
import collections
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import tap

FIRST = int(os.environ.get("STRATA_RANDOM_FIRST", "0"))
SEEDS = int(os.environ.get("STRATA_RANDOM_SEEDS", "150"))
PER_TEST = max(25, SEEDS // 20)
OPTIONS = [[], *map(str.split, (
    "--clock-cycles", "--clock-seconds", "--clock-date", "--clock-gmt", "--no-delta", "--names all", "--names none", "--names payload",
    "--names context --names scope", "--names header,scope --no-delta", "--names all --names ctx", "--fields all", "--fields all --names all",
    "--fields trace --clock-cycles", "--fields trace:hostname,loglevel,emf", "--fields trace:domain --fields trace:procname,trace:vpid",
    "--names header --fields loglevel --clock-seconds", "--clock-date --names none"))]
PATIENCE = 20  # seconds: babeltrace2 2.0 may go on without end where it can't read a trace

# Of two bytes that are no UTF-8 each is one character that can't be shown.
codecs.register_error("each byte", lambda error: ("\ufffd", error.start + 1))

# What it prints differs from one minor version to the next.
HAS_BABELTRACE2 = bool(shutil.which("babeltrace2")) and "2.0" in tap.run("babeltrace2", "--version").stdout


class Rejected(Exception):
    """babeltrace2 can't read it."""


def make(folder, seed, clock_seed=None):
    """A trace, and the events that it has."""
    expected = folder / f"expected-{seed}"
    tap.run(tap.BUILD / "tests/mk_random", seed, folder / f"trace-{seed}", expected, *[clock_seed] if clock_seed is not None else [])
    return [json.loads(line) for line in expected.read_text(encoding="ascii").splitlines()]


def decoded(value):
    """A text of expected has a character per byte; events are printed as UTF-8."""
    if isinstance(value, str):
        return value.encode("latin-1").decode("utf-8", "each byte")
    if isinstance(value, list):
        return [decoded(v) for v in value]
    return {k: decoded(v) for k, v in value.items()} if isinstance(value, dict) else value


def events(*paths):
    done = tap.strata("events", "--format", "json", *paths, text=False)
    try:
        return [json.loads(line) for line in done.stdout.decode("utf-8").split("\n")[:-1]]
    except json.JSONDecodeError as error:
        raise AssertionError(f"{error}: {error.doc[:3000]}") from error


PARTS = ("name", "context", "event_context", "fields")


def times_by_event(records):
    """Of all that say the same, their times in order."""
    found = collections.defaultdict(list)
    for record in records:
        found[json.dumps([record.get(part) for part in PARTS], sort_keys=True)].append(record.get("time"))
    return {key: sorted(times, key=lambda t: t or 0) for key, times in found.items()}


def near(got, wanted):
    """Other frequencies than 1 GHz are computed in floating point, as babeltrace2 does."""
    return got == wanted or (None not in (got, wanted) and abs(got - wanted) <= 1 + abs(wanted) / 2**51)


def check_known(folder, expected):
    got = events(folder)
    tap.equal(len(got), len(expected), "number of events")
    times = [record["time"] for record in got if "time" in record]
    tap.equal(times, sorted(times), "order")
    ours, wanted = times_by_event(got), times_by_event(decoded(expected))
    for key in wanted.keys() - ours.keys():
        raise AssertionError(f"not there: {key[:3000]}")
    for key, all_times in wanted.items():
        tap.check(len(ours[key]) == len(all_times) and all(map(near, ours[key], all_times)), f"times {ours[key]}, wanted {all_times} of {key[:500]}")


def babeltrace2(*arguments):
    try:
        done = subprocess.run(["babeltrace2", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=False, timeout=PATIENCE, env={**os.environ, "TZ": "UTC"})
    except subprocess.TimeoutExpired as error:
        raise Rejected from error
    if done.returncode:
        raise Rejected
    return done.stdout


def check_same(folder, options):
    wanted = babeltrace2(*options, folder)
    got = tap.strata("events", *options, folder, text=False).stdout
    for number, (w, g) in enumerate(zip(wanted.split(b"\n"), got.split(b"\n")), 1):
        tap.check(w == g, f"{' '.join(options)} line {number}:\nbabeltrace2: {w[:2000]!r}\nstrata:      {g[:2000]!r}")
    tap.equal(len(got), len(wanted), "bytes")


def can_compare(expected):
    """How babeltrace2 prints the first time before the origin depends on whether a note of lost events came before it."""
    return HAS_BABELTRACE2 and all(event.get("time", 0) >= 0 for event in expected)


def for_each(seeds, check):
    """How many of the seeds babeltrace2 could read."""
    compared = 0
    for seed in seeds:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="strata-random-"))
        try:
            compared += check(folder, seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        finally:
            shutil.rmtree(folder)
    return compared


def one_trace(folder, seed):
    expected = make(folder, seed)
    check_known(folder, expected)
    if not can_compare(expected):
        return False
    try:
        for options in ([], OPTIONS[seed % len(OPTIONS)]):
            check_same(folder, options)
    except Rejected:
        return False
    return True


def several_traces(folder, seed):
    """Merged; babeltrace2 wants clocks that it can compare."""
    expected = [event for i in range(2 + seed % 2) for event in make(folder, 1000000 + 10 * seed + i, seed)]
    check_known(folder, expected)
    if not can_compare(expected):
        return False
    try:
        check_same(folder, OPTIONS[seed % len(OPTIONS)])
    except Rejected:
        return False
    return True


def check_traces(seeds, check):
    compared = for_each(seeds, check)
    print(f"# babeltrace2 read {compared} of {len(seeds)} and told the same of them", flush=True)
    tap.check(not HAS_BABELTRACE2 or compared >= len(seeds) // 10, f"babeltrace2 reads only {compared} of {len(seeds)} traces")


def test_one_trace():
    for begin in range(FIRST, FIRST + SEEDS, PER_TEST):
        end = min(begin + PER_TEST, FIRST + SEEDS)
        yield f"seeds {begin} to {end - 1}", check_traces, range(begin, end), one_trace


def test_several_traces():
    for begin in range(FIRST, FIRST + SEEDS // 3, PER_TEST):
        end = min(begin + PER_TEST, FIRST + SEEDS // 3)
        yield f"seeds {begin} to {end - 1}", check_traces, range(begin, end), several_traces


tap.main(globals())
