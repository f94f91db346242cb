"""Makes the golden files of package gguf with the reference implementation.

    python3 -m venv venv && venv/bin/pip install gguf==0.19.0 numpy
    venv/bin/python make.py        (in this folder)

TYPE.gguf holds one tensor "x" of random blocks, TYPE.f32 what gguf.quants.dequantize
makes of it (little-endian float32). metadata.gguf has every type of value, written.gguf
is "source" (F32) quantised by gguf.quants.quantize.
"""

import numpy as np
import gguf
from gguf import GGMLQuantizationType as T, GGUFWriter

rng = np.random.default_rng(1)
HALVES = {T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0], T.Q2_K: [80, 82],
          T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}
EDGES = np.array([0, 0x8000, 1, 0x83FF, 0x3C00, 0xBC01, 0x7BFF, 0xFBFF, 0x0400, 0x2E66], np.uint16)


def finish(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def raw(kind):
    """Random bytes of a tensor (3, 2, 256), scales finite, edge values among them."""
    block, width = gguf.GGML_QUANT_SIZES[kind]
    if kind in (T.F32, T.F16, T.BF16):
        x = rng.integers(0, 256, (1536, width), np.uint8)
        if kind == T.F16:  # no signalling NaN: what becomes of it depends on the machine
            u = x.view(np.uint16)
            u[(u & 0x7C00 == 0x7C00) & (u & 0x3FF != 0)] |= 0x200
        return x.reshape(3, 2, 256 * width)
    n = 1536 // block
    x = rng.integers(0, 256, (n, width), np.uint8)
    for at in HALVES[kind]:
        d = (rng.standard_normal(n) * 0.05).astype(np.float16).view(np.uint16)
        pick = rng.permutation(n)[: n // 2]
        d[pick] = rng.choice(EDGES, len(pick))
        x[:, at:at + 2] = d.view(np.uint8).reshape(n, 2)
    return x.reshape(3, 2, 256 // block * width)


for kind in [T.F32, T.F16, T.BF16, *HALVES]:
    x, name = raw(kind), kind.name.lower()
    w = GGUFWriter(name + ".gguf", "test")
    w.add_tensor("x", x, raw_shape=x.shape, raw_dtype=kind)
    finish(w)
    gguf.quants.dequantize(x, kind).astype("<f4").tofile(name + ".f32")

w = GGUFWriter("metadata.gguf", "test")
w.add_uint8("u8", 255)
w.add_int8("i8", -128)
w.add_uint16("u16", 65535)
w.add_int16("i16", -32768)
w.add_uint32("u32", 4294967295)
w.add_int32("i32", -2147483648)
w.add_uint64("u64", 18446744073709551615)
w.add_int64("i64", -9223372036854775808)
w.add_float32("f32", 1.5)
w.add_float64("f64", 0.1)
w.add_bool("yes", True)
w.add_bool("no", False)
w.add_string("text", "größer\n")
w.add_string("empty", "-")
w.add_array("ints", [1, -2, 3])
w.add_array("floats", [0.5, -0.25])
w.add_array("texts", ["a", "", "Ġb"])
w.add_array("bools", [True, False])
w.add_array("nested", [[1, 2], [3], [4, 5, 6]])
w.add_custom_alignment(64)
w.add_tensor("b", np.arange(6, dtype=np.float32).reshape(2, 3))
w.add_tensor("a", np.array([-1.5], dtype=np.float16))
finish(w)
b = bytearray(open("metadata.gguf", "rb").read())
b[4] = 2  # version 2 has the same layout
open("metadata-v2.gguf", "wb").write(b)

source = np.concatenate([rng.standard_normal((4, 64)), rng.standard_normal((1, 64)) * 1e6, np.zeros((1, 64)),
                         rng.standard_normal((1, 64)) * 1e-6, np.tile([127, 0.5, 1.5, -2.5], (1, 16))]).astype(np.float32)
peaks = rng.uniform(0.5, 2, (32, 1)).astype(np.float32)  # halves of steps: where the last bit of a scale decides
ties = (rng.integers(-127, 127, (32, 64)) + 0.5).astype(np.float32) * (peaks / 127)
ties[:, ::32] = peaks
source = np.concatenate([source, ties])
w = GGUFWriter("written.gguf", "test")
w.add_array("tokens", ["a", "b"])
w.add_tensor("source", source)
for kind in [T.F16, T.BF16, T.Q8_0]:
    with np.errstate(over="ignore"):
        w.add_tensor(kind.name, gguf.quants.quantize(source, kind), raw_dtype=kind)
finish(w)
