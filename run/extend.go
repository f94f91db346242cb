package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"pgsrm/config"
	"pgsrm/internal/durable"
)

// extendedFile lists how a run got another number of episodes than it began with.
const extendedFile = "extended.jsonl"

// Extension is one line of it. It is written before config.yaml is: the sums tell
// whether a killed process came so far.
type Extension struct {
	Step     int    `json:"step"`   // that the run had done
	Before   int    `json:"before"` // episodes until then
	Episodes int    `json:"episodes"`
	Anew     bool   `json:"patience_anew"` // early stopping had enough: it goes on, and patience begins anew
	At       string `json:"at"`            // RFC 3339
	Was      string `json:"was_sha256"`    // of config.yaml until then
	Config   string `json:"config_sha256"` // and from then on
}

// maxExtended bounds the size of the file.
const maxExtended = 1 << 20

// readExtensions reads how the run in dir was extended, up to the line that its
// config.yaml is from. Those after it are of a process that was killed before it
// wrote the configuration.
func readExtensions(dir string) ([]Extension, error) {
	path := filepath.Join(dir, extendedFile)
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && st.Size() > maxExtended {
		err = fmt.Errorf("%s: must have at most %d bytes (got %d)", path, maxExtended, st.Size())
	}
	var all []Extension
	if err == nil {
		_, err = readLines(path, true, func(line []byte) error {
			var e Extension
			if err := json.Unmarshal(line, &e); err != nil {
				return fmt.Errorf("must be an extension: %w", err)
			}
			all = append(all, e)
			return nil
		})
	}
	if err != nil {
		return nil, config.Bad(err)
	}
	sum, err := durable.SHA256(filepath.Join(dir, ConfigFile))
	if err != nil {
		return nil, config.Bad(err)
	}
	for len(all) > 0 && all[len(all)-1].Config != sum {
		all = all[:len(all)-1]
	}
	return all, nil
}

// wentOn are the steps at which a run was extended that early stopping had ended.
func wentOn(all []Extension) []int {
	var steps []int
	for _, e := range all {
		if e.Anew {
			steps = append(steps, e.Step)
		}
	}
	return steps
}

// extends demands that the run in a directory can have the episodes of c: not fewer
// than are done, and a checkpoint to go on from.
func (c *Config) extends(began Config, dir string) error {
	if c.Episodes == began.Episodes {
		return nil
	}
	saved := checkpoints{filepath.Join(dir, checkpointsDir)}
	steps, err := saved.steps()
	if err != nil {
		return config.Bad(err)
	}
	complete, err := hasChild(dir)
	switch n := len(steps); {
	case err != nil:
		return err
	case n == 0 && complete:
		return config.Errorf("episodes: %s must hold the last checkpoint to go on from (it has none): train on from the child in another folder, --child %s", saved.path, dir)
	case n > 0 && c.Steps() < steps[n-1]:
		return config.Errorf("episodes: must be at least %d, which the run in %s has done (got %d)", steps[n-1]*c.EpisodesPerStep(), dir, c.Episodes)
	}
	return nil
}

// extend writes down that the run has another number of episodes than the process
// before it knew. The trained child goes: it is that of the shorter run. Killed
// between any two of these steps the run is as it was or as it is to be.
func (r *run) extend() error {
	if r.before == nil {
		return nil
	}
	old, err := os.ReadFile(r.dir.file(ConfigFile))
	if err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	text, err := r.before.extended(r.cfg.Episodes, old)
	if err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	r.extensions = append(r.extensions, Extension{
		Step: r.done, Before: r.before.Episodes, Episodes: r.cfg.Episodes, Anew: r.arbiter.exhausted(),
		At: r.clock().UTC().Format(time.RFC3339), Was: sumOf(old), Config: sumOf(text),
	})
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for _, e := range r.extensions {
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
	if err := r.dir.write(extendedFile, lines.Bytes()); err != nil {
		return err
	}
	if r.dir.has(childDir) {
		if err := durable.RemoveDir(r.dir.file(childDir)); err != nil {
			return fmt.Errorf("run directory: %w", err)
		}
	}
	r.arbiter.goOn(r.done)
	return r.dir.write(ConfigFile, text)
}

// extended is the text of config.yaml with another number of episodes; old is that
// which c was read from, whose out stays.
func (c Config) extended(episodes int, old []byte) ([]byte, error) {
	var named struct {
		Out string `yaml:"out"`
	}
	if err := yaml.Unmarshal(old, &named); err != nil {
		return nil, err
	}
	c.Episodes, c.Out = episodes, named.Out
	return c.marshal()
}

// tellExtended says that the run is extended, and what of it follows from its length.
func (r *run) tellExtended() {
	if r.before == nil {
		return
	}
	r.note("extended from %d to %d episodes, at step %d", r.before.Episodes, r.cfg.Episodes, r.done)
	steps := r.before.Steps()
	if parts := r.cfg.byLength(); len(parts) > 0 && r.done > 0 && r.steps != steps {
		r.warnings.add(fmt.Sprintf("the run has %d steps now instead of %d: %s, from here on as in a run of that length, so that the bits are not those of a run begun with %d episodes",
			r.steps, steps, strings.Join(parts, " and "), r.cfg.Episodes))
	}
}

// byLength says what of a run follows from its length.
func (c *Config) byLength() []string {
	var parts []string
	if s := c.Schedule; s.Kind != "constant" && s.LR > 0 && s.Final != 1 {
		parts = append(parts, "the learning rate follows it (schedule.kind "+s.Kind+")")
	}
	if c.Reward.Timed() {
		parts = append(parts, "the reward follows it (linear, progress)")
	}
	return parts
}

// configSums are the checksums that config.yaml has had, the last one that it has.
func (r *run) configSums() []string {
	var sums []string
	for _, e := range r.extensions {
		sums = append(sums, e.Was, e.Config)
	}
	return slices.Compact(sums)
}
