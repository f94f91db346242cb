package embed

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"

	"pgsrm/internal/durable"
)

// The file of a static embedder; docs/format/static-embedder.md describes it.
const (
	staticMagic   = "pgsrm-se" // 8 bytes
	staticVersion = 1
	staticLimit   = 1 << 28 // largest accepted V*E, so that a bad file cannot ask for all memory
	maxToken      = 100     // bytes of a token: finding the longest one is quadratic in it
)

// openStatic reads the file of a static embedder.
func openStatic(path string) (*Static, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	s, err := decodeStatic(b)
	if err != nil {
		return nil, fmt.Errorf("embed: %s: %w", path, err)
	}
	return s, nil
}

// decodeStatic reads a static embedder from the bytes of its file. Errors say
// which part of the file is wrong.
func decodeStatic(b []byte) (*Static, error) {
	const sumSize = sha256.Size
	if !isStatic(b) {
		return nil, fmt.Errorf("must begin with %q (not a static embedder)", staticMagic)
	}
	if len(b) < len(staticMagic)+4+sumSize {
		return nil, fmt.Errorf("must not be cut off (got %d bytes)", len(b))
	}
	if v := binary.LittleEndian.Uint32(b[len(staticMagic):]); v != staticVersion {
		return nil, fmt.Errorf("version must be %d (got %d)", staticVersion, v)
	}
	body, sum := b[:len(b)-sumSize], b[len(b)-sumSize:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return nil, errors.New("checksum must match (the file is damaged or cut off)")
	}
	s := &Static{digest: fmt.Sprintf("%x", sum)}
	if err := s.decodeBody(body[len(staticMagic)+4:]); err != nil {
		return nil, err
	}
	return s, nil
}

// decodeBody reads header, tokens, scales and rows.
func (s *Static) decodeBody(b []byte) error {
	head, b, err := block(b)
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if err := json.Unmarshal(head, &s.header); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	list, b, err := block(b)
	if err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	v, e := s.header.Tokens, s.header.Dim
	if v < 1 || e < 1 || v > staticLimit || e > staticLimit || v*e > staticLimit || len(b) != 4*v+v*e {
		return fmt.Errorf("rows: must be %d tokens of %d numbers (got %d bytes)", v, e, len(b))
	}
	if err := s.setTokens(strings.Split(string(list), "\n")); err != nil {
		return err
	}
	s.scales, s.rows = make([]float32, v), make([]int8, v*e)
	for i := range s.scales {
		s.scales[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		if x := float64(s.scales[i]); math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("scales: must be finite (token %q has %v)", s.tokens[i], x)
		}
	}
	for i, q := range b[4*v:] {
		s.rows[i] = int8(q)
	}
	return nil
}

// setTokens builds the index of the header's V tokens.
func (s *Static) setTokens(tokens []string) error {
	if len(tokens) != s.header.Tokens {
		return fmt.Errorf("tokens: must be %d lines (got %d)", s.header.Tokens, len(tokens))
	}
	s.tokens, s.index = tokens, make(map[string]int32, len(tokens))
	for i, t := range tokens {
		if _, twice := s.index[t]; twice || t == "" {
			return fmt.Errorf("tokens: must be distinct and not empty (got %q)", t)
		}
		letters := len(strings.TrimPrefix(t, continuation))
		if letters > maxToken {
			return fmt.Errorf("tokens: must be at most %d bytes long (got %d)", maxToken, letters)
		}
		s.longestToken = max(s.longestToken, letters)
		s.index[t] = int32(i)
	}
	return nil
}

// isStatic reports whether a file begins as a static embedder does.
func isStatic(b []byte) bool { return bytes.HasPrefix(b, []byte(staticMagic)) }

// block takes a length-prefixed part off the front of b.
func block(b []byte) (part, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errors.New("must not be cut off")
	}
	n := int(binary.LittleEndian.Uint32(b))
	if n > len(b)-4 {
		return nil, nil, fmt.Errorf("must have %d bytes (got %d)", n, len(b)-4)
	}
	return b[4 : 4+n], b[4+n:], nil
}

// Encode returns the bytes of the embedder's file.
func (s *Static) Encode() ([]byte, error) {
	head, err := json.Marshal(s.header)
	if err != nil {
		return nil, err
	}
	b := binary.LittleEndian.AppendUint32([]byte(staticMagic), staticVersion)
	for _, part := range [][]byte{head, []byte(strings.Join(s.tokens, "\n"))} {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	for _, x := range s.scales {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	for _, q := range s.rows {
		b = append(b, byte(q))
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}

// Save writes the embedder's file: aside, synced, renamed.
func (s *Static) Save(path string) error {
	b, err := s.Encode()
	if err != nil {
		return fmt.Errorf("embed: %w", err)
	}
	if err := durable.WriteBytes(path, b); err != nil {
		return fmt.Errorf("embed: %w", err)
	}
	return nil
}
