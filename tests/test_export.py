#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is exported is what `strata states` and the tables say: every interval, on its track, to the nanosecond."""
import collections
import csv
import io
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

import perfetto
import tap

WORK = Path(tempfile.mkdtemp())


def rows(command, *arguments):
    return json.loads(tap.strata(command, "--format=json", *arguments).stdout)["rows"]


def export(scenario, *options):
    """The trace, and what the command says of it."""
    file = WORK / "x.pftrace"
    said = rows("export", "--to=perfetto", f"--output={file}", *options, scenario)
    tap.equal(said[0]["bytes"], file.stat().st_size, "bytes")
    return perfetto.Trace(file.read_bytes()), said[0]


def intervals(scenario, *options):
    """Of each row: (begin, end, name)."""
    of_row = collections.defaultdict(list)
    for i in csv.DictReader(io.StringIO(tap.strata("states", "--format=csv", *options, scenario).stdout)):
        name = i["state"] + (": " + i["detail"] if i["detail"] else "")
        of_row[i["row"]].append((int(i["begin_ns"]), int(i["end_ns"]), name))
    return of_row


# A build with sanitizers is many times slower.
SLOW = int(os.environ.get("STRATA_PATIENCE", "1")) > 1
SCENARIOS = tap.scenarios()[:1 if SLOW else None]

# Enough to see everything, and soon read.
PART = ["--begin=+5s", "--end=+5.4s"]

# A row's path -> the groups that it stands in, without those of processes, and its name.
PLACES = [(r"vm/(\d+)/vcpu/(\d+)", ["VMs", r"VM \1", r"vCPU \2"]), (r"vm/(\d+)/l2/(\d+)/vcpu/(\d+)", ["VMs", r"VM \1", r"nested VM \2", r"vCPU \3"]),
          (r"cpu/(\d.*)", ["Processors", r"CPU \1"]), (r"disk/(.*)", ["Disks", r"\1"]), (r"(irq|vector|softirq)/(.*)", ["Interrupts", r"\1 \2"])]


def place(row):
    """None: a thread's, which is told below."""
    machine, path = row.split("/", 1)
    for pattern, groups in PLACES:
        found = re.fullmatch(pattern, path)
        if found:
            return [machine, *(found.expand(group) for group in groups)]
    return None


def plain(chain):
    """A track's place without levels, and without what a VM is called."""
    return [re.sub(r"^L\d ", "", re.sub(r" \(.*\)$", "", chain[0])), *(re.sub(r"^(VM \d+) \(.*\)$", r"\1", name) for name in chain[1:])]


def check_states(scenario, options):
    trace, said = export(scenario, *options)
    expected = intervals(scenario, *options)
    tap.check(expected, "no row")
    got = collections.defaultdict(list)
    for track in trace.tracks.values():
        chain = trace.chain(track)
        tap.check(not track.open, f"{chain}: a slice has no end")
        slices = [s for s in track.slices if s[3] not in ("request", "finding")]
        if slices:
            got[tuple(plain(chain))].append([s[:3] for s in slices])
            tap.check(all(s[2].split(":")[0] == s[3] for s in slices), f"{chain}: categories")
    tap.equal(said["slices"], sum(map(len, expected.values())), "intervals")
    for row, wanted in expected.items():
        machine, path = row.split("/", 1)
        if place(row):
            tap.equal(got.pop(tuple(place(row))), [wanted], row)
            continue
        tap.check(path.startswith("thread/"), row)
        chains = [chain for chain in got if chain[0] == machine and chain[-1] == path[len("thread/"):] and chain[1] in ("Processes", "Kernel threads")]
        tap.check(wanted in [slices for chain in chains for slices in got[chain]], f"{row}: its intervals are on none of {chains}")
        for chain in chains:
            got[chain] = [slices for slices in got[chain] if slices != wanted]
    tap.equal([chain for chain, slices in got.items() if slices], [], "tracks that are no row's")


def test_every_interval_is_a_slice_on_its_rows_track():
    if not SLOW:
        yield "container", check_states, tap.SAMPLES / "container", []
    for scenario in SCENARIOS:
        yield scenario.name + ", a part", check_states, scenario, PART


def test_filters_are_those_of_states():
    scenario = tap.SAMPLES / "nested-cpu"
    for options in (["--row=*/vcpu/*", *PART], ["--machine=a", "--end=+1s"], ["--cpu=0", "--alone", *PART]):
        yield " ".join(options), check_states, scenario, options


def test_threads_stand_below_their_process():
    scenario = tap.SAMPLES / "nested-cpu"
    trace, _ = export(scenario, *PART)
    chains, kernel = collections.defaultdict(list), set()
    for track in trace.tracks.values():
        chain = plain(trace.chain(track))
        if chain[1:2] == ["Processes"] and len(chain) == 4:
            chains[chain[0], int(re.match(r"\d+", chain[3])[0])].append(int(re.match(r"\d+", chain[2])[0]))
        elif chain[1:2] == ["Kernel threads"] and len(chain) == 3:
            kernel.add((chain[0], int(re.match(r"\d+", chain[2])[0])))
    user = [t for t in rows("threads", "--limit=0", *PART, scenario) if t["user_ns"] and t["tid"] > 0 and (t["machine"], t["tid"]) not in kernel]
    tap.check(user, "no thread that ran in user space")
    for thread in user:
        tap.check(thread["pid"] in chains[thread["machine"], thread["tid"]], f"{thread['machine']} {thread['tid']}: in {chains[thread['machine'], thread['tid']]}")


def check_edges(scenario, part):
    trace, said = export(scenario, *part)
    begins, ends = {}, {}
    for track in trace.tracks.values():
        for time, name, begin, end in track.instants:
            begins.update({flow: (time, name) for flow in begin})
            ends.update({flow: (time, name) for flow in end})
    tap.equal(sorted(begins), sorted(ends), "flows with one end")
    wanted = [(e["from_ns"], e["to_ns"], e["kind"]) for by in ("level", "wakeup", "packet")
              for e in rows("edges", "--limit=0", f"--by={by}", *part, scenario)]
    if part:  # one that began before is left out, and counts for `strata edges`
        first = json.loads(tap.strata("report", "--format=json", scenario).stdout)["begin_ns"] + 5 * 10**9
        wanted = [e for e in wanted if e[0] >= first]
    got = collections.Counter((begins[f][0], ends[f][0], ends[f][1]) for f in begins)
    differ = (got - collections.Counter(wanted)) + (collections.Counter(wanted) - got)
    tap.check(not differ, f"{len(differ)} edges differ: {list(differ)[:5]}")
    tap.equal(said["edges"], len(wanted))


def test_edges_are_flows():
    for scenario in SCENARIOS:
        yield scenario.name, check_edges, scenario, PART


def check_requests(scenario):
    trace, said = export(scenario, "--row=none")
    slices = [s for track in trace.tracks.values() for s in track.slices if s[3] == "request"]
    wanted = sum(r["count"] for r in rows("requests", "--limit=0", scenario))
    tap.equal(len(slices), wanted, "requests")
    tap.equal(said["requests"], wanted)
    for track in trace.tracks.values():
        if any(s[3] == "request" for s in track.slices):
            ordered = sorted(track.slices)
            tap.check(all(a[1] <= b[0] for a, b in zip(ordered, ordered[1:])), f"{trace.chain(track)}: requests overlap on a lane")
    counters = [t for t in trace.tracks.values() if t.is_counter and t.name.endswith(": open")]
    tap.check(all(t.values[-1][1] == 0 and max(v for _, v in t.values) > 0 for t in counters), "a counter of open requests ends at 0")


def test_requests_are_slices_that_do_not_overlap():
    for scenario in SCENARIOS:
        yield scenario.name, check_requests, scenario


def test_disks_count_what_is_in_flight():
    scenario = tap.SAMPLES / "one-vm-io"
    trace, _ = export(scenario, "--row=*/disk/*")
    counters = {tuple(plain(trace.chain(t))): t.values for t in trace.tracks.values() if t.is_counter and t.name.endswith("in flight")}
    tap.check(counters, "no disk")
    # The row of a disk says how many there are in classes: idle, 1, 2, 3-4, ...
    busy = {tuple(place(row)): [i for i in all_of if i[2] not in ("idle", "unknown")] for row, all_of in intervals(scenario, "--row=*/disk/*").items()}
    for (machine, group, name), values in counters.items():
        of_row = busy[(machine, group, name.split(":")[0])]
        tap.check(all(value >= 0 for _, value in values), f"{name}: below 0")
        times = [time for time, value in values if value]
        tap.check(all(any(b <= t < e for b, e, _ in of_row) for t in times[:200]), f"{machine} {name}: in flight while the disk's row is idle")


def test_findings_are_markers():
    for scenario in SCENARIOS:
        trace, _ = export(scenario, "--row=none")
        report = json.loads(tap.strata("report", "--format=json", scenario).stdout)
        tracks = [t for t in trace.tracks.values() if trace.chain(t)[0] == "Findings"]
        wanted = [(b, e, f["id"], f["title"], f["advice"]) for f in report["findings"] for b, e in f["ranges"]]
        tap.equal(sorted((s[0], s[1], s[2], s[4]["what"], s[4]["advice"]) for t in tracks for s in t.slices), sorted(wanted), scenario.name)
        evidence = [(e["begin_ns"], e["row"]) for f in report["findings"] for e in f["evidence"]]
        tap.equal(sorted((time, row) for t in tracks for time, row, _, _ in t.instants), sorted(evidence), f"{scenario.name}: evidence")


def test_csv_is_what_the_tables_say():
    scenario, folder = tap.SAMPLES / "one-vm-io", WORK / "deep" / "csv"
    files = rows("export", "--to=csv", f"--output={folder}", scenario)
    tap.equal(sorted(Path(f["file"]).name for f in files), sorted(path.name for path in folder.iterdir()), "files")
    for file in files:
        name = Path(file["file"]).stem
        text = Path(file["file"]).read_text(encoding="utf-8")
        tap.equal(file["bytes"], len(text.encode()), f"{name}: bytes")
        if name in ("states", "threads", "disk", "syscalls", "requests", "vms", "vcpus"):
            tap.equal(text, tap.strata(name, "--format=csv", scenario).stdout, name)
        if file["rows"] is not None:
            tap.equal(len(list(csv.reader(io.StringIO(text)))) - 1, file["rows"], f"{name}: rows")
    tap.check({"findings", "states", "threads", "levels"} <= {Path(f["file"]).stem for f in files}, "a table is missing")


def test_what_can_not_be_written_is_told():
    scenario = tap.SAMPLES / "one-vm-io"
    for to in ("perfetto", "csv"):
        (WORK / "file").write_text("")
        done = tap.strata("export", f"--to={to}", f"--output={WORK}/file/x", scenario, status=1)
        tap.check("cannot" in done.stderr and "file/x" in done.stderr, done.stderr)
    if Path("/dev/full").exists():
        done = tap.strata("export", "--to=perfetto", "--row=*/vcpu/*", "--output=/dev/full", scenario, status=1)
        tap.check("No space" in done.stderr, done.stderr)
    tap.check("--to takes" in tap.strata("export", "-o", WORK / "y", scenario, status=2).stderr, "--to")
    tap.check("--output says" in tap.strata("export", "--to=csv", scenario, status=2).stderr, "--output")


try:
    tap.main(globals())
finally:
    shutil.rmtree(WORK)
