package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"pgsrm/remote/remotetest"
)

// The secrets that must be found nowhere. Each goes in by the environment, the only
// way in.
const (
	plantedKey      = "sk-planted-0123456789abcdef"
	plantedToken    = "hf_plantedtoken0123456789"
	plantedPassword = "planted-password-42"
)

// burrow runs commands in a folder with all secrets in the environment, and keeps
// what they print there.
type burrow struct {
	t     *testing.T
	dir   string
	cache string
	n     int
}

// command is pgsrm with its output in files of the folder.
func (b *burrow) command(args ...string) *exec.Cmd {
	b.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	b.n++
	cmd := exec.Command(exe, args...)
	cmd.Args[0] = "pgsrm" // as TestMain knows it
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "OPENAI_API_KEY="+plantedKey, "HF_TOKEN="+plantedToken, "PGSRM_REDIS_PASSWORD="+plantedPassword,
		"PGSRM_CACHE="+b.cache, "GOTRACEBACK=all", "NO_PROXY=*")
	cmd.Stdout, cmd.Stderr = b.file(args[0]+".out"), b.file(args[0]+".err")
	return cmd
}

// file is a new file of the folder.
func (b *burrow) file(name string) *os.File {
	b.t.Helper()
	f, err := os.Create(filepath.Join(b.dir, fmt.Sprintf("%02d-%s", b.n, name)))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { f.Close() })
	return f
}

// run runs pgsrm, which must end with the code.
func (b *burrow) run(code int, args ...string) {
	b.t.Helper()
	cmd := b.command(args...)
	cmd.Stdin = strings.NewReader("a warm day\n")
	err := cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != code {
		text, _ := os.ReadFile(cmd.Stderr.(*os.File).Name())
		b.t.Fatalf("pgsrm %s: exit code %d, want %d (%v): %s", strings.Join(args, " "), got, code, err, text)
	}
}

// search names every file that holds a secret, plain or encoded, and returns how
// many files there are.
func (b *burrow) search() (found []string, files int) {
	b.t.Helper()
	var needles [][]byte
	for _, secret := range []string{plantedKey, plantedToken, plantedPassword} {
		needles = append(needles, []byte(secret), []byte(hex.EncodeToString([]byte(secret))))
		for shift := range 3 { // base64 of a text that holds it, at each of the three places
			text := base64.StdEncoding.EncodeToString(append(make([]byte, shift), secret...))
			needles = append(needles, []byte(text[4:len(text)-4]))
		}
	}
	err := filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		for _, needle := range needles {
			if bytes.Contains(text, needle) || strings.Contains(path, string(needle)) {
				found = append(found, fmt.Sprintf("%s holds a secret (%s)", path, needle))
			}
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return found, files
}

// repeatsKey is a server that repeats in its refusal what it got.
func repeatsKey(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
	w.WriteHeader(http.StatusUnauthorized)
	fmt.Fprintf(w, `{"error":{"message":"Incorrect API key provided: %s"}}`, r.Header.Get("Authorization"))
}

// Nothing that pgsrm leaves holds a key, a token or a password: run directories,
// reports, caches, exports, output, error texts, the dump of a crash.
func TestSecretsAreFoundNowhere(t *testing.T) {
	if testing.Short() {
		t.Skip("one process after the other, which the race detector has nothing to say of")
	}
	chat := remotetest.New(t, remotetest.Chat(func(user string) string { return strings.Split(user, "'")[1] }))
	vectors := remotetest.New(t, remotetest.Embeddings(8))
	b := &burrow{t: t, dir: t.TempDir()}
	b.cache = filepath.Join(b.dir, "cache.bolt")
	if err := writeChild(filepath.Join(b.dir, "C")); err != nil {
		t.Fatal(err)
	}
	sources := []string{"--parent", "openai:m@" + chat.URL(), "--embedder", "openai:e@" + vectors.URL()}
	train := func(out string) []string {
		return append([]string{"train", "--task", "opposites", "--child", "C", "--episodes", "64", "--set", "rollout.prompts_per_step=8",
			"--set", "eval_prompts=4", "--set", "chat.server.attempts=1", "--set", "embedding.server.attempts=1", "--out", out}, sources...)
	}
	b.run(exitDone, train("R")...)
	b.run(exitDone, "report", "R")
	b.run(exitDone, append([]string{"embed"}, sources[2:]...)...)
	b.run(exitDone, "parent", "--task", "opposites", "--parent", sources[1], "--json")
	b.run(exitDone, "cache", "stats", "--json")
	b.run(exitDone, "cache", "export")
	b.run(exitDone, "version", "--json")

	// Servers that repeat the key in a refusal.
	b.cache = "off"
	chat.Always(repeatsKey)
	b.run(exitUnavailable, train("R2")...)
	chat.Always(nil)
	vectors.Always(repeatsKey)
	b.run(exitUnavailable, train("R3")...)
	vectors.Always(nil)

	// A Redis server with a password, wrong or right, and one that is gone.
	redis := miniredis.RunT(t)
	redis.RequireAuth(plantedPassword)
	for _, user := range []string{"", ":" + plantedPassword + "@", "nobody:" + plantedPassword + "@"} {
		b.cache = "redis://" + user + redis.Addr()
		b.run(exitDone, append([]string{"embed"}, sources[2:]...)...)
	}
	b.run(exitFailure, "cache", "stats")
	redis.Close()
	b.run(exitDone, append([]string{"embed"}, sources[2:]...)...)
	b.run(exitInput, "cache", "stats", "--cache", "redis://:"+plantedPassword+"@h")

	if runtime.GOOS != "windows" {
		b.crash(chat, train("R4"))
	}
	if found, files := b.search(); len(found) > 0 || files < 40 {
		t.Errorf("%d files were searched: %s", files, strings.Join(found, "\n"))
	}
	for _, text := range []string{"x " + plantedKey + "\n", base64.StdEncoding.EncodeToString([]byte("ab" + plantedPassword + "c"))} {
		if err := os.WriteFile(filepath.Join(b.dir, "R", "leak"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if found, _ := b.search(); len(found) != 1 {
			t.Errorf("the search must find what is planted (got %q)", found)
		}
	}
}

// crash has a run dump its goroutines while it waits for a server.
func (b *burrow) crash(chat *remotetest.Server, args []string) {
	b.t.Helper()
	before := chat.Requests()
	chat.Always(chat.Hang)
	b.cache = "off"
	cmd := b.command(args...)
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	for chat.Requests() == before {
		time.Sleep(time.Millisecond) // for the run to ask
	}
	if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		b.t.Fatal(err)
	}
	cmd.Wait()
	text, err := os.ReadFile(cmd.Stderr.(*os.File).Name())
	if err != nil || !bytes.Contains(text, []byte("goroutine ")) {
		b.t.Errorf("a crash must leave its goroutines (%v): %.200s", err, text)
	}
}
