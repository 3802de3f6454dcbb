#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The report of a host's trace against independent counts over babeltrace2's text (oracle.py), against what is known of how the trace was made
(truth.json), and against itself: states add up, and contexts make no difference."""
import json
import shutil
import tempfile

import oracle
import oracle_names
import tap

def report(trace):
    return json.loads(tap.strata("report", "--format", "json", trace).stdout)


def states(vcpu):
    """Time by state of a vCPU's row."""
    return {name: ns for name, ns in vcpu.items() if name.endswith("_ns")}


def check_counts(trace):
    got, wanted = report(trace), oracle.count(trace)
    tap.equal(sum(cpu["switches"] for cpu in got["cpus"]), wanted["switches"], "context switches")
    tap.equal({v["tid"] for v in got["vcpus"]}, set(wanted["vcpus"]), "threads that run guests")
    for vcpu in got["vcpus"]:
        count = wanted["vcpus"][vcpu["tid"]]
        in_guest_at_end = wanted["last"] - count["entered"] if count["entered"] is not None else 0
        tap.equal(vcpu["entries"], count["entries"], f"entries of {vcpu['tid']}")
        tap.equal(vcpu["guest_l1_ns"] + vcpu["guest_l2_ns"], count["guest_ns"] + in_guest_at_end, f"time in guest of {vcpu['tid']}")
        exits = {}
        for row in got["exits"]:
            if row["path"] == vcpu["path"]:
                exits[row["reason"]] = exits.get(row["reason"], 0) + row["count"]
        tap.equal(exits, {oracle_names.SVM[code]: n for code, n in count["exits"].items()}, f"exits of {vcpu['tid']}")
        tap.equal([vcpu["vcpu"]], count["ids"], f"id of {vcpu['tid']}")


def check_sums(trace):
    got = report(trace)
    for vcpu in got["vcpus"]:
        tap.equal(sum(states(vcpu).values()), got["end_ns"] - got["begin_ns"], f"{vcpu['path']}: sum of its states")
    for cpu in got["cpus"]:
        tap.equal(cpu["idle_ns"] + cpu["busy_ns"] + cpu["unknown_ns"], got["end_ns"] - got["begin_ns"], f"CPU {cpu['cpu']}")


def check_truth(scenario):
    machines = json.loads((scenario / "truth.json").read_text())["machines"]
    parents = {m["dir"]: m for m in machines}
    got = report(scenario / "host")
    vms = [m for m in machines if m["level"] == 1]
    tap.equal(sorted(v["pid"] for v in got["vms"] if v["level"] == 1), sorted(m["qemu_pid"] for m in vms), "VMs")
    tap.equal(sorted((v["vm_pid"], v["vcpu"], v["tid"]) for v in got["vcpus"]),
              sorted((m["qemu_pid"], v["vcpu"], v["tid"]) for m in vms for v in m["vcpus"]), "vCPUs")
    nested = [m for m in machines if m["level"] == 2]
    found = [m for m in got["machines"] if m["level"] == 2]
    rows = [v for v in got["vms"] if v["level"] == 2]
    tap.equal(sorted(int(m["parent"].rsplit("/", 1)[1]) for m in found),
              sorted(parents[m["parent"]]["qemu_pid"] for m in nested), "parents of nested VMs")
    tap.equal(sorted(v["vcpus"] for v in rows), sorted(len(m["vcpus"]) for m in nested), "vCPUs of nested VMs")


def without_contexts(trace, folder):
    """A copy of a trace in which vtid and vpid have other names."""
    copy = folder / "trace"
    shutil.copytree(trace, copy)
    metadata = copy / "metadata"
    metadata.chmod(0o644)
    metadata.write_bytes(metadata.read_bytes().replace(b"_vtid;", b"_xtid;").replace(b"_vpid;", b"_xpid;"))
    return copy


def check_contexts(trace):
    with tempfile.TemporaryDirectory() as folder:
        got = report(without_contexts(trace, tap.pathlib.Path(folder)))
    wanted = report(trace)
    for machine in got["machines"] + wanted["machines"]:
        machine.pop("trace")
    tap.equal(got, wanted, "report without contexts")


def without_exits(trace, folder):
    """A copy of a trace as it is where the x86 probe was not built: nothing knows events of other names."""
    copy = folder / "trace"
    shutil.copytree(trace, copy)
    metadata = copy / "metadata"
    metadata.chmod(0o644)
    metadata.write_bytes(metadata.read_bytes().replace(b'"kvm_x86_', b'"nothing_'))
    return copy


def check_no_probe(trace):
    with tempfile.TemporaryDirectory() as folder:
        got = report(without_exits(trace, tap.pathlib.Path(folder)))
    wanted = report(trace)
    tap.equal(got["exits"], [], "exits")
    tap.check("no-exits" in [gap["id"] for gap in got["unchecked"]], "the report says that exits are missing")
    tap.equal([(v["path"], v["tid"]) for v in got["vcpus"]], [(v["path"], v["tid"]) for v in wanted["vcpus"]], "vCPUs")
    for one, other in zip(got["vcpus"], wanted["vcpus"]):
        tap.equal(sum(states(one).values()), sum(states(other).values()), "sum of states")
        tap.check(abs(one["blocked_ns"] - other["halted_ns"] - other["blocked_ns"]) <= other["unknown_ns"], "blocked")
        for name in ("preempted_ns", "wait_cpu_ns", "throttled_ns"):
            tap.equal(one[name], other[name], name)
    tap.equal(got["cpus"][0]["idle_ns"], wanted["cpus"][0]["idle_ns"], "idle")


def test_counts():
    for scenario in tap.scenarios():
        if shutil.which("babeltrace2"):
            yield scenario.name, check_counts, scenario / "host"
        else:
            yield scenario.name, tap.skip, "no babeltrace2"


def test_sums():
    for scenario in tap.scenarios():
        for trace in sorted(p.parent for p in scenario.glob("*/metadata") if "-ust" not in p.parent.name):
            yield f"{scenario.name}/{trace.name}", check_sums, trace


def test_truth():
    for scenario in tap.scenarios():
        yield scenario.name, check_truth, scenario


def test_contexts_make_no_difference():
    for scenario in tap.scenarios():
        yield scenario.name, check_contexts, scenario / "host"


def test_without_the_probe():
    for scenario in tap.scenarios():
        yield scenario.name, check_no_probe, scenario / "host"


tap.main(globals())
