package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgsrm/lm"
)

// TestEachBatchAnswersAtOnce holds that a program may write one line and wait
// for its answer before it writes the next.
func TestEachBatchAnswersAtOnce(t *testing.T) {
	in, write := io.Pipe()
	read, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- eachBatch(t.Context(), in, &globalOptions{Stdout: out}, 10, func(batch []inputLine, w *bufio.Writer) error {
			for _, line := range batch {
				fmt.Fprintf(w, "%d:%s\n", line.Number, line.Text)
			}
			return nil
		})
	}()
	answers := bufio.NewReader(read)
	for i := 1; i <= 3; i++ {
		fmt.Fprintf(write, "line %d\r\n", i)
		got, err := answers.ReadString('\n')
		if want := fmt.Sprintf("%d:line %d\r\n", i, i); err != nil || got != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
	write.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestEachBatchEndsWithItsContext holds that an interrupt ends a command that
// waits for input.
func TestEachBatchEndsWithItsContext(t *testing.T) {
	in, write := io.Pipe()
	defer write.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := eachBatch(ctx, in, &globalOptions{Stdout: io.Discard}, 10, func([]inputLine, *bufio.Writer) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestEachBatch(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", nil},
		{"blank lines count", "\n\na", []string{"1:", "2:", "3:a"}},
		{"last line without a break", "a\nb", []string{"1:a", "2:b"}},
		{"long line", long + "\n", []string{"1:" + long}},
		{"more than the queue holds", strings.Repeat("a\n", 3*lineQueue), nil},
	} {
		var got []string
		err := eachBatch(t.Context(), strings.NewReader(c.text), &globalOptions{Stdout: io.Discard}, 7, func(batch []inputLine, _ *bufio.Writer) error {
			if len(batch) == 0 || len(batch) > 7 {
				t.Errorf("%s: a batch of %d lines", c.name, len(batch))
			}
			for _, line := range batch {
				got = append(got, fmt.Sprintf("%d:%s", line.Number, line.Text))
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.want == nil && len(got) == strings.Count(c.text, "\n") {
			continue
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %d lines, want %d", c.name, len(got), len(c.want))
		}
	}
}

// TestEachBatchReadError holds that lines before a failed read are answered.
func TestEachBatchReadError(t *testing.T) {
	var out bytes.Buffer
	in := io.MultiReader(strings.NewReader("a\n"), iotest.ErrReader(errors.New("disk on fire")))
	err := eachBatch(t.Context(), in, &globalOptions{Stdout: &out}, 7, func(batch []inputLine, w *bufio.Writer) error {
		for _, line := range batch {
			fmt.Fprintln(w, line.Text)
		}
		return nil
	})
	if err == nil || err.Error() != "line 2: disk on fire" || out.String() != "a\n" {
		t.Errorf("got %v and %q", err, out.String())
	}
}

// TestWindows: every token but the first of the text is counted once, each with
// at least context - stride tokens before it.
func TestWindows(t *testing.T) {
	for _, c := range []struct {
		n, context, stride int
		want               string // first token, last token, first counted one
	}{
		{0, 4, 2, "[]"},
		{1, 4, 2, "[0-0:1]"},
		{4, 4, 2, "[0-3:1]"},
		{5, 4, 2, "[0-3:1 2-4:4]"},
		{9, 4, 3, "[0-3:1 3-6:4 6-8:7]"},
		{6, 4, 4, "[0-3:1 4-5:5]"}, // token 4 has nothing before it
		{5, 4, 1, "[0-3:1 1-4:4]"},
	} {
		tokens := make([]int32, c.n)
		for i := range tokens {
			tokens[i] = int32(i)
		}
		got := []string{}
		for _, q := range windows(tokens, c.context, c.stride) {
			first := q.Tokens[0]
			got = append(got, fmt.Sprintf("%d-%d:%d", first, q.Tokens[len(q.Tokens)-1], int(first)+q.From))
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("windows of %d tokens, %d by %d: got %v, want %s", c.n, c.context, c.stride, got, c.want)
		}
	}
}

func TestNumbersHaveNineDigits(t *testing.T) {
	out := newLogprobsOutput([]int32{5, 6, 7}, []float32{-1.25, -1e-7})
	var b bytes.Buffer
	g := globalOptions{Stdout: &b}
	if err := g.printJSON(out); err != nil {
		t.Fatal(err)
	}
	if want := `{"tokens":[5,6,7],"logprobs":[null,-1.25,-1.00000001e-07]}` + "\n"; b.String() != want {
		t.Errorf("got %s, want %s", b.String(), want)
	}
}

// TestShuffledEpochs: each epoch holds every sequence once, in an order of its own.
func TestShuffledEpochs(t *testing.T) {
	seqs := make([]lm.Sequence, 20)
	for i := range seqs {
		seqs[i].From = i
	}
	next := shuffledEpochs(seqs, 3)
	var epochs [2][]int
	for i := range 2 * len(seqs) {
		q, err := next(i)
		if err != nil {
			t.Fatal(err)
		}
		epochs[i/len(seqs)] = append(epochs[i/len(seqs)], q.From)
	}
	if slices.Equal(epochs[0], epochs[1]) {
		t.Error("two epochs have the same order")
	}
	for _, e := range epochs {
		slices.Sort(e)
		for i, v := range e {
			if i != v {
				t.Fatalf("an epoch must hold every sequence once (got %v)", e)
			}
		}
	}
}
