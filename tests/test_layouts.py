#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same packets in other files are the same trace: chunks of a rotated trace, snapshots that overlap, indexes good and bad."""
import atexit
import contextlib
import pathlib
import re
import shutil
import tempfile

import lttng_files as lttng
import tap

# Two traces of some dozen packets a stream.
SCRATCH = pathlib.Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, SCRATCH)
TRACES = [SCRATCH / "large", SCRATCH / "compact"]
for trace_path, options in zip(TRACES, (["--discard"], ["--compact", "--seed", "2", "--natural"])):
    tap.run(tap.BUILD / "bench/mktrace", "--events", "12000", "--cpus", "3", "--packet-size", "16384", *options, trace_path)


def events(*paths):
    """What strata events prints, and what it warns of (files without their folders)."""
    done = tap.strata("events", *paths, text=False)
    return done.stdout, re.sub(r"\S*/", "", done.stderr.decode())


def check_babeltrace(path):
    if shutil.which("babeltrace2"):
        theirs = tap.run("babeltrace2", path, text=False).stdout
        tap.check(events(path)[0] == theirs, "babeltrace2 tells other events")


def streams(trace):
    return sorted(path for path in trace.iterdir() if path.is_file() and path.name != "metadata")


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield pathlib.Path(name)


def lay_out(trace, root, cuts):
    """Chunks below root/archives, as lttng rotate makes them: of every stream the packets from one share of it to another."""
    for number, (begin, end) in enumerate(cuts):
        chunk = root / f"archives/2026110{number}T101112+0000-20261109T101112+0000-{number}/kernel"
        (chunk / "index").mkdir(parents=True)
        shutil.copy(trace / "metadata", chunk)
        for stream in streams(trace):
            all_packets = [data for data, _ in lttng.packets(stream.read_bytes())]
            n = len(all_packets)
            data = b"".join(all_packets[int(n * begin):int(n * end)])
            (chunk / stream.name).write_bytes(data)
            (chunk / "index" / (stream.name + ".idx")).write_bytes(lttng.index_of(data))


def check_layout(trace, cuts):
    with folder() as root:
        lay_out(trace, root, cuts)
        tap.check(events(root) == events(trace), "other events or warnings")
        check_babeltrace(root)
        chunks = sorted((root / "archives").iterdir())
        tap.check(events(*reversed(chunks)) == events(trace), "the order in which chunks are named matters")


def for_each_trace(check, *arguments):
    for trace in TRACES:
        yield trace.name, check, trace, *arguments


def test_rotated():
    yield from for_each_trace(check_layout, [(0, 1 / 4), (1 / 4, 2 / 3), (2 / 3, 1)])


def test_chunks_without_packets():
    yield from for_each_trace(check_layout, [(0, 0), (0, 1 / 2), (1 / 2, 1 / 2), (1 / 2, 1)])


def test_overlapping_snapshots():
    yield from for_each_trace(check_layout, [(0, 2 / 3), (1 / 3, 1), (0, 1)])


def check_lost_chunk(trace):
    with folder() as root:
        lay_out(trace, root, [(0, 1 / 3), (2 / 3, 1)])
        tap.check("lost" in events(root)[1], "nobody says so")


def test_lost_chunk():
    yield from for_each_trace(check_lost_chunk)


def test_chunks_of_two_traces():
    with folder() as root:
        for trace in TRACES:
            lay_out(trace, root / trace.name, [(0, 1 / 2), (1 / 2, 1)])
        tap.check(events(root) == events(*sorted(TRACES)), "other events or warnings")


# ---- Indexes


def changed(entries, i, field, value):
    return [[value(old) if (n, k) == (i, field) else old for k, old in enumerate(entry)] for n, entry in enumerate(entries)]


def bad_indexes(data):
    """(name, index) of everything that an index of a stream file can have wrong."""
    entries = [entry for _, entry in lttng.packets(data)]
    good = lttng.index(entries)
    yield "empty", b""
    yield "header only", good[:16]
    yield "half a header", good[:9]
    yield "half an entry", good[:-30]
    yield "an entry less", good[:-72]
    yield "an entry more", good + good[-72:]
    yield "magic", lttng.index(entries, magic=0xC1FC1FC1)
    yield "version", lttng.index(entries, major=2)
    for size in (0, 8, 71, 73, 4096, 0xFFFFFFFF):
        yield f"entries of {size}", lttng.index(entries, size=size)
    for i in sorted({0, 1, len(entries) // 2, len(entries) - 1}):
        for field in (lttng.OFFSET, lttng.PACKET_SIZE, lttng.CONTENT_SIZE, lttng.BEGIN, lttng.END, lttng.DISCARDED, lttng.SEQUENCE):
            for name, value in (("0", lambda _: 0), ("one more", lambda old: old + 1), ("all ones", lambda _: 2**64 - 1)):
                entry = lttng.index(changed(entries, i, field, value))
                if entry != good:
                    yield f"entry {i} field {field}: {name}", entry
    yield "shuffled", lttng.index(entries[::-1])


def check_index(trace, name, index, warned):
    with folder() as root:
        copy = root / "trace"
        shutil.copytree(trace, copy)
        (copy / "index").mkdir()
        (copy / "index" / (name + ".idx")).write_bytes(index)
        with_index, without = events(copy), events(trace)
        tap.check(with_index[0] == without[0], "other events")
        tap.equal("its index is not used" in with_index[1], warned, "a warning")


def test_good_index():
    for trace in TRACES:
        for stream in streams(trace):
            yield f"{trace.name}/{stream.name}", check_index, trace, stream.name, lttng.index_of(
                stream.read_bytes()), False


def test_bad_index():
    trace = TRACES[1]
    stream = streams(trace)[0]
    for name, index in bad_indexes(stream.read_bytes()):
        yield name, check_index, trace, stream.name, index, True


def test_stale_index():
    """Of another stream, or of the same one when it was shorter."""
    trace = TRACES[0]
    first, other = streams(trace)[:2]
    check_index(trace, first.name, lttng.index_of(other.read_bytes()), True)
    entries = [entry for _, entry in lttng.packets(first.read_bytes())]
    check_index(trace, first.name, lttng.index(entries[:len(entries) // 2]), True)


tap.main(globals())
