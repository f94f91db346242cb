package custom

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"pgsrm/internal/family"
)

// How long is waited for what should be there at once.
const (
	closeGrace = 2 * time.Second        // for a process to end by itself after its last batch
	killGrace  = 5 * time.Second        // for the system to end one that was killed
	wordsGrace = 500 * time.Millisecond // for the last words of one that has ended
)

// child is a process that reads a line for each batch and answers with one. Its children
// end with it.
type child struct {
	in, out, err *os.File      // our ends of its pipes
	replies      chan reply    // lines on its stdout, in order
	quit         chan struct{} // closed where nobody reads replies any more
	silent       chan struct{} // closed at the end of its stderr
	done         chan struct{} // closed when it has ended
	kill         func()        // the process and its group
	state        string        // how it ended, after done
}

// reply is a line, or why there is none.
type reply struct {
	line []byte
	err  error
}

// errTooLong is the error of a line that no reply has.
var errTooLong = fmt.Errorf("reply must have at most %d bytes in its line", maxReply)

// unbuffered has Python write each line at once: one that waits in a buffer is waited for
// until the time is over.
const unbuffered = "PYTHONUNBUFFERED"

// startChild starts a process. What it writes on stderr goes to the teller.
func startChild(argv []string, told *teller) (*child, error) {
	c := &child{replies: make(chan reply), quit: make(chan struct{}), silent: make(chan struct{}), done: make(chan struct{})}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = family.Attributes()
	if _, set := os.LookupEnv(unbuffered); !set {
		cmd.Env = append(os.Environ(), unbuffered+"=1")
	}
	theirs, err := c.pipes(cmd)
	if err == nil {
		err = c.run(cmd)
	}
	for _, f := range theirs {
		f.Close()
	}
	if err != nil {
		c.closePipes()
		return nil, fmt.Errorf("cannot be started: %w", err)
	}
	go c.read()
	go func() {
		defer close(c.silent)
		told.read(c.err)
	}()
	return c, nil
}

// pipes connects the command and returns the ends that are its own.
func (c *child) pipes(cmd *exec.Cmd) (theirs []*os.File, err error) {
	pipe := func(read, write **os.File) {
		r, w, failed := os.Pipe()
		*read, *write, err = r, w, errors.Join(err, failed)
	}
	var in, out, stderr *os.File
	pipe(&in, &c.in)
	pipe(&c.out, &out)
	pipe(&c.err, &stderr)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, stderr
	return []*os.File{in, out, stderr}, err
}

// run starts the command and waits for its end beside. The thread that started it stays
// until then: Linux ends a child with that, not with the process.
func (c *child) run(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			c.kill = func() { family.Kill(cmd.Process) }
		}
		started <- err
		if err != nil {
			return
		}
		cmd.Wait() // its error is the state
		c.kill()   // what it has left behind
		c.state = cmd.ProcessState.String()
		close(c.done)
	}()
	return <-started
}

// read passes on the lines of stdout.
func (c *child) read() {
	b := bufio.NewReaderSize(c.out, 1<<16)
	for {
		line, err := readLine(b)
		select {
		case c.replies <- reply{line, err}:
		case <-c.quit:
			return
		}
		if err != nil {
			return
		}
	}
}

// readLine reads a line up to the limit; one without its end is none.
func readLine(b *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := b.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxReply:
			return nil, errTooLong
		case err == nil:
			return line, nil
		case err != bufio.ErrBufferFull:
			return nil, io.EOF
		}
	}
}

// ended says whether the process has ended.
func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// exchange writes a line and reads the one that answers it.
func (c *child) exchange(ctx context.Context, line []byte, timeout time.Duration) ([]byte, error) {
	select {
	case r := <-c.replies:
		if r.err != nil {
			return nil, r.err
		}
		return nil, fmt.Errorf("must write one line for each that it reads, and nothing else on stdout (got %.80q unasked)", r.line)
	default:
	}
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		c.in.Write(line) // where it cannot be read there is no reply
	}()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	var r reply
	for replies := c.replies; replies != nil || wrote != nil; {
		select {
		case r = <-replies:
			if replies = nil; r.err != nil {
				return nil, r.err
			}
		case <-wrote:
			wrote = nil
		case <-timer.C:
			return nil, fmt.Errorf("must answer a batch within %v (custom_reward.timeout_s)", timeout)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return r.line, nil
}

// epitaph says how a process ended that has closed its stdout.
func (c *child) epitaph() string {
	select {
	case <-c.done:
	case <-time.After(wordsGrace):
		return "closed its stdout"
	}
	select {
	case <-c.silent:
	case <-time.After(wordsGrace):
	}
	return "ended (" + c.state + ")"
}

// end ends the process: by the end of its input where it may take its time, else by force.
func (c *child) end(grace time.Duration) {
	c.in.Close()
	close(c.quit)
	if grace > 0 {
		select {
		case <-c.done:
		case <-time.After(grace):
		}
	}
	if !c.ended() { // later its number may be another's
		c.kill()
	}
	select {
	case <-c.done:
	case <-time.After(killGrace):
	}
	select {
	case <-c.silent:
	case <-time.After(wordsGrace):
	}
	c.closePipes()
}

func (c *child) closePipes() {
	for _, f := range []*os.File{c.in, c.out, c.err} {
		if f != nil {
			f.Close()
		}
	}
}
