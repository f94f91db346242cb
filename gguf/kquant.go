package gguf

// Blocks of 256 numbers with scales (and minima) of groups of 16 or 32 numbers.
// Low bits are packed in strides: of two bits, byte 32*(i/128) + i%32 holds number i
// at shift 2*(i/32%4). Products are rounded before the difference (no fused
// multiply-add).

// decodeQ2_K: 16 bytes of scale (low half) and minimum (high half), 64 bytes of two
// bits, d, dmin (F16); d*scale*q - dmin*min, groups of 16.
func decodeQ2_K(dst []float32, src []byte) {
	scales, qs, d, dmin := src[:16], src[16:80], float16(src[80:]), float16(src[82:])
	for g, s := range scales {
		dl, ml := d*float32(s&15), dmin*float32(s>>4)
		for i := 16 * g; i < 16*g+16; i++ {
			dst[i] = float32(dl*float32(twoBits(qs, i))) - ml
		}
	}
}

// twoBits is number i of two bits.
func twoBits(qs []byte, i int) byte { return qs[i/128*32+i%32] >> (i / 32 % 4 * 2) & 3 }

// decodeQ3_K: 32 bytes of third bits, 64 bytes of two bits, 16 scales of six bits, d
// (F16); d*(scale-32)*q, groups of 16, q from -4 to 3.
func decodeQ3_K(dst []float32, src []byte) {
	high, qs, scales, d := src[:32], src[32:96], src[96:108], float16(src[108:])
	for g := range 16 {
		low := scales[g%8] >> (g / 8 * 4) & 15
		scale := int(low|scales[8+g%4]>>(g/4*2)&3<<4) - 32
		dl := d * float32(scale)
		for i := 16 * g; i < 16*g+16; i++ {
			q := int(twoBits(qs, i)|high[i%32]>>(i/32)&1<<2) - 4
			dst[i] = dl * float32(q)
		}
	}
}

// scaleMin is scale and minimum g of eight, six bits each, of Q4_K and Q5_K: the
// first four stand in the low bits of bytes 0-3 and 4-7, the last four are spread
// over bytes 8-11 and the high bits of the others.
func scaleMin(b []byte, g int) (scale, minimum byte) {
	if g < 4 {
		return b[g] & 63, b[4+g] & 63
	}
	return b[4+g]&15 | b[g-4]>>6<<4, b[4+g]>>4 | b[g]>>6<<4
}

// decodeQ4_K: d, dmin (F16), 12 bytes of scales and minima, 128 nibble bytes;
// d*scale*q - dmin*min, groups of 32.
func decodeQ4_K(dst []float32, src []byte) {
	d, dmin, scales, qs := float16(src), float16(src[2:]), src[4:16], src[16:144]
	for g := range 8 {
		scale, minimum := scaleMin(scales, g)
		dl, ml := d*float32(scale), dmin*float32(minimum)
		for i, b := range qs[g/2*32 : g/2*32+32] {
			dst[32*g+i] = float32(dl*float32(b>>(g%2*4)&15)) - ml
		}
	}
}

// decodeQ5_K: d, dmin (F16), 12 bytes of scales and minima, 32 bytes of fifth bits,
// 128 nibble bytes; d*scale*q - dmin*min, groups of 32.
func decodeQ5_K(dst []float32, src []byte) {
	d, dmin, scales := float16(src), float16(src[2:]), src[4:16]
	high, qs := src[16:48], src[48:176]
	for g := range 8 {
		scale, minimum := scaleMin(scales, g)
		dl, ml := d*float32(scale), dmin*float32(minimum)
		for i, b := range qs[g/2*32 : g/2*32+32] {
			q := b>>(g%2*4)&15 | high[i]>>g&1<<4
			dst[32*g+i] = float32(dl*float32(q)) - ml
		}
	}
}

// decodeQ6_K: 128 nibble bytes, 64 bytes of two high bits, 16 signed scales, d (F16);
// d*scale*(q-32), groups of 16.
func decodeQ6_K(dst []float32, src []byte) {
	low, high, scales, d := src[:128], src[128:192], src[192:208], float16(src[208:])
	for g, s := range scales {
		dl := d * float32(int8(s))
		for i := 16 * g; i < 16*g+16; i++ {
			q := low[i/128*64+i%64]>>(i/64%2*4)&15 | twoBits(high, i)<<4
			dst[i] = dl * float32(int(q)-32)
		}
	}
}
