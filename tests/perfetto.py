# SPDX-License-Identifier: MIT
"""Perfetto traces, taken apart without Perfetto: enough of Protocol Buffers, and of TracePacket, to tell what is on which track."""
import collections

BEGIN, END, INSTANT, COUNTER = 1, 2, 3, 4


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """(number, value) of each field of a message: integers, or bytes."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 1:
            value, at = int.from_bytes(data[at:at + 8], "little"), at + 8
        elif wire == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
            if len(value) != size:
                raise ValueError("cut off")
        else:
            raise ValueError(f"wire type {wire}")
        yield tag >> 3, value


def message(data):
    """A message's fields: number -> list of values."""
    all_of = collections.defaultdict(list)
    for number, value in fields(data):
        all_of[number].append(value)
    return all_of


def text(value):
    return value.decode("utf-8")


class Track:
    def __init__(self, descriptor):
        self.uuid = descriptor[1][0]
        self.name = text(descriptor[2][0])
        self.parent = descriptor[5][0] if descriptor[5] else 0
        self.is_counter = bool(descriptor[8])
        self.rank = descriptor[12][0]
        self.slices = []    # (begin, end, name, category, notes), closed ones
        self.open = []
        self.values = []    # (time, value)
        self.instants = []  # (time, name, flow that begins, flow that ends)


class Trace:
    def __init__(self, data):
        self.tracks = {}
        self.names, self.categories = {}, {}
        for number, packet in fields(data):
            if number != 1:
                raise ValueError(f"field {number} of a trace")
            self.add(message(packet))

    def add(self, packet):
        if packet[10] != [1]:
            raise ValueError("another sequence")
        for data in packet[12]:
            for number, entry in fields(data):
                entry = message(entry)
                {1: self.categories, 2: self.names}[number][entry[1][0]] = text(entry[2][0])
        for data in packet[60]:
            track = Track(message(data))
            if track.uuid in self.tracks:
                raise ValueError(f"track {track.uuid} is there twice")
            self.tracks[track.uuid] = track
        for data in packet[11]:
            self.event(packet[8][0], message(data))

    def event(self, time, event):
        track, kind = self.tracks[event[11][0]], event[9][0]
        if kind == COUNTER:
            track.values.append((time, event[30][0]))
            return
        if kind == END:
            track.slices.append((track.open[-1][0], time, *track.open.pop()[1:]))
            return
        name = self.names[event[10][0]] if event[10] else text(event[23][0])
        category = self.categories[event[3][0]] if event[3] else text(event[22][0])
        notes = {text(note[10][0]): text(note[6][0]) for note in map(message, event[4])}
        if kind == BEGIN:
            track.open.append((time, name, category, notes))
        elif kind == INSTANT:
            track.instants.append((time, name, event[47], event[48]))
        else:
            raise ValueError(f"event of type {kind}")

    def chain(self, track):
        """Names of the tracks from the topmost one down to this."""
        above = self.chain(self.tracks[track.parent]) if track.parent else []
        return [*above, track.name]
