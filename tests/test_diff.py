#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Comparing recordings: nothing where nothing changed, the injected cause where one was injected, and figures that the tables have."""
import csv
import io
import json
import os
import shutil
import tempfile
from pathlib import Path

import tap

# A build with sanitizers is many times slower.
SLOW = int(os.environ.get("STRATA_PATIENCE", "1")) > 1
WORK = Path(tempfile.mkdtemp())


def diff(*arguments):
    return json.loads(tap.strata("diff", "--format=json", *arguments).stdout)["rows"]


def made(name, *options):
    """A recording of a simulated host that does the same all the time."""
    path = WORK / name
    if not path.exists():
        tap.run(tap.BUILD / "bench/mktrace", "--events=300000", "--cpus=2", *options, path)
    return path


def phases(scenario):
    """(name, begin, end) of what was done in a scenario, in the host's clock."""
    marks = json.loads((scenario / "truth.json").read_text(encoding="utf-8"))["phases"]
    return [(a["phase"], a["host_real_ns"], b["host_real_ns"]) for a, b in zip(marks, marks[1:])]


def check_self(scenario):
    tap.equal(diff(scenario, scenario), [], "changes")
    every = diff("--all", scenario, scenario)
    tap.check(every and all(row["before"] == row["after"] and row["delta"] == 0 and not row["significant"] for row in every), "a recording differs from itself")


def test_a_recording_does_not_differ_from_itself():
    for scenario in tap.scenarios()[:1 if SLOW else None]:
        yield scenario.name, check_self, scenario


def test_halves_of_a_steady_recording_do_not_differ():
    for seed in range(1, 2 if SLOW else 5):
        trace = made(f"seed-{seed}", f"--seed={seed}")
        changed = diff("--before=+0s..+0.4s", "--after=+0.4s..+0.8s", trace)
        tap.equal([(row["what"], row["name"], row["measure"]) for row in changed], [], f"seed {seed}")


def test_another_workload_differs():
    changed = diff(made("seed-1", "--seed=1"), made("nested", "--seed=1", "--nested"))
    exits = {(row["name"], row["measure"], row["change"]) for row in changed if row["what"] == "exits"}
    tap.check(any(" L2 " in name and change == "new" for name, _, change in exits), f"exits of the nested VM: {sorted(exits)}")


def test_the_injected_cause_comes_first():
    scenario = tap.SAMPLES / "nested-cpu"
    by_name = {name: (begin, end) for name, begin, end in reversed(phases(scenario))}
    before, after = ("..".join(map(str, by_name[name])) for name in ("baseline", "contention-on"))
    changed = diff(f"--before={before}", f"--after={after}", scenario)
    first = changed[0]
    tap.check(first["what"] == "findings" and "VM n" in first["name"] and "by sh" in first["name"] and first["change"] == "new", f"first: {first}")
    threads = {(row["name"], row["measure"]): row for row in changed if row["what"] == "threads"}
    tap.check(threads[("sh", "on a processor")]["change"] == "new" and threads[("sh", "on a processor")]["machine"] == "a", "the shell loop itself")
    back = diff(f"--before={after}", f"--after={before}", scenario)
    swapped = {(r["what"], r["machine"], r["name"], r["measure"]): (r["after_value"], r["before_value"], -r["delta"]) for r in back}
    tap.equal(len(changed), len(swapped), "the other way round: changes")
    for r in changed:
        key = (r["what"], r["machine"], r["name"], r["measure"])
        tap.equal((r["before_value"], r["after_value"], r["delta"]), swapped[key], f"{key}, the other way round")


def test_figures_are_the_tables():
    scenario = tap.SAMPLES / "one-vm-io"
    every = {(r["what"], r["machine"], r["name"], r["measure"]): r for r in diff("--all", scenario, scenario)}
    disks = [d for d in json.loads(tap.strata("disk", "--format=json", scenario).stdout)["rows"] if d["process"] is None]
    tap.check(disks, "disks")
    compared = 0
    for disk in disks:
        row = every.get(("disks", disk["machine"], disk["device"], "p50"))
        if row:
            compared += 1
            tap.equal((row["before_value"], row["after_value"]), (disk["p50_ns"], disk["p50_ns"]), disk["device"])
    tap.check(compared, "no disk was compared")


def test_forms():
    scenario = tap.SAMPLES / "nested-cpu"
    options = ["--all", "--before=+1s..+5s", "--after=+6s..+10s", scenario]
    table = json.loads(tap.strata("diff", "--format=json", *options).stdout)
    rows = list(csv.DictReader(io.StringIO(tap.strata("diff", "--format=csv", *options).stdout)))
    tap.equal([row["name"] for row in rows], [row["name"] for row in table["rows"]])
    tap.equal(tap.strata("diff", "--exit-code", made("seed-1", "--seed=1"), made("seed-1")).returncode, 0)
    tap.strata("diff", "--exit-code", made("seed-1", "--seed=1"), made("nested", "--seed=1", "--nested"), status=3)
    folder, range_of = tap.SAMPLES / "container", ["--before=+1s..+2s", "--after=+1s..+2s"]
    several = tap.strata("diff", "--all", *range_of, folder / "host", folder / "l1-a", "--", folder).stdout
    tap.equal(several, tap.strata("diff", "--all", *range_of, folder, folder).stdout, "the traces one by one")


def test_what_is_wrong_is_told():
    scenario = tap.SAMPLES / "nested-cpu"
    for arguments in ([scenario], [], [scenario, scenario, scenario], [scenario, "--"]):
        tap.check("two recordings are compared" in tap.strata("diff", *arguments, status=2).stderr, arguments)
    tap.check("BEGIN..END" in tap.strata("diff", "--before=+1s", scenario, scenario, status=2).stderr, "--before")
    tap.check("nothing in the range" in tap.strata("diff", "--after=+100h..", scenario, scenario, status=2).stderr, "an empty range")
    tap.check("--slices takes" in tap.strata("diff", "--slices=3", scenario, scenario, status=2).stderr, "--slices")


try:
    tap.main(globals())
finally:
    shutil.rmtree(WORK)
