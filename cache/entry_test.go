package cache

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// goldenKey is the SHA-256 of the four parts of a key with their lengths, made by
// testdata/golden.py.
const goldenKey = "9f6669eb85adb6d9b41270127e69463088674e2fa2e4e59e25e38197fc6586f6"

func TestEntry(t *testing.T) {
	for _, e := range []Entry{
		{Key: keyOf(1), Kind: Answer, Source: "", Used: 0, Value: []byte{}},
		{Key: keyOf(2), Kind: Vector, Source: `{"model":"m"}`, Used: 1_800_000_000, Value: valueOf(3)},
	} {
		b := e.encode()
		got, err := decode(e.Key, b)
		if err != nil || !cmp.Equal(got, e) {
			t.Errorf("got %+v, %v, want %+v", got, err, e)
		}
		if len(b) != e.size() {
			t.Errorf("size: %d, want %d", e.size(), len(b))
		}
		if _, err := decode(keyOf(9), b); !errors.Is(err, errEntry) {
			t.Errorf("under another key: %v", err)
		}
		for range 200 { // any changed bit and any other length is seen
			bad := bytes.Clone(b)
			bad[rand.IntN(len(bad))] ^= 1 << rand.IntN(8)
			if _, err := decode(e.Key, bad); !errors.Is(err, errEntry) {
				t.Fatalf("changed bit: %v", err)
			}
			if _, err := decode(e.Key, b[:rand.IntN(len(b))]); !errors.Is(err, errEntry) {
				t.Fatalf("cut: %v", err)
			}
		}
	}
	for _, e := range []Entry{{Kind: "other"}, {Kind: Answer, Source: strings.Repeat("s", 1<<16)}} {
		if e.check() == nil {
			t.Errorf("%q with %d bytes of source must be refused", e.Kind, len(e.Source))
		}
	}
}

// The bytes are fixed: entry1 was written by version 1 and must be read for ever.
func TestEntryVersion1(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "entry1.hex"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	want := Entry{Key: NewKey(Answer, "chat:m", "what is red + blue?"), Kind: Answer, Source: "chat:m", Used: 1_800_000_000, Value: []byte("purple")}
	if got, err := decode(want.Key, b); err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if !bytes.Equal(want.encode(), b) {
		t.Errorf("encodes as %x", want.encode())
	}
}

func FuzzDecode(f *testing.F) {
	e := Entry{Key: keyOf(1), Kind: Answer, Source: "s", Value: []byte("v")}
	f.Add(e.encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := decode(e.Key, b); err == nil && !bytes.Equal(got.encode(), b) {
			t.Errorf("%x is not the encoding of what it decodes to", b)
		}
		// with a right checksum the other fields are looked at
		sum := checksum(e.Key, b)
		b = append(b, byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24))
		if got, err := decode(e.Key, b); err == nil && !bytes.Equal(got.encode(), b) {
			t.Errorf("%x is not the encoding of what it decodes to", b)
		}
	})
}
