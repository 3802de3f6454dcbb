# SPDX-License-Identifier: MIT
"""LTTng's stream files and their indexes, as lttng-modules writes them on x86-64: for tests that lay out traces anew."""
import struct

HEADER = struct.Struct("<I16sIQ")  # magic, UUID, stream class, stream
CONTEXT = struct.Struct("<QQQQQQI")  # begin, end, content size, packet size (bits), sequence number, discarded events, processor
INDEX_HEADER = struct.Struct(">IIII")  # magic, version, size of an entry
INDEX_ENTRY = struct.Struct(">9Q")
INDEX_MAGIC = 0xC1F1DCC1
# The numbers of an entry.
OFFSET, PACKET_SIZE, CONTENT_SIZE, BEGIN, END, DISCARDED, STREAM_CLASS, STREAM, SEQUENCE = range(9)


def packets(data):
    """(bytes, entry of the index) of every packet of a stream file; each entry's offset is that in this file."""
    offset = 0
    while offset < len(data):
        _, _, stream_class, stream = HEADER.unpack_from(data, offset)
        begin, end, content, size, sequence, discarded, _ = CONTEXT.unpack_from(data, offset + HEADER.size)
        yield data[offset:offset + size // 8], [offset, size, content, begin, end, discarded, stream_class, stream, sequence]
        offset += size // 8


def index(entries, magic=INDEX_MAGIC, major=1, minor=1, size=INDEX_ENTRY.size):
    return INDEX_HEADER.pack(magic, major, minor, size) + b"".join(INDEX_ENTRY.pack(*entry) for entry in entries)


def index_of(data):
    return index([entry for _, entry in packets(data)])
