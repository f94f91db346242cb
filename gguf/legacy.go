package gguf

import "encoding/binary"

// Blocks of 32 numbers. A nibble byte i holds number i in its low half and number
// 16+i in its high half. Products are rounded before the sum (no fused
// multiply-add), so that every machine computes the same bits.

// decodeQ4_0: d (F16), 16 nibble bytes; d*(q-8).
func decodeQ4_0(dst []float32, src []byte) {
	d := float16(src)
	for i, b := range src[2:18] {
		dst[i] = d * float32(int(b&15)-8)
		dst[16+i] = d * float32(int(b>>4)-8)
	}
}

// decodeQ4_1: d, m (F16), 16 nibble bytes; d*q + m.
func decodeQ4_1(dst []float32, src []byte) {
	d, m := float16(src), float16(src[2:])
	for i, b := range src[4:20] {
		dst[i] = float32(d*float32(b&15)) + m
		dst[16+i] = float32(d*float32(b>>4)) + m
	}
}

// decodeQ5_0: d (F16), 32 fifth bits, 16 nibble bytes; d*(q-16).
func decodeQ5_0(dst []float32, src []byte) {
	d, high := float16(src), binary.LittleEndian.Uint32(src[2:])
	for i, b := range src[6:22] {
		dst[i] = d * float32(int(uint32(b&15)|high>>i&1<<4)-16)
		dst[16+i] = d * float32(int(uint32(b>>4)|high>>(16+i)&1<<4)-16)
	}
}

// decodeQ5_1: d, m (F16), 32 fifth bits, 16 nibble bytes; d*q + m.
func decodeQ5_1(dst []float32, src []byte) {
	d, m, high := float16(src), float16(src[2:]), binary.LittleEndian.Uint32(src[4:])
	for i, b := range src[8:24] {
		dst[i] = float32(d*float32(uint32(b&15)|high>>i&1<<4)) + m
		dst[16+i] = float32(d*float32(uint32(b>>4)|high>>(16+i)&1<<4)) + m
	}
}
