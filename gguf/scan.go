package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf8"
)

// header reads a file from its beginning and knows what is left of it.
type header struct {
	r    *bufio.Reader
	left int64
	size int64
}

// take says that n bytes will be read.
func (h *header) take(n int64) error {
	if n > h.left {
		return fmt.Errorf("file of %d bytes is truncated at byte %d: %d more must follow", h.size, h.size-h.left, n)
	}
	h.left -= n
	return nil
}

// read reads a number or numbers into what dst points to.
func (h *header) read(dst any) error {
	if err := h.take(int64(binary.Size(dst))); err != nil {
		return err
	}
	return binary.Read(h.r, binary.LittleEndian, dst)
}

// text reads a string of at most limit bytes, after its length.
func (h *header) text(limit int64) (string, error) {
	var n uint64
	if err := h.read(&n); err != nil {
		return "", err
	}
	if limit = min(limit, h.left); n > uint64(limit) {
		return "", fmt.Errorf("text at byte %d must have at most %d bytes (got a length of %d)", h.size-h.left, limit, n)
	}
	b := make([]byte, n)
	h.left -= int64(n)
	_, err := io.ReadFull(h.r, b)
	return string(b), err
}

// name reads a key or a name: not empty, UTF-8.
func (h *header) name(limit int64) (string, error) {
	s, err := h.text(limit)
	if err == nil && (s == "" || !utf8.ValidString(s)) {
		return "", fmt.Errorf("name before byte %d must be UTF-8 and not empty (got %q)", h.size-h.left, s)
	}
	return s, err
}

// count checks a number of things of at least width bytes each.
func (h *header) count(what string, n uint64, width int64) (int, error) {
	if n > uint64(h.left/width) {
		return 0, fmt.Errorf("%s must fit into the %d bytes left of the file (got %d)", what, h.left, n)
	}
	return int(n), nil
}
