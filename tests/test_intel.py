#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The report of Intel-shaped traces (mk_intel.c), in the dialects of several tracers, against what their maker counted."""
import json
import pathlib
import tempfile

import oracle_names
import tap

MAKE = tap.BUILD / "tests/mk_intel"


def make(folder, *options):
    """(the report, what is known) of a trace made with these options."""
    trace = pathlib.Path(folder) / "trace"
    truth = json.loads(tap.run(MAKE, *options, trace).stdout)
    return json.loads(tap.strata("report", "--format", "json", trace).stdout), truth


def exits(report, path, level, column="count"):
    return {row["reason"]: row[column] for row in report["exits"]
            if row["path"] == path and row["level"] == level and row[column]}


def named(counts):
    return {oracle_names.VMX[int(code)]: n for code, n in counts.items()}


def check_vcpu(report, row, truth, levels):
    path = row["path"]
    tap.equal((row["vm_pid"], row["vcpu"]), (truth["vm_pid"], truth["vcpu_id"]), "identity")
    tap.equal(row["entries"], truth["entries"], f"{path}: entries")
    tap.equal(row["preempted_ns"] + row["throttled_ns"] >= truth["preempted_ns"], True, f"{path}: preempted")
    tap.equal(sum(ns for name, ns in row.items() if name.endswith("_ns")), report["end_ns"] - report["begin_ns"], f"{path}: sum")
    if not levels:
        return
    for level in (1, 2):
        tap.equal(exits(report, path, level), named(truth["exits"][level - 1]), f"{path}: exits of level {level}")
    if not (truth["in_guest_at_end"] and truth["level_at_end"] == 1):
        tap.equal(row["guest_l1_ns"], truth["guest_ns"][0], f"{path}: time in level 1")
    if not (truth["in_guest_at_end"] and truth["level_at_end"] == 2):
        tap.equal(row["guest_l2_ns"], truth["guest_ns"][1], f"{path}: time in level 2")
    tap.equal(exits(report, path, 2, "reflected"), named(truth["reflected"]), f"{path}: reflected")
    tap.equal(exits(report, path, 2, "handled_by_l0"), named(truth["handled_by_l0"]), f"{path}: handled by level 0")


def check(levels, *options):
    with tempfile.TemporaryDirectory() as folder:
        report, truth = make(folder, *options)
    rows = {row["tid"]: row for row in report["vcpus"]}
    tap.equal(sorted(rows), [v["tid"] for v in truth["vcpus"]], "vCPU threads")
    for vcpu in truth["vcpus"]:
        check_vcpu(report, rows[vcpu["tid"]], vcpu, levels)
    nested = [m for m in report["machines"] if m["level"] == 2]
    tap.equal(len(nested), sum(v["nested"] for v in truth["vcpus"]), "nested VMs")


def test_dialects():
    for options in ([], ["--old-names"], ["--perf-names"], ["--no-context"], ["--fixed-probe"], ["--perf-names", "--no-context"]):
        yield " ".join(options) or "LTTng, stock probe", check, True, *options


def test_levels_by_reasons_alone():
    """No nested event: exits that level 1 must have been given are told from others, and time in levels is nearly right."""
    with tempfile.TemporaryDirectory() as folder:
        report, truth = make(folder, "--no-nested-events")
    row = next(r for r in report["vcpus"] if r["tid"] == 1003)
    wanted = truth["vcpus"][0]
    tap.equal(exits(report, row["path"], 2), named(wanted["exits"][1]), "exits of level 2")
    tap.check(abs(row["guest_l1_ns"] - wanted["guest_ns"][0]) < 0.1 * wanted["guest_ns"][0], "time in level 1")
    tap.check(any(gap["id"] == "no-nested" for gap in report["unchecked"]), "the report says that nested events are missing")


tap.main(globals())
