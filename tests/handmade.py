# SPDX-License-Identifier: MIT
"""Traces that a test makes up, event by event, as LTTng would have written them.

    trace = handmade.Trace(hostname="m", contexts=("vtid", "vpid"))
    trace.packet(0, 100, 200)                       # processor, from, to; without it all of a processor's events are in one packet
    trace.event(110, "app:begin", {"vtid": 5, "vpid": 5}, id=7)
    trace.packet(0, 300, 400, lost=3)               # so many events were lost until its end, before it or in it
    trace.packet(0, 500, 600, missing=1)            # so many packets before it are not there
    trace.write(folder)

    trace.raw(720, "net_dev_queue", "u32 len;", b"\\1\\0\\0\\0")  # fields that are declared by hand, and their bytes

Times are nanoseconds and have to grow on each processor. A field is what its values are: texts are strings, lists are sequences of bytes, all others 64-bit integers,
signed if any of them is negative.
"""
import struct

HEAD = "/* CTF 1.8 */\n" + "".join(
    f"typealias integer {{ size = {bits}; align = 8; signed = {str(sign == 'i').lower()}; }} := {sign}{bits};\n" for sign in "ui" for bits in (8, 32, 64)) + """
trace { major = 1; minor = 8; byte_order = le; packet.header := struct { u32 magic; u32 stream_id; u64 stream_instance_id; }; };
env { %s };
clock { name = "monotonic"; %s freq = 1000000000; offset = 0; };
typealias integer { size = 64; align = 8; signed = false; map = clock.monotonic.value; } := time_t;
"""
STREAM = """stream { id = 0;
  packet.context := struct { time_t timestamp_begin; time_t timestamp_end; u64 content_size; u64 packet_size; u64 packet_seq_num; u64 events_discarded; u32 cpu_id; };
  event.header := struct { u32 id; time_t timestamp; };
  event.context := struct { %s };
};
"""


def type_of(values):
    if any(isinstance(value, str) for value in values):
        return "string"
    if any(isinstance(value, (list, bytes)) for value in values):
        return "bytes"
    return "i64" if any(value < 0 for value in values) else "u64"


def declare(name, kind):
    if kind == "bytes":
        return f"u32 _{name}_length; u8 {name}[_{name}_length];"
    return f"{kind} {name};"


def pack(kind, value):
    if kind == "string":
        return (value if isinstance(value, bytes) else value.encode()) + b"\0"
    if kind == "bytes":
        return struct.pack("<I", len(value)) + bytes(value)
    return struct.pack("<i" if kind == "i32" else "<q" if kind == "i64" else "<Q", value)


class Trace:
    """What is written when all is there."""

    def __init__(self, hostname="hand", domain="ust", contexts=(), clock=None, **env):
        self.env = {"domain": domain, "hostname": hostname, "tracer_name": "lttng-modules" if domain == "kernel" else "lttng-ust",
                    "tracer_major": 2, "tracer_minor": 13, **env}
        self.contexts, self.clock = contexts, clock
        self.names = {}    # of an event -> [number, fields, {field: its values}]
        self.raws = {}     # of an event -> its declaration
        self.packets = {}  # processor -> [[begin, end, lost, missing, [(time, name, context, payload)]]]

    def packet(self, cpu, begin, end, lost=0, missing=0):
        self.packets.setdefault(cpu, []).append([begin, end, lost, missing, []])

    def event(self, time, name, /, context=None, *, cpu=0, **payload):
        known = self.names.setdefault(name, [len(self.names), list(payload), {}])
        for field, value in payload.items():
            known[2].setdefault(field, []).append(value)
        if cpu not in self.packets:
            self.packet(cpu, None, None)
        self.packets[cpu][-1][-1].append((time, name, context or {}, payload))

    def raw(self, time, name, /, declaration, data, context=None, *, cpu=0):
        self.raws[name] = declaration
        self.names.setdefault(name, [len(self.names), [], {}])
        if cpu not in self.packets:
            self.packet(cpu, None, None)
        self.packets[cpu][-1][-1].append((time, name, context or {}, data))

    def _metadata(self, kinds):
        env = " ".join(f"{name} = {value};" if isinstance(value, int) else f'{name} = "{value}";' for name, value in self.env.items())
        context = " ".join(("string" if name == "procname" else "u32" if name.endswith("_ns") else "i32") + f" _{name};" for name in self.contexts)
        text = HEAD % (env, f'uuid = "{self.clock}";' if self.clock else "") + STREAM % context
        for name, (number, _, _) in self.names.items():
            fields = self.raws.get(name) or " ".join(declare(field, kind) for field, kind in kinds[name].items())
            text += f'event {{ name = "{name}"; id = {number}; stream_id = 0; fields := struct {{ {fields} }}; }};\n'
        return text

    def _context(self, values):
        parts = (pack("string", values.get(name, "")) if name == "procname" else
                 struct.pack("<I" if name.endswith("_ns") else "<i", values.get(name, 0)) for name in self.contexts)
        return b"".join(parts)

    def write(self, folder):
        """A trace directory, made now; returns it."""
        kinds = {name: {field: type_of(values[field]) for field in fields} for name, (_, fields, values) in self.names.items()}
        times = [event[0] for packets in self.packets.values() for packet in packets for event in packet[-1]]
        folder.mkdir(parents=True)
        (folder / "metadata").write_text(self._metadata(kinds), encoding="utf-8")
        for cpu, packets in self.packets.items():
            data, lost_so_far, number = b"", 0, -1
            for begin, end, lost, missing, events in packets:
                content = b"".join(struct.pack("<IQ", self.names[name][0], time) + self._context(context) +
                                   (payload if name in self.raws else b"".join(pack(kind, payload[field]) for field, kind in kinds[name].items()))
                                   for time, name, context, payload in events)
                lost_so_far += lost
                number += 1 + missing
                bits = 8 * (16 + 52 + len(content))
                data += struct.pack("<IIQ", 0xC1FC1FC1, 0, cpu)
                data += struct.pack("<QQQQQQI", min(times, default=0) if begin is None else begin, max(times, default=0) if end is None else end,
                                    bits, bits, number, lost_so_far, cpu) + content
            (folder / f"channel_{cpu}").write_bytes(data)
        return folder
