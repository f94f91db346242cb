package embed

import "io"

// A chunk of what is written behind, how many may wait, and after how many bytes
// they are made durable, so that little is left for the end.
const (
	behindChunk  = 1 << 18
	behindChunks = 4
	behindSync   = 64 << 20
)

// writeBehind writes in a goroutine of its own, in order. An error shows at the
// next Write or at close, which must be called.
type writeBehind struct {
	full chan []byte
	free chan []byte
	err  chan error // one, when the goroutine has ended
	done error
	over bool
}

func newWriteBehind(w io.Writer) *writeBehind {
	b := &writeBehind{full: make(chan []byte, behindChunks), free: make(chan []byte, behindChunks), err: make(chan error, 1)}
	for range behindChunks {
		b.free <- make([]byte, 0, behindChunk)
	}
	go func() { b.err <- b.drain(w) }()
	return b
}

// drain writes the chunks until there are no more, or an error.
func (b *writeBehind) drain(w io.Writer) error {
	durable, _ := w.(interface{ Sync() error })
	written := 0
	for chunk := range b.full {
		if _, err := w.Write(chunk); err != nil {
			return err
		}
		if written += len(chunk); written >= behindSync && durable != nil {
			if err := durable.Sync(); err != nil {
				return err
			}
			written = 0
		}
		b.free <- chunk[:0]
	}
	return nil
}

// Write copies p to a chunk; nil means no more than that.
func (b *writeBehind) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		if b.over {
			return n, b.done
		}
		select {
		case chunk := <-b.free:
			chunk = append(chunk, p[n:min(len(p), n+behindChunk)]...)
			n += len(chunk)
			b.full <- chunk
		case err := <-b.err:
			b.over, b.done = true, err
		}
	}
	return len(p), nil
}

// close waits until all is written.
func (b *writeBehind) close() error {
	close(b.full)
	if b.over {
		return nil // told already
	}
	return <-b.err
}
