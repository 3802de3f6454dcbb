#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pages and periods against lttng-analyses, where that is there, on made up traces that it reads."""
import json
import os
import pathlib
import random
import shutil
import tempfile

import handmade
import tap

PERIOD = 'work : $evt.$name == "kmem_mm_page_alloc" : $evt.$name == "kmem_mm_page_free" && $evt.page == $begin.$evt.page'
SPAN = "work=kmem_mm_page_alloc..kmem_mm_page_free by page"


def make(folder, seed):
    """Two processors, four threads, pages that they get and give back. It knows a kernel's trace by its folder's name."""
    chance = random.Random(seed)
    trace = handmade.Trace(domain="kernel", tracer_name="lttng-modules", tracer_patchlevel=1, kernel_release="6.1", sysname="Linux", kernel_version="1")
    time, current = 10**9, [0, 0]
    for number in range(1, 700):
        time += chance.randrange(1, 5000)
        # It passes over what is freed while no more was freed than allocated.
        cpu, what = chance.randrange(2), chance.randrange(4) if number > 50 else 1
        if what == 0:
            following = chance.choice([tid for tid in (0, 11, 12, 13, 14) if tid == 0 or tid not in current])
            trace.event(time, "sched_switch", cpu=cpu, prev_comm=f"t{current[cpu]}", prev_tid=current[cpu], prev_prio=20, prev_state=0,
                        next_comm=f"t{following}", next_tid=following, next_prio=20)
            current[cpu] = following
        elif what in (1, 2):
            trace.event(time, "kmem_mm_page_alloc", cpu=cpu, page=64 * number, pfn=number, order=0, gfp_flags=0, migratetype=0)
        else:
            trace.event(time, "kmem_mm_page_free", cpu=cpu, page=64 * chance.randrange(number), pfn=1, order=0)
    return trace.write(folder / "kernel")


def plain_environment():
    """Without what makes allocators strict: the reader below theirs uses memory after it freed it, and that is not what is tested."""
    return {name: value for name, value in os.environ.items() if name not in ("G_DEBUG", "G_SLICE", "MALLOC_PERTURB_")}


def theirs(command, *arguments):
    done = tap.run(command, *arguments, status=None, env=plain_environment())
    if done.returncode < 0:
        tap.skip(f"{command} crashed: signal {-done.returncode}")
    tap.equal(done.returncode, 0, f"{command}: exit status, {done.stderr}")
    return {result["class"]: result["data"] for result in json.loads(done.stdout)["results"]}


def ours(command, *arguments):
    return json.loads(tap.strata(command, "--no-cache", "--format=json", *arguments).stdout)["rows"]


def check_pages(trace):
    told = theirs("lttng-memtop-mi", "--limit=100", trace)
    rows = {row["pid"]: row for row in ours("memory", trace) if row["pid"]}
    for kind, column in (("allocd", "pages_allocs"), ("freed", "pages_frees")):
        tap.equal({pid: row[column] for pid, row in rows.items() if row[column]}, {who["tid"]: number["value"] for who, number in told[kind]}, kind)


def check_periods(trace):
    ((_, count, least, mean, most, _, total),) = theirs("lttng-periodstats-mi", "--skip-validation", "--period", PERIOD, trace)["per_period_stats"]
    (row,) = ours("spans", "--span", SPAN, trace)
    tap.equal((row["count"], row["total_ns"], row["min_ns"], row["max_ns"]), tuple(part["value"] for part in (count, total, least, most)))
    tap.check(abs(row["mean_ns"] - mean["value"]) <= 1, f"mean: {row['mean_ns']} and {mean['value']}")
    log = theirs("lttng-periodlog-mi", "--skip-validation", "--period", PERIOD, trace)["log"]
    begins = sorted((span["time_ns"], span["duration_ns"]) for span in ours("spans", "--log", "--limit=0", "--span", SPAN, trace))
    periods = sorted((period[0]["value"], period[2]["value"]) for period in log)
    tap.equal(begins, periods, "one by one")


def check(function, seed):
    if not shutil.which("lttng-memtop-mi") or not shutil.which("lttng-periodstats-mi"):
        tap.skip("there is no lttng-analyses")
    with tempfile.TemporaryDirectory() as folder:
        function(make(pathlib.Path(folder), seed))


def test_pages_and_periods():
    for seed in range(2):
        yield f"pages {seed}", check, check_pages, seed
        yield f"periods {seed}", check, check_periods, seed


tap.main(globals())
