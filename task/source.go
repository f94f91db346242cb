package task

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"pgsrm/config"
)

// formats and compressions are the endings of files that are read.
var (
	formats      = []string{".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet"}
	compressions = []string{".gz", ".zst"}
)

// Bounds of what comes from outside, after decompression.
const (
	maxBytes = 64 << 30 // of a file
	maxWhole = 4 << 30  // of one that must be held in memory: Parquet that is no plain file
	maxRow   = 64 << 20 // of one line or row
)

// errEnough ends the reading of a file whose further rows are not wanted.
var errEnough = errors.New("enough")

// part is one file of a task.
type part struct {
	path  string // "-" = standard input
	title string // for errors
	split Split  // of rows that name none; "" = by their hash
}

// locate finds the files that a name stands for, and the title of the whole.
func locate(name string) ([]part, string, error) {
	switch {
	case name == "-":
		return []part{{path: "-", title: "standard input"}}, "standard input", nil
	case strings.HasPrefix(name, datasetPrefix):
		return locateDataset(name)
	}
	st, err := os.Stat(name)
	known := formatOf(name) != ""
	if errors.Is(err, fs.ErrNotExist) && !known {
		return nil, "", &config.Error{
			Key:   "task",
			Must:  "must be one of " + strings.Join(Names(), ", ") + ", a file (" + strings.Join(formats, ", ") + ", also with .gz or .zst), - or " + datasetPrefix + "ORG/NAME",
			Value: fmt.Sprintf("%q", name), Hint: config.Nearest(name, Names()),
		}
	}
	if err == nil && st.IsDir() {
		err = fmt.Errorf("%s: must be a file (it is a folder)", name)
	}
	if err == nil && !known {
		err = fmt.Errorf("%s: must be a file named %s, also with .gz or .zst", name, strings.Join(formats, ", "))
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = fmt.Errorf("%s: %w", name, path.Err)
	}
	if err != nil {
		return nil, "", config.At("task", err)
	}
	return []part{{path: name, title: name}}, name, nil
}

// formatOf is the ending that says how a file is written; "" = none that is read.
func formatOf(name string) string {
	name = strings.ToLower(name)
	for _, c := range compressions {
		name = strings.TrimSuffix(name, c)
	}
	if ext := filepath.Ext(name); slices.Contains(formats, ext) {
		return ext
	}
	return ""
}

// eachRow calls f for each row of a file, in order.
func eachRow(p part, stdin io.Reader, f func(row) error) error {
	if p.path == "-" {
		if stdin == nil {
			return fmt.Errorf("%s: must be given (there is none here)", p.title)
		}
		return eachOf(p, stdin, "", f)
	}
	file, err := os.Open(p.path)
	if err != nil {
		return config.At("task", err)
	}
	defer file.Close()
	return eachOf(p, file, formatOf(p.path), f)
}

// eachOf decompresses what its first bytes say is compressed, and reads the format; ""
// = what the content looks like.
func eachOf(p part, in io.Reader, format string, f func(row) error) error {
	plain := in
	r := bufio.NewReaderSize(in, 1<<16)
	head, _ := r.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(r)
		if err != nil {
			return fmt.Errorf("%s: %w", p.title, err)
		}
		r, plain = bufio.NewReaderSize(&bounded{in: z, left: maxBytes}, 1<<16), nil
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
		if err != nil {
			return fmt.Errorf("%s: %w", p.title, err)
		}
		defer z.Close()
		r, plain = bufio.NewReaderSize(&bounded{in: z, left: maxBytes}, 1<<16), nil
	}
	if mark, _ := r.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		r.Discard(3)
	}
	if format == "" || format == ".json" || format == ".jsonl" || format == ".ndjson" {
		format = sniff(r, format)
	}
	switch format {
	case ".json":
		return eachElement(p.title, r, f)
	case ".csv":
		return eachLineOfTable(p.title, r, ',', f)
	case ".tsv":
		return eachLineOfTable(p.title, r, '\t', f)
	case ".parquet":
		return eachRowOfParquet(p.title, r, plain, f)
	}
	return eachLine(p.title, r, f)
}

// sniff tells a JSON array from lines of objects, whatever the file is called, and the
// format of what has no name.
func sniff(r *bufio.Reader, format string) string {
	head, _ := r.Peek(4096)
	text := bytes.TrimLeft(head, " \t\r\n")
	line, _, _ := bytes.Cut(text, []byte("\n"))
	switch {
	case bytes.HasPrefix(text, []byte("[")) && (format != ".jsonl" || !bytes.HasPrefix(text, []byte(`["`))):
		return ".json"
	case format != "":
		return ".jsonl"
	case bytes.HasPrefix(head, []byte("PAR1")):
		return ".parquet"
	case bytes.HasPrefix(text, []byte("{")):
		return ".jsonl"
	case bytes.ContainsRune(line, '\t'):
		return ".tsv"
	}
	return ".csv"
}

// bounded is a reader that fails beyond a number of bytes.
type bounded struct {
	in   io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("must have at most %d bytes when it is decompressed", int64(maxBytes))
	}
	return n, err
}
