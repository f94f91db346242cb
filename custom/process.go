package custom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"pgsrm/remote"
)

// process asks a program, which is started for the first batch and lives until close. One
// that failed in any way is killed and started again: what it would say next might belong
// to an earlier batch.
type process struct {
	argv    []string
	timeout time.Duration
	tries   int // of a batch
	deps    remote.Deps
	told    *teller // of stderr
	notes   *teller // of what happens to the process
	count   func(f func(c *Counts))

	mu     sync.Mutex // one batch at a time
	child  *child     // nil: none is running
	asked  int64      // requests so far; the id of the last
	failed bool       // the last batch
}

// openProcess reads the text of a term exec. Nothing is started yet.
func openProcess(text string, o Options, count func(func(*Counts))) (*process, error) {
	argv, err := command(text)
	if err != nil {
		return nil, err
	}
	return &process{
		argv: argv, timeout: time.Duration(o.Settings.TimeoutS * float64(time.Second)), tries: 1 + o.Settings.Retries, deps: o.Remote.Filled(1),
		told:  &teller{name: Exec, what: "what its process writes on stderr", warn: o.Warn},
		notes: &teller{name: Exec, what: "how often its process is started again", warn: o.Warn},
		count: count,
	}, nil
}

// parallel is how many batches may be asked at once.
func (p *process) parallel() int { return 1 }

// ask gets the rewards of one batch. A process that failed a whole batch has one try for
// the next.
func (p *process) ask(ctx context.Context, samples []Sample) (out []Result, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	retry := remote.Retry{Attempts: p.tries, Now: p.deps.Now, Sleep: p.deps.Sleep, Jitter: p.deps.Jitter}
	if p.failed {
		retry.Attempts = 1
	}
	err = retry.Do(ctx, func(n int) (bool, error) {
		if n > 1 {
			p.count(func(c *Counts) { c.Restarts++ })
			p.notes.say(fmt.Sprintf("%v: started again, try %d of %d", err, n, retry.Attempts))
		}
		out, err = p.try(ctx, samples)
		if err != nil && p.child != nil {
			p.child.end(0)
			p.child = nil
		}
		return false, err
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	p.failed = err != nil
	return out, err
}

// try asks once.
func (p *process) try(ctx context.Context, samples []Sample) ([]Result, error) {
	if p.child != nil && p.child.ended() { // since the last batch, which was its own affair
		p.child.end(0)
		p.child = nil
	}
	if p.child == nil {
		p.told.lastWords() // those of the one before
		c, err := startChild(p.argv, p.told)
		if err != nil {
			return nil, remote.Permanent(err)
		}
		p.child = c
	}
	p.asked++
	req, err := newRequest(p.asked, samples)
	if err != nil {
		return nil, remote.Permanent(err)
	}
	line, err := req.line()
	if err != nil {
		return nil, remote.Permanent(err)
	}
	answer, err := p.child.exchange(ctx, line, p.timeout)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("its process %s before it had answered", p.child.epitaph())
		if words := p.told.lastWords(); words != "" {
			err = fmt.Errorf("%w; its last words: %q", err, words)
		}
	}
	if err != nil {
		return nil, err
	}
	return readReply(answer, p.asked, len(samples))
}

// close ends the process.
func (p *process) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child != nil {
		p.child.end(closeGrace)
		p.child = nil
	}
}
