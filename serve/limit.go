package serve

import (
	"context"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// load counts the samples that wait or are being scored.
type load struct {
	most int64
	now  atomic.Int64
}

// add takes room for n samples; false where there is none.
func (l *load) add(n int) bool {
	if l.now.Add(int64(n)) > l.most {
		l.now.Add(-int64(n))
		return false
	}
	return true
}

// done gives room back.
func (l *load) done(n int) { l.now.Add(-int64(n)) }

// budget is a number of bytes that requests share. Who does not get its share waits for
// others to give theirs back, but not for ever: of two that wait for each other one gives
// up.
type budget struct {
	mu   sync.Mutex
	left int64
	free chan struct{} // closed and made anew when bytes come back; nil = nobody waits
}

func newBudget(n int64) *budget { return &budget{left: n} }

// take takes n bytes; false where they do not come back in time.
func (b *budget) take(ctx context.Context, n int64) bool {
	free := b.tryTake(n)
	if free == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, bodyTime)
	defer cancel()
	for ; free != nil; free = b.tryTake(n) {
		select {
		case <-free:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// tryTake takes n bytes, or returns what is closed when bytes come back.
func (b *budget) tryTake(n int64) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left >= n {
		b.left -= n
		return nil
	}
	if b.free == nil {
		b.free = make(chan struct{})
	}
	return b.free
}

// done gives n bytes back.
func (b *budget) done(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += n
	if b.free != nil {
		close(b.free)
		b.free = nil
	}
}

// mebibytes names a size.
func mebibytes(mb float64) string { return strconv.FormatFloat(mb, 'g', -1, 64) + " MiB" }

// limitListener accepts at most n connections at once; the others wait in the backlog of
// the system.
func limitListener(l net.Listener, n int) net.Listener {
	return &limited{Listener: l, slots: make(chan struct{}, n), closed: make(chan struct{})}
}

type limited struct {
	net.Listener
	slots  chan struct{} // [n] one token for each open connection
	once   sync.Once
	closed chan struct{}
}

// Accept waits for a connection and for its turn.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &slotted{Conn: c, free: func() { <-l.slots }}, nil
}

// Close ends the waiting, too.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// slotted gives its slot back once it is closed.
type slotted struct {
	net.Conn
	once sync.Once
	free func()
}

func (c *slotted) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.free)
	return err
}
