package kernel

import "golang.org/x/sys/cpu"

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
