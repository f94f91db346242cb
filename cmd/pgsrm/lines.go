package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// inputLine is one line of an input, without its line break.
type inputLine struct {
	Number int // from 1
	Text   string
	err    error // of reading; the last line then
}

const (
	lineQueue = 256     // lines that are read ahead
	maxLine   = 1 << 26 // bytes of a line
	maxFile   = 1 << 30 // bytes of a file that is read as a whole
)

// readLine reads one line, its line break included, of at most maxLine bytes.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return "", inputErrorf("must have at most %d bytes", maxLine)
		case err != bufio.ErrBufferFull:
			return string(line), err
		}
	}
}

// readFile reads a file of at most maxFile bytes as a whole.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, inputError(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: must have at most %d bytes", path, maxFile)
	}
	return text, inputError(err)
}

// readTask reads a task from Stdin as a whole: the runs of a comparison share it.
func (g *globalOptions) readTask() ([]byte, error) {
	if g.stdinConfig != nil {
		return nil, inputErrorf("task: must be a file here, as standard input holds the configuration")
	}
	g.sayReading("prompts and answers")
	text, err := io.ReadAll(io.LimitReader(g.Stdin, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = inputErrorf("standard input: must have at most %d bytes", maxFile)
	}
	return text, err
}

// interruptible reads r in the background, so that an interrupt ends a command that
// waits for input.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, r)
		in.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { out.CloseWithError(ctx.Err()) })
	return out
}

// readLines reads lines in the background, so that an interrupt ends a command that
// waits for input. The channel closes at the end of the input or of the context.
func readLines(ctx context.Context, r io.Reader) <-chan inputLine {
	lines := make(chan inputLine, lineQueue)
	go func() {
		defer close(lines)
		buf := bufio.NewReaderSize(r, 1<<16)
		for n := 1; ; n++ {
			text, err := readLine(buf)
			if err == nil || text != "" {
				select {
				case lines <- inputLine{Number: n, Text: strings.TrimSuffix(text, "\n")}:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				if err != io.EOF {
					select {
					case lines <- inputLine{Number: n, err: err}:
					case <-ctx.Done():
					}
				}
				return
			}
		}
	}()
	return lines
}

// eachBatch calls f with the lines of r in order: as many as have arrived, at
// least one and at most size, so that a slow writer gets each answer at once
// and a file is worked on in batches. What f writes to Stdout is flushed after
// each batch.
func eachBatch(ctx context.Context, r io.Reader, g *globalOptions, size int, f func(batch []inputLine, w *bufio.Writer) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := readLines(ctx, r)
	w := bufio.NewWriter(g.Stdout)
	for {
		batch, readErr := nextBatch(ctx, lines, size)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if len(batch) > 0 {
			if err := flushed(w, f(batch, w)); err != nil {
				return err
			}
		}
		if readErr == io.EOF {
			return nil
		}
		if readErr != nil {
			return readErr
		}
	}
}

// flushed writes what w holds, also after an error, which comes first.
func flushed(w *bufio.Writer, err error) error {
	if flush := w.Flush(); err == nil {
		return flush
	}
	return err
}

// nextBatch waits for one line and takes what else is there.
func nextBatch(ctx context.Context, lines <-chan inputLine, size int) ([]inputLine, error) {
	var batch []inputLine
	for len(batch) < size {
		var line inputLine
		var ok bool
		if len(batch) == 0 {
			select {
			case line, ok = <-lines:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		} else {
			select {
			case line, ok = <-lines:
			default:
				return batch, nil
			}
		}
		switch {
		case !ok:
			return batch, io.EOF
		case line.err != nil:
			return batch, fmt.Errorf("line %d: %w", line.Number, line.err)
		}
		batch = append(batch, line)
	}
	return batch, nil
}

// blank says that a line holds nothing but white space.
func (l inputLine) blank() bool { return strings.TrimSpace(l.Text) == "" }

// decode reads the line as one JSON value. Its error is one of the user.
func (l inputLine) decode(v any) error {
	dec := json.NewDecoder(strings.NewReader(l.Text))
	if err := dec.Decode(v); err != nil {
		return l.errorf("%w", jsonError(err))
	}
	if _, err := dec.Token(); err != io.EOF {
		return l.errorf("must be one JSON value (more follows it)")
	}
	return nil
}

// errorf is an input error that names the line.
func (l inputLine) errorf(format string, args ...any) error {
	return inputErrorf("line %d: "+format, append([]any{l.Number}, args...)...)
}

// jsonError says in the words of the user what encoding/json found.
func jsonError(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Errorf("%s: must not be a JSON %s", kind.Field, kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("must not be a JSON %s", kind.Value)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("must be valid JSON (it ends too early)")
	}
	return fmt.Errorf("must be valid JSON (%w)", err)
}

// openInput opens a file, or Stdin for "" and "-".
func (g *globalOptions) openInput(path string) (io.ReadCloser, error) {
	if path == "" || path == "-" {
		return io.NopCloser(g.Stdin), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, inputError(err)
	}
	if st, err := f.Stat(); err == nil && st.IsDir() {
		f.Close()
		return nil, inputErrorf("%s: must be a file (it is a folder)", path)
	}
	return f, nil
}
