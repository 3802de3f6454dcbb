/* SPDX-License-Identifier: MIT */
/* diagnose/causes.h: the table of causes that rules look for: what each needs to be seen, and what has to be ruled out. Private to diagnose/. */
#ifndef STRATA_DIAGNOSE_CAUSES_H
#define STRATA_DIAGNOSE_CAUSES_H

#define DIAGNOSE_SWITCHES "sched_switch sched_waking|sched_wakeup"
#define DIAGNOSE_EXITS    "kvm_x86_entry kvm_x86_exit"

#define DIAGNOSE_STORM    "other reasons to exit, and time that it waited for a processor: only the processor time of these exits counts"

/*
 * C(ID, SCOPE, WEIGHT, SHARE_OF, WHAT, NEEDS, RULES_OUT)
 *
 * SCOPE: which machines can have it: ALL, those that run VMs (HOST), those whose VMs run VMs (NESTING). WEIGHT: in the order of findings, in per cent: what others do to somebody counts whole,
 * what a VM does to itself half, what is in the nature of its own work a hundredth: as share counts twice, a tenth of the share of something else. SHARE_OF: what the share is a share of. NEEDS: events without which nothing is found, separated by spaces; of "a|b" any; "syscall:x" is a system call.
 */
/* clang-format off */
#define DIAGNOSE_CAUSES(C) \
	C("preempted-by-vm", HOST, 100, "what it wanted to run", "a VM's vCPUs wanted a processor that another VM had", DIAGNOSE_SWITCHES, \
	  "its own threads, host processes, CPU limits: who had the processor was recorded") \
	C("preempted-by-task", HOST, 100, "what it wanted to run", "a VM's vCPUs wanted a processor that a process had", DIAGNOSE_SWITCHES, \
	  "other VMs, its own threads, CPU limits: who had the processor was recorded") \
	C("preempted-by-own-vmm", HOST, 50, "what it wanted to run", "a VM's vCPUs wanted a processor that its own hypervisor process had", DIAGNOSE_SWITCHES, \
	  "other VMs, host processes, CPU limits: who had the processor was recorded") \
	C("preempted-by-sibling", HOST, 50, "what it wanted to run", "a VM's vCPUs wanted a processor that another of its vCPUs had", DIAGNOSE_SWITCHES, \
	  "other VMs, host processes, CPU limits: who had the processor was recorded") \
	C("preempted-by-kernel", HOST, 100, "what it wanted to run", "a VM's vCPUs wanted a processor that kernel threads had", DIAGNOSE_SWITCHES, \
	  "other VMs, host processes, CPU limits: who had the processor was recorded") \
	C("io-threads-starved", HOST, 100, "what these threads wanted to run", "a VM's I/O threads wanted a processor that somebody else had", DIAGNOSE_SWITCHES, \
	  "the VM's own threads, which may take turns; threads that sleep: who had the processor was recorded") \
	C("io-thread-saturated", HOST, 50, "the time", "a thread that works for a VM's devices has more to do than one thread can", DIAGNOSE_SWITCHES, \
	  "threads that wait for a processor, or sleep: only what it ran counts") \
	C("preempted-in-guest", NESTING, 100, "what it wanted to run", "a nested VM wanted a processor that its own hypervisor's level used otherwise", DIAGNOSE_EXITS " sched_switch", \
	  "the host: the vCPU below had its processor; serving the nested VM's own exits; another nested VM") \
	C("nested-exits", NESTING, 50, "what it wanted to run", "a nested VM's exits each cost many exits of the VM in which it runs", DIAGNOSE_EXITS " sched_switch", \
	  "what the VM's own hypervisor does to serve an exit: only the host's part counts") \
	C("slow-wakeup", HOST, 100, "what it wanted to run", "a VM's vCPUs waited for a processor that was idle", DIAGNOSE_SWITCHES, \
	  "somebody else on that processor, and CPU limits") \
	C("deep-idle", HOST, 100, "what it wanted to run", "a VM's vCPUs waited for a processor that had to leave a deep idle state", DIAGNOSE_SWITCHES " power_cpu_idle", \
	  "somebody else on that processor, CPU limits, and light idle states") \
	C("halt-polling", HOST, 50, "its vCPUs' time", "a host spins for VMs that have halted", DIAGNOSE_EXITS " sched_switch", \
	  "work of the guest, and handling of its exits: only what came after its halts, before it slept or went on, counts") \
	C("slow-processor", ALL, 100, "what its busy processors ran", "processors that were busy ran at a low frequency", "power_cpu_frequency sched_switch", \
	  "processors that had little to do: they may well be slow") \
	C("cpu-throttle", ALL, 100, "what it wanted to run", "threads could have run, but their group's CPU quota was used up", "sched_switch sched_migrate_task", \
	  "somebody else on the processor: it was idle, or of others") \
	C("disk-contention", ALL, 100, "the time for which it had requests there", "requests to a disk take longer because of somebody else's", "block_rq_issue block_rq_complete", \
	  "a disk that is slow by itself: alone its requests were quicker") \
	C("slow-disk", ALL, 100, "the time for which it had requests there", "a disk takes long although it has little to do", "block_rq_issue block_rq_complete", \
	  "a disk that has much to do: it served few requests while it had these") \
	C("disk-held-back", ALL, 100, "the time for which it had requests there", "a VM's requests wait between it and its host's disks", "block_rq_issue block_rq_complete", \
	  "its host's disks: these had no request for it for most of that time") \
	C("network-delay", ALL, 100, "the time", "packets wait in an interface's queue", "net_dev_queue net_dev_xmit", \
	  "packets that the driver got in the same stretch of work") \
	C("exit-storm-pio", HOST, 50, "what it wanted to run", "a VM exits very often for port I/O", DIAGNOSE_EXITS, DIAGNOSE_STORM) \
	C("exit-storm-mmio", HOST, 50, "what it wanted to run", "a VM exits very often for a device's memory", DIAGNOSE_EXITS " kvm_mmio", DIAGNOSE_STORM) \
	C("exit-storm-msr", HOST, 50, "what it wanted to run", "a VM exits very often for model specific registers", DIAGNOSE_EXITS " kvm_x86_msr", DIAGNOSE_STORM) \
	C("exit-storm-timer", HOST, 50, "what it wanted to run", "a VM exits very often for its timers", DIAGNOSE_EXITS " kvm_x86_msr", DIAGNOSE_STORM) \
	C("exit-storm-ipi", HOST, 50, "what it wanted to run", "a VM exits very often because its vCPUs interrupt one another", DIAGNOSE_EXITS " kvm_x86_msr", DIAGNOSE_STORM) \
	C("exit-storm-cpuid", HOST, 50, "what it wanted to run", "a VM exits very often for CPUID", DIAGNOSE_EXITS, DIAGNOSE_STORM) \
	C("exit-storm-pause", HOST, 50, "what it wanted to run", "a VM exits very often because it spins", DIAGNOSE_EXITS, DIAGNOSE_STORM) \
	C("exit-storm-halt", HOST, 50, "what it wanted to run", "a VM goes idle very often, for moments", DIAGNOSE_EXITS, DIAGNOSE_STORM) \
	C("exit-storm-memory", HOST, 50, "what it wanted to run", "a VM exits very often for memory that its host has not mapped", DIAGNOSE_EXITS, DIAGNOSE_STORM) \
	C("cpu-saturated", ALL, 1, "the time", "a machine's own threads want more than its processors can do", "sched_switch sched_waking|sched_wakeup", \
	  "processors that were taken from it by a lower level, quotas, and processors that were idle meanwhile") \
	C("preempted-by-process", ALL, 100, "the time", "a machine's programs wait for processors that one which came in addition has", "sched_switch sched_waking|sched_wakeup", \
	  "work that was there all the time; processors that were taken from it by a lower level, quotas, and processors that were idle meanwhile") \
	C("interrupt-load", ALL, 50, "those processors' time", "a processor spends a good part of its time on interrupts", "irq_handler_entry irq_softirq_entry", \
	  "threads: only the handlers' own time counts") \
	C("lock-contention", ALL, 1, "the time", "threads of a program wait for each other's locks", "sched_switch sched_waking|sched_wakeup syscall:futex", \
	  "queues and conditions, on which workers wait for work; lock holders that had lost their processor") \
	C("lock-holder-preempted", ALL, 100, "the time", "threads wait for locks whose holders have lost their processor to somebody below", \
	  "sched_switch sched_waking|sched_wakeup syscall:futex", "locks that their holders held while they ran") \
	C("waits-downstream", ALL, 1, "the time of its requests", "a server's requests mostly wait for another service", DIAGNOSE_SWITCHES " syscall:recvfrom|syscall:read", \
	  "the time between requests; its own locks, disk and processor") \
	C("waits-disk", ALL, 1, "the time of its requests", "a server's requests mostly wait for its disk", DIAGNOSE_SWITCHES " syscall:recvfrom|syscall:read block_rq_complete", \
	  "the time between requests; its own locks and processor, other services") \
	C("waits-timer", ALL, 1, "the time of its requests", "a server's requests mostly wait for time to pass", DIAGNOSE_SWITCHES " syscall:recvfrom|syscall:read", \
	  "the time between requests; its own locks, disk and processor, other services") \
	C("network-loss", ALL, 100, "the time", "packets are lost, and connections stand still until they are sent again", "net_dev_queue net_if_receive_skb", \
	  "connections that have nothing to say: the time before a packet that was sent before counts only") \
	C("memory-pressure", ALL, 100, "the time", "programs wait for pages that the kernel had taken from them", "sched_switch x86_exceptions_page_fault_user|block_rq_complete", \
	  "programs that read their files for the first time: the kernel looked for memory meanwhile") \
	C("memory-limit", ALL, 100, "the time", "a group's programs look for memory themselves, because the group is at its limit", "sched_switch mm_vmscan_memcg_reclaim_begin", \
	  "a machine that is short of memory: it was the group's limit that they looked for memory for") \
	C("pinning", HOST, 100, "what it wanted to run", "a VM's vCPUs wait for the processor that they are tied to while others are idle", DIAGNOSE_SWITCHES, \
	  "a scheduler that is slow to move threads: it was always the same processor") \
	C("trace-unfit", ALL, 1, "the time", "too many events were lost to tell what happened", "sched_switch", "times in which nothing happened") \
	C("flush-bound", ALL, 1, "the time", "a program mostly waits for what it wrote to be on the medium", "syscall:fsync|syscall:fdatasync", \
	  "writing without waiting, and reading: only calls that wait for the medium count") \
	C("interrupted-vcpus", HOST, 50, "what it wanted to run", "interrupts of the host take a VM's time", "sched_switch irq_handler_entry irq_softirq_entry", \
	  "interrupts while its vCPUs were halted, or had no processor") \
	C("network-latency", ALL, 100, "the time", "the way to another machine has become longer", "net_dev_queue net_if_receive_skb", \
	  "servers that are slow, lost packets, chance: it is the quickest of several handshakes, which kernels answer themselves") \
	C("vmm-blocked", HOST, 50, "what it wanted to run", "a VM's vCPUs sleep in their hypervisor although they have not halted", DIAGNOSE_SWITCHES " kvm_x86_exit irq_handler_entry", \
	  "halts, waits for a processor, and vCPUs that have not been started yet")
/* clang-format on */

#endif
