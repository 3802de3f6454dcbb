#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Connections, what was sent again, round trips and responses, against an independent reading of babeltrace2's text by the definitions of docs/analyses/net.md."""
import collections
import ipaddress
import json
import pathlib
import random
import re
import struct
import tempfile

import handmade
import handmade_packets
import tap

EVENT = re.compile(r"\[(\d+)\.(\d+)\] \([^)]*\) (?:\S+ )?(net_dev_queue|net_if_receive_skb|net_if_rx): \{ cpu_id = \d+ \}(?:, \{[^{}]*\})?, \{(.*)\}$")
NUMBERS = re.compile(r"\b(\w+) = (?:\( \"[^\"]*\" : container = )?(0x[0-9A-Fa-f]+|\d+)")
ADDRESS = re.compile(r"\b(saddr|daddr) = \[ ((?:\[\d+\] = \w+,? )+)\]")
TCP, UDP = 6, 17
FIN, SYN, RST, ACK = 1, 2, 4, 16
WRAP = 1 << 32

Packet = collections.namedtuple("Packet", "time way interface version protocol ends len payload seq ack flags window has_transport")


def traces():
    for scenario in tap.scenarios():
        for folder in tap.trace_dirs(scenario):
            if re.search(rb"name = \"?net_dev_queue", (folder / "metadata").read_bytes()):
                yield f"{scenario.name}/{folder.name}", folder


def address(parts, version):
    parts = [int(part.split("=")[1], 0) for part in parts.split(",")]
    parsed = ipaddress.ip_address(b"".join(part.to_bytes({4: 1, 6: 16 // len(parts)}[version], "big") for part in parts))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def packets(folder):
    done = tap.run("babeltrace2", "--clock-seconds", folder)
    if "iscarded" in done.stderr:
        tap.skip("events were lost")
    text = done.stdout.splitlines()
    # What comes in is seen twice where both are recorded.
    received = "net_if_receive_skb" if re.search(rb"net_if_receive_skb", (folder / "metadata").read_bytes()) else "net_if_rx"
    for line in text:
        found = EVENT.match(line)
        if not found or found[3] not in ("net_dev_queue", received):
            continue
        body = found[4]
        fields = {name: int(value, 0) for name, value in NUMBERS.findall(body)}
        ends = {name: value for name, value in ADDRESS.findall(body)}
        version = fields.get("version") if "saddr" in ends else None
        transport = re.search(r'transport_header_type = \( "_?(\w+)"', body)
        kind = {"tcp": TCP, "udp": UDP}.get(transport[1] if transport else None)
        if version is None:
            continue
        if version == 4:
            above = (fields["tot_len"] or fields["len"]) - 4 * fields["ihl"]
            protocol = fields["protocol"]
            kind = None if fields["frag_off"] & 0x1fff else kind
        else:
            above, protocol = fields["payload_len"] or fields["len"] - 40, fields["nexthdr"]
        header = {TCP: 4 * fields.get("data_offset", 0), UDP: 8}.get(kind, 0)
        ports = (fields["source_port"], fields["dest_port"]) if kind else (0, 0)
        yield Packet(int(found[1]) * 10**9 + int(found[2]), "out" if found[3] == "net_dev_queue" else "in", re.search(r'\bname = "([^"]*)"', body)[1], version,
                     kind or protocol, tuple((address(ends[name], version), port) for name, port in zip(("saddr", "daddr"), ports)),
                     int(re.search(r"\blen = (\d+), name", body)[1]), max(above - header, 0), fields.get("seq", 0), fields.get("ack_seq", 0),
                     fields.get("flags", 0) if kind == TCP else 0, fields.get("window_size", 0), kind is not None)


class End:
    """What one end of a connection has sent: numbers are counted on beyond 32 bits, so that they only grow."""

    def __init__(self):
        self.first = self.next = None
        self.holes = set()   # closed at both ends: (begin, end) of what was jumped over
        self.watched = None  # (end, time) of the segment whose acknowledgement is waited for
        self.fin = False
        self.rtts = []

    def full(self, number):
        if self.next is None:
            return number + WRAP
        return self.next + (number - self.next + WRAP // 2) % WRAP - WRAP // 2

    def send(self, number, length, time):
        """What the segment is: "", "late" or "retransmitted"."""
        begin = self.full(number)
        end, what = begin + length, ""
        if self.next is None or begin >= self.next:
            if self.next is not None and begin > self.next:
                self.holes.add((self.next, begin))
            self.next = end
        else:
            hole = next((hole for hole in self.holes if hole[0] <= begin and end <= hole[1]), None)
            what = "late" if hole else "retransmitted"
            if hole:
                self.holes.remove(hole)
                self.holes |= {part for part in ((hole[0], begin), (end, hole[1])) if part[0] < part[1]}
            self.next = max(self.next, end)
        if not what and self.watched is None:
            self.watched = (end, time)
        elif what and self.watched and begin < self.watched[0]:
            self.watched = None
        return what

    def acknowledged(self, number, time):
        if self.watched and self.full(number) >= self.watched[0]:
            self.rtts.append(time - self.watched[1])
            self.watched = None


class Connection:
    def __init__(self, packet):
        opens = packet.flags & (SYN | ACK)
        if packet.protocol != TCP:
            swap = False
        elif packet.flags & SYN:
            swap = opens == SYN | ACK
        else:
            swap = packet.ends[0][1] < packet.ends[1][1]
        self.ends = packet.ends[::-1] if swap else packet.ends
        self.begin, self.last = packet.time, packet.time
        self.packets, self.bytes, self.again, self.late = [0, 0], [0, 0], [0, 0], [0, 0]
        self.ways, self.sent = [None, None], [End(), End()]
        self.resets = self.zero_windows = 0
        self.syn = self.answered = self.handshake = self.asked = None
        self.responses = []

    def add(self, packet):
        side = self.ends.index(packet.ends[0])
        self.ways[side] = self.ways[side] or packet.way
        if self.ways[side] != packet.way:
            return
        self.last = packet.time
        self.packets[side] += 1
        self.bytes[side] += packet.len
        what = self.tcp(packet, side) if packet.protocol == TCP and packet.has_transport else ""
        if packet.payload and not what:
            if side == 0:
                self.asked = packet.time
            elif self.asked is not None:
                self.responses.append(packet.time - self.asked)
                self.asked = None

    def shake_hands(self, packet, side):
        kind = packet.flags & (SYN | ACK)
        if kind == SYN and side == 0 and self.syn is None:
            self.syn = (packet.time, packet.seq)
        elif self.syn is None or packet.flags & RST:
            return
        elif kind == SYN | ACK and side == 1:
            self.answered = True
        elif kind == ACK and side == 0 and self.answered and self.handshake is None:
            self.handshake = packet.time - self.syn[0]

    def tcp(self, packet, side):
        self.shake_hands(packet, side)
        if packet.flags & RST:
            self.resets += 1
            return ""
        if packet.flags & ACK:
            self.sent[1 - side].acknowledged(packet.ack, packet.time)
        length = packet.payload + bool(packet.flags & SYN) + bool(packet.flags & FIN)
        what = self.sent[side].send(packet.seq, length, packet.time) if length else ""
        self.again[side] += what == "retransmitted"
        self.late[side] += what == "late"
        self.zero_windows += packet.window == 0 and not packet.flags & SYN
        return what


def connections(folder):
    """By interface, ends and begin."""
    current, all_ = {}, []
    for packet in packets(folder):
        key = packet.interface, packet.protocol, frozenset(packet.ends)
        known = current.get(key)
        if not known or (packet.protocol == TCP and packet.flags & (SYN | ACK) == SYN and (known.syn or (0, None))[1] != packet.seq):
            known = current[key] = Connection(packet)
            all_.append((key, known))
        known.add(packet)
    return {(key[0], key[1], connection.ends, connection.begin): connection for key, connection in all_}


def end(text, protocol):
    """The address and port of what a table calls an end."""
    host, _, port = text.rpartition(":") if protocol in ("tcp", "udp") else (text, "", "0")
    return host.strip("[]"), int(port)


def mean(all_):
    return sum(all_) / len(all_) if all_ else None


def close(told, wanted, what):
    tap.check((told is None) == (wanted is None) and (told is None or abs(told - wanted) <= 1), f"{what}: got {told}, wanted {wanted}")


def check_row(row, known):
    tap.equal(([row["client_packets"], row["server_packets"]], [row["client_bytes"], row["server_bytes"]]), (known.packets, known.bytes), "packets and bytes")
    tap.equal([row["client_retransmissions"], row["server_retransmissions"]], known.again, "sent again")
    tap.equal([row["client_late"], row["server_late"]], known.late, "late")
    tap.equal((row["resets"], row["zero_windows"], row["handshake_ns"], row["duration_ns"]),
              (known.resets, known.zero_windows, known.handshake, known.last - known.begin), "resets, zero windows, handshake, duration")
    tap.equal(row["responses"], len(known.responses), "responses")
    close(row["response_mean_ns"], mean(known.responses), "mean response")
    for column, side in (("server", 0), ("client", 1)):
        rtts = known.sent[side].rtts
        close(row[f"{column}_rtt_mean_ns"], mean(rtts), f"mean round trip to the {column}")
        tap.equal(row[f"{column}_rtt_max_ns"], max(rtts, default=None), f"longest round trip to the {column}")
    tap.equal(row["response_max_ns"], max(known.responses, default=None), "slowest response")


def check(folder):
    wanted = connections(folder)
    told = json.loads(tap.strata("connections", "--no-cache", "--format=json", "--limit=0", folder).stdout)["rows"]
    numbers = {"tcp": TCP, "udp": UDP, "icmp": 1, "icmp6": 58}
    seen = 0
    for row in told:
        ends = end(row["client"], row["protocol"]), end(row["server"], row["protocol"])
        key = row["interface"], numbers.get(row["protocol"]) or int(row["protocol"]), ends, row["begin_ns"]
        tap.check(key in wanted, f"{key}: there is no such connection")
        check_row(row, wanted[key])
        seen += len(row["interfaces"].split(","))
    tap.equal(seen, len(wanted), "each connection is in one row")


def test_connections():
    for name, folder in traces():
        yield name, check, folder


class Talk:
    """Two ends that say anything, of which parts are lost, late, or said again."""

    def __init__(self, chance, number):
        self.chance = chance
        address = "10.0.0.%d" if number % 3 else "fe80::%d"
        self.ends = (address % (1 + number), 1000 + chance.randrange(3)), (address % 200, 80)
        self.interface = chance.choice(["eth0", "tap1", "lo"])
        self.next = [chance.randrange(WRAP), WRAP - 500]
        self.said, self.held = [[], []], [[], []]
        self.udp = number % 7 == 0

    def step(self):
        """(side, seq, length, flags, window) of a segment that passes by; None: nothing does."""
        side, what = self.chance.randrange(2), self.chance.random()
        if what < 0.15 and self.said[side]:
            return (side, *self.chance.choice(self.said[side]), ACK, 1000)  # once more
        if what < 0.3 and self.held[side]:
            return (side, *self.held[side].pop(self.chance.randrange(len(self.held[side]))), ACK, 1000)  # what was held back
        if what < 0.4:
            return side, self.next[side], 0, ACK, self.chance.choice([0, 1000])
        flags = self.chance.choices([ACK, SYN, SYN | ACK, FIN | ACK, RST], [50, 2, 2, 1, 1])[0]
        length = self.chance.randrange(1, 1400) if flags == ACK else 0
        begin = self.next[side]
        self.next[side] += length + bool(flags & SYN) + bool(flags & FIN)
        if flags == ACK:
            self.said[side].append((begin, length))
            if self.chance.random() < 0.1 and len(self.held[side]) < 4:
                self.held[side].append(self.said[side].pop())
                return None
        return side, begin, length, flags, 1000


def make_talks(folder, seed):
    chance = random.Random(seed)
    trace = handmade.Trace(domain="kernel", tracer_name="lttng-modules")
    talks = [Talk(chance, number) for number in range(8)]
    time = 1000
    for _ in range(3000):
        talk = chance.choice(talks)
        made = talk.step()
        if not made:
            continue
        side, seq, length, flags, window = made
        time += chance.randrange(1, 1000)
        header = handmade_packets.segment(talk.ends if side == 0 else talk.ends[::-1], seq, talk.next[1 - side] - chance.choice([0, 0, 0, 300]), flags, length, window,
                         UDP if talk.udp else TCP)
        data = struct.pack("<QI", chance.randrange(100), length + 54) + talk.interface.encode() + b"\0" + header
        ways = ["net_dev_queue", "net_if_receive_skb"] if talk.interface == "lo" else [["net_dev_queue", "net_if_receive_skb"][side]]
        for name in ways:
            trace.raw(time, name, handmade_packets.DECLARATION, data)
            time += 1
    trace.write(folder)


def check_talks(seed):
    with tempfile.TemporaryDirectory() as folder:
        make_talks(pathlib.Path(folder) / "trace", seed)
        known = connections(pathlib.Path(folder) / "trace").values()
        tap.check(all(sum(sum(getattr(one, what)) for one in known) > 20 for what in ("again", "late")), "there is something to be told")
        check(pathlib.Path(folder) / "trace")


def test_segments_that_are_lost_late_and_sent_again():
    for seed in range(8):
        yield f"random conversations {seed}", check_talks, seed


tap.main(globals())
