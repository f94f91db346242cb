"""Prints the key of TestKey and writes entry1.hex, from docs/format/cache.md alone."""
import hashlib
import pathlib
import struct


def key(kind, source, request):
    parts = [b"pgsrm cache key 1", kind, source, request]
    return hashlib.sha256(b"".join(struct.pack("<Q", len(p)) + p for p in parts)).digest()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


print(key(b"answer", b"source", b"request").hex())
address, source, value = key(b"answer", b"chat:m", b"what is red + blue?"), b"chat:m", b"purple"
entry = struct.pack("<BBHIQ", 1, 1, len(source), len(value), 1_800_000_000) + source + value
entry += struct.pack("<I", crc32c(address + entry))
(pathlib.Path(__file__).parent / "entry1.hex").write_text(entry.hex() + "\n")
