#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Packets through queues, drivers and drops, case by case, in made up traces."""
import json
import pathlib
import struct
import tempfile

import handmade
import handmade_packets
import tap

HERE, THERE = ("10.0.0.1", 1000), ("10.0.0.2", 80)
SYN, ACK, PUSH = 2, 16, 24
KFREE = 'u64 skbaddr; u64 location; enum : u32 { "NO_SOCKET" = 3, "NOT_SPECIFIED" = 2, "QDISC_DROP" = 5 } reason;'


class Net(handmade.Trace):
    def __init__(self, **env):
        super().__init__(domain="kernel", tracer_name="lttng-modules", **env)

    def packet_at(self, time, name, skb, ends=(HERE, THERE), interface="eth0", length=100, seq=0, flags=ACK, ack=0, cpu=0):
        head = struct.pack("<QI", skb, length + 54) + interface.encode() + b"\0"
        self.raw(time, name, handmade_packets.DECLARATION, head + handmade_packets.segment(ends, seq, ack, flags, length), cpu=cpu)

    def xmit(self, time, skb, interface="eth0", rc=0):
        self.event(time, "net_dev_xmit", skbaddr=skb, rc=rc, len=100, name=interface)

    def free(self, time, skb, reason):
        self.raw(time, "skb_kfree", KFREE, struct.pack("<QQI", skb, 0xff, reason))


def rows(trace, command, *options):
    with tempfile.TemporaryDirectory() as folder:
        trace.write(pathlib.Path(folder) / "trace")
        return json.loads(tap.strata(command, "--no-cache", "--format=json", *options, folder).stdout)["rows"]


def interface(trace, name="eth0"):
    return next(row for row in rows(trace, "net") if row["service"] is None and row["name"] == name)


def test_a_packet_is_queued_until_its_driver_has_it():
    trace = Net()
    trace.packet_at(100, "net_dev_queue", 1)
    trace.packet_at(110, "net_dev_queue", 2, seq=100)
    trace.packet_at(120, "net_dev_queue", 3, interface="eth1")
    trace.xmit(130, 1)
    trace.xmit(140, 2, rc=16)  # busy: it goes back
    trace.xmit(160, 2)
    trace.xmit(170, 3)         # of another interface: none of these
    row = interface(trace)
    tap.equal((row["out_packets"], row["out_bytes"], row["queue_mean_ns"], row["queue_max_ns"]), (2, 2 * 154, 40, 50))
    tap.equal(interface(trace, "eth1")["queue_mean_ns"], None)
    log = {row["time_ns"]: row["queue_ns"] for row in rows(trace, "net", "--log")}
    tap.equal(log, {100: 30, 110: 50, 120: None})


def test_drops_are_told_from_what_is_only_freed():
    trace = Net()
    for skb in range(1, 5):
        trace.packet_at(100 + skb, "net_if_receive_skb", skb, ends=(THERE, HERE), seq=100 * skb)
    trace.free(200, 1, 3)
    trace.free(210, 2, 2)
    trace.free(220, 99, 3)   # a buffer that was no packet of ours
    trace.event(230, "skb_consume", skbaddr=3)
    trace.free(240, 3, 3)    # consumed before: the address is another buffer's by now
    trace.free(250, 4, 5)
    row = interface(trace)
    tap.equal((row["in_packets"], row["drops"], row["freed"]), (4, 2, 1))


def test_both_events_of_what_comes_in_are_one_packet():
    trace = Net()
    trace.packet_at(100, "net_if_rx", 1, ends=(THERE, HERE))
    trace.packet_at(110, "net_if_receive_skb", 1, ends=(THERE, HERE))
    tap.equal(interface(trace)["in_packets"], 1)
    alone = Net()
    alone.packet_at(100, "net_if_rx", 1, ends=(THERE, HERE))
    tap.equal(interface(alone)["in_packets"], 1, "where nothing else was recorded")


def test_what_is_forwarded_was_nobodys_here():
    trace = Net()
    trace.event(10, "sched_switch", prev_comm="a", prev_tid=1, prev_prio=20, prev_state=0, next_comm="sender", next_tid=7, next_prio=20)
    trace.packet_at(100, "net_if_receive_skb", 1, interface="tap1")
    trace.packet_at(110, "net_dev_queue", 1, interface="tap2")
    trace.packet_at(120, "net_dev_queue", 2, interface="eth0", seq=500)
    told = {(row["interface"], row["direction"]): (row["what"], row["thread"]) for row in rows(trace, "net", "--log")}
    tap.equal(told, {("tap1", "in"): ("", None), ("tap2", "out"): ("forwarded", None), ("eth0", "out"): ("", "sender 7")})


def test_a_round_trip_and_a_response():
    trace = Net()
    trace.packet_at(100, "net_dev_queue", 1, flags=SYN, length=0, seq=9)
    trace.packet_at(150, "net_if_receive_skb", 2, ends=(THERE, HERE), flags=SYN | ACK, length=0, seq=70, ack=10)
    trace.packet_at(160, "net_dev_queue", 3, length=0, seq=10, ack=71)
    trace.packet_at(200, "net_dev_queue", 4, flags=PUSH, seq=10, ack=71)
    trace.packet_at(230, "net_if_receive_skb", 5, ends=(THERE, HERE), length=0, seq=71, ack=110)
    trace.packet_at(290, "net_if_receive_skb", 6, ends=(THERE, HERE), flags=PUSH, seq=71, ack=110)
    row = rows(trace, "connections")[0]
    tap.equal((row["client"], row["server"]), ("10.0.0.1:1000", "10.0.0.2:80"))
    tap.equal((row["handshake_ns"], row["server_rtt_mean_ns"], row["server_rtt_max_ns"], row["responses"], row["response_max_ns"]), (60, 40, 50, 1, 90))


def test_what_was_being_measured_when_events_were_lost_is_not_known():
    trace = Net()
    trace.packet(0, 50, 210)
    trace.packet_at(200, "net_dev_queue", 4, flags=PUSH, seq=10)
    trace.packet(0, 220, 400, missing=1)
    trace.packet_at(230, "net_if_receive_skb", 5, ends=(THERE, HERE), flags=PUSH, seq=71, ack=110)
    trace.packet_at(240, "net_dev_queue", 6, flags=PUSH, seq=10)
    row = rows(trace, "connections")[0]
    tap.equal((row["client_retransmissions"], row["server_rtt_mean_ns"], row["responses"]), (0, None, 0))


tap.main(globals())
