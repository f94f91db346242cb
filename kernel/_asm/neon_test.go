package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Every instruction that is written as a word must be the one that its comment names.
func TestWordsAreWhatTheySay(t *testing.T) {
	objdump, err := exec.LookPath("aarch64-linux-gnu-objdump")
	if err != nil {
		t.Skip("no aarch64-linux-gnu-objdump (Debian package binutils-aarch64-linux-gnu): the encodings are NOT compared with a disassembler")
	}
	text, err := os.ReadFile("../internal/neon/kernels_arm64.s")
	if err != nil {
		t.Fatal(err)
	}
	var code []byte
	var want []string
	for _, m := range regexp.MustCompile(`WORD \$0x([0-9a-f]{8}) // (.*)`).FindAllSubmatch(text, -1) {
		w, err := strconv.ParseUint(string(m[1]), 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		code = binary.LittleEndian.AppendUint32(code, uint32(w))
		want = append(want, string(m[2]))
	}
	file := filepath.Join(t.TempDir(), "code")
	if err := os.WriteFile(file, code, 0o644); err != nil {
		t.Fatal(err)
	}
	dump, err := exec.Command(objdump, "-D", "-b", "binary", "-m", "aarch64", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^\s+[0-9a-f]+:\t[0-9a-f]{8} \t(.*)$`).FindAllSubmatch(dump, -1) {
		got = append(got, strings.Join(strings.Fields(string(m[1])), " "))
	}
	if len(want) == 0 || len(got) != len(want) {
		t.Fatalf("got %d instructions from the disassembler, want %d and some", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("word %d: the disassembler says %q, the comment %q", i, got[i], want[i])
		}
	}
}

// instructions numbers the registers of what build writes and returns its lines.
func instructions(build func(p *neonProg)) []string {
	p := &neonProg{constants: map[uint32]*neonReg{}}
	build(p)
	p.finish()
	var b bytes.Buffer
	p.print(&b)
	return strings.Split(strings.TrimSpace(b.String()), "\n")
}

func TestRegistersGetNumbers(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(p *neonProg)
		want  string
	}{
		{"a register is free after its last use", func(p *neonProg) {
			a, b, c := p.general(), p.general(), p.general()
			p.op("SET R%d", out{a})
			p.op("SET R%d", out{b})
			p.op("ADD R%d, R%d, R%d", a, b, out{c})
			p.op("USE R%d R%d", c, b)
		}, "SET R0; SET R1; ADD R0, R1, R0; USE R0 R1"},
		{"a value lives round a loop", func(p *neonProg) {
			a, b := p.general(), p.general()
			p.op("SET R%d", out{a})
			p.place("again")
			p.op("SET R%d", out{b})
			p.op("USE R%d", b)
			p.op("USE R%d", a)
			p.jump("again", "BNE")
		}, "SET R0; ; again:; // loop of 4 instructions: 0 multiply-adds, 0 loads; SET R1; USE R1; USE R0; BNE again"},
		{"a result that nobody reads still must not overwrite", func(p *neonProg) {
			a, b := p.general(), p.general()
			p.op("SET R%d", out{a})
			p.op("SET R%d", out{b})
			p.op("USE R%d", a)
		}, "SET R0; SET R1; USE R0"},
		{"two results differ", func(p *neonProg) {
			a, b := p.general(), p.general()
			p.op("PAIR R%d R%d", out{a}, out{b})
		}, "PAIR R0 R1"},
		{"a copy of what is not needed any more vanishes", func(p *neonProg) {
			a := p.vector()
			p.op("SET V%d", out{a})
			p.op("CHANGE V%d", inout{p.copyReg(a)})
		}, "SET V0; CHANGE V0"},
		{"a copy of what is needed stays", func(p *neonProg) {
			a := p.vector()
			p.op("SET V%d", out{a})
			p.op("CHANGE V%d", inout{p.copyReg(a)})
			p.op("USE V%d", a)
		}, "SET V0; VMOV V0.B16, V1.B16; CHANGE V1; USE V0"},
		{"both ways of a branch", func(p *neonProg) {
			a, b := p.general(), p.general()
			p.op("SET R%d", out{a})
			p.jump("other", "BEQ")
			p.op("SET R%d", out{b})
			p.op("USE R%d", b)
			p.op("RET")
			p.code[len(p.code)-1].leaves = true
			p.place("other")
			p.op("USE R%d", a)
		}, "SET R0; BEQ other; SET R0; USE R0; RET; ; other:; USE R0"},
		{"a constant is loaded once, first", func(p *neonProg) {
			p.op("USE V%d", p.splat(127))
			p.op("USE V%d", p.splat(127))
		}, "MOVD $0x7f, R0; VDUP R0, V0.S4; USE V0; USE V0"},
	} {
		if got := strings.Join(instructions(c.build), "; "); strings.ReplaceAll(got, "\t", "") != c.want {
			t.Errorf("%s: got %s, want %s", c.name, strings.ReplaceAll(got, "\t", ""), c.want)
		}
	}
}

// Where 32 registers hold other values, a constant is loaded at its use; where even that does not do, the generator stops.
func TestTooFewRegisters(t *testing.T) {
	full := func(n int) func(p *neonProg) {
		return func(p *neonProg) {
			c := p.splat(127)
			var r []*neonReg
			for range n {
				r = append(r, p.vector())
				p.op("SET V%d", out{r[len(r)-1]})
			}
			p.op("USE V%d", r[0])
			p.op("USE V%d", c)
			for _, x := range r[1:] {
				p.op("USE V%d", x)
			}
		}
	}
	got := instructions(full(32))
	at := 32 + 1 // after the values and the first use
	if want := []string{"\tMOVD $0x7f, R0", "\tVDUP R0, V0.S4", "\tUSE V0"}; fmt.Sprint(got[at:at+3]) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got[at:at+3], want)
	}
	defer func() {
		if recover() == nil {
			t.Error("34 values in 32 registers: were accepted")
		}
	}()
	instructions(full(34))
}

func TestFrames(t *testing.T) {
	f := newFrame("f", "func(a, b []float32, s float32, n int, p *byte, x, y float32) (u float32, v float64)")
	want := map[string]int{"a": 0, "b": 24, "s": 48, "n": 56, "p": 64, "x": 72, "y": 76, "u": 80, "v": 88}
	if fmt.Sprint(f.offset) != fmt.Sprint(want) || f.size != 96 {
		t.Errorf("got %v, size %d, want %v, 96", f.offset, f.size, want)
	}
	if f := newFrame("f", "func(x []float32, s float32)"); f.size != 28 {
		t.Errorf("no results: got size %d, want 28", f.size)
	}
	if f := newFrame("f", "func(x []float32) float32"); f.size != 28 || f.offset["ret"] != 24 {
		t.Errorf("one result: got size %d and offset %d, want 28 and 24", f.size, f.offset["ret"])
	}
}

// The page on performance counts the loops of the micro-kernels.
func TestCountsInTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../internal/neon/kernels_arm64.s")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	for rows := 1; rows <= 6; rows++ {
		_, tile, _ := strings.Cut(string(text), fmt.Sprintf("TEXT ·tile%dx1(", rows))
		m := regexp.MustCompile(`// loop of (\d+) instructions: (\d+) multiply-adds, (\d+) loads`).FindStringSubmatch(tile)
		if m == nil {
			t.Fatalf("no loop of %d rows", rows)
		}
		var n [3]float64
		for i := range n {
			n[i], _ = strconv.ParseFloat(m[i+1], 64)
		}
		want := fmt.Sprintf("| %d | %s | %s | %s | %.2f | %.3f |", rows, m[1], m[2], m[3], n[0]/n[1]/4, n[2]/n[1]/4)
		if !strings.Contains(string(page), want) {
			t.Errorf("docs/performance.md: must have the row %s", want)
		}
	}
}
