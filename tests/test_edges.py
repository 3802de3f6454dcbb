#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Edges between levels: they begin and arrive where rows and items say that something was, in an order that can be."""
import collections
import json

import tap


def rows(command, *arguments):
    return json.loads(tap.strata(command, "--format=json", *arguments).stdout)["rows"]


def layered():
    return [scenario for scenario in tap.scenarios() if (scenario / "host").is_dir() and any(scenario.glob("l1-*"))]


def bound(scenario):
    return sum(pair["bound_ns"] or 0 for pair in json.loads(tap.strata("sync", "--format=json", scenario).stdout)["pairs"])


def check_interrupts(scenario):
    slack = bound(scenario)
    edges = [edge for edge in rows("edges", scenario) if edge["kind"] == "interrupt"]
    tap.check(len(edges) > 100, f"{len(edges)} interrupts")
    begun = collections.defaultdict(set)
    for handler in rows("irqs", "--log", "--limit=0", scenario):
        begun[handler["machine"]].add(handler["time_ns"])
    for edge in edges:
        tap.check(edge["duration_ns"] == edge["to_ns"] - edge["from_ns"] >= -slack, f"{edge}: arrives before it begins")
        machine = edge["to_row"].split("/")[0]
        tap.check(any(edge["to_ns"] + d in begun[machine] for d in (0, -1, 1)), f"{edge}: no handler began then")


def test_interrupts_lead_to_handlers():
    for scenario in layered():
        yield scenario.name, check_interrupts, scenario


def check_disks(scenario):
    slack = bound(scenario)
    edges = rows("edges", scenario)
    down = [edge for edge in edges if edge["kind"] == "disk-request"]
    up = [edge for edge in edges if edge["kind"] == "disk-completion"]
    tap.equal(len(down), len(up), "what goes down comes up again")
    for there, back in zip(down, up):
        tap.equal((there["from_row"], there["to_row"]), (back["to_row"], back["from_row"]), "the same two disks")
        tap.check(there["from_ns"] - slack <= there["to_ns"] <= back["from_ns"] <= back["to_ns"] + slack, f"{there}, {back}: nested in time")


def test_disk_requests_are_nested():
    for scenario in layered():
        yield scenario.name, check_disks, scenario


def check_nested(scenario, hypervisor):
    """Nearly every entry and exit that a nested hypervisor recorded has its counterpart one level down, in the right order."""
    slack = bound(scenario)
    edges = [edge for edge in rows("edges", "--limit=0", scenario) if edge["kind"].startswith("nested-")]
    exits = sum(row["count"] for row in rows("exits", "--by=reason", "--machine", hypervisor, scenario))
    vcpus = len(rows("exits", "--by=vcpu", "--machine", hypervisor, scenario))
    for kind, back in (("nested-entry", "from_row"), ("nested-exit", "to_row")):
        mine = [edge for edge in edges if edge["kind"] == kind]
        tap.check(all(edge[back].split("/")[0] == hypervisor for edge in mine), f"{kind}: of {hypervisor}")
        tap.check(0.9 * exits <= len(mine) <= exits + vcpus, f"{len(mine)} {kind}, {exits} exits")
        tap.check(all(edge["duration_ns"] >= -slack for edge in mine), f"{kind}: arrives before it begins")
        tap.equal(len({(edge["from_row"], edge["from_ns"]) for edge in mine}), len(mine), f"{kind}: each once")


def test_exits_of_nested_vms_lead_to_their_hypervisor_and_back():
    for scenario in layered():
        told = json.loads(tap.strata("sync", "--format=json", scenario).stdout)["machines"]
        parents = {machine["parent"] for machine in told if machine["level"] == 2}
        if parents and None not in parents:
            yield scenario.name, check_nested, scenario, parents.pop()


def test_wakeups_are_the_kernels():
    edges = rows("edges", "--by=wakeup", tap.SAMPLES / "container/l1-a")
    tap.check(edges and all(edge["duration_ns"] >= 0 for edge in edges), "wakeups come first")
    tap.check("--by" in tap.strata("edges", "--by=nothing", tap.SAMPLES / "container/l1-a", status=2).stderr, "what is wrong")


def check_packets(scenario):
    slack = bound(scenario)
    edges = rows("edges", "--by=packet", "--limit=0", scenario)
    tap.check(edges, "no packet")
    for edge in edges:
        sender, receiver = (edge[end].split("/") for end in ("from_row", "to_row"))
        tap.check(sender[0] != receiver[0] and sender[1] in ("thread", "cpu") and receiver[1] == "cpu", f"{edge}")
        tap.check(edge["kind"] == "packet" and edge["duration_ns"] == edge["to_ns"] - edge["from_ns"] >= -slack, f"{edge}: arrives before it was sent")


def test_packets_go_from_one_machine_to_another():
    for scenario in layered():
        if rows("net", "--limit=1", scenario):
            yield scenario.name, check_packets, scenario


tap.main(globals())
