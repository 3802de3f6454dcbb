#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How well the findings of `strata report` name the causes that were injected into recordings, from all their traces and from parts of them.

    score_findings.py STRATA FOLDER.. [--write PAGE]

Each folder has the traces of one recording, one folder each, that of the host being called "host"; and truth.json, which tells the injected causes and when the recording's phases began. Printed is, as a
table in Markdown, for each set of traces: the rank of the true cause; the share of the time that its sufferer lost to anything that is put down to it; and the heaviest
finding of the quiet phases, in which nothing was injected, with what it weighs beside the first finding of the whole. With --write the table takes the place of what stands between the markers of a page.
"""
import json
import pathlib
import subprocess
import sys

BEGIN, END = "<!-- score card: begin -->", "<!-- score card: end -->"
QUIET_MIN_NS = 2 * 10**9  # shorter phases tell little
QUIET_MOST = 0.25  # of what the injected cause weighs: the bar for what is found in phases without it
# What the host's trace alone can say of a cause within a guest that runs VMs: that the guest did it.
INSTEAD = {"preempted-by-task": "preempted-in-guest", "preempted-by-own-vmm": "preempted-in-guest"}


def told(strata, folder, *options):
    """Findings, and notes: those of little weight."""
    done = subprocess.run([strata, "report", "--format=json", *options, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    report = json.loads(done.stdout) if done.stdout else {"findings": [], "notes": []}
    return report["findings"], report["notes"]


def names(truth, who):
    """What a machine may be called: by its name, or by its process where it has no trace."""
    last = who.split()[-1]
    return {last} | {str(m["qemu_pid"]) for m in truth["machines"] if m["name"] == last and "qemu_pid" in m}


def is_cause(truth, cause, finding, alone):
    ids = {cause["kind"], INSTEAD.get(cause["kind"]) if alone else None}
    if finding["id"] not in ids or (finding["level"] != cause["level"] and finding["level"] != 0):
        return False
    if cause["kind"] == "preempted-by-task" and finding["id"] == cause["kind"]:
        return cause.get("culprit_comm", "") in finding["culprit"]["name"]
    if cause["kind"] in ("preempted-by-vm", "disk-contention") and "nested" not in finding["sufferer"]["name"]:
        return finding["sufferer"]["name"].split()[-1] in names(truth, cause["sufferer"])
    return True


def quiet_phases(truth):
    """Those before anything is switched on, and after the last thing was switched off."""
    phases = truth["phases"]
    for phase, following in zip(phases, phases[1:]):
        begin, end = phase["host_real_ns"], following["host_real_ns"]
        if not phase["phase"].endswith("-on") and end - begin >= QUIET_MIN_NS:
            yield begin, end


def explained(found, true):
    lost = [f["lost_ns"] for f in found if f["sufferer"]["name"] == true["sufferer"]["name"]]
    return true["lost_ns"] / max(sum(lost), 1)


def quietest(strata, truth, folder):
    """The heaviest finding of the quiet phases."""
    heaviest = None
    for begin, end in quiet_phases(truth):
        for f in told(strata, folder, f"--begin={begin}", f"--end={end}")[0]:
            if not heaviest or f["weight"] > heaviest["weight"]:
                heaviest = f
    return heaviest


def quiet_text(heaviest, first):
    """ "id 3 %, weighs 4 %": its share, and what it weighs beside the recording's first finding."""
    return f"{heaviest['id']} {heaviest['share']:.1%}, weighs {heaviest['weight'] / first['weight']:.0%}" if heaviest else "none"


def rows(strata, folder):
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    cause = (truth["causes"] or [None])[0]
    guests = sorted(path for path in folder.iterdir() if path.name != "host" and (path / "metadata").is_file() and not path.name.endswith("-ust"))
    for name, part in [("all", folder), ("host", folder / "host")] + [(path.name, path) for path in guests]:
        found, notes = told(strata, part)
        true = [f for f in found if cause and is_cause(truth, cause, f, name != "all")]
        quiet = quiet_text(quietest(strata, truth, part), found[0] if found else None) if name in ("all", "host") else ""
        yield [truth["scenario"], cause["kind"] + f" (L{cause['level']})" if cause else "none", name,
               str(found.index(true[0]) + 1) if true else "-", f"{explained(found + notes, true[0]):.0%}" if true else "-",
               found[0]["id"] if found else "none", quiet]


def main(strata, *arguments):
    arguments = list(arguments)
    page = pathlib.Path(arguments.pop(arguments.index("--write") + 1)) if "--write" in arguments else None
    table = ["| recording | injected cause | traces | its rank | explained | first finding | heaviest in quiet phases |", "|---|---|---|---|---|---|---|"]
    for folder in arguments:
        if folder != "--write":
            table += [f"| {' | '.join(row)} |" for row in rows(strata, pathlib.Path(folder))]
    print("\n".join(table))
    if page:
        text = page.read_text(encoding="utf-8")
        before, rest = text.split(BEGIN)
        page.write_text(before + BEGIN + "\n" + "\n".join(table) + "\n" + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
