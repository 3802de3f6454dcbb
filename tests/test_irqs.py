#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Handlers of interrupts and packets of interfaces, against an independent count over babeltrace2's text."""
import collections
import json
import re

import tap

EVENT = re.compile(r"\[(\d+)\.(\d+)\] \([^)]*\) (?:\S+ )?(\S+): \{ cpu_id = (\d+) \}(?:, \{[^{}]*\})?, \{(.*)\}$")
ENTRY = re.compile(r"(irq_handler|irq_softirq|x86_irq_vectors_\w+?)_(entry|exit)$")


def traces():
    for scenario in tap.scenarios():
        for folder in tap.trace_dirs(scenario):
            if b"irq_handler_entry" in (folder / "metadata").read_bytes():
                yield f"{scenario.name}/{folder.name}", folder


def number(payload, *names):
    for name in names:
        found = re.search(rf"\b{name} = (\d+)", payload)
        if found:
            return int(found[1])
    return None


def count(folder):
    """By kind and number: handlers that were seen from entry to exit, and their time; by interface and direction: packets and bytes."""
    handlers, packets = collections.defaultdict(lambda: [0, 0]), collections.defaultdict(lambda: [0, 0])
    open_ = collections.defaultdict(list)
    for line in tap.run("babeltrace2", "--clock-seconds", folder).stdout.splitlines():
        found = EVENT.match(line)
        if not found:
            continue
        time, name, cpu, payload = int(found[1]) * 10**9 + int(found[2]), found[3], found[4], found[5]
        edge = ENTRY.match(name)
        if edge:
            kind = {"irq_handler": "irq", "irq_softirq": "softirq"}.get(edge[1], "vector")
            key = (kind, number(payload, "irq" if kind == "irq" else "vec" if kind == "softirq" else "vector"))
            if edge[2] == "entry":
                open_[cpu, key].append(time)
            elif open_[cpu, key]:
                sums = handlers[key]
                sums[0] += 1
                sums[1] += time - open_[cpu, key].pop()
        elif name in ("net_dev_queue", "net_if_receive_skb"):
            sums = packets[re.search(r'\bname = "([^"]*)"', payload)[1], "out" if name == "net_dev_queue" else "in"]
            sums[0] += 1
            sums[1] += number(payload, "len")
    return handlers, packets


def rows(command, folder):
    return json.loads(tap.strata(command, "--no-cache", "--format=json", folder).stdout)["rows"]


def check(folder):
    handlers, packets = count(folder)
    told = collections.defaultdict(lambda: [0, 0])
    for row in rows("irqs", folder):
        if row["kind"] in ("irq", "softirq", "vector") and row["count"]:
            told[row["kind"], row["number"]][0] += row["count"]
            told[row["kind"], row["number"]][1] += row["total_ns"]
    tap.equal(dict(told), {key: sums for key, sums in handlers.items() if sums[0]}, "handlers and their time")
    seen = {}
    for row in rows("net", folder):
        if row["service"] is None:
            seen.update({(row["interface"] or row["name"], way): [row[f"{way}_packets"], row[f"{way}_bytes"]] for way in ("out", "in")})
    tap.equal({key: sums for key, sums in seen.items() if sums[0]}, {key: sums for key, sums in packets.items() if sums[0]}, "packets and bytes")


def test_handlers_and_packets():
    for name, folder in traces():
        yield name, check, folder


tap.main(globals())
