#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What LTTng-UST's wrappers record of a program that is known: functions, allocations, mutexes."""
import json
import os

import lttng_session
import tap

N = 20
LIBRARIES = "liblttng-ust-cyg-profile.so liblttng-ust-libc-wrapper.so liblttng-ust-pthread-wrapper.so liblttng-ust-dl.so"


def rows(command, folder, *options):
    return json.loads(tap.strata(command, "--no-cache", "--format=json", *options, folder).stdout)["rows"]


def check_functions(folder):
    told = sorted((row for row in rows("spans", folder)), key=lambda row: row["count"])
    tap.equal([row["count"] for row in told], [1, N, 2 * N], "main() calls outer() that often, which calls inner() twice")
    main, outer, inner = told
    tap.check(all(row["function"].startswith("ust_calls+0x") for row in told), "functions are told by their binary and their place in it")
    tap.check(main["total_ns"] >= outer["total_ns"] >= inner["total_ns"] >= 2 * N * 1_000_000, "who calls takes longer; each inner one sleeps a millisecond")
    log = rows("spans", folder, "--log", "--limit=0")
    tap.equal(len(log), 1 + 3 * N, "each call is there")


def check_memory(folder):
    sizes = [row for row in rows("user", folder) if row["kind"] == "memory"]
    tap.equal(len(sizes), 1, "one process")
    # The C library and the tracer allocate something too.
    tap.check(sizes[0]["allocated_bytes"] >= N * 1024 and sizes[0]["count"] >= 2 * N, "all blocks are counted")
    tap.check(N * 24 <= sizes[0]["live_bytes"] < sizes[0]["allocated_bytes"] - N * 1000 + 1, "what was freed does not live")


def check_mutexes(folder):
    locks = [row["count"] for row in rows("user", folder) if row["kind"] == "mutex"]
    tap.check(N in locks, f"a mutex was taken {N} times, of {locks}")


def test_recursion_beyond_the_limit():
    """What is called beyond it is not followed; what is within ends when it ended."""
    if int(os.environ.get("STRATA_PATIENCE", "1")) > 1:
        tap.skip("nothing can be loaded before the sanitizers")
    program = lttng_session.program("ust_calls")
    with lttng_session.Daemon() as daemon:
        out = daemon.home / "out"
        daemon.session("s", "lttng_ust_cyg_profile*", f"--output={out}", contexts=("vpid", "vtid"))
        daemon.options["env"]["LD_PRELOAD"] = LIBRARIES.split()[0]
        daemon.run(program, "0", "1500")
        del daemon.options["env"]["LD_PRELOAD"]
        daemon.lttng("destroy")
        log = sorted(rows("spans", out, "--log", "--limit=0"), key=lambda row: row["time_ns"])
        tap.equal(len(log), 1024, "main() and what it calls, as deep as is followed")
        ends = [row["time_ns"] + row["duration_ns"] for row in log]
        tap.equal(ends, sorted(ends, reverse=True), "who was called first ends last")
        text = tap.run("babeltrace2", "--clock-seconds", out).stdout.splitlines()
        exits = [int(line[1:21].replace(".", "")) for line in text if "func_exit" in line]
        tap.equal(ends, exits[:-1025:-1], "each ends with its own exit")


def test_wrappers():
    if int(os.environ.get("STRATA_PATIENCE", "1")) > 1:
        tap.skip("nothing can be loaded before the sanitizers")
    program = lttng_session.program("ust_calls")
    with lttng_session.Daemon() as daemon:
        out = daemon.home / "out"
        daemon.session("s", "lttng_ust_*", f"--output={out}", contexts=("vpid", "vtid", "procname"))
        daemon.options["env"]["LD_PRELOAD"] = LIBRARIES
        daemon.run(program, str(N))
        del daemon.options["env"]["LD_PRELOAD"]
        daemon.lttng("destroy")
        check_functions(out)
        check_memory(out)
        check_mutexes(out)


tap.main(globals())
