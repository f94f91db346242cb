package run

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"

	"pgsrm/internal/printable"
	"pgsrm/kernel"
)

// Overview is what a run directory says of its run.
type Overview struct {
	Dir       string `json:"dir"`
	State     string `json:"state"`
	Task      string `json:"task"`
	Child     string `json:"child"`
	Reward    string `json:"reward"`
	Arm       string `json:"arm"` // of a comparison; the name of the reward where it has no other
	Algorithm string `json:"algorithm"`
	Seed      uint64 `json:"seed"`
	Step      int    `json:"step"` // done
	Steps     int    `json:"steps"`
	Episode   int    `json:"episode"`
	Episodes  int    `json:"episodes"`
	Started   string `json:"started"` // RFC 3339

	// Seconds are those of updates, evaluations and checkpoints: pauses do not count.
	Seconds float64 `json:"seconds"`
	// Eval are the numbers of the last evaluation, of all splits, and EvalStep is its step.
	Eval     map[string]float64 `json:"last_eval,omitempty"`
	EvalStep int                `json:"eval_step"`
	Best     *BestChild         `json:"best,omitempty"`
	Extended []Extension        `json:"extended,omitempty"`
	// Reason is the error of a run that failed, or why one stopped early.
	Reason string `json:"reason,omitempty"`
	// Problem is what of the directory could not be read.
	Problem string `json:"problem,omitempty"`

	Config      Config      `json:"-"`
	Environment Environment `json:"-"`
}

// ReadOverview reads a run directory. A directory whose files cannot be read is told as
// far as they can, and Damaged; one in which no run has begun is ErrConfig.
func ReadOverview(dir string) (Overview, error) {
	o := Overview{Dir: dir}
	if err := mustBeRun(dir); err != nil {
		return o, err
	}
	o.read(o.readEnvironment, o.readConfig, o.readMetrics, o.readTimings, o.readState)
	return o, nil
}

// ReadStart is ReadOverview without the files that grow: a reader who follows these knows
// Step and Episode, and asks Stand.
func ReadStart(dir string) (Overview, error) {
	o := Overview{Dir: dir}
	if err := mustBeRun(dir); err != nil {
		return o, err
	}
	o.read(o.readEnvironment, o.readConfig)
	return o, nil
}

// Stand finds how the run stands now, with o.Step of its steps done.
func (o *Overview) Stand() {
	if o.State != Damaged {
		o.State, o.Best, o.Extended = "", nil, nil
		o.read(o.readState)
	}
}

// ResumeCommand is the command that goes on with the run, "" where that cannot be. It names
// the kernel that the run was made with where this machine takes another.
func (o *Overview) ResumeCommand() string {
	const longestKernel = 40 // the name is a text from outside
	command := "pgsrm train --resume --out " + printable.ShellWord(o.Dir)
	if k := o.Environment.Kernel; k != "" && k != kernel.Name() && len(k) <= longestKernel {
		command = "PGSRM_KERNEL=" + printable.ShellWord(k) + " " + command
	}
	switch o.State {
	case Interrupted, Failed:
		return command
	case Finished, StoppedEarly:
		return command + " --episodes N"
	}
	return ""
}

// read does some of the reading. The first error makes the run Damaged, and stays.
func (o *Overview) read(parts ...func() error) {
	for _, read := range parts {
		if err := read(); err != nil && o.Problem == "" {
			o.State, o.Problem = Damaged, strings.Join(strings.Fields(err.Error()), " ")
		}
	}
}

func (o *Overview) readEnvironment() (err error) {
	o.Environment, err = ReadEnvironment(o.Dir)
	o.Started = o.Environment.Started
	return err
}

func (o *Overview) readConfig() error {
	c, _, err := ReadConfig(o.Dir)
	if err != nil {
		return err
	}
	o.Config = c
	o.Task, o.Child, o.Reward, o.Arm, o.Algorithm, o.Seed = c.Task, c.Child, c.Reward.Name, c.ArmName(), c.Algorithm, c.Seed
	o.Steps, o.Episodes = c.Steps(), c.Steps()*c.EpisodesPerStep()
	return nil
}

// readMetrics reads the evaluations and the last line: of thousands of steps nothing
// else is told.
func (o *Overview) readMetrics() error {
	var last []byte
	_, err := readLines(filepath.Join(o.Dir, MetricsFile), false, func(line []byte) error {
		if !bytes.HasPrefix(line, []byte("{")) || !bytes.HasSuffix(line, []byte("}")) {
			return errors.New("must be a JSON object")
		}
		if bytes.Contains(line, []byte(`"eval/`)) {
			step, _, values, err := parseNumbers(line)
			if err != nil {
				return err
			}
			o.Eval, o.EvalStep = values, step
		}
		last = append(last[:0], line...)
		return nil
	})
	if err == nil && last != nil {
		o.Step, o.Episode, _, err = parseNumbers(last)
	}
	return err
}

func (o *Overview) readTimings() error {
	_, err := ReadTimings(o.Dir, func(t Timing) error {
		o.Seconds += t.Values["seconds"] + t.Values["evaluate"] + t.Values["checkpoint"]
		return nil
	})
	return err
}

// readState finds how the run stands, and its best child.
func (o *Overview) readState() error {
	if o.State == Damaged {
		return nil
	}
	complete, err := hasChild(o.Dir)
	if err != nil {
		return err
	}
	e, err := readEnd(o.Dir)
	if err != nil {
		return err
	}
	o.Reason = e.Reason
	switch {
	case complete && o.Step < o.Steps:
		o.State = StoppedEarly
	case complete:
		o.State = Finished
	case errors.Is(lockFree(filepath.Join(o.Dir, LockFile)), ErrLocked):
		o.State, o.Reason = Running, ""
	case e.State == Failed:
		o.State = Failed
	default:
		o.State, o.Reason = Interrupted, ""
	}
	if o.Extended, err = readExtensions(o.Dir); err != nil {
		return err
	}
	var best BestChild
	if o.Config.Best.Metric != "" && readSmall(filepath.Join(o.Dir, bestFile), &best) == nil {
		o.Best = &best
	}
	return nil
}
