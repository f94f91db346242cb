package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"pgsrm/internal/durable"
)

// sumOf is the hex SHA-256 of a text.
func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// prefixSHA is the hex SHA-256 of the first size bytes of a file, which must have
// so many.
func prefixSHA(path string, size int64) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if n, err := io.CopyN(h, f, size); err == io.EOF {
		return "", fmt.Errorf("%s: must have at least the %d bytes of the checkpoint (got %d)", path, size, n)
	} else if err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sumsFile lists the checksums of a folder as sha256sum(1) writes and checks them.
const sumsFile = "SHA256SUMS"

// maxSums bounds the size of such a file.
const maxSums = 1 << 20

// writeSums writes the checksums of all files in dir into its sumsFile.
func writeSums(dir string) error {
	text, err := sums(dir)
	if err != nil {
		return err
	}
	return durable.WriteBytes(filepath.Join(dir, sumsFile), text)
}

// checkSums holds that dir has the files that it was written with, each with the
// content that it was written with. Files whose names begin with a dot do not count.
func checkSums(dir string) error {
	path := filepath.Join(dir, sumsFile)
	if st, err := os.Stat(path); err != nil {
		return err
	} else if st.Size() > maxSums {
		return fmt.Errorf("%s: must have at most %d bytes (got %d)", path, maxSums, st.Size())
	}
	want, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	got, err := sums(dir)
	if err != nil || bytes.Equal(want, got) {
		return err
	}
	return fmt.Errorf("%s: is not as it was written", filepath.Join(dir, firstDifference(string(want), string(got))))
}

// firstDifference is the name in the first line that only one of two lists has.
func firstDifference(want, got string) string {
	for _, lists := range [][2]string{{want, got}, {got, want}} {
		for line := range strings.Lines(lists[0]) {
			if _, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  "); ok && !strings.Contains(lists[1], line) {
				return name
			}
		}
	}
	return sumsFile
}

// sums lists the checksums of all files in dir but its sumsFile, in the order of
// their names.
func sums(dir string) ([]byte, error) {
	var text []byte
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case e.IsDir(), name == sumsFile, strings.HasPrefix(e.Name(), "."):
			return nil
		}
		sum, err := durable.SHA256(path)
		text = fmt.Appendf(text, "%s  %s\n", sum, filepath.ToSlash(name))
		return err
	})
	return text, err
}
