package cache

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// gate is the lock file beside a cache file. Whoever wants the cache file takes
// the gate first and gives it back once it has the file; so a process that waits
// for the file is next, however often the holder comes back.
type gate struct{ file *os.File }

// holder is the content of the lock file: who got the cache file last.
type holder struct {
	PID  int    `json:"pid"`
	Host string `json:"host"`
}

// gatePause is how long a process waits between two looks at a gate that another holds.
const gatePause = 5 * time.Millisecond

// enter takes the gate, waiting until the deadline. busy means that another
// process has it still.
func enter(ctx context.Context, path string, deadline time.Time) (g *gate, busy bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, err
	}
	for tryLock(f) != nil {
		if time.Now().After(deadline) || ctx.Err() != nil {
			f.Close()
			return nil, true, ctx.Err()
		}
		time.Sleep(gatePause)
	}
	return &gate{f}, false, nil
}

// sign writes down that this process holds the cache file.
func (g *gate) sign() {
	host, _ := os.Hostname()
	text, err := json.Marshal(holder{os.Getpid(), host})
	if err == nil && g.file.Truncate(0) == nil {
		g.file.WriteAt(append(text, '\n'), 0) // for the reader of a message only
	}
}

// leave gives the gate back; the lock file stays.
func (g *gate) leave() { g.file.Close() }

// holderOf names the process that signed last.
func holderOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return "another process"
	}
	defer f.Close()
	var h holder
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil || json.Unmarshal(text, &h) != nil {
		return "another process"
	}
	return fmt.Sprintf("process %d on %s", h.PID, h.Host)
}
