#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Traces that LTTng-UST records here and now read as babeltrace2 reads them, byte for byte, however LTTng lays them out."""
import lttng_session
import tap

OPTIONS = [[], ["--names", "all", "--fields", "all"], ["--clock-cycles", "--no-delta"]]
CONTEXTS = ("vpid", "vtid", "procname", "ip", "pthread_id")


def check(*paths):
    """Both programs tell the same of these paths; how many events they tell of."""
    for options in OPTIONS:
        theirs = tap.run("babeltrace2", *options, *paths, text=False).stdout
        ours = tap.strata("events", *options, *paths, text=False).stdout
        if ours != theirs:
            for number, (our, their) in enumerate(zip(ours.splitlines(), theirs.splitlines()), 1):
                tap.check(our == their, f"{' '.join(options)}: line {number}:\n{our!r}\n{their!r}")
        tap.equal(ours.count(b"\n"), theirs.count(b"\n"), f"{' '.join(options)}: number of events")
    return theirs.count(b"\n")


def test_every_type_of_field():
    program = lttng_session.program("ust_fields")
    with lttng_session.Daemon() as daemon:
        daemon.session("s", "strata_test:*", f"--output={daemon.home}/out", contexts=CONTEXTS)
        daemon.run(program, "300")
        daemon.lttng("destroy")
        tap.equal(check(daemon.home / "out"), 1200, "events")


def test_a_trace_per_process():
    program = lttng_session.program("ust_fields")
    with lttng_session.Daemon() as daemon:
        daemon.session("s", "strata_test:*", f"--output={daemon.home}/out", buffers="pid")
        for _ in range(3):
            daemon.run(program, "20")
        daemon.lttng("destroy")
        tap.equal(check(daemon.home / "out"), 240, "events")


def test_rotated():
    """Later chunks know more events than the first; one has none at all; a trace still being recorded has its last chunk elsewhere."""
    program = lttng_session.program("ust_fields")
    with lttng_session.Daemon() as daemon:
        out = daemon.home / "out"
        daemon.session("s", "strata_test:integers", f"--output={out}")
        for events in ("strata_test:others", "strata_test:enums", "strata_test:nothing"):
            daemon.run(program, "50")
            daemon.lttng("rotate")
            daemon.enable(events)
        daemon.lttng("rotate")
        daemon.run(program, "50")
        daemon.lttng("stop")
        tap.equal(check(out), 500, "events of the trace that is still open")
        daemon.lttng("destroy")
        tap.equal(check(out), 500, "events")
        chunks = sorted((out / "archives").iterdir())
        tap.equal(len(chunks), 5, "chunks")
        tap.equal(check(chunks[2], chunks[0]), 200, "events of two chunks")


def test_snapshots():
    """They overlap, and each has the whole of the buffers."""
    program = lttng_session.program("ust_fields")
    with lttng_session.Daemon() as daemon:
        daemon.session("s", "strata_test:*", "--snapshot")
        for _ in range(3):
            daemon.run(program, "30")
            daemon.lttng("snapshot", "record")
        daemon.lttng("destroy")
        snapshots = sorted((daemon.home / "lttng-traces").glob("*/snapshot-*"))
        tap.equal(len(snapshots), 3, "snapshots")
        tap.equal(check(daemon.home / "lttng-traces"), 360, "events")
        tap.check(check(snapshots[2], snapshots[0]) >= 120, "events of two snapshots")


tap.main(globals())
