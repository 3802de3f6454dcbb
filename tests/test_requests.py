#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Requests against the turns that babeltrace2's text shows on accepted and connected sockets, and against what load generators have written."""
import collections
import json
import re
import subprocess

import tap

LINE = re.compile(r"^\[(\d+)\.(\d{9})\] \([^)]*\) (?:\S+ )?([\w:]+): \{ cpu_id = (\d+) \}(.*)$")
VTID, VPID = re.compile(r" vtid = (\d+)"), re.compile(r" vpid = (\d+)")
FIELD = re.compile(r"[{,] (\w+) = (-?\w+)")
READS, WRITES = {"read", "readv", "recvfrom", "recvmsg"}, {"write", "writev", "sendto", "sendmsg"}
CALLS = READS | WRITES | {"accept", "accept4", "connect", "socket", "close"}
WANTED = re.compile(r" (?:sched_switch|sched_process_fork|syscall_(?:entry|exit)_(?:" + "|".join(sorted(CALLS)) + r")): ")
EAGAIN, EINPROGRESS, STREAM, TYPE_MASK, PEEK = 11, 115, 1, 0xf, 2
STATES = ["user_ns", "syscall_ns", "irq_ns", "preempted_ns", "wait_cpu_ns", "throttled_ns", "disk_ns", "network_ns", "socket_ns", "lock_ns", "timer_ns",
          "poll_ns", "other_ns", "steal_ns", "exit_ns", "unknown_ns"]


def rows(*arguments):
    return json.loads(tap.strata("requests", "--format=json", *arguments).stdout)["rows"]


# ---- Turns, found in the simplest way that is right ------------------------------------------------------------------


class Socket:
    """One that was made during the recording, and used by one process only."""

    def __init__(self, side):
        self.side, self.first, self.request, self.done = side, True, None, False

    def ask(self, begin, number):
        if not self.request or self.request["answered"]:
            finished, self.request = self.request, {"side": self.side, "begin": begin, "asked": 0, "answered": 0, "login": self.first is None}
            self.first, self.done = False, False
            self.request["asked"] = number
            return finished
        self.request["asked"] += number
        return None

    def answer(self, end, number):
        if not self.request:
            self.first = None if self.first else self.first  # the server speaks first
        elif not self.done:
            self.request["answered"] += number
            self.request["end"] = end


class Turns:
    """Of one trace."""

    def __init__(self):
        self.calls, self.switches, self.sockets, self.streams, self.found = {}, collections.Counter(), {}, {}, []

    def end(self, key):
        socket = self.sockets.pop(key, None)
        self.keep(socket.request if socket else None)

    def keep(self, request):
        if request and request["answered"] and not request["login"]:
            self.found.append(request)

    def entry(self, time, name, cpu, thread, fields):
        self.calls[thread] = name, time, cpu, self.switches[cpu], fields
        if name == "close":
            self.end((thread[0], int(fields["fd"])))
            self.streams.pop((thread[0], int(fields["fd"])), None)

    def exit(self, time, name, cpu, thread, fields):
        entered, begin, begin_cpu, switches, given = self.calls.pop(thread, (None, 0, 0, 0, {}))
        if entered != name or name == "close":
            return
        ret, fd = int(fields["ret"], 0), int(given.get("fd", -1))
        key, slept = (thread[0], fd), begin_cpu != cpu or switches != self.switches[cpu]
        if name.startswith("accept") and ret >= 0:
            self.sockets[thread[0], ret] = Socket("server")
        elif name == "socket" and ret >= 0 and int(given["family"]) in (1, 2, 10) and int(given["type"]) & TYPE_MASK == STREAM:
            self.streams[thread[0], ret] = True
        elif name == "connect" and key in self.streams and key not in self.sockets and ret in (0, -EINPROGRESS):
            self.sockets[key] = Socket("client")
        elif key in self.sockets and name in READS | WRITES:
            self.moved(self.sockets[key], name in READS, ret, time if slept and name in READS else begin, time,
                       name == "recvfrom" and int(given["flags"], 0) & PEEK)

    def moved(self, socket, reads, ret, begin, end, peek):
        asks = reads == (socket.side == "server")
        if ret <= 0:
            socket.done |= asks and bool(socket.request and socket.request["answered"]) and ret in (0, -EAGAIN)
        elif asks:
            self.keep(socket.ask(begin, 0 if peek else ret))
        else:
            socket.answer(end, ret)


def turns(trace):
    """The requests on sockets that were made during the recording; None if something is in the trace that this is too simple for."""
    found = Turns()
    command = ["babeltrace2", "--clock-seconds", "--clock-gmt", str(trace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace") as process:
        for line in process.stdout:
            if not WANTED.search(line):
                continue
            head = LINE.match(line)
            time, name, cpu = int(head[1]) * 10**9 + int(head[2]), head[3], int(head[4])
            if name == "sched_switch":
                found.switches[cpu] += 1
                continue
            pid, tid = VPID.search(head[5]), VTID.search(head[5])
            if not pid or not tid:
                return None
            if name == "sched_process_fork":
                fields = dict(FIELD.findall(head[5]))
                if int(fields["child_pid"]) != int(fields["parent_pid"]):  # sockets that several processes have
                    for key in [key for key in found.sockets if key[0] == int(pid[1])]:
                        found.sockets.pop(key)
                continue
            _, edge, call = name.split("_", 2)
            (found.entry if edge == "entry" else found.exit)(time, call, cpu, (int(pid[1]), int(tid[1])), dict(FIELD.findall(head[5])))
    for key in list(found.sockets):
        found.end(key)
    return found.found


def check_turns(trace):
    wanted = turns(trace)
    if wanted is None:
        tap.skip("no contexts")
    told = collections.Counter((row["side"], row["time_ns"], row["latency_ns"], row["asked_bytes"], row["answered_bytes"])
                               for row in rows("--alone", "--log", "--limit=0", trace))
    missing = [request for request in wanted
               if not told[request["side"], request["begin"], request["end"] - request["begin"], request["asked"], request["answered"]]]
    tap.equal(missing[:3], [], f"{len(missing)} of {len(wanted)} requests in {trace} that strata doesn't tell of")


def test_requests_are_the_turns_that_system_calls_show():
    for scenario in tap.scenarios():
        for trace in tap.trace_dirs(scenario):
            if not trace.name.endswith("-ust"):
                yield f"{scenario.name}/{trace.name}", check_turns, trace


# ---- Laws ------------------------------------------------------------------------------------------------------------


def check_laws(scenario):
    table, log = rows(scenario), rows("--log", "--limit=0", scenario)
    counted = collections.Counter((row["machine"], row["side"], row["process"]) for row in log if row["end"] == "answered")
    by_row = collections.Counter()
    for row in table:
        by_row[row["machine"], row["side"], row["process"]] += row["count"]
        if row["count"]:
            tap.check(row["min_ns"] <= row["p50_ns"] <= row["p90_ns"] <= row["p99_ns"] <= row["max_ns"], f"order of {row}")
            tap.check(row["whole_p50_ns"] >= row["p50_ns"] and row["whole_max_ns"] >= row["max_ns"], f"the whole is more than its part: {row}")
            tap.check(row["user_ns"] is None or sum(row[state] for state in STATES) == row["total_ns"], f"states add up: {row}")
    tap.equal(+by_row, +counted, "the table counts what the log lists")
    series = collections.Counter()
    for row in rows("--every=700ms", scenario):
        series[row["machine"], row["side"], row["process"]] += row["count"]
    tap.equal(+series, +counted, "so do the steps of a series")
    for row in log:
        tap.check(row["asker"] is None or row["user_ns"] is None or sum(row[state] for state in STATES) == row["latency_ns"], f"states add up: {row}")
        tap.equal(row["whole_ns"], row["latency_ns"] + (row["before_ns"] or 0) + (row["after_ns"] or 0), "the whole")


def test_laws():
    for scenario in tap.scenarios():
        yield scenario.name, check_laws, scenario


def check_causes(scenario):
    service, added, detailed = None, {}, collections.Counter()
    key = ("machine", "side", "process", "port")
    for row in rows("--by=cause", "--side=server,client,vm,vm-client", scenario):
        service = tuple(row[name] for name in key) + (row["protocol"],)
        if row["cause"] is None:
            added[service] = row["added_ns"], row["slow_ns"] - row["typical_ns"]
        elif row["detail"] is None:
            detailed[service] += row["added_ns"]
    for service, (wanted, difference) in added.items():
        tap.check(abs(wanted - difference) <= 1, f"{service}: {wanted} is not {difference}")
        tap.check(abs(wanted - detailed[service]) <= 100, f"{service}: causes add {detailed[service]}, of {wanted}")


def test_causes_add_up_to_what_slow_ones_take_longer():
    for scenario in tap.scenarios():
        yield scenario.name, check_causes, scenario


def first_detail(side, machine, scenario):
    """What slow requests of the busiest service of a machine have most that typical ones don't."""
    table = rows("--by=cause", f"--machine={machine}", f"--side={side}", scenario)
    busiest = max((row for row in table if row["cause"] is None), key=lambda row: row["count"])
    causes = [row for row in table if row["detail"] and all(row[name] == busiest[name] for name in ("machine", "process", "port", "protocol"))]
    return max(causes, key=lambda row: row["added_ns"])


def check_slow_disk(scenario, cause):
    """The host's disk, kept busy by the culprit."""
    first = first_detail("server", cause["sufferer"].split()[-1], scenario)
    tap.check(first["cause"].endswith(": disk") and f"({cause['culprit']}) keeps busy" in first["detail"], f"{first['cause']}: {first['detail']}")
    tap.check(first["share"] > 0.25, f"{first['share']} of what they take longer")


def check_slow_network(scenario, cause):
    """The host's queue to the server's VM, where the delay is, in what its client waits for."""
    interface = re.search(r"on (\w+)", cause["culprit"])[1]
    first = first_detail("client", "client", scenario)
    tap.equal(first["detail"], f"queue of {interface}", "what slow ones wait for")
    tap.check(first["share"] > 0.25, f"{first['share']} of what they take longer")


def test_slow_requests_lead_to_the_injected_cause():
    checks = {"disk-contention": check_slow_disk, "network-delay": check_slow_network}
    for scenario in tap.scenarios():
        for cause in json.loads((scenario / "truth.json").read_text()).get("causes") or []:
            if cause["kind"] in checks:
                yield scenario.name, checks[cause["kind"]], scenario, cause


# ---- Against the logs of load generators ------------------------------------------------------------------------------


def near(got, wanted, share, rounding, what):
    tap.check(abs(got - wanted) <= wanted * share + rounding, f"{what}: got {got}, wanted {wanted}")


def check_sysbench(scenario, log):
    text = log.read_text()
    queries = re.search(r" queries:\s+(\d+)", text)
    if not queries:
        tap.skip("no database")
    wanted = int(queries[1])
    mean = float(re.search(r"avg:\s+([\d.]+)", text)[1])
    table = rows(scenario)
    servers = sum(row["count"] for row in table if row["side"] == "server" and row["process"] in ("mariadbd", "mysqld"))
    clients = [row for row in table if row["side"] == "client" and row["process"] == "sysbench"]
    near(servers, wanted, 0.02, 0, "requests of the server")
    near(sum(row["count"] for row in clients), wanted, 0.02, 0, "requests of the client")
    near(sum(row["total_ns"] for row in clients) / sum(row["count"] for row in clients) / 1e6, mean, 0.05, 0, "mean")


def ab_logs(scenario):
    """Of each run: requests, and its percentiles."""
    for log in sorted(scenario.glob("logs/*-ab-*.txt")):
        text = log.read_text()
        yield int(re.search(r"Complete requests:\s+(\d+)", text)[1]), dict(re.findall(r"^ +(\d+)% +(\d+)", text, re.M))


def check_ab(scenario):
    table = rows("--by=process", scenario)
    runs = sorted(ab_logs(scenario), key=lambda run: run[0])
    ours = sorted((row for row in table if row["side"] == "client" and row["process"] == "ab"), key=lambda row: row["count"])
    total = sum(count for count, _ in runs)
    tap.equal(len(ours), len(runs), "runs of ab")
    near(sum(row["count"] for row in ours), total, 0.02, 0, "requests of the client")
    near(sum(row["count"] for row in table if row["side"] == "server" and row["process"] == "apache2"), total, 0.02, 0, "requests of the server")
    near(sum(row["count"] for row in table if row["side"] == "vm" and row["port"] == 80), total, 0.02, 0, "requests to the VM, seen by the host")
    for row, (count, percentiles) in zip(ours, runs):
        near(row["count"], count, 0.02, 0, "requests of a run")
        for percent in ("50", "90", "99"):
            near(row[f"whole_p{percent}_ns"] / 1e6, int(percentiles[percent]), 0.05, 0.5, f"p{percent} of the run of {count}")


def test_load_generators_count_the_same():
    for scenario in tap.scenarios():
        for log in sorted(scenario.glob("logs/*-sysbench.txt")):
            yield f"{scenario.name}, sysbench", check_sysbench, scenario, log
        if list(scenario.glob("logs/*-ab-*.txt")):
            yield f"{scenario.name}, ab", check_ab, scenario


tap.main(globals())
