package run

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v4"

	"pgsrm/config"
	"pgsrm/internal/lines"
)

// ReadConfig reads the resolved configuration of a run directory. ok is false
// where no run has begun.
func ReadConfig(dir string) (cfg Config, ok bool, err error) {
	path := filepath.Join(dir, ConfigFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return Config{}, false, nil
	}
	file, err := config.ReadFile(path, nil)
	if err != nil {
		return Config{}, false, err
	}
	settings := []config.Setting{{From: "--out", Key: "out", Value: dir}}
	if olderThan("answer", file.Text) { // rewards took every response as it was
		settings = append(settings, config.Setting{Key: "answer.normalize", Value: "off"})
	}
	if olderThan("replay", file.Text) {
		settings = append(settings, config.Setting{Key: "replay.per_prompt", Value: "0"})
	}
	r, err := Resolve(file, settings)
	if err != nil {
		return Config{}, false, err
	}
	return r.Config, true, nil
}

// olderThan says that a run's configuration, which names every key, was written before
// there was a section.
func olderThan(section string, text []byte) bool {
	var keys map[string]any
	if yaml.Unmarshal(text, &keys) != nil {
		return false
	}
	_, has := keys[section]
	return !has
}

// ReadEnvironment reads what the run in a directory was made with. The error is
// fs.ErrNotExist where no run has begun.
func ReadEnvironment(dir string) (Environment, error) {
	var e Environment
	if err := readSmall(filepath.Join(dir, EnvironmentFile), &e); err != nil {
		return e, fmt.Errorf("environment: %w", err)
	}
	return e, nil
}

// maxSmall bounds the size of a file with one JSON object about a run.
const maxSmall = 16 << 20

// readSmall reads such a file.
func readSmall(path string, v any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err == nil && len(text) > maxSmall {
		err = fmt.Errorf("must have at most %d bytes", maxSmall)
	}
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// ReadAnswers reads the parent's answers of a run, in the order of the task's items.
func ReadAnswers(dir string) ([]Answer, error) {
	var answers []Answer
	_, err := readLines(filepath.Join(dir, answersFile), true, func(line []byte) error {
		var a Answer
		if err := json.Unmarshal(line, &a); err != nil {
			return fmt.Errorf("must be an answer: %w", err)
		}
		answers = append(answers, a)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("answers: %w", err)
	}
	return answers, nil
}

// ReadMetrics calls add with each line of metrics.jsonl, in order. A directory
// without the file has no lines. torn says that the last line is one that a killed
// process did not finish, which is left out; any other line that is not as
// docs/format/run-directory.md says is an error that names file and line.
func ReadMetrics(dir string, add func(Metrics) error) (torn bool, err error) {
	return readNumbers(filepath.Join(dir, MetricsFile), func(step, episode int, values map[string]float64) error {
		return add(Metrics{Step: step, Episode: episode, Values: values})
	})
}

// ReadTimings is ReadMetrics for timings.jsonl.
func ReadTimings(dir string, add func(Timing) error) (torn bool, err error) {
	return readNumbers(filepath.Join(dir, TimingsFile), func(step, episode int, values map[string]float64) error {
		return add(Timing{Step: step, Episode: episode, Values: values})
	})
}

// ReadCompletions is ReadMetrics for completions.jsonl.
func ReadCompletions(dir string, add func(Completion) error) (torn bool, err error) {
	return readLines(filepath.Join(dir, CompletionsFile), false, func(line []byte) error {
		var c Completion
		if err := json.Unmarshal(line, &c); err != nil {
			return fmt.Errorf("must be a completion: %w", err)
		}
		return add(c)
	})
}

// ReadWarnings is ReadMetrics for warnings.jsonl, which older runs do not have.
func ReadWarnings(dir string, add func(Warning) error) (torn bool, err error) {
	return readLines(filepath.Join(dir, WarningsFile), false, func(line []byte) error {
		var w Warning
		if err := json.Unmarshal(line, &w); err != nil {
			return fmt.Errorf("must be a warning: %w", err)
		}
		return add(w)
	})
}

// ReadLook reads what was seen of the child before the run; ok is false where nobody
// looked.
func ReadLook(dir string) (l Look, ok bool, err error) {
	err = readSmall(filepath.Join(dir, lookFile), &l)
	if errors.Is(err, fs.ErrNotExist) {
		return l, false, nil
	}
	if err != nil {
		return l, false, fmt.Errorf("look: %w", err)
	}
	return l, true, nil
}

// readNumbers reads lines {"step":12,"episode":768,"name":value,...}. A null is a
// value that could not be computed and is left out.
func readNumbers(path string, add func(step, episode int, values map[string]float64) error) (torn bool, err error) {
	last := 0
	return readLines(path, false, func(line []byte) error {
		step, episode, values, err := parseNumbers(line)
		if err == nil && step < last {
			err = fmt.Errorf("step must not fall (got %d after %d)", step, last)
		}
		if err != nil {
			return err
		}
		last = step
		return add(step, episode, values)
	})
}

// parseNumbers reads one such line.
func parseNumbers(line []byte) (step, episode int, values map[string]float64, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return 0, 0, nil, fmt.Errorf("must be a JSON object: %w", err)
	}
	if step, err = count(fields, "step"); err != nil {
		return 0, 0, nil, err
	}
	if episode, err = count(fields, "episode"); err != nil {
		return 0, 0, nil, err
	}
	values = make(map[string]float64, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var v *float64
		if err := json.Unmarshal(fields[name], &v); err != nil {
			return 0, 0, nil, fmt.Errorf("%s must be a number (got %.40s)", name, fields[name])
		}
		if v != nil {
			values[name] = *v
		}
	}
	return step, episode, values, nil
}

// count takes a number of at least 0 out of the fields of a line.
func count(fields map[string]json.RawMessage, name string) (int, error) {
	raw, ok := fields[name]
	if !ok || string(raw) == "null" {
		return 0, fmt.Errorf("must have the field %q", name)
	}
	var n int
	if err := json.Unmarshal(raw, &n); err != nil || n < 0 {
		return 0, fmt.Errorf("%s must be a whole number of at least 0 (got %.40s)", name, raw)
	}
	delete(fields, name)
	return n, nil
}

// readLines calls add with every line of a file that is not blank. A last line
// without line feed that add refuses is torn and left out. Other errors of add name
// file and line. An absent file has no lines unless it must be there.
func readLines(path string, must bool, add func(line []byte) error) (torn bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !must {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<16)
	for number := 1; ; number++ {
		line, readErr := lines.Read(r, maxLine)
		if readErr != nil && readErr != io.EOF {
			return false, fmt.Errorf("%s:%d: %w", path, number, readErr)
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			if err := add(text); err != nil && readErr == io.EOF {
				return true, nil
			} else if err != nil {
				return false, fmt.Errorf("%s:%d: %w", path, number, err)
			}
		}
		if readErr == io.EOF {
			return false, nil
		}
	}
}

// maxLine is the most bytes of a line.
const maxLine = 64 << 20
