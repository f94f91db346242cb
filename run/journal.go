package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"strconv"
)

// journal is an append-only file of a run. What is added stays in memory until
// flush; a checkpoint remembers the size at that moment, and a resumed run cuts
// the file back to it, so that no line is lost or doubled.
type journal struct {
	file *os.File
	buf  bytes.Buffer
	size int64     // bytes in the file
	sum  hash.Hash // SHA-256 of them
}

// openJournal opens the file and cuts it to size bytes, which it must have.
func openJournal(path string, size int64) (*journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && st.Size() < size {
		err = fmt.Errorf("%s: must have at least the %d bytes of the checkpoint (got %d)", path, size, st.Size())
	}
	if err == nil {
		err = f.Truncate(size)
	}
	sum := sha256.New()
	if err == nil {
		_, err = io.Copy(sum, f)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &journal{file: f, size: size, sum: sum}, nil
}

// line adds one line.
func (j *journal) line(text []byte) {
	j.buf.Write(text)
	j.buf.WriteByte('\n')
}

// flush writes what was added. After a failure the file is cut back, so that a
// disk that filled up leaves no torn line.
func (j *journal) flush() error {
	n, err := j.file.Write(j.buf.Bytes())
	if err != nil {
		if n > 0 {
			j.file.Truncate(j.size)
			j.file.Seek(j.size, io.SeekStart)
		}
		return err
	}
	j.size += int64(n)
	j.sum.Write(j.buf.Bytes())
	j.buf.Reset()
	return nil
}

// sync flushes, waits for the disk and returns the size.
func (j *journal) sync() (int64, error) {
	if err := j.flush(); err != nil {
		return 0, err
	}
	return j.size, j.file.Sync()
}

func (j *journal) close() error { return j.file.Close() }

// metricsJournal writes Metrics (or Timing, when timings is set) as lines
// {"step":12,"episode":768,"name":value,...} with sorted names.
type metricsJournal struct {
	*journal
	timings bool
}

// Event implements Subscriber.
func (j metricsJournal) Event(e Event) error {
	switch e := e.(type) {
	case Metrics:
		if !j.timings {
			j.line(metricsLine(e.Step, e.Episode, e.Values))
		}
	case Timing:
		if j.timings {
			j.line(metricsLine(e.Step, e.Episode, e.Values))
		}
	}
	return nil
}

// metricsLine is the line of one step. A number that is not finite has no form
// in JSON and is left out.
func metricsLine(step, episode int, values map[string]float64) []byte {
	line := fmt.Appendf(nil, `{"step":%d,"episode":%d`, step, episode)
	for _, k := range sortedKeys(values) {
		v := values[k]
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		line = append(line, ',')
		line = strconv.AppendQuote(line, k)
		line = append(line, ':')
		line = appendNumber(line, v)
	}
	return append(line, '}')
}

// appendNumber appends the shortest text that reads back as v.
func appendNumber(b []byte, v float64) []byte {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

// completionsJournal writes Completions, one JSON object a line.
type completionsJournal struct{ *journal }

// Event implements Subscriber.
func (j completionsJournal) Event(e Event) error {
	c, ok := e.(Completion)
	if !ok {
		return nil
	}
	if err := j.object(c); err != nil {
		return fmt.Errorf("completion of prompt %s: %w", c.PromptID, err)
	}
	return nil
}

// warningsJournal writes Warnings, one JSON object a line.
type warningsJournal struct{ *journal }

// Event implements Subscriber.
func (j warningsJournal) Event(e Event) error {
	if w, ok := e.(Warning); ok {
		return j.object(w)
	}
	return nil
}

// object adds a line with v as JSON.
func (j *journal) object(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	j.line(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	return nil
}
