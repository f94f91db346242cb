package run

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"pgsrm/internal/durable"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestLockNamesItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := lockDir(path, noon)
	if err != nil {
		t.Fatal(err)
	}
	_, err = lockDir(path, noon)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "in use by process ") || !strings.HasSuffix(err.Error(), "since 2026-11-23T12:00:00Z") {
		t.Errorf("second lock: got %v", err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := lockDir(path, noon)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	again.Release()
}

// Somebody who looks whether the lock is held, as the dashboard does, has it for a moment.
func TestLockWaitsForAMoment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	looking, err := durable.TryLock(path, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { looking.Release() })
	own, err := lockDir(path, noon)
	if err != nil {
		t.Fatal(err)
	}
	own.Release()
}

func TestJournalIsCutToTheCheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	j, err := openJournal(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	j.line([]byte("one"))
	size, err := j.sync()
	if err != nil || size != 4 {
		t.Fatalf("size of the first line: got %d, %v", size, err)
	}
	j.line([]byte("two"))
	if err := errors.Join(j.flush(), j.close()); err != nil {
		t.Fatal(err)
	}
	if j, err = openJournal(path, size); err != nil {
		t.Fatal(err)
	}
	j.line([]byte("again"))
	if err := errors.Join(j.flush(), j.close()); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "one\nagain\n" {
		t.Errorf("got %q", text)
	}
	if _, err := openJournal(path, 11); err == nil || !strings.HasSuffix(err.Error(), "must have at least the 11 bytes of the checkpoint (got 10)") {
		t.Errorf("file shorter than the checkpoint: got %v", err)
	}
}

func TestFailedWriteLeavesNoTornLine(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /dev/full; skipped: a full disk")
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{file: full}
	j.line([]byte("line"))
	if err := j.flush(); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("full disk: got %v", err)
	}
}

func TestMetricsLine(t *testing.T) {
	got := string(metricsLine(12, 768, map[string]float64{
		"reward": 0.1, "a": -3, "n": 1e20, "nan": math.NaN(), "inf": math.Inf(1), "tiny": 1e-7,
	}))
	if want := `{"step":12,"episode":768,"a":-3,"n":1e+20,"reward":0.1,"tiny":1e-07}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The check value of CRC-32C (RFC 3720, appendix B.4, and the usual "123456789").
func TestMaskedCRC(t *testing.T) {
	if got := crc32.Checksum([]byte("123456789"), castagnoli); got != 0xe3069283 {
		t.Fatalf("CRC-32C: got %#x", got)
	}
	// ((c >> 15) | (c << 17)) + 0xa282ead8, by hand: 0xc60d | 0x25060000 = 0x2507c60d
	if got, want := maskedCRC([]byte("123456789")), uint32(0x2507c60d)+0xa282ead8; got != want {
		t.Errorf("got %#x, want %#x", got, want)
	}
}

// writeBoard writes two evaluated steps into an event file, resuming it in between.
func writeBoard(t *testing.T, path string) []tbEvent {
	t.Helper()
	for range 2 { // the second time it resumes
		st, _ := os.Stat(path)
		var size int64
		if st != nil {
			size = st.Size()
		}
		j, err := openJournal(path, size)
		if err != nil {
			t.Fatal(err)
		}
		tb, err := newTensorBoard(j, func() time.Time { return noon }, []Difference{{Key: "ppo.clip", B: "0.2"}, {Key: "task", B: "colors"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range []Event{
			Metrics{Step: 3, Episode: 48, Values: map[string]float64{"reward": 2, "a": 0.5}},
			Completion{Step: 3, Prompt: "p|<b>\x1b", Reference: "r", Response: "x\ny", Greedy: true}, Completion{Step: 3, Prompt: "sampled"},
			Timing{Step: 3, Episode: 48, Values: map[string]float64{"evaluate": 1}},
		} {
			if err := tb.Event(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(j.flush(), j.close()); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return readTensorBoard(t, text)
}

func TestTensorBoardFile(t *testing.T) {
	step := []tbEvent{
		{Wall: 1795435200, Step: 3, Tags: []string{"a", "reward"}, Values: []float32{0.5, 2}},
		{Wall: 1795435200, Step: 48, Tags: []string{"by_episode/reward"}, Values: []float32{2}},
		{Wall: 1795435200, Step: 3, Tags: []string{"timings/evaluate"}, Values: []float32{1}},
		{Wall: 1795435200, Step: 3, Tags: []string{"samples/greedy"}},
	}
	want := append([]tbEvent{{Wall: 1795435200, Version: "brain.Event:2"}, {Wall: 1795435200, Tags: []string{hparamsTag}}}, append(step, step...)...)
	path := filepath.Join(t.TempDir(), "events")
	if diff := cmp.Diff(want, writeBoard(t, path)); diff != "" {
		t.Error(diff)
	}
	text, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(text, []byte(`| p&#124;&lt;b&gt;&#92;x1b | r | x y |  |`)) {
		t.Errorf("texts must be a table (%v)", err)
	}
}

// A file that an older version began goes on over episodes, without what is new.
func TestOldTensorBoardFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	j, err := openJournal(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	old := &tensorBoard{journal: j, now: func() time.Time { return noon }}
	old.record(protowire.AppendString(protowire.AppendTag(old.header(0), eventFileVersion, protowire.BytesType), "brain.Event:2"))
	if err := errors.Join(j.flush(), j.close()); err != nil {
		t.Fatal(err)
	}
	step := []tbEvent{
		{Wall: 1795435200, Step: 48, Tags: []string{"a", "reward"}, Values: []float32{0.5, 2}},
		{Wall: 1795435200, Step: 48, Tags: []string{"timings/evaluate"}, Values: []float32{1}},
	}
	want := append([]tbEvent{{Wall: 1795435200, Version: "brain.Event:2"}}, append(step, step...)...)
	if diff := cmp.Diff(want, writeBoard(t, path)); diff != "" {
		t.Error(diff)
	}
}

// tbEvent is a record of an event file, read by hand.
type tbEvent struct {
	Wall    float64
	Step    uint64
	Version string
	Tags    []string
	Values  []float32
}

func readTensorBoard(t *testing.T, text []byte) []tbEvent {
	var out []tbEvent
	for len(text) > 0 {
		n := binary.LittleEndian.Uint64(text)
		if crc := binary.LittleEndian.Uint32(text[8:]); crc != maskedCRC(text[:8]) {
			t.Fatalf("checksum of the length: got %#x", crc)
		}
		data := text[12 : 12+n]
		if crc := binary.LittleEndian.Uint32(text[12+n:]); crc != maskedCRC(data) {
			t.Fatalf("checksum of the data: got %#x", crc)
		}
		out = append(out, parseEvent(t, data))
		text = text[16+n:]
	}
	return out
}

func parseEvent(t *testing.T, data []byte) (e tbEvent) {
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		data = data[n:]
		switch {
		case num == eventWallTime && typ == protowire.Fixed64Type:
			v, n := protowire.ConsumeFixed64(data)
			e.Wall, data = math.Float64frombits(v), data[n:]
		case num == eventStep && typ == protowire.VarintType:
			v, n := protowire.ConsumeVarint(data)
			e.Step, data = v, data[n:]
		case num == eventFileVersion && typ == protowire.BytesType:
			v, n := protowire.ConsumeString(data)
			e.Version, data = v, data[n:]
		case num == eventSummary && typ == protowire.BytesType:
			v, n := protowire.ConsumeBytes(data)
			parseSummary(t, &e, v)
			data = data[n:]
		default:
			t.Fatalf("unexpected field %d of type %d", num, typ)
		}
	}
	return e
}

func parseSummary(t *testing.T, e *tbEvent, data []byte) {
	for len(data) > 0 {
		_, _, n := protowire.ConsumeTag(data)
		value, m := protowire.ConsumeBytes(data[n:])
		data = data[n+m:]
		_, _, n = protowire.ConsumeTag(value)
		tag, m := protowire.ConsumeString(value[n:])
		value = value[n+m:]
		num, typ, n := protowire.ConsumeTag(value)
		if num == valueTensor { // of a plugin
			e.Tags = append(e.Tags, tag)
			continue
		}
		if typ != protowire.Fixed32Type {
			t.Fatalf("%s: must be a float (got type %d)", tag, typ)
		}
		bits, _ := protowire.ConsumeFixed32(value[n:])
		e.Tags, e.Values = append(e.Tags, tag), append(e.Values, math.Float32frombits(bits))
	}
}

func TestStreamsAreTheirArguments(t *testing.T) {
	draw := func(seed uint64, p purpose, at ...int) uint64 { return stream(seed, p, at...).Uint64() }
	seen := map[uint64][]int{}
	for seed := range uint64(4) {
		for p := forPrompts; p <= forCompletions; p++ {
			for step := range 20 {
				for sample := range 8 {
					v := draw(seed, p, step, sample)
					if at, twice := seen[v]; twice {
						t.Fatalf("seed %d, purpose %d, step %d, sample %d draws what %v drew", seed, p, step, sample, at)
					}
					seen[v] = []int{int(seed), int(p), step, sample}
					if v != draw(seed, p, step, sample) {
						t.Fatal("the same arguments must draw the same number")
					}
				}
			}
		}
	}
	// What a seed means must never change.
	if got := draw(1, forSampling, 2, 3, 4); got != goldenDraw {
		t.Errorf("stream(1, sampling, 2, 3, 4): got %#x, want %#x", got, uint64(goldenDraw))
	}
}

const goldenDraw = 0xee6478d0c2977169

// Inspect names each state of a run directory and changes nothing.
func TestInspect(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "R")
	inspect := func(want string) {
		t.Helper()
		if got, err := Inspect(dir); err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	inspect(DirAbsent)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	inspect(DirEmpty)
	deps := testDeps(t)
	stop, cancel := context.WithCancel(t.Context())
	deps.Events = []Subscriber{atStep{2, func() {
		if _, err := Inspect(dir); !errors.Is(err, ErrLocked) {
			t.Errorf("during the run: %v", err)
		}
		cancel()
	}}}
	if _, err := Start(stop, testConfig(t, dir), deps); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	inspect(DirBegun)
	if _, err := Resume(t.Context(), testConfig(t, dir), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	inspect(DirComplete)
	if _, err := Inspect(filepath.Join(dir, "config.yaml")); err == nil {
		t.Error("a file is no run directory")
	}
}
