package cache

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// restartable is a Redis server that a test stops and starts again on one port.
type restartable interface {
	stop(t *testing.T)
	start(t *testing.T)
}

// mini is one within the process.
type mini struct{ *miniredis.Miniredis }

func (m mini) stop(*testing.T) { m.Close() }
func (m mini) start(t *testing.T) {
	if err := m.Restart(); err != nil {
		t.Fatal(err)
	}
}

// realServer is a process of redis-server that keeps what it has when stopped.
type realServer struct {
	path, dir, port string
	cmd             *exec.Cmd
}

func (s *realServer) start(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command(s.path, "--port", s.port, "--bind", "127.0.0.1", "--dir", s.dir, "--appendonly", "yes",
		"--appendfsync", "no", "--requirepass", "geheim", "--daemonize", "no")
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if conn, err := net.DialTimeout("tcp", "127.0.0.1:"+s.port, time.Second); err == nil {
			conn.Close()
			return
		}
		time.Sleep(10 * time.Millisecond) // for the process to listen
	}
	t.Fatal("redis-server does not listen")
}

func (s *realServer) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	s.cmd.Wait()
}

// freePort is a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// serverVariable names the program redis-server for TestRealRedis.
const serverVariable = "PGSRM_REDIS_SERVER"

func TestRealRedis(t *testing.T) {
	path := os.Getenv(serverVariable)
	if path == "" {
		t.Skipf("set %s to the program redis-server to test with it", serverVariable)
	}
	s := &realServer{path: path, dir: t.TempDir(), port: freePort(t)}
	s.start(t)
	t.Cleanup(func() { s.cmd.Process.Kill(); s.cmd.Wait() })
	location := "redis://:geheim@127.0.0.1:" + s.port + "/3"
	testStore(t, location)
	testOutage(t, s, location)
}

func TestRedisOutage(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireAuth("geheim")
	testOutage(t, mini{m}, "redis://:geheim@"+m.Addr()+"/3")
}

// A server that goes away and comes back: misses and a warning meanwhile, nothing
// lost that was put, and no word of the password.
func testOutage(t *testing.T, s restartable, location string) {
	clk := newClock()
	c, w := opened(t, location, Options{Now: clk.Now})
	const lo, n = 10_000, 600
	putAll(c, lo, lo+n)
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.stop(t)
	if got := present(t, c, lo, lo+n); got != 0 {
		t.Errorf("%d entries of a server that is away", got)
	}
	putAll(c, lo+n, lo+2*n)
	if c.Flush(t.Context()) != errAway {
		t.Error("a write in the pause must not be tried")
	}
	if got := present(t, c, lo, lo+2*n); got != n {
		t.Errorf("%d entries, want the %d that wait", got, n)
	}
	for range 3 { // it stays away: asked again after longer and longer pauses
		clk.move(lastPause)
		if got := present(t, c, lo, lo+1); got != 0 {
			t.Error("must be a miss")
		}
	}
	s.start(t)
	clk.move(lastPause)
	for range 5 { // a pooled connection may have broken as well
		if present(t, c, lo, lo+n) == n {
			break
		}
		clk.move(lastPause)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	other, _ := opened(t, location, Options{})
	if got := present(t, other, lo, lo+2*n); got != 2*n {
		t.Errorf("%d of %d entries in the end", got, 2*n)
	}
	lines := strings.Split(w.text(), "\n")
	shown := strings.Replace(location, ":geheim@", "", 1)
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "cache: going on without it for now: "+shown+": ") || lines[1] != "cache: "+shown+" is there again" {
		t.Errorf("warnings:\n%s", w.text())
	}
	if strings.Contains(w.text()+other.Name(), "geheim") {
		t.Error("the password is shown")
	}
}

// A server that takes connections and never answers does not hold up a run.
func TestRedisHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // connections are taken by the system and never answered
	c, w := opened(t, "redis://"+l.Addr().String(), Options{})
	if got := present(t, c, 0, 1); got != 0 || !strings.Contains(w.text(), "going on without it") {
		t.Errorf("%d entries; %s", got, w.text())
	}
	ctx, cancel := context.WithTimeout(t.Context(), redisTimeout/4)
	defer cancel()
	c.Get(ctx, keysOf(0, 5)) // in the pause
	if ctx.Err() != nil {
		t.Error("a read in the pause must return at once")
	}
}

// The password may come from the environment, and a wrong one is not shown.
func TestRedisPassword(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireAuth("geheim")
	t.Setenv(PasswordVariable, "geheim")
	c, w := opened(t, "redis://"+m.Addr(), Options{})
	putAll(c, 0, 3)
	if err := c.Flush(t.Context()); err != nil || w.text() != "" {
		t.Errorf("%v; %s", err, w.text())
	}
	t.Setenv(PasswordVariable, "falsches-wort")
	bad, w := opened(t, "redis://"+m.Addr(), Options{})
	if got := present(t, bad, 0, 3); got != 0 || w.text() == "" || strings.Contains(w.text(), "falsches-wort") {
		t.Errorf("%d entries; %q", got, w.text())
	}
}

// A damaged entry in a server is a miss too.
func TestRedisDamaged(t *testing.T) {
	m := miniredis.RunT(t)
	c, w := opened(t, "redis://"+m.Addr(), Options{})
	putAll(c, 0, 3)
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.Set(redisName(keyOf(1)), "nonsense")
	if got := present(t, c, 0, 3); got != 2 || w.text() != fmt.Sprintf("cache: %s: 1 damaged entries, asked again", c.Name()) {
		t.Errorf("%d entries; %s", got, w.text())
	}
	if _, err := os.Stat(filepath.Join(".", "redis:")); err == nil {
		t.Error("a URL was taken for a path")
	}
}

// Of a URL only scheme, host and database are shown, in names, errors and warnings.
func TestServerURLIsNotShown(t *testing.T) {
	const secret = "planted-secret-42"
	for location, want := range map[string]string{
		"redis://u:" + secret + "@h:1/2":               "redis://h:1/2",
		"redis://h:1/2?client_name=" + secret:          "redis://h:1/2",
		"redis://h:1?db=3&client_name=" + secret:       "redis://h:1/3",
		"rediss://" + secret + "@h/":                   "rediss://h/",
		"redis://h:1/?password=" + secret:              "",
		"redis://h:1/0?token=" + secret + "#" + secret: "",
		"redis://h:1/0#" + secret:                      "redis://h:1/0",
		"redis://:" + secret + "@h:port":               "",
	} {
		c, err := Open(location, Options{})
		if err != nil {
			if want != "" || strings.Contains(err.Error(), secret) {
				t.Errorf("%s: got %v", location, err)
			}
			continue
		}
		if c.Name() != want {
			t.Errorf("%s: shown as %q, want %q", location, c.Name(), want)
		}
		c.Close()
	}
	m := miniredis.RunT(t)
	m.SetError("ERR no, not with " + secret)
	for _, location := range []string{"redis://:" + secret + "@" + m.Addr(), "redis://" + m.Addr() + "?client_name=" + secret} {
		c, w := opened(t, location, Options{})
		present(t, c, 0, 3)
		if err := c.Flush(t.Context()); err != nil && strings.Contains(err.Error(), secret) {
			t.Error(err)
		}
		c.Close()
		if w.text() == "" || strings.Contains(w.text(), secret) {
			t.Errorf("got the warning %q", w.text())
		}
	}
}
