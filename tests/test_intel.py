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


def check_processes(*options):
    """Processes of guests by their page tables: time that was surely theirs, and time in which they were left for others."""
    with tempfile.TemporaryDirectory() as folder:
        trace = pathlib.Path(folder) / "trace"
        truth = json.loads(tap.run(MAKE, "--cr3", *options, trace).stdout)
        table = json.loads(tap.strata("guests", "--no-cache", "--by=vcpu", "--format=json", trace).stdout)["rows"]
        whole = json.loads(tap.strata("guests", "--no-cache", "--format=json", trace).stdout)["rows"]
        steps = json.loads(tap.strata("guests", "--no-cache", "--every=1ms", "--format=json", trace).stdout)["rows"]
        states = tap.strata("states", "--no-cache", "--row=*process*", "--format=csv", trace).stdout
        vcpus = json.loads(tap.strata("vcpus", "--format=json", trace).stdout)["rows"]
    got = {(r["vm_pid"], r["vcpu"], r["level"], int(r["cr3"], 16)): (r["running_ns"], r["uncertain_ns"]) for r in table}
    wanted, ends = {}, {(v["vm_pid"], v["vcpu_id"]) for v in truth["vcpus"] if v["in_guest_at_end"]}
    for v in truth["vcpus"]:
        for level, cr3, running, uncertain in v["processes"]:
            if running + uncertain:
                wanted[v["vm_pid"], v["vcpu_id"], level, cr3] = (running, uncertain)
    tap.equal({k: n for k, n in got.items() if k[:2] not in ends and any(n)}, {k: n for k, n in wanted.items() if k[:2] not in ends}, "time of processes")
    tap.check(any(n[1] for n in wanted.values()) and any(k[2] == 2 for k in wanted), "the trace has switches, and nested VMs")
    for name in ("running_ns", "uncertain_ns", "exit_ns", "stolen_ns", "halted_ns"):
        tap.equal(sum(r[name] for r in whole), sum(r[name] for r in table), name)
        tap.equal(sum(r[name] for r in steps), sum(r[name] for r in table), f"{name} of all steps")
    tap.check("/process/0x1" in states and "uncertain" in states, "rows of states")
    for v in vcpus:
        seen = sum(n[0] + n[1] for k, n in got.items() if k[:2] == (v["vm_pid"], v["vcpu"]))
        tap.check(0 <= v["guest_l1_ns"] + v["guest_l2_ns"] - seen < 0.05 * seen + 1000000, f"{v['path']}: {seen} of its time is some process's")


def test_processes():
    for options in ([], ["--old-names"], ["--perf-names"], ["--fixed-probe"]):
        yield " ".join(options) or "LTTng, stock probe", check_processes, *options


def test_processes_are_not_invented():
    with tempfile.TemporaryDirectory() as folder:
        trace = pathlib.Path(folder) / "trace"
        tap.run(MAKE, trace)
        tap.equal(json.loads(tap.strata("guests", "--no-cache", "--format=json", trace).stdout)["rows"], [])


tap.main(globals())
