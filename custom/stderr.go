package custom

import (
	"bufio"
	"io"
	"sync"

	"pgsrm/remote"
)

// How much is shown of what processes write on stderr, and of what happens to them.
const (
	toldLines   = 20   // of either
	stderrBytes = 4096 // of a line; the rest is thrown away
)

// teller passes on the first lines that it is told, made fit to be shown, and remembers
// the last one that a process has written.
type teller struct {
	name string // of the term
	what string // is told
	warn func(text string)

	mu   sync.Mutex
	told int
	last string
}

// say passes one line on.
func (t *teller) say(text string) {
	t.mu.Lock()
	t.told++
	n := t.told
	t.mu.Unlock()
	switch {
	case t.warn == nil || n > toldLines+1:
	case n > toldLines:
		t.warn(t.name + ": from here on " + t.what + " is not shown")
	default:
		t.warn(t.name + ": " + text)
	}
}

// read passes on what a process writes on stderr, to its end. However much that is, it
// takes no memory and never blocks the process.
func (t *teller) read(r io.Reader) {
	b := bufio.NewReaderSize(r, stderrBytes)
	for {
		line, err := b.ReadSlice('\n')
		text := remote.Excerpt(string(line), "")
		for err == bufio.ErrBufferFull {
			_, err = b.ReadSlice('\n')
		}
		if text != "" {
			t.mu.Lock()
			t.last = text
			t.mu.Unlock()
			t.say(text)
		}
		if err != nil {
			return
		}
	}
}

// lastWords is the last line on stderr, forgotten once it was asked for.
func (t *teller) lastWords() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := t.last
	t.last = ""
	return text
}
