#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Containers, against what babeltrace2's text says of namespaces and switches; and the throttled one, against what the sample was made of."""
import collections
import json
import re
import shutil

import tap

INITIAL_PID, INITIAL_CGROUP = 4026531836, 4026531835
EVENT = re.compile(r"\[(\d+)\.(\d+)\] \([^)]*\) (?:\S+ )?(\S+): \{ cpu_id = (\d+) \}, (?:\{([^}]*)\}, )?\{(.*)\}$")


def fields(text):
    return {name: int(value, 0) for name, value in re.findall(r"(\w+) = (-?\w+)(?=[ ,]|$)", text or "") if re.fullmatch(r"-?(0x)?[0-9A-Fa-f]+", value)}


def traces():
    for scenario in tap.scenarios():
        for folder in tap.trace_dirs(scenario):
            if b"sched_switch" in (folder / "metadata").read_bytes():
                yield f"{scenario.name}/{folder.name}", folder


class Threads:
    """Who ran when, and in which namespaces; a number that is used again is another thread."""

    def __init__(self):
        self.pid_ns, self.cgroup_ns, self.cpu_ns = {}, {}, collections.Counter()
        self.current, self.since, self.first = {}, {}, None
        self.incarnation = collections.Counter()

    def key(self, tid):
        return tid, self.incarnation[tid]

    def learn(self, tid, pid_ns, cgroup_ns):
        if pid_ns:
            self.pid_ns[self.key(tid)] = pid_ns
        if cgroup_ns:
            self.cgroup_ns[self.key(tid)] = cgroup_ns

    def switch(self, time, cpu, context, payload):
        prev = self.key(payload["prev_tid"])
        if payload["prev_tid"]:
            self.cpu_ns[prev] += time - self.since.get(cpu, self.first)
            self.learn(payload["prev_tid"], context.get("pid_ns"), context.get("cgroup_ns"))
        self.current[cpu], self.since[cpu] = self.key(payload["next_tid"]), time

    def fork(self, payload):
        self.incarnation[payload["child_tid"]] += 1
        parent, child = self.key(payload["parent_tid"]), payload["child_tid"]
        self.learn(child, payload.get("child_ns_inum") or self.pid_ns.get(parent), self.cgroup_ns.get(parent))

    def by_container(self):
        """Processor time by pid namespace; what shares only the cgroup namespace of one counts as it."""
        sharers = collections.defaultdict(set)
        for key, inum in self.pid_ns.items():
            if inum != INITIAL_PID and self.cgroup_ns.get(key, INITIAL_CGROUP) != INITIAL_CGROUP:
                sharers[self.cgroup_ns[key]].add(inum)
        sums = collections.Counter()
        for key, ns in self.cpu_ns.items():
            inum = self.pid_ns.get(key)
            shared = sharers.get(self.cgroup_ns.get(key), set())
            if inum in (None, INITIAL_PID) and len(shared) == 1:
                inum = next(iter(shared))
            sums[inum] += ns
        return sums


def read(folder):
    threads, time = Threads(), 0
    for line in tap.run("babeltrace2", "--clock-seconds", folder).stdout.splitlines():
        found = EVENT.match(line)
        if not found:
            first = re.match(r"\[(\d+)\.(\d+)\]", line)
            time = int(first[1]) * 10**9 + int(first[2]) if first else time
            threads.first = threads.first or time
            continue
        time, name = int(found[1]) * 10**9 + int(found[2]), found[3]
        threads.first = threads.first or time
        if name == "sched_switch":
            threads.switch(time, found[4], fields(found[5]), fields(found[6]))
        elif name == "sched_process_fork":
            threads.fork(fields(found[6]))
        elif name == "lttng_statedump_process_pid_ns":
            payload = fields(found[6])
            threads.learn(payload["tid"], payload["ns_inum"], None)
        elif name == "lttng_statedump_process_cgroup_ns":
            payload = fields(found[6])
            threads.learn(payload["tid"], None, payload["ns_inum"])
    for cpu, key in threads.current.items():
        if key[0]:
            threads.cpu_ns[key] += time - threads.since[cpu]
    return threads


def rows(*arguments):
    return json.loads(tap.strata("containers", "--no-cache", "--format=json", *arguments).stdout)["rows"]


def check_cpu_time(folder):
    expected = read(folder).by_container()
    got = {row["ns_inum"]: row["cpu_ns"] for row in rows(folder)}
    tap.check(got, "no containers at all")
    for inum in set(expected) - {None, INITIAL_PID}:
        tap.equal(got.pop(inum, None), expected[inum], f"processor time in pid namespace {inum}")
    tap.equal(sum(got.values()), expected[None] + expected[INITIAL_PID], "processor time of all that is in no container")


def test_cpu_time_is_what_switches_say():
    if not shutil.which("babeltrace2"):
        tap.skip("no babeltrace2")
    for name, folder in traces():
        yield name, check_cpu_time, folder


def check_steps(folder):
    """Steps, and ranges, add up to the whole."""
    whole = {row["ns_inum"]: row for row in rows(folder)}
    sums = collections.defaultdict(collections.Counter)
    for row in rows(folder, "--every=700ms"):
        sums[row["ns_inum"]].update({key: value for key, value in row.items() if key.endswith("_ns") and key != "time_ns"})
        sums[row["ns_inum"]]["throttles"] += row["throttles"]
    tap.equal(set(sums), set(whole), "containers")
    for inum, row in whole.items():
        tap.equal({key: sums[inum][key] for key in sums[inum]}, {key: row[key] for key in sums[inum]}, f"sums over all steps of {inum}")


def test_steps_add_up():
    for name, folder in traces():
        yield name, check_steps, folder


def check_items(folder):
    """Faults are those in the trace; disks' bytes those of `strata disk`, by the threads whose they were."""
    text = tap.run("babeltrace2", folder).stdout
    tap.equal(sum(row["faults"] for row in rows(folder)), len(re.findall(r" x86_exceptions_page_fault_(?:user|kernel): ", text)), "faults")
    disks = json.loads(tap.strata("disk", "--no-cache", "--format=json", folder).stdout)["rows"]
    for ours, theirs in (("disk_read_bytes", "read_bytes"), ("disk_written_bytes", "written_bytes")):
        tap.equal(sum(row[ours] for row in rows(folder)), sum(row[theirs] for row in disks if row["process"] is None), ours)


def test_faults_and_bytes_are_all_there():
    if not shutil.which("babeltrace2"):
        tap.skip("no babeltrace2")
    for name, folder in traces():
        yield name, check_items, folder


def sample():
    """The machine with the containers, and for how long one of them had a quota."""
    folder = tap.SAMPLES / "container"
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    phases = {p["phase"]: p["host_real_ns"] for p in truth["phases"]}
    return folder / "l1-a", phases["cause-off"] - phases["cause-on"]


def test_the_throttled_container_is_seen():
    folder, _ = sample()
    by_name = {row["container"]: row for row in rows(folder)}
    tap.equal(set(by_name), {"(machine)", "c1", "c2"}, "containers, by the names that they gave themselves")
    tap.equal(by_name["c1"]["throttled_ns"], 0, "throttled time of the one without a quota")
    tap.check(by_name["c2"]["throttles"] > 10, "c2 is throttled again and again")


def test_throttling_lasts_as_long_as_its_cause():
    """The machine's clock is not the one that the cause was timed with: lengths are compared, not times."""
    folder, quota_ns = sample()
    step = 20_000_000
    throttled = [row["time_ns"] for row in rows("--every=20ms", "--container=c2", folder) if row["throttled_ns"]]
    lasted = throttled[-1] + step - throttled[0]
    tap.check(abs(lasted - quota_ns) < 400_000_000, f"throttled over {lasted} ns, while the quota held {quota_ns} ns")
    total = sum(row["throttled_ns"] for row in rows("--container=c2", folder))
    tap.check(0.75 * quota_ns < total < quota_ns, f"throttled for {total} ns of the {quota_ns} ns in which a quota of 6 % held")


def test_the_filter_takes_names_and_numbers():
    folder, _ = sample()
    wanted = [row for row in rows(folder) if row["container"] == "c2"]
    for given in ("c2", "?2", str(wanted[0]["ns_inum"])):
        got = rows("--container", given, folder)
        tap.equal([{**row, "cpu_share": None} for row in got], [{**row, "cpu_share": None} for row in wanted], f"--container {given}")


tap.main(globals())
