#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What babeltrace2's text says of a KVM host's trace, counted in the simplest way that is right.

    oracle.py TRACE

prints JSON: events, sched_switch events, and for every thread that entered a guest its entries, exits by reason and time in the
guest. A thread is in the guest from kvm_entry to its next kvm_exit or, if that comes first, until it loses its processor. Threads are told
apart by the vtid context, so this is for traces that have it, and hosts that run their VMs outside containers.
"""
import collections
import json
import re
import subprocess
import sys

HEAD = re.compile(r"^\[(\d+)\] \([^)]*\) (?:\S+ )?([\w:]+): ")
TID = re.compile(r"vtid = (\d+)")
FIELD = {name: re.compile(rf"\b{name} = (-?\d+)") for name in ("exit_reason", "isa", "vcpu_id", "prev_tid", "next_tid", "prev_state")}
ENTRY = {"kvm_x86_entry", "kvm_entry"}
EXIT = {"kvm_x86_exit", "kvm_exit"}
NESTED = {"kvm_x86_nested_vmexit", "kvm_x86_nested_vmexit_inject", "kvm_x86_nested_intr_vmexit", "kvm_x86_nested_vmrun"}


def lines(trace):
    """(cycles, event, line) of each event of a trace."""
    command = ["babeltrace2", "--clock-cycles", str(trace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace") as process:
        for line in process.stdout:
            head = HEAD.match(line)
            if head:
                yield int(head[1]), head[2], line


def field(name, line):
    return int(FIELD[name].search(line)[1])


class Vcpu:
    """A thread that runs a guest."""

    def __init__(self):
        self.entries, self.guest_ns, self.entered, self.ids = 0, 0, None, set()
        self.exits = collections.Counter()

    def leave(self, time):
        if self.entered is not None:
            self.guest_ns += time - self.entered
        self.entered = None


def count(trace):
    """The numbers of a trace, as a dictionary."""
    vcpus, switches, events, time = collections.defaultdict(Vcpu), 0, 0, 0
    for time, event, line in lines(trace):
        events += 1
        if event == "sched_switch":
            switches += 1
            prev = field("prev_tid", line)
            if prev in vcpus:
                vcpus[prev].leave(time)
        elif event in ENTRY:
            vcpu = vcpus[int(TID.search(line)[1])]
            vcpu.entries += 1
            vcpu.leave(time)
            vcpu.entered = time
        elif event in EXIT:
            vcpu = vcpus[int(TID.search(line)[1])]
            vcpu.leave(time)
            vcpu.exits[field("exit_reason", line)] += 1
            vcpu.ids.add(field("vcpu_id", line) if "vcpu_id" in line else None)
    return {"events": events, "switches": switches, "last": time,
            "vcpus": {tid: {"entries": v.entries, "exits": dict(v.exits), "guest_ns": v.guest_ns, "entered": v.entered,
                            "ids": sorted(v.ids, key=str)} for tid, v in sorted(vcpus.items())}}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: oracle.py TRACE")
    json.dump(count(sys.argv[1]), sys.stdout, indent=1)
    print()
