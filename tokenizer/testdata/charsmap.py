"""Makes the precompiled_charsmap of SentencePiece: a Darts double array and its text."""

import struct


def charsmap(pairs):
    """The bytes for a dict of string to replacement."""
    blob, nodes, offsets = b"", [{}], {}
    values = [None]
    for key, to in sorted(pairs.items()):
        at = 0
        for b in key.encode():
            if b not in nodes[at]:
                nodes[at][b] = len(nodes)
                nodes.append({})
                values.append(None)
            at = nodes[at][b]
        if to not in offsets:
            offsets[to] = len(blob)
            blob += to.encode() + b"\0"
        values[at] = offsets[to]
    # Node k keeps its children at base(k) ^ byte and its value at base(k) ^ 0.
    base = [256 * (k + 1) for k in range(len(nodes))]
    units = [0] * (256 * (len(nodes) + 1))
    units[0] = base[0] << 10
    for k, children in enumerate(nodes):
        if values[k] is not None:
            units[base[k]] = values[k] | 1 << 31
        for b, child in children.items():
            at = base[k] ^ b
            units[at] = b | (at ^ base[child]) << 10 | (values[child] is not None) << 8
    return struct.pack("<I", 4 * len(units)) + struct.pack(f"<{len(units)}I", *units) + blob
