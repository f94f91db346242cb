package kernel

import (
	"golang.org/x/sys/cpu"

	"pgsrm/kernel/internal/avx2"
	"pgsrm/kernel/internal/avx512"
	"pgsrm/kernel/internal/generic"
)

// available lists the tables that this CPU can run, best first.
func available() []*ops {
	x := &cpu.X86
	var tables []*ops
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasBMI2 {
		tables = append(tables, avx512Ops())
	}
	if x.HasAVX2 && x.HasFMA {
		tables = append(tables, avx2Ops())
	}
	return append(tables, goOps())
}

func avx512Ops() *ops {
	return &ops{
		name: "avx512", tileRows: avx512.TileRows, maxPanels: avx512.MaxPanels,
		tile: avx512.Run, transpose: avx512.Transpose, slices: avx512.Slices, packRows: avx512.PackRows, packCols: avx512.PackColumns,
		dot: avx512.Dot, sum: avx512.Sum, sumSqDev: avx512.SumSqDev, max: avx512.Max,
		sumSquares: avx512.SumSquares, expSum: avx512.ExpSum, expStats: avx512.ExpStats, normSums: avx512.NormSums,
		exp: avx512.Exp, log: generic.Log, tanh: avx512.Tanh,
		add: avx512.Add, axpy: avx512.Axpy, scale: avx512.Scale,
		softmaxGrad: avx512.SoftmaxGrad, adamW: avx512.AdamW, normApply: avx512.NormApply, normGrad: avx512.NormGrad,
		geluTanh: avx512.GELUTanh, geluErf: avx512.GELUErf, silu: avx512.SiLU,
		geluTanhGrad: avx512.GELUTanhGrad, geluErfGrad: avx512.GELUErfGrad,
		swiGLU: avx512.SwiGLU, swiGLUGrad: avx512.SwiGLUGrad,
		scores: avx512.Scores, softmax: avx512.Softmax, mix: avx512.Mix, spread: avx512.Spread,
		softmaxBackward: avx512.SoftmaxBackward, rope: avx512.Rope, peak: avx512.Peak, stream: avx512.Stream,
	}
}

func avx2Ops() *ops {
	return &ops{
		name: "avx2", tileRows: avx2.TileRows, maxPanels: avx2.MaxPanels,
		tile: avx2.Run, transpose: avx2.Transpose, slices: avx2.Slices, packRows: avx2.PackRows, packCols: avx2.PackColumns,
		dot: avx2.Dot, sum: avx2.Sum, sumSqDev: avx2.SumSqDev, max: avx2.Max,
		sumSquares: avx2.SumSquares, expSum: avx2.ExpSum, expStats: avx2.ExpStats, normSums: avx2.NormSums,
		exp: avx2.Exp, log: generic.Log, tanh: avx2.Tanh,
		add: avx2.Add, axpy: avx2.Axpy, scale: avx2.Scale,
		softmaxGrad: avx2.SoftmaxGrad, adamW: avx2.AdamW, normApply: avx2.NormApply, normGrad: avx2.NormGrad,
		geluTanh: avx2.GELUTanh, geluErf: avx2.GELUErf, silu: avx2.SiLU,
		geluTanhGrad: avx2.GELUTanhGrad, geluErfGrad: avx2.GELUErfGrad,
		swiGLU: avx2.SwiGLU, swiGLUGrad: avx2.SwiGLUGrad,
		scores: avx2.Scores, softmax: avx2.Softmax, mix: avx2.Mix, spread: avx2.Spread,
		softmaxBackward: avx2.SoftmaxBackward, rope: avx2.Rope, peak: avx2.Peak, stream: avx2.Stream,
	}
}
