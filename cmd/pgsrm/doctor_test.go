package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"pgsrm/remote"
	"pgsrm/remote/remotetest"
	"pgsrm/run"
)

const doctorKey = "sk-doctor-0123456789abcdef"

// examine runs the doctor with flags and returns its checks by name.
func examine(t *testing.T, deps remote.Deps, args ...string) (map[string]check, error) {
	t.Helper()
	var out bytes.Buffer
	g := &globalOptions{Stdout: &out, Stderr: &out, JSON: true, Cache: filepath.Join(t.TempDir(), "cache.bolt")}
	if err := g.finish(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.cache.Close() })
	var o doctorOptions
	f := pflag.NewFlagSet("doctor", pflag.ContinueOnError)
	o.AddFlags(f)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	err := runDoctor(context.Background(), &o, g, deps)
	var got struct {
		OK     bool
		Checks []check
	}
	if e := json.Unmarshal(out.Bytes(), &got); e != nil || got.OK != (err == nil) {
		t.Fatalf("%v: %s", e, out.String())
	}
	if strings.Contains(out.String(), doctorKey) {
		t.Error("the output must not hold the key")
	}
	checks := map[string]check{}
	for _, c := range got.Checks {
		checks[c.Name] = c
	}
	return checks, err
}

// Each fault of a server has its status and says what to do.
func TestDoctorOfServers(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  remotetest.Fault
		text   string
		advice string
	}{
		{"401", remotetest.Status(401, `{"error":{"message":"bad key sk-doctor-0123456789abcdef"}}`), "auth, status 401", "put a valid key"},
		{"404", remotetest.Status(404, `{"error":"model not found"}`), `"model not found"`, "model's name is right"},
		{"429", remotetest.Status(429, "x"), "rate limited", "quota"},
		{"500", remotetest.Status(500, "x"), "status 500", "log of the server"},
		{"page", remotetest.HTML, "a page of HTML", "right path (/v1)"},
		{"redirect", remotetest.RedirectTo("http://127.0.0.1:1/"), "another host", "redirects"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := remotetest.New(t, remotetest.Embeddings(4))
			s.Always(c.fault)
			deps := remotetest.NewClock().Deps(map[string]string{"OPENAI_API_KEY": doctorKey})
			checks, err := examine(t, deps, "--task", "opposites", "--embedder", "openai:m@"+s.URL(), "--parent", "openai:m@"+s.URL())
			if !errors.Is(err, run.ErrUnavailable) {
				t.Errorf("got error %v", err)
			}
			for _, name := range []string{"embedder", "parent"} {
				got := checks[name]
				if got.Status != checkUnavailable || !strings.Contains(got.Text, c.text) || !strings.Contains(got.Advice, c.advice) {
					t.Errorf("%s: %+v", name, got)
				}
			}
		})
	}
}

// A server that is not there, and one that is well.
func TestDoctorOfConnection(t *testing.T) {
	s := remotetest.New(t, remotetest.Embeddings(4))
	deps := remotetest.NewClock().Deps(nil)
	checks, err := examine(t, deps, "--embedder", "openai:m@"+s.URL())
	if got := checks["embedder"]; err != nil || got.Status != checkOK || !strings.Contains(got.Text, "4 numbers") {
		t.Errorf("well: %+v, %v", got, err)
	}
	s.Stop()
	checks, err = examine(t, deps, "--embedder", "openai:m@"+s.URL())
	if got := checks["embedder"]; !errors.Is(err, run.ErrUnavailable) || !strings.Contains(got.Advice, "nothing answers at "+s.URL()) {
		t.Errorf("gone: %+v, %v", got, err)
	}
}

// Bad input has the exit code of input, a run that is going on among it.
func TestDoctorOfDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte("task: nosuch\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	checks, err := examine(t, remote.Deps{}, "--out", dir)
	if got := checks["directory"]; exitCode(err) != exitInput || got.Status != checkBad || !strings.Contains(got.Text, "nosuch") {
		t.Errorf("broken run: %+v, %v", got, err)
	}
}

func TestDiskNeed(t *testing.T) {
	d := &doctor{}
	if n := d.diskNeed(); n != 100e6 {
		t.Errorf("without a child: %d", n)
	}
	if free, err := freeSpace(t.TempDir()); err == nil && free <= 0 {
		t.Errorf("free space: %d", free)
	}
}

// The need grows with the child and the checkpoints that are kept.
func TestDiskNeedOfCheckpoints(t *testing.T) {
	m, err := run.OpenChild("builtin:tiny")
	if err != nil {
		t.Fatal(err)
	}
	child := 4 * int64(m.NumParams())
	d := &doctor{child: m}
	d.cfg.KeepCheckpoints, d.cfg.CheckpointEvery = 2, 10
	d.cfg.Episodes, d.cfg.Rollout.PromptsPerStep, d.cfg.Rollout.SamplesPerPrompt = 100, 1, 1
	if got, want := d.diskNeed(), int64(100e6)+3*3*child+child; got != want {
		t.Errorf("two checkpoints: %d, want %d", got, want)
	}
	d.cfg.KeepCheckpoints = 0
	if got, want := d.diskNeed(), int64(100e6)+12*3*child+child; got != want {
		t.Errorf("all of 100 steps, one each ten: %d, want %d", got, want)
	}
	d.cfg.CheckpointEvery = 1000
	if got, want := d.diskNeed(), int64(100e6)+2*3*child+child; got != want {
		t.Errorf("that of the end alone: %d, want %d", got, want)
	}
}

func TestDiskStatus(t *testing.T) {
	for free, want := range map[int64]string{99: checkBad, 100: checkWarning, 199: checkWarning, 200: checkOK} {
		if got, advice := diskStatus(free, 100); got != want || (advice == "") != (want == checkOK) {
			t.Errorf("%d free of 100 needed: %s (%s), want %s", free, got, advice, want)
		}
	}
}

func TestShortName(t *testing.T) {
	digest := strings.Repeat("0123456789abcdef", 4)
	for name, want := range map[string]string{
		"encoder:" + digest: "encoder:0123456789ab", "openai:m@http://h": "openai:m@http://h", "builtin": "builtin", "file:" + digest[1:]: "file:" + digest[1:],
	} {
		if got := shortName(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// A run that has begun is a warning, a folder that cannot be written is bad, and what
// the cache warns of is told.
func TestDoctorOfPlaces(t *testing.T) {
	dir := t.TempDir()
	folder{t}.write(filepath.Join(dir, "file"), "text")
	checks, err := examine(t, remote.Deps{}, "--out", filepath.Join(dir, "file", "run"))
	if got := checks["directory"]; exitCode(err) != exitInput || got.Status != checkBad || got.Advice == "" {
		t.Errorf("below a file: %+v, %v", got, err)
	}
	d := &doctor{g: &globalOptions{Cache: dir}}
	d.checkCache(t.Context())
	if got := d.checks[0]; got.Status != checkBad || !strings.Contains(got.Text, "is a folder") {
		t.Errorf("a folder as cache: %+v", got)
	}
	d = &doctor{g: &globalOptions{Cache: filepath.Join(dir, "c", "cache.bolt")}}
	d.checkCache(t.Context())
	d.g.cache.Close()
	if got := d.checks[0]; got.Status != checkOK || !strings.HasSuffix(got.Text, "cache.bolt can be written and read") {
		t.Errorf("cache: %+v", got)
	}
}

// Bad input goes before what is unavailable; both are named.
func TestDoctorVerdict(t *testing.T) {
	for _, c := range []struct {
		status []string
		code   int
		want   string
	}{
		{[]string{checkOK, checkWarning}, exitDone, ""},
		{[]string{checkUnavailable, checkBad, checkWarning}, exitInput, "doctor: something is wrong with: 1, 0"},
		{[]string{checkOK, checkUnavailable}, exitUnavailable, "parent, embedder or reward unavailable: doctor: something is wrong with: 1"},
	} {
		d := &doctor{}
		for i, status := range c.status {
			d.add(strconv.Itoa(i), status, "a\n text", "advice")
		}
		err := d.verdict()
		if exitCode(err) != c.code || err != nil && err.Error() != c.want {
			t.Errorf("%v: %v, want exit code %d and %q", c.status, err, c.code, c.want)
		}
		if d.checks[0].Text != "a text" {
			t.Errorf("a text must be one line (got %q)", d.checks[0].Text)
		}
	}
}
