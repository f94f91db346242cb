//go:build unix

package durable

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What is written is as private as the umask asks for.
func TestUmaskIsRespected(t *testing.T) {
	for umask, want := range map[int][2]os.FileMode{0o077: {0o600, 0o700}, 0o022: {0o644, 0o755}} {
		dir := t.TempDir()
		old := syscall.Umask(umask)
		err := WriteBytes(filepath.Join(dir, "f"), []byte("x"))
		err2 := WriteDir(filepath.Join(dir, "d"), func(string) error { return nil })
		syscall.Umask(old)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		for i, name := range []string{"f", "d"} {
			st, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if st.Mode().Perm() != want[i] {
				t.Errorf("umask %03o: %s has mode %03o, want %03o", umask, name, st.Mode().Perm(), want[i])
			}
		}
	}
}
