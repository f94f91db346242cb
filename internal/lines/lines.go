// Package lines reads lines of bounded length.
package lines

import (
	"bufio"
	"bytes"
	"fmt"
)

// Read reads up to a line feed, which is part of the line, or the rest with io.EOF. The line
// is valid until the next one is read; one of more than most bytes is an error.
func Read(r *bufio.Reader, most int) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err != bufio.ErrBufferFull {
		return line, err
	}
	long := bytes.Clone(line)
	for err == bufio.ErrBufferFull {
		line, err = r.ReadSlice('\n')
		if long = append(long, line...); len(long) > most {
			return nil, fmt.Errorf("a line must have at most %d bytes", most)
		}
	}
	return long, err
}
