package lines

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	r := bufio.NewReaderSize(strings.NewReader("a\n"+strings.Repeat("b", 40)+"\nlast"), 16)
	for _, want := range []string{"a\n", strings.Repeat("b", 40) + "\n"} {
		if got, err := Read(r, 41); err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if got, err := Read(r, 41); !errors.Is(err, io.EOF) || string(got) != "last" {
		t.Errorf("got %q, %v", got, err)
	}
	r = bufio.NewReaderSize(strings.NewReader(strings.Repeat("b", 40)), 16)
	if _, err := Read(r, 39); err == nil || err.Error() != "a line must have at most 39 bytes" {
		t.Errorf("got %v", err)
	}
}
