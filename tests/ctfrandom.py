# SPDX-License-Identifier: MIT
"""Random CTF 1.8 traces, with what the format allows and tracers rarely write.

    write_trace(folder, seed)

makes a trace of one or more streams: any byte order, bit fields of any size, bases and signs, enumerations whose ranges overlap, strings with
everything in them, texts, arrays, sequences, structures and variants in each other, empty ones of all of these, several event classes, all
contexts, clocks of any frequency and offset or none, packets without events, lost events, times that are equal across streams. Values are
written bit by bit as the specification has it; nothing is shared with the reader that is tested.
"""
import random
import struct
import uuid

# Texts that have to be escaped, are not UTF-8, are empty, are long.
TEXTS = [b"", b"", b"a", b"comm", b"swapper/0", b'"quoted" \'and\' \\', b"what??", b"\x01\x07\x08\t\n\x0b\x0c\r\x1b\x7f\x1f",
         "größe €".encode(), b"\xff\xfe\x80", b"x" * 300]


class Bits:
    """A stream's bytes, written bit by bit (1.8, 4.1.5)."""

    def __init__(self, big):
        self.big = big
        self.bits = []

    def align(self, n):
        self.bits += [0] * (-len(self.bits) % n)

    def uint(self, value, size):
        bits = [value >> i & 1 for i in range(size)]
        self.bits += reversed(bits) if self.big else bits

    def other(self, value, size, big):
        """In any byte order; the one that is not the stream's for whole bytes only, at a whole byte."""
        if big == self.big:
            self.uint(value, size)
            return
        for byte in value.to_bytes(size // 8, "big" if big else "little"):
            self.uint(byte, 8)

    def data(self):
        out = bytearray()
        padded = self.bits + [0] * (-len(self.bits) % 8)
        for i in range(0, len(padded), 8):
            byte = padded[i:i + 8] if self.big else padded[i:i + 8][::-1]
            out.append(int("".join(map(str, byte)), 2))
        return bytes(out)


class Int:
    def __init__(self, rng, trace, small=False):
        self.signed = rng.random() < 0.4
        self.size = rng.choice([8, 16, 32, 64]) if rng.random() < 0.5 else rng.randint(2, 64)
        if small:
            self.size, self.signed = rng.choice([3, 8, 16]), False
        self.align = rng.choice([1, 1, 8]) if self.size % 8 else rng.choice([1, 8, 8, self.size & -self.size])
        self.base = rng.choice([2, 8, 10, 10, 16])
        # A field of the other byte order has to be at whole bytes.
        self.big = not trace.big if self.align >= 8 and self.size % 8 == 0 and rng.random() < 0.2 else trace.big

    def words(self):
        order = "be" if self.big else "le"
        return (f"integer {{ size = {self.size}; align = {self.align}; signed = {int(self.signed)}; base = {self.base}; "
                f"byte_order = {order}; }}")

    def value(self, rng):
        low, high = (-(1 << self.size - 1), (1 << self.size - 1) - 1) if self.signed else (0, (1 << self.size) - 1)
        return rng.choice([low, high, max(low, min(high, rng.randint(-5, 40))), rng.randint(low, high)])

    def put(self, out, value):
        out.align(self.align)
        out.other(value & (1 << self.size) - 1, self.size, self.big)

    def write(self, rng, out):
        self.put(out, self.value(rng))


class Float:
    def __init__(self, rng):
        self.size = rng.choice([32, 64])

    def words(self):
        exp, mant = (8, 24) if self.size == 32 else (11, 53)
        return f"floating_point {{ exp_dig = {exp}; mant_dig = {mant}; align = 8; }}"

    def write(self, rng, out):
        value = rng.choice([0.0, -0.0, 1.5, -1e30, 3.14159265, 1e-20, float("inf"), float("nan"), rng.random() * 1e6])
        raw = struct.pack(">f" if self.size == 32 else ">d", value)
        out.align(8)
        out.uint(int.from_bytes(raw, "big"), self.size)


class Enum:
    def __init__(self, rng, trace):
        self.int = Int(rng, trace, small=rng.random() < 0.7)
        self.mappings = []
        for i in range(rng.randint(1, 6)):
            low = self.int.value(rng)
            high = max(low, min(low + rng.choice([0, 0, 1, 10]), (1 << self.int.size - self.int.signed) - 1))
            label = f"L{i}" if rng.random() < 0.8 or not self.mappings else self.mappings[-1][0]
            self.mappings.append((label, low, high))

    def words(self):
        ranges = ", ".join(f'"{label}" = {low} ... {high}' for label, low, high in self.mappings)
        return f"enum : {self.int.words()} {{ {ranges} }}"

    def write(self, rng, out):
        _, low, high = rng.choice(self.mappings)
        self.int.put(out, rng.choice([low, high, self.int.value(rng)]))


class String:
    def words(self):
        return "string"

    def write(self, rng, out):
        out.align(8)
        for byte in rng.choice(TEXTS) + b"\0":
            out.uint(byte, 8)


CHAR = "integer { size = 8; align = 8; signed = 0; encoding = UTF8; }"


class Text:
    """An array of characters."""

    def __init__(self, rng):
        self.length = rng.choice([1, 4, 16, 17, 100])

    def words(self):
        return CHAR, f"[{self.length}]"

    def write(self, rng, out):
        out.align(8)
        for byte in rng.choice(TEXTS)[:self.length].ljust(self.length, b"\0"):
            out.uint(byte, 8)


class Array:
    def __init__(self, rng, trace, depth, bare):
        self.length = rng.choice([0, 1, 3])
        self.element = field(rng, trace, depth + 1, plain=True, bare=bare)

    def words(self):
        return self.element.words(), f"[{self.length}]"

    def write(self, rng, out):
        out.align(alignment(self.element))
        for _ in range(self.length):
            self.element.write(rng, out)


class Struct:
    def __init__(self, rng, trace, depth, most=5, bare=False):
        self.members = []
        for i in range(rng.choice([0, 1, 2, most])):
            self.add(rng, trace, depth, f"f{depth}{i}", bare)

    def add(self, rng, trace, depth, name, bare):
        # babeltrace2 2.0 gives up on lengths and tags in an event's own context.
        kind = rng.uniform(0.22, 1) if bare else rng.random()
        name = rng.choice(["", "_"]) + name
        if kind < 0.12:
            self.members.append((name + "_len", Sequence(rng, trace, depth, name)))
        elif kind < 0.22 and depth < 3:
            self.members.append((name + "_tag", Variant(rng, trace, depth, name)))
        else:
            self.members.append((name, field(rng, trace, depth, bare=bare)))

    def words(self):
        lines = []
        for name, member in self.members:
            lines += member.lines() if hasattr(member, "lines") else [declare(member, name)]
        return "struct { " + " ".join(lines) + " }"

    def write(self, rng, out):
        out.align(self.alignment())
        for _, member in self.members:
            member.write(rng, out)

    def alignment(self):
        return max([1] + [alignment(member) for _, member in self.members])


class Sequence:
    """A length, and as many elements; its length is one more member of the structure it is in."""

    def __init__(self, rng, trace, depth, name, bare=False):
        self.name = name
        self.length = Int(rng, trace, small=True)
        self.text = rng.random() < 0.4
        self.element = None if self.text else field(rng, trace, depth + 1, plain=True, bare=bare)

    def lines(self):
        element = CHAR if self.text else self.element.words()
        return [declare(self.length, self.name + "_len"), f"{element} {self.name}[{self.name}_len];"]

    def write(self, rng, out):
        length = rng.choice([0, 1, 2, 5])
        self.length.put(out, length)
        out.align(8 if self.text else alignment(self.element))
        for byte in rng.choice(TEXTS)[:length].ljust(length, b"\0") if self.text else b"":
            out.uint(byte, 8)
        for _ in range(0 if self.text else length):
            self.element.write(rng, out)


class Variant:
    def __init__(self, rng, trace, depth, name, bare=False):
        self.name = name
        self.tag = Int(rng, trace, small=True)
        self.options = [field(rng, trace, depth + 1, bare=bare) for _ in range(rng.randint(1, 3))]

    def lines(self):
        labels = ", ".join(f"o{i} = {i}" for i in range(len(self.options)))
        options = " ".join(declare(option, f"o{i}") for i, option in enumerate(self.options))
        return [f"enum : {self.tag.words()} {{ {labels} }} {self.name}_tag;", f"variant <{self.name}_tag> {{ {options} }} {self.name};"]

    def write(self, rng, out):
        choice = rng.randrange(len(self.options))
        self.tag.put(out, choice)
        self.options[choice].write(rng, out)


def alignment(member):
    if isinstance(member, Int):
        return member.align
    if isinstance(member, Enum):
        return member.int.align
    if isinstance(member, Array):
        return alignment(member.element)
    if isinstance(member, Struct):
        return member.alignment()
    if isinstance(member, Sequence):
        return max(member.length.align, 8 if member.text else alignment(member.element))
    if isinstance(member, Variant):
        return member.tag.align
    return 8


def declare(member, name):
    words = member.words()
    return f"{words} {name};" if isinstance(words, str) else f"{words[0]} {name}{words[1]};"


def field(rng, trace, depth, plain=False, bare=False):
    """Any field that is a single member. `plain`: one whose declaration may stand before an array's brackets."""
    kind = rng.random()
    if kind < 0.35:
        return Int(rng, trace)
    if kind < 0.45:
        return Enum(rng, trace)
    if kind < 0.55:
        return Float(rng)
    if kind < 0.75:
        return String()
    if depth < 3 and kind < 0.87:
        return Struct(rng, trace, depth + 1, 3, bare)
    if plain or depth >= 3:
        return Int(rng, trace)
    return Text(rng) if kind < 0.94 else Array(rng, trace, depth, bare)


class Trace:
    def __init__(self, rng):
        self.big = rng.random() < 0.4
        self.frequency = rng.choice([1000000000, 1000000000, 1000, 2900000000, 1000000007])
        self.offset_s = rng.choice([0, 1700000000])
        self.offset = rng.randrange(self.frequency)
        self.timed = rng.random() < 0.9
        self.uuid = uuid.UUID(int=rng.getrandbits(128))
        self.large = rng.random() < 0.5
        self.packet_context = Struct(rng, self, 1, 3)
        self.common_context = Struct(rng, self, 1, 3) if rng.random() < 0.6 else None
        self.events = [Event(rng, self, i) for i in range(rng.choice([1, 3, 8]))]
        self.environment = [f'hostname = "host{rng.randrange(3)}";', 'domain = "test";'][:rng.choice([0, 1, 2])]
        if rng.random() < 0.3:
            self.environment += ['procname = "a program";', f"vpid = {rng.randrange(1000)};"]

    def metadata(self):
        u8, u32, u64 = ("integer { size = %d; align = 8; signed = 0; base = 10; }" % n for n in (8, 32, 64))
        stamp = "integer { size = %d; align = 8; signed = 0; " + ("map = clock.c.value; }" if self.timed else "}")
        context = [f"{stamp % 64} timestamp_begin;", f"{stamp % 64} timestamp_end;"] if self.timed else []
        context += [f"{u32} content_size;", f"{u32} packet_size;", f"{u64} packet_seq_num;", f"{u64} events_discarded;"]
        for name, member in self.packet_context.members:
            context += member.lines() if hasattr(member, "lines") else [declare(member, name)]
        size = 32 if self.large else 16
        header = f"struct {{ {u8} id; {stamp % size} timestamp; }}" if self.timed else f"struct {{ {u8} id; }}"
        parts = [
            "/* CTF 1.8 */",
            f'trace {{ major = 1; minor = 8; uuid = "{self.uuid}"; byte_order = {"be" if self.big else "le"}; '
            f"packet.header := struct {{ {u32} magic; {u8} uuid[16]; {u32} stream_id; {u64} stream_instance_id; }}; }};",
            f"env {{ {' '.join(self.environment)} }};",
        ]
        if self.timed:
            parts.append(f"clock {{ name = c; freq = {self.frequency}; offset_s = {self.offset_s}; offset = {self.offset}; }};")
        common = f"event.context := {self.common_context.words()}; " if self.common_context else ""
        parts.append(f"stream {{ id = 0; event.header := {header}; packet.context := struct {{ {' '.join(context)} }}; {common}}};")
        return "\n".join(parts + [event.words() for event in self.events]) + "\n"


class Event:
    def __init__(self, rng, trace, number):
        self.number = number
        self.name = rng.choice([f"event{number}", f"provider:event_{number}"])
        self.loglevel = rng.randrange(15) if rng.random() < 0.4 else None
        self.context = Struct(rng, trace, 1, 3, bare=True) if rng.random() < 0.3 else None
        self.payload = Struct(rng, trace, 0, 8) if rng.random() < 0.95 else None

    def words(self):
        extra = f"loglevel = {self.loglevel}; " if self.loglevel is not None else ""
        extra += f"context := {self.context.words()}; " if self.context else ""
        extra += f"fields := {self.payload.words()}; " if self.payload else ""
        return f'event {{ name = "{self.name}"; id = {self.number}; stream_id = 0; {extra}}};'

    def write(self, rng, trace, out, now):
        out.align(8)
        out.uint(self.number, 8)
        if trace.timed:
            size = 32 if trace.large else 16
            out.uint(now & (1 << size) - 1, size)
        for part in (trace.common_context, self.context, self.payload):
            if part:
                part.write(rng, out)


def write_packet(rng, trace, stream, state, events):
    """One packet; `state`: the stream's time, its number of packets and of lost events."""
    out = Bits(trace.big)
    out.uint(0xC1FC1FC1, 32)
    for byte in trace.uuid.bytes:
        out.uint(byte, 8)
    out.uint(0, 32)
    out.uint(stream, 64)
    begin = state["now"]
    if trace.timed:
        out.uint(begin, 64)
        end_at = len(out.bits)
        out.uint(0, 64)
    sizes_at = len(out.bits)
    out.uint(0, 64)
    if rng.random() < 0.2:
        state["lost"] += rng.randint(1, 9)
    out.uint(state["packets"], 64)
    out.uint(state["lost"], 64)
    state["packets"] += rng.choice([1, 1, 1, 1, 3])
    for _, member in trace.packet_context.members:
        member.write(rng, out)
    for _ in range(events):
        state["now"] += rng.choice([0, 0, 1, 7, 1000])
        rng.choice(trace.events).write(rng, trace, out, state["now"])
    content = len(out.bits)
    out.align(8)
    out.bits += [0] * 8 * rng.choice([0, 5, 64])
    sizes = Bits(trace.big)
    sizes.uint(content, 32)
    sizes.uint(len(out.bits), 32)
    out.bits[sizes_at:sizes_at + 64] = sizes.bits
    if trace.timed:
        state["now"] += rng.choice([0, 1])
        end = Bits(trace.big)
        end.uint(state["now"], 64)
        out.bits[end_at:end_at + 64] = end.bits
    return out.data()


def write_trace(folder, seed):
    rng = random.Random(seed)
    trace = Trace(rng)
    folder.mkdir(parents=True)
    (folder / "metadata").write_text(trace.metadata(), encoding="utf-8")
    start = rng.randrange(1 << 40)
    for stream in range(rng.choice([1, 2, 4])):
        state = {"now": start + rng.choice([0, 0, 500]), "packets": rng.choice([0, 5]), "lost": 0}
        packets = [write_packet(rng, trace, stream, state, rng.choice([0, 1, 14, 40])) for _ in range(rng.randint(1, 5))]
        (folder / f"stream_{stream}").write_bytes(b"".join(packets))
