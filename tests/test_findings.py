#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Findings: the scenarios' injected causes come first, and every finding can be proved with rows."""
import importlib.util
import json
import re

import tap

spec = importlib.util.spec_from_file_location("score_findings", tap.SOURCE / "bench/score_findings.py")
score_findings = importlib.util.module_from_spec(spec)
spec.loader.exec_module(score_findings)

# Kinds of truth.json's causes that rules find, by the finding's id, which is the same word.
KINDS = {"preempted-by-vm", "preempted-by-task", "cpu-throttle", "disk-contention", "network-delay"}


def report(*arguments, **options):
    return json.loads(tap.strata("report", "--format=json", *arguments, **options).stdout)


def truth(scenario):
    return json.loads((scenario / "truth.json").read_text(encoding="utf-8"))


def check_first(scenario, cause):
    first = report(scenario)["findings"][0]
    tap.equal((first["id"], first["level"]), (cause["kind"], cause["level"]), "cause and level")
    name = cause.get("culprit_comm", "")
    if cause["kind"] == "preempted-by-task":
        tap.check(name in first["culprit"]["name"], f"culprit {first['culprit']}")
    elif cause["kind"] in ("preempted-by-vm", "disk-contention"):
        tap.equal(first["culprit"]["name"].split()[-1], cause["culprit"].split()[-1], "culprit")
    tap.equal(first["sufferer"]["name"].split()[-1], cause["sufferer"].split()[-1], "who suffers")


def test_the_injected_cause_comes_first():
    for scenario in tap.scenarios():
        causes = truth(scenario).get("causes") or []
        if causes and causes[0]["kind"] in KINDS:
            yield scenario.name, check_first, scenario, causes[0]


def check_from_host(scenario, cause):
    found = report(scenario / "host")["findings"]
    tap.check(found and score_findings.is_cause(truth(scenario), cause, found[0], True), f"{[f['title'] for f in found]}")


def test_what_a_host_can_see_it_sees_alone():
    """That is all but quotas within its guests."""
    for scenario in tap.scenarios():
        causes = truth(scenario).get("causes") or []
        if causes and causes[0]["kind"] in KINDS and (causes[0]["level"] == 0 or causes[0]["kind"] != "cpu-throttle"):
            yield scenario.name, check_from_host, scenario, causes[0]


def check_proof(scenario):
    found = report(scenario)
    begin, end = found["begin_ns"], found["end_ns"]
    for finding in found["findings"]:
        tap.check(finding["evidence"] and finding["ranges"] and finding["advice"] and finding["title"], f"{finding['id']}: whole")
        tap.check(0 < finding["share"] <= 1 and 0 < finding["confidence"] <= 1 and finding["lost_ns"] > 0, f"{finding['id']}: figures")
        last = begin
        for a, b in finding["ranges"]:
            tap.check(last <= a < b <= end, f"{finding['id']}: ranges in order, within the time")
            last = b
        proof = finding["evidence"][0]
        rows = json.loads(tap.strata("states", "--format=json", f"--row={proof['row']}", f"--begin={proof['begin_ns']}", f"--end={proof['end_ns']}",
                                     "--alone", scenario).stdout)["rows"]
        tap.check(any(r["state"] == proof["state"] and r["begin_ns"] <= proof["begin_ns"] + 1 and r["end_ns"] >= proof["end_ns"] - 1 for r in rows),
                  f"{finding['id']}: {proof} is in no row")


def test_evidence_is_in_the_rows():
    for scenario in tap.scenarios()[:6]:
        yield scenario.name, check_proof, scenario


def test_findings_are_in_the_order_of_what_they_weigh():
    for scenario in tap.scenarios()[:6]:
        found = report(scenario)["findings"]
        weights = [f["weight"] for f in found]
        tap.equal(weights, sorted(weights, reverse=True), scenario.name)
        tap.check(all(0 < f["weight"] <= f["lost_ns"] * f["share"] * 1.001 for f in found), f"{scenario.name}: no more than time lost times its share")


def check_quiet(scenario):
    """What the work costs itself may be told there, but nobody else is blamed, and it weighs little beside what was injected."""
    told = truth(scenario)
    injected = report(scenario)["findings"][0]
    for begin, end in score_findings.quiet_phases(told):
        for finding in report(f"--begin={begin}", f"--end={end}", scenario)["findings"]:
            tap.check(finding["weight"] < 0.9 * finding["lost_ns"] * finding["share"], f"{finding['title']}")
            tap.check(finding["weight"] <= score_findings.QUIET_MOST * injected["weight"], f"{finding['title']}: weighs {finding['weight']}, the injected cause {injected['weight']}")


def test_nobody_is_blamed_for_phases_in_which_nothing_was_injected():
    for scenario in tap.scenarios():
        if truth(scenario).get("causes"):
            yield scenario.name, check_quiet, scenario


def test_what_weighs_little_is_a_note():
    scenario = tap.SAMPLES / "one-vm-io"
    told = report(scenario)
    tap.check(not told["findings"] and told["notes"], f"{told['findings']}")
    all_of_it = report("--threshold=heavy.share=0", "--threshold=heavy.time=0", scenario)
    tap.equal(([f["title"] for f in all_of_it["findings"]], all_of_it["notes"]), ([f["title"] for f in told["notes"]], []), "it depends on the bar")
    text = tap.strata("report", scenario).stdout
    tap.check("Nothing of weight was found" in text and "Of little weight" in text and told["notes"][0]["title"] in " ".join(text.split()), "people are told, too")


def test_thresholds_decide():
    scenario = tap.SAMPLES / "nested-cpu"
    tap.check(report(scenario)["findings"], "something is found")
    tap.equal(report("--threshold=lost.ms=1000000", scenario)["findings"], [], "with a threshold that nothing reaches")
    tap.strata("report", "--threshold=nosuch=1", scenario, status=2)
    listed = {line.split()[0] for line in tap.strata("report", "--explain", scenario).stdout.splitlines() if line}
    tap.check({"lost.ms", "lost.share"} <= listed, f"{listed}")


def test_the_exit_status_tells_if_asked():
    scenario = tap.SAMPLES / "nested-cpu"
    tap.strata("report", scenario, status=0)
    tap.strata("report", "--exit-code", scenario, status=3)
    tap.strata("report", "--exit-code", "--threshold=lost.ms=1000000", scenario, status=0)


def test_a_quiet_part_has_no_such_finding():
    """Before the busy loop begins (truth.json's phases), it takes nothing."""
    scenario = tap.SAMPLES / "nested-cpu"
    first = report(scenario)["findings"][0]
    begin = first["ranges"][0][0]
    before = report(f"--end={begin - 100_000_000}", scenario)["findings"]
    tap.check(all((f["id"], f["culprit"]["name"]) != (first["id"], first["culprit"]["name"]) for f in before), f"{before}")


def check_places(scenario):
    text = tap.strata("report", scenario).stdout
    machines = report(scenario)["machines"]
    traced = {m["name"]: m for m in machines if m["trace"]}
    tap.equal("not known from these traces" in text, any(m["level"] is None for m in traced.values()), "a level is said to be unknown only if it is")
    for m in traced.values():
        part = text[text.index(f"\nMachine {m['name']}\n"):]
        if m["parent"]:
            tap.check(re.search(rf"L{m['level']}\b.*VM {m['vm_pid']} of {re.escape(m['parent'])}", part.split("\nMachine ", 2)[1]), f"where {m['name']} runs")


def test_the_text_says_where_machines_run():
    for scenario in tap.scenarios():
        yield scenario.name, check_places, scenario


tap.main(globals())
