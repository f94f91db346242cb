package report

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// readLines calls parse with every line of a JSONL file, numbered from 1. A last
// line without newline that cannot be parsed is what a killed run leaves: it is
// skipped and reported as partial. Any other failure of parse ends the reading
// with an error that names file and line. A file that is absent has no lines.
func readLines(path string, parse func(line []byte) error) (partial bool, err error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("report: %w", err)
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 1<<16)
	for number := 1; ; number++ {
		line, readErr := reader.ReadBytes('\n')
		if readErr != nil && readErr != io.EOF {
			return false, fmt.Errorf("report: %s:%d: %w", path, number, readErr)
		}
		last := readErr == io.EOF
		if text := bytes.TrimSpace(line); len(text) > 0 {
			if parseErr := parse(text); parseErr != nil && last {
				return true, nil
			} else if parseErr != nil {
				return false, fmt.Errorf("report: %s:%d: %w", path, number, parseErr)
			}
		}
		if last {
			return false, nil
		}
	}
}
