#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Traces whose events have something else in the place of what their names promise: no command may fall for it."""
import pathlib
import re
import struct
import tempfile

import perfetto
import tap

# Packets of one stream: {id, time} headers of 32 and 64 bits, fields one after the other.
HEAD = """/* CTF 1.8 */
trace {{ major = 1; minor = 8; byte_order = le; packet.header := struct {{ integer {{ size = 32; align = 8; signed = false; }} magic; }}; }};
env {{ domain = "{domain}"; hostname = "hostile"; tracer_name = "{tracer}"; tracer_major = 2; tracer_minor = 13; }};
clock {{ name = "monotonic"; freq = 1000000000; offset = 0; }};
typealias integer {{ size = 64; align = 8; signed = false; map = clock.monotonic.value; }} := clock_t;
stream {{ packet.context := struct {{ integer {{ size = 64; align = 8; signed = false; }} content_size;
    integer {{ size = 64; align = 8; signed = false; }} packet_size; integer {{ size = 32; align = 8; signed = false; }} cpu_id; }};
  event.header := struct {{ integer {{ size = 32; align = 8; signed = false; }} id; clock_t timestamp; }};
  event.context := struct {{ integer {{ size = 32; align = 8; signed = true; }} _vpid; integer {{ size = 32; align = 8; signed = true; }} _vtid;
    integer {{ size = 64; align = 8; signed = false; }} _procname; }}; }};
"""
INTEGER = "integer { size = 64; align = 8; signed = false; } %s;"
STRING = "string %s;"


def tables():
    """(name of an event, names of its fields) from the source's tables of events, system calls and roles of user space."""
    folder = tap.SOURCE / "src/trace"
    for path in sorted((folder / "events").glob("*.h")):
        text = path.read_text(encoding="utf-8")
        for event, names in re.findall(r'\bE\((\w+), "[^"]*", "([^"]*)"\)', text):
            fields = re.findall(rf'\bF\({event}, \w+, \d+, "([^"?]*)', text)
            if "*" not in names:
                yield names.split()[0], [field.split()[0] for field in fields]
    for names, entry, exit_ in re.findall(r'\bS\(\w+, "([^"]*)", "([^"]*)", "([^"]*)"\)', (folder / "syscalls.h").read_text(encoding="utf-8")):
        yield "syscall_entry_" + names.split()[0], [field.split("|")[0] for field in entry.split()]
        yield "syscall_exit_" + names.split()[0], ["ret"] + [field.split("|")[0] for field in exit_.split()]
    for names, fields in re.findall(r'\bR\(\w+,\s+"([^"]*)",\s+"([^"]*)"\)', (tap.SOURCE / "src/user/private.h").read_text(encoding="utf-8")):
        if names and "sched" not in names:
            yield names.split()[0].replace("*", "x"), [field.split("|")[0] for field in fields.split()]


TEXTS = re.compile("comm|name|path|msg|action|function")


def write(folder, domain, declared, value, text):
    """A trace with each event of the tables a few times; `declared`: what every field is; `value`: its bytes, `text` of those that should be texts."""
    metadata = HEAD.format(domain=domain, tracer="lttng-modules" if domain == "kernel" else "lttng-ust")
    events = b""
    time = 1000
    for number, (name, fields) in enumerate(tables()):
        members = " ".join(declared % field for field in dict.fromkeys(fields))
        metadata += f'event {{ name = "{name}"; id = {number}; stream_id = 0; fields := struct {{ {members} }}; }};\n'.replace("stream_id = 0; ", "")
    for turn in range(3):
        for number, (name, fields) in enumerate(tables()):
            time += 100
            events += struct.pack("<IQiiQ", number, time, 7, 7 + turn, 0xffffffff00000010)
            events += b"".join(text if TEXTS.search(field) else value for field in dict.fromkeys(fields))
    size = 8 * (4 + 8 + 8 + 4 + len(events))
    folder.mkdir(parents=True)
    (folder / "metadata").write_text(metadata, encoding="utf-8")
    (folder / "channel_0").write_bytes(struct.pack("<IQQI", 0xC1FC1FC1, size, size, 0) + events)


COMMANDS = ["threads", "processes", "cpus", "irqs", "syscalls", "files", "disk", "net", "connections", "futexes", "memory", "containers",
            "counters", "requests", "user", "spans", "states", "sync", "report", "vms", "vcpus", "exits"]
MARKUP = b"<script>alert(1)</script>\"';\n\x1b[2J\xff\0"
FAR, LONG, SMALL = struct.pack("<Q", 0xfffffff0000000f0), struct.pack("<Q", 0x00000004ffffffff), struct.pack("<Q", 5)
VALUES = {"numbers far away": (INTEGER, FAR, FAR), "long numbers": (INTEGER, LONG, LONG), "texts far away": (INTEGER, SMALL, FAR), "long texts": (INTEGER, SMALL, LONG),
          "texts for all": (STRING, b"text\0", b"text\0"), "texts of a page": (STRING, MARKUP, MARKUP)}


def check(domain, declared, value, text):
    with tempfile.TemporaryDirectory() as folder:
        trace = pathlib.Path(folder) / "trace"
        write(trace, domain, declared, value, text)
        for command in COMMANDS:
            options = [] if command in ("report", "vms", "vcpus", "exits") else ["--no-cache"]
            if command == "spans":
                options += ["--span", "a=*..* by ptr", "--span", "b=sched_switch..* by prev_comm"]
            tap.strata(command, *options, "--format=json", trace)
            if command in ("irqs", "syscalls", "files", "disk", "net", "connections", "futexes", "memory", "threads", "requests", "user", "spans"):
                tap.strata(command, *options, "--log", "--limit=0", trace)
        for command in ("report", "threads", "syscalls"):
            page = tap.strata(command, "--no-cache", "--format=html", trace).stdout
            tap.check("<script" not in page and "\x1b" not in page, f"{command}: what a trace says is in its page as it is")
        tap.strata("export", "--no-cache", "--to=perfetto", f"--output={folder}/x.pftrace", trace)
        if domain == "kernel":
            perfetto.Trace((pathlib.Path(folder) / "x.pftrace").read_bytes())
            tap.strata("diff", "--no-cache", trace, trace)
            done = tap.strata("critical-path", "--no-cache", "--thread=*", "--format=folded", trace, status=None)
            tap.check(done.returncode == 0 or "no thread of that name" in done.stderr, done.stderr)


def test_no_command_falls_for_it():
    for domain in ("kernel", "ust"):
        for name, values in VALUES.items():
            yield f"{domain}, {name}", check, domain, *values


tap.main(globals())
