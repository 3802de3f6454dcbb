# SPDX-License-Identifier: MIT
"""Two machines made by hand that talk to one another."""
import pathlib
import struct

import handmade
import handmade_packets

MS = 1_000_000
CLIENT, SERVER = ("10.0.0.1", 40000), ("10.0.0.2", 80)
AHEAD = 7_000_000_000  # of the server's clock


class Machine(handmade.Trace):
    """A machine with one thread that is idle but for what it is asked."""

    def __init__(self, name, tid, ahead):
        super().__init__(hostname=name, domain="kernel", tracer_name="lttng-modules")
        self.tid, self.ahead = tid, ahead

    def at(self, time, name, **fields):
        self.event(time + self.ahead, name, **fields)

    def switch(self, time, to_thread):
        ends = [("swapper", 0), ("worker", self.tid)]
        (prev_comm, prev_tid), (next_comm, next_tid) = ends[not to_thread], ends[to_thread]
        self.at(time, "sched_switch", prev_comm=prev_comm, prev_tid=prev_tid, prev_prio=20, prev_state=0 if to_thread else 1,
                next_comm=next_comm, next_tid=next_tid, next_prio=20)

    def segment(self, time, name, ends, skb, seq, ack, length=100):
        head = struct.pack("<QI", skb, length + 54) + b"eth0\0"
        body = handmade_packets.segment(ends, seq, ack, 24, length)
        self.raw(time + self.ahead, name, handmade_packets.DECLARATION, head + body)

    def receive(self, time, ends, skb, seq, ack):
        """An interrupt's softirq hands a packet to the thread, wakes it, and it runs."""
        self.at(time, "irq_softirq_entry", vec=3)
        self.segment(time + 1000, "net_if_receive_skb", ends, skb, seq, ack)
        self.at(time + 2000, "sched_waking", comm="worker", tid=self.tid, prio=20, target_cpu=0)
        self.at(time + 3000, "irq_softirq_exit", vec=3)
        self.switch(time + 5000, True)

    def recv(self, time):
        """It waits for more."""
        self.at(time, "syscall_entry_recvfrom", fd=3, size=1000, flags=0)
        self.switch(time + 1000, False)

    def got(self, time):
        self.at(time, "syscall_exit_recvfrom", ret=100)


def talk(folder):
    """Twenty requests: 1 ms to the server, 5 ms there, 1 ms back; between them the client thinks for 2 ms."""
    client, server = Machine("client", 11, 0), Machine("server", 22, AHEAD)
    client.switch(0, True)
    server.switch(0, True)
    server.recv(1000)
    for i in range(20):
        t, seq, ack = (i + 1) * 10 * MS, 1000 + 100 * i, 5000 + 100 * i
        client.segment(t, "net_dev_queue", (CLIENT, SERVER), 2 * i, seq, ack)
        client.recv(t + 2000)
        server.receive(t + MS, (CLIENT, SERVER), 3 * i, seq, ack)
        server.got(t + MS + 7000)
        server.segment(t + 6 * MS, "net_dev_queue", (SERVER, CLIENT), 3 * i + 1, ack, seq + 100)
        server.recv(t + 6 * MS + 2000)
        client.receive(t + 7 * MS, (SERVER, CLIENT), 2 * i + 1, ack, seq + 100)
        client.got(t + 7 * MS + 7000)
    for machine in (client, server):
        machine.at(230 * MS, "sched_stat_runtime", comm="worker", tid=machine.tid, runtime=1, vruntime=1)
        machine.write(pathlib.Path(folder) / machine.env["hostname"])
