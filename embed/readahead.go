package embed

import "io"

// aheadChunk and aheadChunks are how much is read ahead: 1 MB in all.
const (
	aheadChunk  = 1 << 18
	aheadChunks = 4
)

// readAhead reads r in a goroutine of its own, a few chunks before they are asked
// for, so that reading, hashing and unpacking overlap with the work on the data.
// stop ends the goroutine and must be called; r must not be closed before.
func readAhead(r io.Reader) (in io.Reader, stop func()) {
	a := &ahead{full: make(chan chunk, aheadChunks), free: make(chan []byte, aheadChunks), stop: make(chan struct{})}
	for range aheadChunks {
		a.free <- make([]byte, aheadChunk)
	}
	done := make(chan struct{})
	go func() {
		defer func() { done <- struct{}{} }()
		a.fill(r)
	}()
	return a, func() { a.end(); <-done }
}

// chunk is a piece of the input, and the error that followed it.
type chunk struct {
	data []byte
	err  error
}

type ahead struct {
	full    chan chunk
	free    chan []byte
	stop    chan struct{}
	current chunk
	rest    []byte // of current.data, not yet handed on
}

// fill reads until an error (io.EOF at the end) or the stop.
func (a *ahead) fill(r io.Reader) {
	for {
		var buf []byte
		select {
		case buf = <-a.free:
		case <-a.stop:
			return
		}
		n, err := 0, error(nil)
		for n < len(buf) && err == nil { // io.ReadFull would hide a reader's own io.ErrUnexpectedEOF
			var m int
			m, err = r.Read(buf[n:])
			n += m
		}
		select {
		case a.full <- chunk{buf[:n], err}:
		case <-a.stop:
			return
		}
		if err != nil {
			return
		}
	}
}

func (a *ahead) end() { close(a.stop) }

// Read hands on what has been read.
func (a *ahead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.current.err != nil {
			return 0, a.current.err
		}
		if a.current.data != nil {
			a.free <- a.current.data[:aheadChunk]
		}
		a.current = <-a.full
		a.rest = a.current.data
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}
