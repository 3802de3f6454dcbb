#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""User space traces case by case: events are made up, and what Strata tells of them is compared with what the case was made of."""
import json
import os
import pathlib
import tempfile

import handmade
import tap

CLOCK = "11111111-2222-3333-4444-555555555555"
WHO = {"vtid": 5, "vpid": 5}
RULE = ("--span", "work=app:begin..app:end")


def answer(trace, command, *options):
    """The JSON of a command on a made up trace, or on several."""
    traces = trace if isinstance(trace, list) else [trace]
    with tempfile.TemporaryDirectory() as folder:
        for number, one in enumerate(traces):
            one.write(pathlib.Path(folder) / f"t{number}")
        return json.loads(tap.strata(command, "--no-cache", "--format=json", *options, folder).stdout)


def rows(trace, command, *options):
    return answer(trace, command, *options)["rows"]


def lossy(*events):
    """A trace whose packet between 200 and 300 was lost."""
    trace = handmade.Trace(contexts=("vtid", "vpid"))
    trace.packet(0, 100, 200)
    for time, name, payload in events:
        if time > 200 and len(trace.packets[0]) == 1:
            trace.packet(0, 300, 1000, missing=1)
        trace.event(time, name, WHO, **payload)
    return trace


def test_a_span_that_was_open_when_events_were_lost_is_forgotten():
    trace = lossy((110, "app:begin", {}), (120, "app:end", {}), (130, "app:begin", {}), (310, "app:begin", {}), (330, "app:end", {}), (340, "app:end", {}))
    told = rows(trace, "spans", *RULE)
    tap.equal([(row["count"], row["total_ns"], row["unfinished"], row["lost"], row["ends_alone"]) for row in told], [(2, 30, 0, 1, 1)])


def test_its_row_is_unknown_from_the_loss_on():
    trace = lossy((110, "app:begin", {}), (120, "app:end", {}), (130, "app:begin", {}), (340, "app:end", {}), (350, "app:begin", {}), (360, "app:end", {}), (400, "app:other", {}))
    told = [(row["begin_ns"], row["end_ns"], row["state"]) for row in rows(trace, "states", *RULE, "--row=*/span/*")]
    tap.equal(told, [(110, 120, "active"), (120, 130, "none"), (130, 200, "active"), (200, 340, "unknown"), (340, 350, "none"), (350, 360, "active"), (360, 400, "none")])


def test_spans_by_a_field_are_forgotten_too():
    trace = lossy((110, "app:begin", {"id": 1}), (320, "app:end", {"id": 1}), (330, "app:begin", {"id": 1}), (350, "app:end", {"id": 1}))
    told = rows(trace, "spans", "--span", "work=app:begin..app:end by id")
    tap.equal([(row["count"], row["total_ns"], row["lost"]) for row in told], [(1, 20, 1)])


def test_calls_that_were_open_when_events_were_lost_are_forgotten():
    entry, leave = "lttng_ust_cyg_profile:func_entry", "lttng_ust_cyg_profile:func_exit"
    trace = lossy((110, entry, {"addr": 16}), (120, entry, {"addr": 32}), (130, leave, {"addr": 32}), (140, entry, {"addr": 48}),
                  (310, entry, {"addr": 64}), (320, leave, {"addr": 64}), (330, leave, {"addr": 16}))
    told = {row["function"]: (row["count"], row["total_ns"]) for row in rows(trace, "spans")}
    tap.equal(told, {"0x20": (1, 10), "0x40": (1, 10)})


def test_locks_that_were_open_when_events_were_lost_are_forgotten():
    ask, got, give = (f"lttng_ust_pthread:pthread_mutex_{name}" for name in ("lock_req", "lock_acq", "unlock"))
    trace = lossy((110, ask, {"mutex": 1}), (120, got, {"mutex": 1, "status": 0}), (130, give, {"mutex": 1, "status": 0}), (140, ask, {"mutex": 1}),
                  (310, got, {"mutex": 1, "status": 0}))
    told = [(row["count"], row["wait_ns"]) for row in rows(trace, "user") if row["kind"] == "mutex"]
    tap.equal(told, [(1, 10)])


def test_memory_is_told_to_be_about_right_after_a_loss():
    malloc = "lttng_ust_libc:malloc"
    trace = lossy((110, malloc, {"size": 10, "ptr": 16}), (310, malloc, {"size": 20, "ptr": 32}))
    told = answer(trace, "user")
    tap.equal([row["live_bytes"] for row in told["rows"] if row["kind"] == "memory"], [30])
    tap.check(any("about right" in note for note in told["notes"]), told["notes"])
    whole = handmade.Trace(contexts=("vtid", "vpid"))
    whole.event(110, malloc, WHO, size=10, ptr=16)
    tap.check(not any("about right" in note for note in answer(whole, "user").get("notes", [])), "no note where nothing was lost")


def switch(trace, time, cpu, previous, following, names=("a", "b")):
    trace.event(time, "sched_switch", cpu=cpu, prev_comm=names[0], prev_tid=previous, prev_prio=20, prev_state=0, next_comm=names[1], next_tid=following, next_prio=20)


def test_spans_of_idle_processors_are_not_mixed_up():
    trace = handmade.Trace(domain="kernel", tracer_name="lttng-modules")
    for cpu in (0, 1):
        switch(trace, 100, cpu, 7 + cpu, 0)
    for time, cpu, name in ((110, 0, "irq_handler_entry"), (120, 1, "irq_handler_entry"), (130, 0, "irq_handler_exit"), (190, 1, "irq_handler_exit")):
        trace.event(time, name, cpu=cpu, irq=1, **({"name": "x"} if "entry" in name else {"ret": 1}))
    told = rows(trace, "spans", "--log", "--span", "irq=irq_handler_entry..irq_handler_exit")
    tap.equal(sorted((row["time_ns"], row["duration_ns"], row["thread"]) for row in told), [(110, 20, "swapper/0"), (120, 70, "swapper/1")])
    states = rows(trace, "states", "--row=*/span/*", "--span", "irq=irq_handler_entry..irq_handler_exit")
    tap.equal({row["row"] for row in states}, {"hand/cpu/0/span/irq", "hand/cpu/1/span/irq"}, "the processors' own")


def notes(trace, command, *options):
    return " ".join(answer(trace, command, *options).get("notes", []))


def test_a_definition_that_finished_nothing_is_told():
    trace = handmade.Trace(contexts=("vtid", "vpid"))
    trace.event(100, "app:begin", WHO, id=1)
    trace.event(110, "app:begin", WHO, id=2)
    trace.event(120, "app:stop", WHO, id=2)
    told = notes(trace, "spans", "--span", "a=app:begin..app:end", "--span", "b=app:begn..app:stop", "--span", "c=app:begin..app:stop by name", "--span", "d=app:begin..app:stop")
    tap.check('span "a": 2 events began one, none ended it: no event is called "app:end"' in told, told)
    tap.check('span "b": 1 event ended one, none began it: no event is called "app:begn"' in told, told)
    tap.check('span "c": none of the 3 events that could begin or end it has a field or context "name"' in told, told)
    tap.check('span "d"' not in told, told)
    tap.check('span "x": no event is called "x" or "y"' in notes(trace, "spans", "--span", "x=x..y"), "nothing matched")
    both = handmade.Trace(contexts=("vtid", "vpid"), hostname="other")
    both.event(100, "x", WHO)
    both.event(120, "y", WHO)
    tap.check('span "x"' not in notes([trace, both], "spans", "--span", "x=x..y"), "one trace has it: nothing is wrong with it")


def test_begins_and_ends_that_never_meet_are_told():
    trace = handmade.Trace(contexts=("vtid", "vpid"))
    trace.event(100, "app:begin", WHO, id=1)
    trace.event(120, "app:end", {"vtid": 6, "vpid": 5}, id=2)
    told = notes(trace, "spans", *RULE)
    tap.check('span "work": 1 event began one and 1 ended one, but never both on one thread' in told, told)
    told = notes(trace, "spans", "--span", "work=app:begin..app:end by id")
    tap.check('never both with the same "id"' in told, told)


def test_texts_that_differ_late_are_different_keys():
    trace = handmade.Trace(contexts=("vtid", "vpid"))
    long = "x" * 1100
    for time, name, text in ((100, "app:begin", long + "a"), (110, "app:begin", long + "b"), (130, "app:end", long + "a"), (190, "app:end", long + "b")):
        trace.event(time, name, WHO, id=text)
    told = rows(trace, "spans", "--log", "--span", "work=app:begin..app:end by id")
    tap.equal(sorted((row["time_ns"], row["duration_ns"]) for row in told), [(100, 30), (110, 80)])


def test_texts_beyond_a_million_are_still_keys():
    if int(os.environ.get("STRATA_PATIENCE", "1")) > 1:
        tap.skip("too much for the sanitizers")
    trace = handmade.Trace(contexts=())
    million = 1 << 20
    for number in range(million + 4):
        trace.event(number, "app:begin", id=f"k{number}")
        if number < million - 2:
            trace.event(number, "app:end", id=f"k{number}")
    for number in range(million - 2, million + 4):
        trace.event(2 * number, "app:end", id=f"k{number}")
    told = rows(trace, "spans", "--span", "work=app:begin..app:end by id")
    tap.equal([(row["count"], row["unfinished"], row["max_ns"], row["total_ns"]) for row in told],
              [(million + 4, 0, million + 3, sum(range(million - 2, million + 4)))])


def test_what_is_begun_beyond_the_limit_takes_its_end_with_it():
    if int(os.environ.get("STRATA_PATIENCE", "1")) > 1:
        tap.skip("too much for the sanitizers")
    trace = handmade.Trace(contexts=())
    million = 1 << 20
    for number in range(million + 2):
        trace.event(number, "app:begin")
    for number in range(million + 2):
        trace.event(2 * million + number, "app:end")
    told = answer(trace, "spans", *RULE)
    row = told["rows"][0]
    tap.equal((row["count"], row["unfinished"], row["ends_alone"], row["max_ns"], row["min_ns"]), (million, 0, 0, 3 * million + 1, million + 3))
    tap.check(any("2 more were begun" in note for note in told["notes"]), told["notes"])


def locks(*events):
    """Of thread 5: (time, name, status) of one mutex; a request has no status."""
    trace = handmade.Trace(contexts=("vtid", "vpid"))
    for time, name, *status in events:
        trace.event(time, f"lttng_ust_pthread:pthread_mutex_{name}", WHO, mutex=0x1000, **({"status": status[0]} if status else {}))
    return trace


def test_a_recursive_mutex_is_held_until_it_is_given_back_as_often():
    trace = locks((100, "lock_req"), (120, "lock_acq", 0), (130, "lock_req"), (131, "lock_acq", 0), (140, "trylock", 0), (150, "unlock", 0), (160, "unlock", 0), (190, "unlock", 0),
                  (200, "trylock", 0), (205, "unlock", 0), (210, "lock_req"), (240, "lock_acq", 0), (250, "unlock", 0), (260, "unlock", 1))
    told = [(row["count"], row["wait_ns"], row["max_ns"], row["held_ns"]) for row in rows(trace, "user") if row["kind"] == "mutex"]
    tap.equal(told, [(3, 50, 30, 70 + 5 + 10)])


def test_a_request_that_fails_leaves_the_hold_as_it_was():
    trace = locks((100, "lock_req"), (120, "lock_acq", 0), (130, "lock_req"), (131, "lock_acq", 35), (150, "trylock", 16), (160, "unlock", 0), (300, "lock_req"), (310, "lock_acq", 22))
    told = [(row["count"], row["wait_ns"], row["held_ns"]) for row in rows(trace, "user") if row["kind"] == "mutex"]
    tap.equal(told, [(1, 20, 40)])


ENTRY, EXIT = "lttng_ust_cyg_profile:func_entry", "lttng_ust_cyg_profile:func_exit"


def functions_log(binaries, *calls):
    """The functions that were called, as the log has them: `binaries` (name of the event, and its fields) are told before each call (address)."""
    trace = handmade.Trace(contexts=("vtid", "vpid"))
    time = 100
    for group, address in zip(binaries, calls):
        for name, payload in group:
            trace.event(time, name, WHO, **payload)
            time += 1
        trace.event(time, ENTRY, WHO, addr=address)
        trace.event(time + 1, EXIT, WHO, addr=address)
        time += 2
    return sorted(rows(trace, "spans", "--log", "--limit=0"), key=lambda row: row["time_ns"])


def test_binaries_that_are_dumped_again_are_the_same():
    def info(path, baddr=4096, size=4096):
        return ("lttng_ust_statedump:bin_info", {"baddr": baddr, "memsz": size, "path": path})
    close = ("lttng_ust_dl:dlclose", {"baddr": 4096})
    tap.equal([row["key"] for row in functions_log([[info("/lib/a.so"), info("/lib/a.so"), info("/lib/b.so", 8192)], [close], [info("/lib/c.so", 2048, 4096)]], 4112, 4112, 4112)],
              ["a.so+0x10", "0x1010", "c.so+0x810"])
    # As many as there may be at all, told again and again: what comes after them still has room.
    many = [info(f"/lib/{number % 16}.so", 4096 * (1 + number % 16)) for number in range(70000)]
    tap.equal([row["key"] for row in functions_log([many + [info("/lib/new.so", 1 << 20)]], (1 << 20) + 8)], ["new.so+0x8"])


def test_binaries_in_the_words_of_older_tracers():
    for name in ("ust_baddr_statedump:soinfo", "lttng_ust_statedump:soinfo", "ust_baddr:push", "lttng_ust_dl:dlopen"):
        told = functions_log([[(name, {"baddr": 4096, "sopath" if "dlopen" not in name else "path": "/lib/a.so", "size" if "dlopen" not in name else "memsz": 4096, "mtime": 1})]], 4112)
        tap.equal([row["key"] for row in told], ["a.so+0x10"], name)
    gone = functions_log([[("ust_baddr_statedump:soinfo", {"baddr": 4096, "sopath": "/lib/a.so", "size": 4096, "mtime": 1}), ("ust_baddr:pop", {"baddr": 4096})]], 4112)
    tap.equal([row["key"] for row in gone], ["0x1010"])


def test_threads_beyond_the_limit_are_nobody_elses():
    if int(os.environ.get("STRATA_PATIENCE", "1")) > 1:
        tap.skip("too much for the sanitizers")
    trace = handmade.Trace(contexts=("vtid", "vpid"))
    million = 1 << 20
    trace.event(0, "app:begin", {"vtid": 1, "vpid": 1})
    for number in range(2, million + 1):
        trace.event(number, "app:event", {"vtid": number, "vpid": 1})
    for number in range(3):
        trace.event(2 * million + number, ("app:end", "app:begin", "app:event")[number], {"vtid": 2 * million + number, "vpid": 1})
    trace.event(3 * million, "app:end", {"vtid": 2 * million + 5, "vpid": 1})
    told = answer(trace, "user", "--thread=(further*")
    tap.equal(sorted((row["what"], row["count"], row["tid"]) for row in told["rows"]), [("app:begin", 1, None), ("app:end", 2, None), ("app:event", 1, None)])
    tap.check(any("4 events" in note and str(million) in note for note in told["notes"]), told["notes"])
    told = answer(trace, "spans", *RULE)
    tap.equal(told["rows"], [], "nobody knows whose they are")


def test_without_the_context_vtid_processes_are_told_apart():
    trace = handmade.Trace(contexts=("vpid",))
    for time, name, pid in ((100, "app:begin", 5), (110, "app:begin", 6), (120, "app:end", 5), (190, "app:end", 6)):
        trace.event(time, name, {"vpid": pid})
    told = answer(trace, "spans", "--log", *RULE)
    tap.equal(sorted((row["time_ns"], row["duration_ns"], row["tid"]) for row in told["rows"]), [(100, 20, None), (110, 80, None)])
    tap.check("have no context vtid: all threads of a process count as one" in " ".join(told["notes"]), told["notes"])
    tap.check("have no context vtid" in notes(trace, "user"), "there too")
    trace = handmade.Trace(contexts=("vtid", "vpid"))
    trace.event(100, "app:begin", WHO)
    tap.check("have no context" not in notes(trace, "user"), "no note where all is well")


def test_without_contexts_processors_are_told_apart():
    trace = handmade.Trace()
    for time, name, cpu in ((100, "app:begin", 0), (110, "app:begin", 1), (120, "app:end", 0), (190, "app:end", 1)):
        trace.event(time, name, cpu=cpu)
    told = answer(trace, "spans", "--log", *RULE)
    tap.equal(sorted((row["time_ns"], row["duration_ns"]) for row in told["rows"]), [(100, 20), (110, 80)])
    tap.check("have no contexts vtid and vpid: all threads on a processor count as one" in " ".join(told["notes"]), told["notes"])


def test_buffers_of_a_process_say_which_process():
    trace = handmade.Trace(tracer_buffering_scheme="pid", vpid=77, procname="server")
    trace.event(100, "app:begin", cpu=0)
    trace.event(120, "app:end", cpu=1)
    told = answer(trace, "user")
    tap.equal({(row["pid"], row["thread"]) for row in told["rows"]}, {(77, "server")})
    tap.equal([row["duration_ns"] for row in rows(trace, "spans", "--log", *RULE)], [20])


def test_calls_beyond_the_depth_that_is_followed_are_told():
    trace = handmade.Trace(contexts=("vtid", "vpid"))
    for depth in range(1030):
        trace.event(depth, ENTRY, WHO, addr=16 * depth)
    for depth in range(1030):
        trace.event(2000 + depth, EXIT, WHO, addr=16 * (1029 - depth))
    told = answer(trace, "spans", "--log", "--limit=0")
    tap.equal(len(told["rows"]), 1024)
    tap.check(any("6 calls" in note and "1024" in note for note in told["notes"]), told["notes"])


def kernel_of(threads, clock=CLOCK):
    """A kernel's trace whose state dump tells of (tid, pid, name, [(vtid, vpid, level, namespace)..])."""
    trace = handmade.Trace(domain="kernel", clock=clock, tracer_name="lttng-modules")
    time = 10
    for tid, pid, name, numbers in threads:
        trace.event(time, "lttng_statedump_process_state", tid=tid, pid=pid, ppid=1, name=name, type=0, status=5, cpu=0)
        for vtid, vpid, level, inode in numbers:
            trace.event(time, "lttng_statedump_process_pid_ns", tid=tid, vtid=vtid, vpid=vpid, ns_level=level, ns_inum=inode)
        time += 1
    for tid, _, name, _ in threads:
        switch(trace, time, 0, 0, tid, ("swapper/0", name))
        switch(trace, time + 1, 0, tid, 0, (name, "swapper/0"))
        time += 2
    trace.event(1000, "lttng_statedump_end")
    return trace


HOST, BOX, OTHER = 0xEFFFFFFC, 4026532100, 4026532200
# Two containers, in each of which a process is number 7; and the machine's own process 7.
NUMBERS = [(7, 7, "machine's", [(7, 7, 0, HOST)]), (500, 500, "box's", [(7, 7, 1, BOX), (500, 500, 0, HOST)]), (600, 600, "other's", [(7, 7, 1, OTHER), (600, 600, 0, HOST)])]


def users(contexts, context, threads=NUMBERS):
    user = handmade.Trace(contexts=contexts, clock=CLOCK)
    user.event(200, "app:begin", context)
    user.event(300, "app:end", context)
    return [user, kernel_of(threads)]


def test_numbers_are_those_of_the_namespace():
    for inode, tid, name in ((HOST, 7, "machine's"), (BOX, 500, "box's"), (OTHER, 600, "other's")):
        told = rows(users(("vtid", "vpid", "pid_ns"), {"vtid": 7, "vpid": 7, "pid_ns": inode}), "user")
        tap.equal({(row["tid"], row["thread"]) for row in told}, {(tid, name)}, f"namespace {inode}")
        path = rows(users(("vtid", "vpid", "pid_ns"), {"vtid": 7, "vpid": 7, "pid_ns": inode}), "states", *RULE, "--row=*/span/*")
        tap.equal({row["row"] for row in path}, {f"hand/thread/{tid} {name}/span/work"})


def test_numbers_that_several_namespaces_have_are_ambiguous_without_it():
    told = answer(users(("vtid", "vpid"), {"vtid": 7, "vpid": 7}), "user")
    tap.equal({(row["tid"], row["thread"]) for row in told["rows"]}, {(7, "")})
    tap.check("several threads of the kernel's trace" in " ".join(told["notes"]) and "pid_ns" in " ".join(told["notes"]), told["notes"])


def test_numbers_outside_are_not_those_within():
    # 500 is nobody's number in any namespace that is recorded, but the machine's: a thread that says it is number 500 in a box is not that one.
    told = rows(users(("vtid", "vpid", "pid_ns"), {"vtid": 500, "vpid": 500, "pid_ns": BOX}), "user")
    tap.equal({row["thread"] for row in told}, {""})
    told = rows(users(("vtid", "vpid"), {"vtid": 500, "vpid": 500}), "user")
    tap.equal({row["thread"] for row in told}, {""}, "500 is known to have another number")


def test_new_processes_of_a_container_have_its_numbers():
    user, kernel = users(("vtid", "vpid", "pid_ns"), {"vtid": 8, "vpid": 8, "pid_ns": BOX})
    kernel.packets[0][-1][-1].pop()
    switch(kernel, 150, 0, 0, 500, ("swapper/0", "box's"))
    kernel.event(160, "sched_process_fork", parent_comm="box's", parent_tid=500, parent_pid=500, parent_ns_inum=BOX, child_comm="child's", child_tid=501,
                 vtids=[500 & 255, 8], child_pid=501, child_ns_inum=BOX)
    kernel.event(1000, "lttng_statedump_end")
    tap.equal({(row["tid"], row["thread"]) for row in rows([user, kernel], "user")}, {(501, "child's")})


def threads_of(*events):
    """Of one process and mutex: (time, thread, name, status); a request has no status."""
    trace = handmade.Trace(contexts=("vtid", "vpid", "procname"))
    for time, thread, name, *status in events:
        trace.event(time, f"lttng_ust_pthread:pthread_mutex_{name}", {"vtid": thread, "vpid": 1, "procname": f"t{thread}"}, mutex=0x1000, **({"status": status[0]} if status else {}))
    return trace


def test_who_had_the_mutex_while_another_waited():
    trace = threads_of((100, 1, "lock_req"), (101, 1, "lock_acq", 0), (110, 2, "lock_req"), (115, 3, "lock_req"), (150, 1, "unlock", 0), (152, 3, "lock_acq", 0),
                       (300, 3, "unlock", 0), (301, 2, "lock_acq", 0), (310, 4, "lock_req"), (400, 2, "unlock", 0), (410, 5, "lock_req"), (500, 5, "trylock", 16))
    told = answer(trace, "user")
    mutexes = {row["tid"]: (row["count"], row["waiting"], row["wait_ns"], row["held_ns"], row["holder"], row["holder_ns"]) for row in told["rows"] if row["kind"] == "mutex"}
    tap.equal(mutexes, {1: (1, 0, 1, 49, None, None), 2: (1, 0, 191, 99, "t3 3", 148), 3: (1, 0, 37, 148, "t1 1", 35), 4: (0, 1, 190, 0, "t2 2", 90), 5: (0, 1, 90, 0, None, None)})
    tap.check(any("t4 4 still waited for mutex 0x1000" in note for note in told["notes"]), told["notes"])


def test_what_is_held_at_the_end_is_held_until_then():
    trace = threads_of((100, 1, "lock_req"), (101, 1, "lock_acq", 0), (110, 2, "lock_req"), (500, 3, "lock_req"))
    told = {row["tid"]: (row["waiting"], row["wait_ns"], row["holder"], row["holder_ns"]) for row in rows(trace, "user") if row["kind"] == "mutex"}
    tap.equal(told, {1: (0, 1, None, None), 2: (1, 390, "t1 1", 390), 3: (1, 0, None, None)})


tap.main(globals())
