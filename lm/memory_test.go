package lm

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"pgsrm/kernel"
)

// heldBy is how much the heap grows by what f leaves, in bytes.
func heldBy(f func() any) float64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	kept := f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(kept)
	return float64(after.HeapAlloc) - float64(before.HeapAlloc)
}

// TestRoomIsMadeOnce: sampling into a training State allocates about what it keeps, however many tokens are drawn, and a
// second rollout of as many samples nothing more.
func TestRoomIsMadeOnce(t *testing.T) {
	if testing.Short() { // as emulated, or under the race detector
		t.Skip("bytes, which no kernel changes")
	}
	m := newTestModel(t, GPT2(8, 64, 2, 300, 128))
	m.Pool = kernel.NewPool(1)
	defer m.Pool.Close()
	s := m.NewState(true)
	rng := rand.New(rand.NewPCG(1, 1))
	roll := func() (rows, bytes float64) {
		var before, after runtime.MemStats
		s.Reset()
		runtime.ReadMemStats(&before)
		gens, err := m.Generate(s, [][]int32{{1, 2}, {1, 3}}, 16, SampleOptions{Temperature: 1, MaxNewTokens: 60}, func(int, int) *rand.Rand { return rng })
		if err != nil || len(gens) != 32 {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return float64(s.Rows()), float64(after.TotalAlloc - before.TotalAlloc)
	}
	rows, bytes := roll()
	if kept, free := float64(s.Bytes()), 8e3*rows; bytes > 1.15*kept+free {
		t.Errorf("%.1f MB allocated, %.1f MB kept: want at most 1.15 times that and %.1f MB for tokens and distributions", bytes/1e6, kept/1e6, free/1e6)
	}
	room := s.room
	if _, again := roll(); s.room != room || again > 8e3*rows {
		t.Errorf("again: room for %d rows, %d before; %.1f MB allocated", s.room, room, again/1e6)
	}
	if s.room < s.Rows() || s.room > s.Rows()*5/4 {
		t.Errorf("room for %d rows of %d", s.room, s.Rows())
	}
}

// TestScoringMemory: a State for scoring keeps much less than one that can be continued.
func TestScoringMemory(t *testing.T) {
	m := newTestModel(t, GPT2(12, 32, 2, 50, 64))
	once, cache := m.NewScoringState(), m.NewState(false)
	for _, s := range []*State{once, cache} {
		s.AddSequence(make([]int32, 64))
		m.Forward(s)
	}
	if once.Bytes() > cache.Bytes()/4 {
		t.Errorf("%d bytes, want at most a quarter of %d", once.Bytes(), cache.Bytes())
	}
}

// longWork runs forward, score and backward on sequences as long as the context,
// a target after every token, and returns the State.
func longWork(m *Model, sequences int) func() any {
	m.ensureGrads()
	return func() any {
		rng := rand.New(rand.NewPCG(1, uint64(sequences)))
		s := m.NewState(true)
		var targets []Target
		for range sequences {
			seq := randomTokens(rng, m.Config.Positions, m.Config.Vocab)
			for i, r := range s.AddSequence(seq) {
				targets = append(targets, Target{Row: r, Token: seq[i]})
			}
		}
		m.Forward(s)
		var sc Scores
		m.Score(s, targets, 1, &sc)
		m.Backward(s, targets, 1, ScoreGrads{LogProb: sc.LogProb})
		return s
	}
}

// TestMemoryGrowsWithTokens: contexts of 1,024 and a vocabulary of 20,000, of which
// all logits would take 164 MB. What a State keeps is one chunk of logits and so
// much a token, whatever the vocabulary.
func TestMemoryGrowsWithTokens(t *testing.T) {
	if testing.Short() { // as emulated, or under the race detector
		t.Skip("bytes, which no kernel changes")
	}
	if raceDetector {
		t.Skip("memory of long contexts NOT tested: the race detector changes it")
	}
	const sequences, perToken = 2, 4 << 10 // bytes: the numbers that a row of this model keeps, and its path
	for _, vocab := range []int{100, 20000} {
		m := newTestModel(t, GPT2(2, 16, 2, vocab, 1024))
		held := heldBy(longWork(m, sequences))
		logits := float64(4 * sequences * m.Config.Positions * vocab)
		limit := float64(sequences*m.Config.Positions*perToken) + min(1.3*4*chunkFloats, 1.3*logits)
		t.Logf("vocabulary %d: %.1f MB held, %.1f MB all logits, limit %.1f MB", vocab, held/1e6, logits/1e6, limit/1e6)
		if held > limit {
			t.Errorf("vocabulary %d: %.1f MB held for %d tokens, want at most %.1f", vocab, held/1e6, sequences*m.Config.Positions, limit/1e6)
		}
	}
}

// TestRecomputeMemory: a State with activation checkpointing needs less than six
// tenths of the memory of one without.
func TestRecomputeMemory(t *testing.T) {
	if testing.Short() { // as emulated, or under the race detector
		t.Skip("bytes, which no kernel changes")
	}
	if raceDetector {
		t.Skip("memory of activations NOT tested: the race detector changes it")
	}
	m := newTestModel(t, GPT2(12, 32, 2, 50, 512))
	keep := heldBy(longWork(m, 1))
	m.Recompute = true
	again := heldBy(longWork(m, 1))
	t.Logf("%.2f MB kept, %.2f MB with activation checkpointing", keep/1e6, again/1e6)
	if again > 0.6*keep {
		t.Errorf("%.2f MB with activation checkpointing, %.2f MB without", again/1e6, keep/1e6)
	}
}
