#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""count_tests.py BUILD-DIRECTORY..: sum up what `meson test` left in its logs, as "N passed, N failed".

Each subtest of a TAP test counts, and each other test counts as one. A test that failed in another way than by a "not ok" line
(crash, time limit, too few subtests) counts as one failure more. The exit status is 1 if anything failed, or if nothing ran.
"""
import json
import pathlib
import re
import sys

TAP_PLAN = re.compile(r"^1\.\.\d+", re.M)
TAP_RESULT = re.compile(r"^(not )?ok\b([^\n]*)", re.M)
TAP_DIRECTIVE = re.compile(r"#\s*(skip|todo)", re.I)
FINE = {"OK", "EXPECTEDFAIL"}


def tap_results(text):
    """The results of a TAP output's subtests: "passed", "failed" or "skipped"."""
    for line in TAP_RESULT.finditer(text):
        if TAP_DIRECTIVE.search(line[2]):
            yield "skipped"
        else:
            yield "failed" if line[1] else "passed"


def results(test):
    """The results of one test, a line of testlog.json."""
    output = test.get("stdout", "")
    found = list(tap_results(output)) if TAP_PLAN.search(output) else []
    if test["result"] == "SKIP":
        return found or ["skipped"]
    if test["result"] in FINE:
        return found or ["passed"]
    return found if "failed" in found else found + ["failed"]


def main(directories):
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for directory in directories:
        log = pathlib.Path(directory, "meson-logs", "testlog.json")
        if not log.is_file():
            print(f"{log}: missing, so its tests did not run")
            total["failed"] += 1
            continue
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            test = json.loads(line)
            counted = results(test)
            for result in counted:
                total[result] += 1
            if "failed" in counted:
                print(f"failed: {directory}: {test['name']} ({test['result']}, {test['duration']:.1f} s)")
    if total["skipped"]:
        print(f"{total['skipped']} skipped")
    print(f"{total['passed']} passed, {total['failed']} failed")
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
