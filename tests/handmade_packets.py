# SPDX-License-Identifier: MIT
"""Packets for made up traces (handmade.py)."""
import ipaddress
import struct

TCP, UDP = 6, 17
WRAP = 1 << 32

# What LTTng keeps of a packet, as its metadata declares it.
BIG = "integer { size = %d; align = %d; signed = false; byte_order = be; }"
BITS = {bits: BIG % (bits, 1 if bits % 8 else 8) for bits in (3, 4, 8, 9, 16, 24, 32)}


def members(text):
    return " ".join(f"{BITS[int(bits)]} {name};" for name, bits in (part.split(":") for part in text.split()))


IPV4 = members("version:4 ihl:4 tos:8 tot_len:16 id:16 frag_off:16 ttl:8 protocol:8 checksum:16") + f" {BITS[8]} saddr[4]; {BITS[8]} daddr[4];"
IPV6 = members("version:4 prio:4 flow_lbl:24 payload_len:16 nexthdr:8 hop_limit:8") + f" {BITS[16]} saddr[8]; {BITS[16]} daddr[8];"
TRANSPORT = f"""enum : u8 {{ "_unknown" = 0, "_tcp" = 1, "_udp" = 2, "_icmp" = 3 }} transport_header_type; variant <transport_header_type> {{ struct {{ }} _unknown;
 struct {{ {members("source_port:16 dest_port:16 seq:32 ack_seq:32 data_offset:4 reserved:3 flags:9 window_size:16 checksum:16 urg_ptr:16")} }} _tcp;
 struct {{ {members("source_port:16 dest_port:16 len:16 check:16")} }} _udp; struct {{ {members("type:8 code:8 checksum:16 gateway:32")} }} _icmp; }} transport_header;"""
DECLARATION = f"""u64 skbaddr; u32 len; string name; enum : u8 {{ "_unknown" = 0, "_ipv4" = 1, "_ipv6" = 2 }} network_header_type; variant <network_header_type> {{
 struct {{ }} _unknown; struct {{ {IPV4} {TRANSPORT} }} _ipv4; struct {{ {IPV6} {TRANSPORT} }} _ipv6; }} network_header;"""


def segment(ends, seq, ack, flags, payload, window=1000, protocol=TCP):
    """A packet's header: (skbaddr, len, name) come before."""
    (source, sport), (target, dport) = ends
    source, target = ipaddress.ip_address(source), ipaddress.ip_address(target)
    if protocol == TCP:
        above = b"\1" + struct.pack(">HHIIHHHH", sport, dport, seq % WRAP, ack % WRAP, 5 << 12 | flags, window, 0, 0)
    else:
        above = b"\2" + struct.pack(">HHHH", sport, dport, 8 + payload, 0)
    size = len(above) - 1 + payload
    if source.version == 4:
        return b"\1" + struct.pack(">BBHHHBBH", 0x45, 0, 20 + size, 0, 0, 64, protocol, 0) + source.packed + target.packed + above
    return b"\2" + struct.pack(">IHBB", 6 << 28, size, protocol, 64) + source.packed + target.packed + above
