#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A trace whose metadata is put into CTF 2's words reads as before.

babeltrace2 before 2.1 can't read CTF 2, so it can't be asked what a CTF 2 trace holds; but the samples' packets are as right
with metadata in the one language as in the other, and what they hold in CTF 1.8 is compared with babeltrace2 elsewhere.
"""
import os
import pathlib
import tempfile

import tap

CONVERT = tap.BUILD / "tests/ctf2_from_ctf1"
FORMATS = [[], ["--fields", "all", "--names", "all"], ["--format", "json"]]


def traces():
    folders = [tap.SAMPLES] + ([tap.TRACES] if tap.TRACES else [])
    for folder in folders:
        for metadata in sorted(folder.rglob("metadata")):
            yield metadata.parent, folder


def same_events(trace):
    with tempfile.TemporaryDirectory() as scratch:
        copy = pathlib.Path(scratch) / trace.name
        os.mkdir(copy)
        tap.run(CONVERT, trace, copy)
        for options in FORMATS:
            ours, theirs = (pathlib.Path(scratch) / name for name in ("ours", "theirs"))
            for path, out in ((trace, ours), (copy, theirs)):
                with open(out, "wb") as stream:
                    done = tap.strata("events", *options, path, stdout=stream)
                tap.equal(done.stderr, "", "stderr")
            tap.check(ours.stat().st_size > 0, "no events")
            tap.check(ours.read_bytes() == theirs.read_bytes(), f"{' '.join(options)}: the events differ")


def test_same_events():
    for trace, folder in traces():
        yield str(trace.relative_to(folder)), same_events, trace


tap.main(globals())
