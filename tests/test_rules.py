#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rules for findings, each over made up traces: one in which it must find its cause, with the time that was lost, and one that only looks like it."""
import json
import pathlib
import struct
import tempfile

import handmade
import handmade_packets
import tap

MS = 10**6
BEGIN = 10**12
FOLDER = tempfile.TemporaryDirectory()


RAW = {"net_dev_queue": handmade_packets.DECLARATION, "net_if_receive_skb": handmade_packets.DECLARATION}


class Machine(handmade.Trace):
    """A kernel's trace. Times are milliseconds from its begin."""

    def __init__(self, name, **env):
        super().__init__(hostname=name, domain="kernel", contexts=("vtid", "vpid"), tracer_name="lttng-modules", kernel_release="6.1", **env)
        self.name, self.current, self.processes, self.comms = name, {}, {0: 0}, {}
        self.todo = []

    def at(self, ms, what, cpu=0, **fields):
        """An event; they may come in any order."""
        self.todo.append((round(ms * MS), len(self.todo), what, cpu, fields))

    def process(self, pid, comm, *tids, ms=0):
        for tid in tids or (pid,):
            self.processes[tid] = pid
            self.comms[tid] = comm
            self.at(ms, "lttng_statedump_process_state", tid=tid, vtid=tid, pid=pid, vpid=pid, ppid=1, name=comm, type=0, mode=5, submode=0, status=5, ns_level=0)

    def comm(self, tid):
        return self.comms.get(tid, f"t{tid}")

    def switch(self, ms, tid, cpu=0, state=0):
        """Another thread gets the processor; the one that had it is left in that state (0: it could run on, 1: it sleeps)."""
        self.at(ms, "sched_switch", cpu, next_tid=tid, state=state)

    def wake(self, ms, tid, cpu=0, target=None):
        self.at(ms, "sched_waking", cpu, comm=self.comm(tid), tid=tid, prio=20, target_cpu=cpu if target is None else target)

    def call(self, ms, name, end, ret=0, cpu=0, end_cpu=None, **arguments):
        self.at(ms, f"syscall_entry_{name}", cpu, **arguments)
        self.at(end, f"syscall_exit_{name}", cpu if end_cpu is None else end_cpu, ret=ret)

    def request(self, ms, end, sector, kind="W", cpu=0, dev=8 << 20, done_cpu=0):
        self.at(ms, "block_rq_issue", cpu, dev=dev, sector=sector, nr_sector=8, bytes=4096, tid=None, rwbs=kind, comm="")
        self.at(end, "block_rq_complete", done_cpu, dev=dev, sector=sector, nr_sector=8, error=0, rwbs=kind)

    def finish(self, until):
        """Write it; returns its folder."""
        self.at(0, "lttng_statedump_start")
        self.at(until, "lttng_statedump_end")
        for time, _, what, cpu, fields in sorted(self.todo, key=lambda entry: entry[:2]):
            now = self.current.get(cpu, 0)
            if what == "sched_switch":
                following = fields["next_tid"]
                fields = {"prev_comm": self.comm(now), "prev_tid": now, "prev_prio": 20, "prev_state": fields["state"], "next_comm": self.comm(following), "next_tid": following,
                          "next_prio": 20}
            if what in RAW:
                self.raw(BEGIN + time, what, RAW[what], fields["data"], {"vtid": now, "vpid": self.processes.get(now, now)}, cpu=cpu)
                continue
            fields = {name: now if name == "tid" and value is None else value for name, value in fields.items()}
            self.event(BEGIN + time, what, {"vtid": now, "vpid": self.processes.get(now, now)}, cpu=cpu, **fields)
            if what == "sched_switch":
                self.current[cpu] = following
        return self.write(pathlib.Path(FOLDER.name) / self.name)


def report(*arguments):
    return json.loads(tap.strata("report", "--no-cache", "--format=json", *arguments).stdout)


def findings(folder, cause, *arguments):
    """Also those of little weight."""
    told = report(folder, *arguments)
    return [finding for finding in told["findings"] + told["notes"] if finding["id"] == cause]


def only(folder, cause, lost_ms, *arguments):
    """The one finding of that cause; it must tell the time lost within a tenth."""
    found = findings(folder, cause, *arguments)
    tap.equal(len(found), 1, f"{cause} found in {[f['title'] for f in report(folder, *arguments)['findings']]}")
    tap.check(abs(found[0]["lost_ns"] - lost_ms * MS) <= lost_ms * MS / 10, f"{cause}: lost {found[0]['lost_ns'] / MS} ms, in truth {lost_ms}")
    return found[0]


# ---- Disks ---------------------------------------------------------------------------------------------------------------

def disk_user(name, length, together=1):
    """A process that writes: 60 quick requests of 1 ms, then 20 of that length, so many at a time."""
    m = Machine(name)
    m.process(100, "writer")
    m.switch(1, 100)
    time = 2
    for i in range(60):
        m.request(time, time + 1, i * 8)
        time += 5
    for i in range(20 // together):
        for k in range(together):
            m.request(time + k * length / together, time + k * length / together + length, 8000 + (i * together + k) * 8)
        time += length + 5
    return m.finish(2000)


def test_a_disk_that_is_slow_by_itself():
    found = only(disk_user("slow", 60), "slow-disk", 20 * 59)
    tap.equal((found["culprit"]["kind"], found["sufferer"]["name"]), ("disk", "writer"), "who")


def test_a_disk_that_takes_many_times_as_long_as_at_other_times():
    only(disk_user("delayed", 12), "slow-disk", 20 * 11)
    tap.equal(findings(disk_user("varies", 4), "slow-disk"), [], "4 ms instead of 1")


def test_a_disk_with_much_to_do_is_not_slow():
    tap.equal(findings(disk_user("busy", 60, together=20), "slow-disk"), [], "20 requests in 60 ms each")


def guest_and_host(name, busy_ms):
    """A guest that writes and waits 60 ms for it, again and again; its host's disk has a request for it for so many of them. Times between are irregular: that is how the two clocks are found to be the same."""
    host, guest = Host(f"{name}-host"), Machine(f"{name}-guest")
    guest.process(100, "writer")
    guest.switch(0.7, 100)
    time, random = 2, 12345
    for i in range(60):
        random = (random * 1103515245 + 12345) % 2**31
        work = 1 + random % 3000 / 1000
        length = 60 if i >= 30 else 1
        guest.at(time + 0.01, "block_rq_issue", dev=8 << 20, sector=i * 8, nr_sector=8, bytes=4096, tid=None, rwbs="W", comm="")
        guest.switch(time + work - 0.02, 0, state=2)
        host.at(time + work, "kvm_x86_exit", exit_reason=HLT, guest_rip=1 << 63, isa=VMX, vcpu_id=0, info1=0, info2=0, intr_info=0)
        host.switch(time + work + 0.01, 200, state=1)
        host.request(time + work + 0.1, time + work + 0.1 + (busy_ms if i >= 30 else 0.5), i * 8)
        host.switch(time + work + 0.15, 0, state=1)
        host.wake(time + work + length, 201)
        host.switch(time + work + length + 0.01, 201, state=1)
        host.at(time + work + length + 0.02, "kvm_x86_entry", vcpu_id=0)
        guest.at(time + work + length + 0.03, "block_rq_complete", dev=8 << 20, sector=i * 8, nr_sector=8, error=0, rwbs="W")
        guest.wake(time + work + length + 0.04, 100)
        guest.switch(time + work + length + 0.05, 100)
        time += work + length + 0.1
    return [machine.finish(time) for machine in (host, guest)]


def test_requests_that_are_held_back_between_a_guest_and_its_hosts_disk():
    def found(name, busy_ms):
        told = report(*guest_and_host(name, busy_ms))
        tap.check(any(m["name"] == f"{name}-guest" and m["parent"] == f"{name}-host" for m in told["machines"]), "who runs in whom is known")
        return [(f["id"], f["level"]) for f in told["findings"] + told["notes"] if "disk" in f["id"]]
    tap.equal(found("held", 0.5), [("disk-held-back", 0)], "the host's disk is quick")
    tap.equal(found("passed", 55), [("slow-disk", 0)], "it is the host's disk that is slow, and the guest's with it")


def disk_shared(name, copies):
    """A database with a request of 1 ms each 10; in the second second somebody else reads all the time, so that they take 6: one process, or one after the other that a script starts."""
    m = Machine(name)
    m.process(100, "db")
    m.process(300, "script")
    m.switch(1, 100)
    for i in range(300):
        busy = 100 <= i < 200
        m.request(10 + i * 10, 10 + i * 10 + (6 if busy else 1), i * 8)
        pid = 400 + i // (100 // copies)
        if busy and i % (100 // copies) == 0:
            m.processes[pid], m.comms[pid] = pid, "dd"
            m.at(9 + i * 10, "sched_process_fork", parent_comm="script", parent_tid=300, parent_pid=300, child_comm="dd", child_tid=pid, child_pid=pid)
        if busy:
            m.switch(10 + i * 10 + 0.2, pid)
            m.request(10 + i * 10 + 0.3, 10 + i * 10 + 9.3, 90000 + i * 8, "R")
            m.switch(10 + i * 10 + 0.4, 100)
    return m.finish(3100)


def test_who_keeps_a_disk_busy_is_found_however_many_processes_a_script_needs_for_it():
    for copies in (1, 50):
        found = only(disk_shared(f"disk-shared-{copies}", copies), "disk-contention", 100 * 5)
        tap.equal((found["sufferer"]["name"], found["culprit"]["name"]), ("db", "dd"), f"{copies} processes")


# ---- Exits ---------------------------------------------------------------------------------------------------------------

VMX, CPUID, HLT, IO = 1, 10, 12, 30


class Host(Machine):
    """A machine with one VM, of process 200, whose vCPU is thread 201."""

    def __init__(self, name):
        super().__init__(name)
        self.process(200, "qemu-system-x86")
        self.process(200, "CPU 0/KVM", 201)
        self.switch(0.5, 201)
        self.at(0.6, "kvm_x86_entry", vcpu_id=0)

    def exit(self, ms, until, reason, rip=0xffffffff81000000, info1=0, cpu=0):
        self.at(ms, "kvm_x86_exit", cpu, exit_reason=reason, guest_rip=rip, isa=VMX, vcpu_id=0, info1=info1, info2=0, intr_info=0)
        self.at(until, "kvm_x86_entry", cpu, vcpu_id=0)


def exits(name, each_ms, every_ms, reason=CPUID, **options):
    """One second without exits, half a second with many, half a second without."""
    m = Host(name)
    for i in range(int(500 / every_ms)):
        m.exit(1000 + i * every_ms, 1000 + i * every_ms + each_ms, reason, **options)
    return m.finish(2000)


def test_a_storm_of_exits():
    found = only(exits("storm", 0.04, 0.2), "exit-storm-cpuid", 100)
    tap.check("5000 times a second" in found["title"] and "by its kernel" in found["title"], found["title"])
    tap.equal(found["sufferer"]["kind"], "vm", "who suffers")


def test_a_storm_that_is_over_in_a_moment_is_a_note():
    m = Host("moment")
    for i in range(550):
        m.exit(1000 + i * 0.2, 1000 + i * 0.2 + 0.04, CPUID)
    told = report(m.finish(2000))
    tap.equal(([f["id"] for f in told["findings"]], [f["id"] for f in told["notes"]]), ([], ["exit-storm-cpuid"]), "a tenth of a second")
    tap.equal([f["id"] for f in report(exits("half", 0.04, 0.2))["findings"]], ["exit-storm-cpuid"], "half a second")


def test_a_storm_of_port_accesses_names_the_port():
    found = only(exits("ports", 0.05, 0.2, IO, rip=0x400000, info1=0x71 << 16 | 8), "exit-storm-pio", 125)
    tap.check("0x71" in found["culprit"]["name"] and "by its programs" in found["title"], found["title"])


# By kind: the reason, the event that tells what it was for, and what the culprit's name has to say.
STORMS = {"msr": (32, ("kvm_x86_msr", {"write": 1, "ecx": 0x48, "data": 0, "ex": 0}), "0x48"),
          "timer": (32, ("kvm_x86_msr", {"write": 1, "ecx": 0x6e0, "data": 0, "ex": 0}), "TSC deadline"),
          "ipi": (32, ("kvm_x86_msr", {"write": 1, "ecx": 0x830, "data": 0, "ex": 0}), "IPI"),
          "mmio": (49, ("kvm_mmio", {"type": 2, "len": 4, "gpa": 0xfe003000, "val": 0}), "0xfe003000"),
          "pause": (40, None, "PAUSE"), "halt": (HLT, None, "HLT"), "memory": (48, None, "memory")}


def check_storm(kind):
    reason, tells, name = STORMS[kind]
    m = Host(f"storm-{kind}")
    for i in range(1500):
        time = 500 + i * 0.5
        m.exit(time, time + 0.1, reason)
        if tells:
            m.at(time + 0.05, tells[0], **tells[1])
    found = only(m.finish(1500), f"exit-storm-{kind}", 150)
    tap.check(name in found["culprit"]["name"], found["culprit"]["name"])


def test_storms_of_every_kind_name_what_they_are_for():
    for kind in STORMS:
        yield kind, check_storm, kind


def test_many_cheap_exits_and_few_expensive_ones_are_no_storm():
    tap.equal(findings(exits("cheap", 0.002, 0.2), "exit-storm-cpuid"), [], "1 % of the time")
    tap.equal(findings(exits("few", 4, 20), "exit-storm-cpuid"), [], "50 a second")


def sleeping(name, reason):
    """A vCPU that sleeps for 8 of each 10 ms: in a port's emulation, until another thread of its process wakes it; or because its guest halted it."""
    m = Host(name)
    for number, what in enumerate(("irq_handler_entry", "irq_softirq_entry", "x86_irq_vectors_local_timer_entry")):  # who wakes is believed if interrupts were recorded
        m.at(1 + number, what, irq=24, name="disk0", vec=1, vector=236)
        m.at(1.5 + number, what.replace("entry", "exit"), irq=24, ret=1, vec=1, vector=236)
    for i in range(200):
        time = 10 + i * 10
        m.at(time, "kvm_x86_exit", exit_reason=reason, guest_rip=1 << 63, isa=VMX, vcpu_id=0, info1=0x1f0 << 16 | 8, info2=0, intr_info=0)
        if reason == IO:
            m.at(time + 0.01, "kvm_userspace_exit", reason=2, errno=0)
        m.switch(time + 0.02, 0, state=1)
        m.switch(time + 7.9, 200)
        m.wake(time + 8.01, 201)
        m.switch(time + 8.03, 201, state=1)
        m.at(time + 8.1, "kvm_x86_entry", vcpu_id=0)
    return m.finish(2020)


def test_vcpus_that_sleep_in_their_hypervisor():
    found = only(sleeping("emulating", IO), "vmm-blocked", 200 * 8)
    tap.equal(found["sufferer"]["kind"], "vm", "who")


def test_vcpus_that_their_guest_has_halted():
    tap.equal(findings(sleeping("halting", HLT), "vmm-blocked"), [], "it had nothing to do")


def test_storms_that_one_cause_makes_are_one_finding():
    """A timer that is set, runs out and halts the vCPU again."""
    m = Host("timers")
    for i in range(4000):
        time = 10 + i * 0.5
        m.exit(time, time + 0.06, 32)
        m.at(time + 0.03, "kvm_x86_msr", write=1, ecx=0x6e0, data=0, ex=0)
        m.exit(time + 0.1, time + 0.15, HLT)
    told = report(m.finish(2020))["findings"]
    tap.equal([(f["id"], [part["id"] for part in f["folded"]]) for f in told], [("exit-storm-timer", ["exit-storm-halt"])], "what, and with it")


# ---- Who took a processor -------------------------------------------------------------------------------------------------

def robbed(name, each_ms, every_ms, families):
    """A vCPU that wants to run, and loses its processor to short-lived processes; each is a child of the next of these families' leaders in turn."""
    m = Host(name)
    for leader in families:
        m.process(leader, "script")
    for i in range(int(2000 / every_ms)):
        time, pid = 10 + i * every_ms, 1000 + i
        leader, comm = families[i % len(families)], "sed" if i % 3 else "grep"
        m.processes[pid], m.comms[pid] = pid, comm
        m.at(time - 0.5, "sched_process_fork", cpu=1, parent_comm="script", parent_tid=leader, parent_pid=leader, child_comm=comm, child_tid=pid, child_pid=pid)
        m.at(time, "kvm_x86_exit", exit_reason=1, guest_rip=1 << 63, isa=VMX, vcpu_id=0, info1=0, info2=0, intr_info=0)
        m.switch(time + 0.01, pid)
        m.switch(time + 0.01 + each_ms, 201, state=64)
        m.at(time + 0.02 + each_ms, "kvm_x86_entry", vcpu_id=0)
    return m.finish(2020)


def test_the_processes_of_a_script_are_one_culprit():
    """Two thirds of them are called sed."""
    found = only(robbed("script", 4, 20, [300]), "preempted-by-task", 100 * 4)
    tap.equal((found["culprit"]["name"], [part["title"].split(",")[0] for part in found["folded"]]), ("sed", ["grep"]), "who, and who else")
    tap.check(abs(found["folded"][0]["lost_ns"] - 34 * 4 * MS) <= MS, f"{found['folded']}")


def test_one_culprit_of_several_vms_is_one_finding():
    m = Host("robber")
    m.process(210, "qemu-system-x86")
    m.process(210, "CPU 0/KVM", 211)
    m.process(300, "hog", 300, 301)
    m.switch(0.5, 211, cpu=1)
    m.at(0.6, "kvm_x86_entry", cpu=1, vcpu_id=0)
    for i in range(100):
        for cpu, vcpu, hog, length in ((0, 201, 300, 6), (1, 211, 301, 4)):
            time = 10 + i * 20
            m.at(time, "kvm_x86_exit", cpu=cpu, exit_reason=1, guest_rip=1 << 63, isa=VMX, vcpu_id=0, info1=0, info2=0, intr_info=0)
            m.switch(time + 0.01, hog, cpu=cpu)
            m.switch(time + 0.01 + length, vcpu, cpu=cpu, state=1)
            m.at(time + 0.02 + length, "kvm_x86_entry", cpu=cpu, vcpu_id=0)
    found = only(m.finish(2020), "preempted-by-task", 100 * 6)
    tap.equal((found["sufferer"]["pid"], [(part["id"], part["title"].split()[1], round(part["lost_ns"] / MS)) for part in found["folded"]]), (200, [("preempted-by-task", "210", 400)]),
              "whom it costs most, and who else suffers")


def test_two_scripts_are_two_culprits():
    tap.equal(len(findings(robbed("scripts", 4, 20, [300, 400]), "preempted-by-task")), 2, "findings")


def starved(name, own):
    """A thread of the VM's process on the second processor, which another process keeps busy for 3 of each 10 ms in which it wants to run; or the VM's own vCPU does."""
    m = Host(name)
    m.process(200, "qemu-system-x86", 202)
    m.process(500, "hog")
    other = 200 if own else 500
    m.switch(1, other, cpu=1)
    for i in range(200):
        time = 10 + i * 10
        m.wake(time, 202, cpu=1)
        m.switch(time + 3, 202, cpu=1, state=0)
        m.switch(time + 5, other, cpu=1, state=1)
    return m.finish(2020)


def test_io_threads_that_somebody_else_keeps_from_running():
    found = only(starved("starved", False), "io-threads-starved", 200 * 3)
    tap.equal((found["sufferer"]["kind"], found["culprit"]["name"]), ("vm", "hog"), "who")
    tap.check(0.55 < found["share"] < 0.65, f"3 of 5 ms: {found['share']}")


def working(name, busy_ms):
    """A thread of the VM's process that works for so many of each 10 ms."""
    m = Host(name)
    m.process(200, "qemu-system-x86", 202)
    for i in range(200):
        m.switch(10 + i * 10, 202, cpu=1)
        m.switch(10 + i * 10 + busy_ms, 0, cpu=1, state=1)
    return m.finish(2010)


def test_an_io_thread_that_has_more_to_do_than_it_can():
    found = only(working("overworked", 9.8), "io-thread-saturated", 2000)
    tap.equal((found["sufferer"]["kind"], found["culprit"]["tid"]), ("vm", 202), "whose, and which")
    tap.equal(findings(working("at-ease", 7), "io-thread-saturated"), [], "70 %")


def test_threads_of_a_vm_that_take_turns_starve_nobody():
    tap.equal(findings(starved("turns", True), "io-threads-starved"), [], "its own")


def waking(name, depth, us):
    """A vCPU that is woken every 2 ms, runs for 0.3 ms, and each time waits so long for a processor that is idle, and how deeply."""
    m = Host(name)
    for i in range(1000):
        time = 10 + i * 2
        m.at(time, "kvm_x86_exit", exit_reason=HLT, guest_rip=1 << 63, isa=VMX, vcpu_id=0, info1=0, info2=0, intr_info=0)
        m.switch(time + 0.01, 0, state=1)
        m.at(time + 0.02, "power_cpu_idle", state=depth, cpu_id=0)
        m.wake(time + 1, 201, cpu=1, target=0)
        m.at(time + 1 + us / 1000, "power_cpu_idle", state=0xffffffff, cpu_id=0)
        m.switch(time + 1.001 + us / 1000, 201)
        m.at(time + 1.002 + us / 1000, "kvm_x86_entry", vcpu_id=0)
    return m.finish(2012)


def test_processors_that_sleep_too_deeply_are_told_from_those_that_are_slow_to_wake():
    found = only(waking("deep", 3, 200), "deep-idle", 1000 * 0.2)
    tap.equal(found["culprit"]["name"], "idle state 3", "which state")
    tap.equal(findings(pathlib.Path(FOLDER.name) / "deep", "slow-wakeup"), [], "it is that")
    only(waking("light", 1, 200), "slow-wakeup", 1000 * 0.2)
    tap.equal(findings(pathlib.Path(FOLDER.name) / "light", "deep-idle"), [], "it is not that")


def polling(name, ms):
    """A vCPU that halts each 2 ms; its host spins so long for it, then it goes on."""
    m = Host(name)
    for i in range(1000):
        m.exit(10 + i * 2, 10 + i * 2 + ms, HLT)
    return m.finish(2012)


def test_a_host_that_spins_for_halted_vms():
    found = only(polling("spinning", 0.8), "halt-polling", 1000 * 0.8)
    tap.equal(found["sufferer"]["kind"], "vm", "whose")
    tap.equal(findings(polling("hardly", 0.1), "halt-polling"), [], "5 %")


def slowed(name, busy_ms, hot=False):
    """A processor that is busy for so many of each 10 ms; from the first to the second second it runs at 1 GHz instead of 4."""
    m = Machine(name)
    m.process(100, "worker")
    m.switch(0.5, 0)
    for ms, khz in ((1, 4000000), (1000, 1000000), (2000, 4000000)):
        m.at(ms, "power_cpu_frequency", state=khz, cpu_id=0)
    for time in range(10, 3000, 10):
        m.switch(time, 100)
        m.switch(time + busy_ms, 0, state=1)
    if hot:
        m.at(1500, "x86_irq_vectors_thermal_apic_entry", vector=250)
        m.at(1500.01, "x86_irq_vectors_thermal_apic_exit", vector=250)
    return m.finish(3000)


def test_busy_processors_that_run_slowly():
    found = only(slowed("slowed", 9), "slow-processor", 900 * 0.75)
    tap.check("of 4000" in found["title"] and found["culprit"]["name"] == "frequency", found["title"])
    tap.equal(only(slowed("hot", 9, True), "slow-processor", 900 * 0.75)["culprit"]["name"], "heat", "why")


def test_processors_with_little_to_do_may_be_slow():
    tap.equal(findings(slowed("lazy", 5), "slow-processor"), [], "half idle")


def test_what_costs_little_of_the_time_is_a_note_and_what_costs_a_second_is_not():
    told = report(robbed("little", 1, 20, [300]))
    tap.equal(([f["id"] for f in told["findings"]], [f["id"] for f in told["notes"]]), ([], ["preempted-by-task"]), "5 %")
    told = report(robbed("some", 4, 20, [300]))
    tap.equal(([f["id"] for f in told["findings"]], told["notes"]), (["preempted-by-task"], []), "20 %")


def quota(name, migrations):
    """A vCPU that could run on after 50 of each 100 ms, but its processor is idle then."""
    m = Host(name)
    if migrations:
        m.at(1, "sched_migrate_task", comm="other", tid=99, prio=20, orig_cpu=0, dest_cpu=1)
    for i in range(20):
        time = 10 + i * 100
        m.at(time + 50, "kvm_x86_exit", exit_reason=1, guest_rip=1 << 63, isa=VMX, vcpu_id=0, info1=0, info2=0, intr_info=0)
        m.switch(time + 50.01, 0, state=0)
        m.switch(time + 100, 201)
        m.at(time + 100.01, "kvm_x86_entry", vcpu_id=0)
    return m.finish(2120)


def test_a_vm_that_uses_up_its_quota():
    found = only(quota("quota", True), "cpu-throttle", 20 * 50)
    tap.equal((found["sufferer"]["kind"], found["culprit"]["kind"]), ("vm", "quota"), "who")


def test_without_migrations_a_quota_is_not_taken_for_a_processor_that_is_slow_to_wake_up():
    told = report(quota("unknown-quota", False))
    tap.equal([f["id"] for f in told["findings"] + told["notes"]], [], "it may have been moved")
    tap.check("cpu-throttle" in [row["id"] for row in told["unchecked"]], "it is said that it could not be looked for")


# ---- Nested VMs ------------------------------------------------------------------------------------------------------------

VMREAD, VMRESUME = 23, 24


def nested(name, each_us, many):
    """A nested VM that runs for 0.5 ms, then exits; its hypervisor takes so many exits of its own to serve that, each of so many microseconds."""
    m = Host(name)
    m.exit(1, 1.01, VMRESUME)
    time, step = 1.01, (each_us + 5) / 1000
    for _ in range(800):
        time += 0.5
        m.exit(time, time + 0.01, CPUID)
        m.at(time + 0.005, "kvm_x86_nested_vmexit_inject", exit_code=CPUID, exit_info1=0, exit_info2=0, exit_int_info=0, exit_int_info_err=0, isa=VMX)
        time += 0.015
        for i in range(many):
            m.exit(time, time + each_us / 1000, VMRESUME if i == many - 1 else VMREAD)
            time += step
        time -= 0.005
    m.switch(time + 0.1, 0, state=1)
    return m.finish(time + 1)


def test_exits_of_a_nested_vm_that_cost_many():
    found = only(nested("multiplied", 20, 15), "nested-exits", 800 * 15 * 0.02)
    tap.check("costs 16 exits" in found["title"], found["title"])


def test_nested_exits_that_cost_few_or_cheap_ones_are_normal():
    tap.equal(findings(nested("direct", 60, 5), "nested-exits"), [], "6 exits")
    tap.equal(findings(nested("quick", 2, 15), "nested-exits"), [], "16 exits that take less than a tenth of the time")


def test_from_the_host_alone_it_is_seen_that_a_guest_keeps_its_own_guest_from_running():
    scenario = tap.SAMPLES / "nested-cpu"
    first = report(scenario / "host")["findings"][0]
    tap.equal((first["id"], first["level"]), ("preempted-in-guest", 1), "cause and level")
    known = sum(f["lost_ns"] for f in report(scenario)["findings"] if f["level"] == 1 and f["id"].startswith("preempted-by"))
    tap.check(abs(first["lost_ns"] - known) <= 0.1 * known, f"lost {first['lost_ns']}, as level 1's own trace has it {known}")


# ---- Processors and locks --------------------------------------------------------------------------------------------------

def two_that_want_one(name, idle_ms, until=4000):
    """Two threads take turns of 10 ms each; then both sleep for so long."""
    m = Machine(name)
    m.process(100, "left")
    m.process(110, "right")
    time = 1
    m.switch(0.5, 0)
    while time < until:
        m.wake(time, 100)
        m.wake(time + 0.01, 110)
        m.switch(time + 0.05, 100)
        m.switch(time + 10, 110, state=0)
        m.switch(time + 20, 100, state=1)
        m.switch(time + 30, 0, state=1)
        time += 30 + idle_ms
    return m.finish(time)


def test_a_machine_with_more_to_run_than_it_can():
    """Of each 30 ms: one waits until 10, the other one from then until 20."""
    only(two_that_want_one("saturated", 0.1), "cpu-saturated", 4000 * 20 / 30.1)


def test_a_machine_that_is_idle_in_between_is_not_saturated():
    tap.equal(findings(two_that_want_one("bursts", 30), "cpu-saturated"), [], "idle for half of the time")


def with_a_hog(name, from_ms):
    """A server that wants 4 of each 10 ms; from then on, until it ends, a hog takes the first 3 ms of them and all that is left over."""
    m = Machine(name)
    m.process(100, "server")
    m.process(110, "hog")
    m.switch(0.5, 0)
    for time in range(10, 4000, 10):
        hog = time >= from_ms
        if hog and time < from_ms + 10:
            m.switch(time - 1, 110, state=0)
        m.wake(time, 100)
        m.switch(time + (6 if hog else 0.02), 100, state=0)
        m.switch(time + 9.99 if hog else time + 4, 110 if hog else 0, state=1)
    return m.finish(4000)


def test_a_process_that_came_is_to_blame_for_what_the_others_wait():
    found = only(with_a_hog("hog", 2000), "preempted-by-process", 200 * 6)
    tap.equal((found["sufferer"]["name"], found["culprit"]["name"]), ("hog", "hog"), "the machine is called so, too")
    told = report(pathlib.Path(FOLDER.name) / "hog")
    tap.equal([f["id"] for f in told["findings"]], ["preempted-by-process"], "it is of weight, and the only finding")


def test_a_process_that_was_there_all_the_time_is_part_of_the_work():
    folder = with_a_hog("work", 0)
    tap.equal(findings(folder, "preempted-by-process"), [], "nothing to compare with")
    tap.equal(len(findings(folder, "cpu-saturated")), 1, "it is too much for the machine")


def interrupted(name, each_us, every_us):
    m = Machine(name)
    m.process(100, "worker")
    m.switch(0.5, 100)
    for i in range(int(2_000_000 / every_us)):
        time = 1 + i * every_us / 1000
        m.at(time, "irq_handler_entry", irq=24, name="nic0")
        m.at(time + each_us / 1000, "irq_handler_exit", irq=24, ret=1)
    m.at(2001.5, "irq_softirq_entry", vec=3)
    m.at(2001.6, "irq_softirq_exit", vec=3)
    return m.finish(2002)


def test_a_processor_loaded_with_interrupts():
    found = only(interrupted("interrupts", 400, 1000), "interrupt-load", 800)
    tap.equal(found["culprit"]["name"], "irq 24 nic0", "whose")


def test_softirqs_that_a_thread_of_the_kernel_runs_are_load_too():
    m = Machine("ksoftirqd")
    m.process(100, "worker")
    m.at(0, "lttng_statedump_process_state", tid=15, vtid=15, pid=15, vpid=15, ppid=2, name="ksoftirqd/0", type=1, mode=1, submode=0, status=5, ns_level=0)
    m.comms[15] = "ksoftirqd/0"
    m.switch(0.5, 100)
    for i in range(2000):
        time = 1 + i
        m.at(time, "irq_handler_entry", irq=24, name="nic0")
        m.at(time + 0.005, "irq_handler_exit", irq=24, ret=1)
        m.wake(time + 0.006, 15)
        m.switch(time + 0.01, 15)
        m.at(time + 0.02, "irq_softirq_entry", vec=3)
        m.at(time + 0.6, "irq_softirq_exit", vec=3)
        m.switch(time + 0.61, 100, state=1)
    folder = m.finish(2002)
    found = only(folder, "interrupt-load", 2000 * 0.585)
    tap.equal((found["culprit"]["name"], [f["id"] for f in report(folder)["findings"]]), ("softirq net_rx", ["interrupt-load"]), "whose; that threads wait meanwhile is told with it")


def test_few_or_short_interrupts_are_no_load():
    tap.equal(findings(interrupted("short", 50, 1000), "interrupt-load"), [], "5 %")
    tap.equal(findings(interrupted("long", 4000, 10000), "interrupt-load"), [], "100 a second")


def disturbed(name, each_us):
    """A vCPU that runs, and a packet's softirq a millisecond on its processor."""
    m = Host(name)
    for i in range(2000):
        m.at(1 + i, "irq_softirq_entry", vec=3)
        m.at(1 + i + each_us / 1000, "irq_softirq_exit", vec=3)
    m.at(2001.1, "irq_handler_entry", irq=24, name="nic0")
    m.at(2001.2, "irq_handler_exit", irq=24, ret=1)
    return m.finish(2002)


def test_interrupts_that_take_a_vms_time():
    found = only(disturbed("disturbed", 200), "interrupted-vcpus", 400)
    tap.check("net_rx" in found["culprit"]["name"], found["culprit"]["name"])


def test_interrupts_that_take_little_of_it():
    tap.equal(findings(disturbed("calm", 50), "interrupted-vcpus"), [], "5 %")


FUTEX_WAIT, FUTEX_WAKE = 128, 129


def futex(m, ms, end, op, address, ret, cpu):
    m.call(ms, "futex", end, ret, cpu, uaddr=address, op=op, val=2, utime=0, uaddr2=0, val3=0)


def locking(name, takes_turns, work_ms=9, until=2000, alone_ms=0):
    """Two threads on two processors. One works under a lock while the other waits for it; then, if they take turns, the other way round; then one works on its own."""
    m = Machine(name)
    m.process(100, "worker", 100, 101)
    m.switch(0.4, 100, 0)
    m.switch(0.5, 101, 1)
    time, waiter = 1, 1
    while time < until:
        holder = 1 - waiter
        futex(m, time, time + work_ms + 0.2, FUTEX_WAIT, 0x7000, 0, waiter)
        m.switch(time + 0.01, 0, waiter, state=1)
        futex(m, time + work_ms, time + work_ms + 0.3, FUTEX_WAKE, 0x7000, 1, holder)
        m.wake(time + work_ms + 0.05, 100 + waiter, holder, waiter)
        m.switch(time + work_ms + 0.1, 100 + waiter, waiter)
        time += 10
        waiter = 1 - waiter if takes_turns else waiter
    if alone_ms:
        m.switch(time, 0, waiter, state=1)
    return m.finish(time + alone_ms)


def test_threads_that_wait_for_each_others_locks():
    found = only(locking("locks", True), "lock-contention", 2000 * 9.2 / 10)
    tap.equal((found["sufferer"]["name"], found["culprit"]["name"]), ("worker", "lock 0x7000"), "who, and which lock")


def test_a_lock_that_takes_most_of_some_seconds_is_of_weight_in_a_long_trace_too():
    def told(folder):
        of = report(folder)
        return [[f["id"] for f in of[kind]] for kind in ("findings", "notes")]
    tap.equal(told(locking("some-seconds", True, until=6000, alone_ms=8000)), [["lock-contention"], []], "0.4 of the time, but most of six seconds")
    tap.equal(told(locking("always-some", True, 4, until=6000)), [[], ["lock-contention"]], "0.4 of every second")


def test_a_worker_that_waits_for_work_waits_for_no_lock():
    tap.equal(findings(locking("queue", False), "lock-contention"), [], "the same one always waits")
    tap.equal(findings(locking("uncontended", True, 0.5), "lock-contention"), [], "for 5 % of the time")


def test_a_lock_holder_that_lost_its_processor_is_told_with_what_took_it():
    if not tap.TRACES:
        tap.skip("no trace of such a case among the samples")
    found = report(tap.TRACES / "smp-lock")["findings"]
    tap.equal(found[0]["id"], "preempted-by-task", "the cause")
    tap.check("lock-holder-preempted" in [f["id"] for f in found[0]["folded"]], "and its symptom")


def pinned(name, cpus, tied=True):
    """Two vCPUs take turns of 10 ms on one processor; another processor has nothing to do, or is busy. Untied ones change processors now and then."""
    m = Machine(name)
    m.process(200, "qemu-system-x86")
    m.process(200, "CPU 0/KVM", 201)
    m.process(200, "CPU 1/KVM", 202)
    m.process(300, "busy")
    m.switch(0.4, 300 if cpus == 1 else 0, 1)
    m.switch(0.5, 201)
    m.wake(0.7, 202)
    time, cpu = 1, 0
    for i in range(200):
        if not tied and i % 50 == 49:
            m.switch(time, 0, cpu)
            for tid in (201, 202):
                m.at(time + 0.01, "sched_migrate_task", cpu, comm="", tid=tid, prio=20, orig_cpu=cpu, dest_cpu=1 - cpu)
            cpu = 1 - cpu
        m.switch(time + 0.02, 202 if i % 2 == 0 else 201, cpu)
        time += 10
    return m.finish(time + 10)


def test_vcpus_tied_to_one_processor_while_another_is_idle():
    found = only(pinned("tied", 2), "pinning", 2000)
    tap.equal([folded["id"] for folded in found["folded"]], ["preempted-by-sibling"], "what that brings about is told with it")


def test_vcpus_that_share_one_processor_because_the_other_is_busy_or_that_move_are_not_tied():
    tap.equal(findings(pinned("allbusy", 1), "pinning"), [], "the other one is busy")
    tap.equal(findings(pinned("moving", 2, tied=False), "pinning"), [], "they have been elsewhere")


# ---- Memory, network, services, the trace itself ------------------------------------------------------------------------------

# Who records all of these records all system calls: what is none is user space then.
CALLS = "read write close ioctl mmap munmap futex fsync socket sendmsg clone execve kill sched_yield".split()


def faulting(name, reclaim_ms, swap=False):
    """A program that sleeps in page faults, 5 ms of each 10, while kswapd runs for so long in each 100. With swap, only the disk's events tell of them."""
    m = Machine(name)
    m.process(100, "hungry")
    m.process(100, "hungry")
    m.at(0, "lttng_statedump_process_state", tid=40, vtid=40, pid=40, vpid=40, ppid=2, name="kswapd0", type=1, mode=1, submode=0, status=5, ns_level=0)
    m.comms[40] = "kswapd0"
    m.switch(0.5, 100)
    for number, name in enumerate(CALLS):
        m.call(0.51 + number / 100, name, 0.515 + number / 100)
    for i in range(200):
        time = 1 + i * 10
        if swap:
            m.request(time, time + 4.99, i * 8, "R")
        else:
            m.at(time, "x86_exceptions_page_fault_user", address=0x1000 * i, ip=0x400000, error_code=4)
        kswapd = reclaim_ms and i % 10 == 0
        m.switch(time + 0.01, 40 if kswapd else 0, state=2)
        if kswapd:
            m.switch(time + 0.01 + reclaim_ms, 0, state=1)
        m.wake(time + 5, 100)
        m.switch(time + 5.01, 100)
    return m.finish(2002)


def reclaiming(name, what):
    """A program that looks for memory itself, for 3 of each 10 ms."""
    m = Machine(name)
    m.process(100, "hungry")
    m.switch(0.5, 100)
    m.at(1, "x86_exceptions_page_fault_user", address=0x1000, ip=0x400000, error_code=4)
    for i in range(200):
        time = 2 + i * 10
        m.at(time, f"mm_vmscan_{what}_reclaim_begin", order=0, gfp_flags=0)
        m.at(time + 3, f"mm_vmscan_{what}_reclaim_end", nr_reclaimed=32)
    return m.finish(2004)


def test_a_host_that_swaps_its_vms_memory():
    m = Host("swap")
    m.at(0, "lttng_statedump_process_state", tid=40, vtid=40, pid=40, vpid=40, ppid=2, name="kswapd0", type=1, mode=1, submode=0, status=5, ns_level=0)
    m.comms[40] = "kswapd0"
    m.at(1, "irq_softirq_entry", vec=4)
    m.at(1.1, "irq_softirq_exit", vec=4)
    for i in range(200):
        time = 10 + i * 10
        m.at(time, "kvm_x86_exit", exit_reason=48, guest_rip=1 << 63, isa=VMX, vcpu_id=0, info1=0, info2=0, intr_info=0)
        m.request(time + 0.02, time + 5, i * 8, "R")
        m.switch(time + 0.03, 40 if i % 5 == 0 else 0, state=2)
        if i % 5 == 0:
            m.request(time + 0.1, time + 4, 90000 + i * 8)
            m.switch(time + 1, 0, state=1)
        m.at(time + 4.99, "irq_handler_entry", irq=24, name="disk0")
        m.wake(time + 5.01, 201)
        m.at(time + 5.02, "irq_handler_exit", irq=24, ret=1)
        m.switch(time + 5.03, 201)
        m.at(time + 5.05, "kvm_x86_entry", vcpu_id=0)
    folder = m.finish(2020)
    found = only(folder, "memory-pressure", 200 * 5)
    tap.equal([part["id"] for part in found["folded"]], ["vmm-blocked"], "that its vCPUs sleep is told with it")
    tap.equal(report(folder)["findings"][0]["id"], "memory-pressure", "it comes first")


def test_programs_that_look_for_memory_themselves():
    found = only(reclaiming("reclaiming", "direct"), "memory-pressure", 200 * 3)
    tap.equal(found["culprit"]["name"], "hungry", "who wants it")
    found = only(reclaiming("limited", "memcg"), "memory-limit", 200 * 3)
    tap.equal((found["sufferer"]["name"], found["culprit"]["kind"]), ("hungry", "limit"), "whose limit")
    tap.equal(findings(pathlib.Path(FOLDER.name) / "limited", "memory-pressure"), [], "the machine has enough")


def test_a_machine_short_of_memory():
    found = only(faulting("short-of-memory", 3), "memory-pressure", 1000)
    tap.equal(found["culprit"]["name"], "hungry", "who wants it")


def test_a_machine_that_swaps_with_only_its_disk_recorded():
    only(faulting("swapping", 3, swap=True), "memory-pressure", 1000)


def test_a_program_that_reads_its_file_is_not_short_of_memory():
    tap.equal(findings(faulting("cold", 0), "memory-pressure"), [], "nothing was taken from it")


def connecting(name, slow_ms, every=1, server_ms=0):
    """Ten connections a second for six seconds; in the fourth and fifth, of every so many the answer to the SYN takes longer. The server's answer to the request may be late."""
    m = Machine(name)
    m.process(100, "client")
    m.switch(0.5, 100)
    for i in range(60):
        time, port = 10 + i * 100, 40000 + i
        here, there = ("10.0.0.1", port), ("10.0.0.2", 80)
        late = slow_ms if 30 <= i < 50 and i % every == 0 else 1
        skb = 1024 * (i + 1)
        answer, reply = time + late, time + 2 * late + server_ms + 2

        def packet(ms, ends, seq, ack, flags, length, number):
            name = "net_dev_queue" if ends[0] == here else "net_if_receive_skb"
            m.at(ms, name, data=struct.pack("<QI", skb + 64 * number, length + 54) + b"eth0\0" + handmade_packets.segment(ends, seq, ack, flags, length))
        packet(time, (here, there), 0, 0, 0x02, 0, 0)
        packet(answer, (there, here), 0, 1, 0x12, 0, 1)
        packet(answer + 0.1, (here, there), 1, 1, 0x10, 0, 2)
        packet(answer + 0.2, (here, there), 1, 1, 0x18, 100, 3)
        packet(reply, (there, here), 1, 101, 0x18, 500, 4)
    return m.finish(6100)


def test_a_way_that_has_become_longer():
    """The SYN is under way for 20 ms more, the request for 21.8."""
    found = only(connecting("longer", 21), "network-latency", 20 * (20 + 21.8))
    tap.check("10.0.0.2" in found["culprit"]["name"], found["culprit"]["name"])


def test_a_server_that_is_slow_or_some_late_answers_are_not_the_way():
    tap.equal(findings(connecting("slow-server", 1, server_ms=30), "network-latency"), [], "kernels answer at once")
    tap.equal(findings(connecting("chance", 21, every=2), "network-latency"), [], "half of the handshakes are quick")


def flushing(name, ms):
    m = Machine(name)
    m.process(100, "writer")
    m.switch(0.5, 100)
    for i in range(200):
        time = 1 + i * 10
        m.call(time, "fsync", time + ms, fd=3)
        m.switch(time + 0.01, 0, state=2)
        m.wake(time + ms - 0.05, 100)
        m.switch(time + ms - 0.02, 100)
    return m.finish(2002)


def test_a_program_that_waits_for_the_medium():
    found = only(flushing("flushing", 8), "flush-bound", 200 * 8)
    tap.equal(found["sufferer"]["name"], "writer", "who")


def test_a_program_that_flushes_now_and_then():
    tap.equal(findings(flushing("seldom", 2), "flush-bound"), [], "a fifth of the time")


def talking(name, lose, gap_ms=200):
    """A connection with a packet each 10 ms; every n-th is sent again after the gap."""
    m = Machine(name)
    m.process(100, "sender")
    m.switch(0.5, 100)
    time, seq = 1, 0
    for i in range(100):
        for again in range(2 if lose and i % lose == 0 else 1):
            time += gap_ms if again else 10
            header = handmade_packets.segment((("10.0.0.1", 4000), ("10.0.0.2", 80)), seq, 1, 0x10, 100)
            m.at(time, "net_dev_queue", data=struct.pack("<QI", 64 * (i + 1), 154) + b"eth0\0" + header)
        seq += 100
    return m.finish(time + 1)


def test_packets_that_are_lost_and_sent_again():
    found = only(talking("lossy", 10), "network-loss", 10 * 200)
    tap.equal(found["culprit"]["name"], "the network beyond eth0", "where")


def test_a_connection_with_pauses_or_one_lost_packet_is_healthy():
    tap.equal(findings(talking("healthy", 0), "network-loss"), [], "no packet is lost")
    tap.equal(findings(talking("once", 1000, 10), "network-loss"), [], "one of 100, for 10 ms")


def serving(name, downstream_ms):
    """A server that answers 50 requests of 10 ms each, and asks another service meanwhile."""
    m = Machine(name)
    m.process(100, "server")
    m.switch(0.5, 100)
    m.call(1, "socket", 1.1, ret=6, family=2, type=1, protocol=0)
    m.call(1.2, "connect", 1.3, ret=0, fd=6, family=2, dport=3306)
    m.call(1.4, "accept4", 1.5, ret=5, fd=3, flags=0, family=2, sport=40000)
    for i in range(50):
        time = 10 + i * 20
        m.call(time, "recvfrom", time + 0.1, ret=100, fd=5, size=1000, flags=0)
        m.call(time + 0.5, "sendto", time + 0.6, ret=50, fd=6, len=50)
        m.at(time + 1, "syscall_entry_recvfrom", fd=6, size=1000, flags=0)
        m.switch(time + 1.01, 0, state=1)
        m.at(time + 1 + downstream_ms, "irq_softirq_entry", vec=3)
        m.wake(time + 1.01 + downstream_ms, 100)
        m.at(time + 1.02 + downstream_ms, "irq_softirq_exit", vec=3)
        m.switch(time + 1.03 + downstream_ms, 100)
        m.at(time + 1.1 + downstream_ms, "syscall_exit_recvfrom", ret=500)
        m.call(time + 9.9, "sendto", time + 10, ret=500, fd=5, len=500)
    return m.finish(1100)


def test_a_server_that_waits_for_another_service():
    found = only(serving("downstream", 8), "waits-downstream", 50 * 8)
    tap.equal((found["sufferer"]["name"], found["culprit"]["name"]), ("server", "the service on port 3306"), "who waits for whom")


def test_a_server_that_computes_waits_for_nobody():
    tap.equal(findings(serving("computing", 2), "waits-downstream"), [], "it waits for a fifth of the time")


def losing(name, lost):
    """Two seconds; of 600 ms of them events may have been lost."""
    trace = handmade.Trace(hostname=name, domain="kernel", tracer_name="lttng-modules")
    for begin, end in ((0, 1000), (1000, 1600), (1600, 2000)):
        trace.packet(0, BEGIN + begin * MS, BEGIN + end * MS, lost=lost if begin == 1000 else 0)
        for i in range(begin, end, 100):
            for offset, before, after in ((1, 0, 100), (50, 100, 0)):
                trace.event(BEGIN + (i + offset) * MS, "sched_switch", prev_comm="", prev_tid=before, prev_prio=20, prev_state=1 if before else 0, next_comm="",
                            next_tid=after, next_prio=20)
    return trace.write(pathlib.Path(FOLDER.name) / name)


def test_a_trace_that_lost_too_much_is_said_to_be_unfit():
    only(losing("losing", 50), "trace-unfit", 600)
    tap.equal(findings(losing("whole", 0), "trace-unfit"), [], "nothing was lost")


# ---- What can't be looked for ----------------------------------------------------------------------------------------------

def test_causes_whose_events_are_missing_are_listed_with_the_command_that_records_them():
    unchecked = {row["id"]: row for row in report(disk_user("nonet", 2))["unchecked"]}
    tap.check("slow-disk" not in unchecked, "the disk's events are there")
    tap.equal(unchecked["network-delay"]["command"], "lttng enable-event -k net_dev_queue,net_dev_xmit", "what records packets")
    tap.check("preempted-by-vm" not in unchecked, "a machine without VMs is not asked for them")
    text = tap.strata("report", "--no-cache", pathlib.Path(FOLDER.name) / "nonet").stdout
    tap.check("network-delay" in text and "lttng enable-event -k net_dev_queue,net_dev_xmit" in text, "the text says it too")


def test_every_cause_is_explained_and_documented():
    text = tap.strata("report", "--explain", FOLDER.name).stdout
    page = (tap.SOURCE / "docs/analyses/findings.md").read_text(encoding="utf-8")
    causes = [line.split(":")[0] for line in text.splitlines() if line and not line.startswith(" ") and ":" in line and "." not in line.split(":")[0]]
    tap.check(len(causes) > 8 and "slow-disk" in causes, f"{causes}")
    for cause in causes:
        tap.check(f"| `{cause}` |" in page, f"{cause} is not in docs/analyses/findings.md")


tap.main(globals())
