package cache

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// childVariable makes the test binary the writer that TestKilledWriter kills.
const childVariable = "PGSRM_CACHE_TEST_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		writeForEver(path)
	}
	os.Exit(m.Run())
}

// writeForEver writes entries and says after each write up to where they are safe.
func writeForEver(path string) {
	c, err := Open(path, Options{Warn: func(text string) { fmt.Fprintln(os.Stderr, text) }})
	if err != nil {
		panic(err)
	}
	n, _ := strconv.Atoi(os.Getenv(childVariable + "_FROM"))
	for {
		const batch = 40
		putAll(c, n, n+batch)
		if err := c.Flush(context.Background()); err != nil {
			panic(err)
		}
		n += batch
		fmt.Println(n)
	}
}

// A writer killed at any instant loses nothing that it was told is written, and
// leaves nothing wrong. PGSRM_KILLS says how often it is killed.
func TestKilledWriter(t *testing.T) {
	kills, _ := strconv.Atoi(os.Getenv("PGSRM_KILLS"))
	if kills == 0 {
		kills = 3
	}
	path := filepath.Join(t.TempDir(), "cache.bolt")
	rng := rand.New(rand.NewPCG(3, 4))
	safe := 0
	for k := range kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVariable+"="+path, childVariable+"_FROM="+strconv.Itoa(safe))
		var complaints strings.Builder
		cmd.Stderr = &complaints
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range 1 + rng.IntN(4) {
			lines.Scan()
		}
		kill := time.AfterFunc(time.Duration(rng.IntN(8000))*time.Microsecond, func() { cmd.Process.Kill() }) // within one of the next writes
		for {
			safe, err = strconv.Atoi(lines.Text())
			if err != nil {
				t.Fatalf("kill %d: writer said %q; %s", k, lines.Text(), complaints.String())
			}
			if !lines.Scan() {
				break
			}
		}
		cmd.Wait()
		kill.Stop()
		c, w := opened(t, path, Options{})
		if got := present(t, c, 0, safe); got != safe || w.text() != "" || complaints.Len() > 0 {
			t.Fatalf("kill %d: %d of %d entries; %s; %s", k, got, safe, w.text(), complaints.String())
		}
		present(t, c, safe, safe+200)
		c.Close()
	}
	t.Logf("%d kills, %d entries", kills, safe)
}
