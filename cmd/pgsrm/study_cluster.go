package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"pgsrm/config"
	"pgsrm/study"
	"pgsrm/study/cluster"
)

// The values of --on.
const (
	onLocal      = "local"
	onSlurm      = "slurm"
	onKubernetes = "kubernetes"
	onRay        = "ray"
)

func clusterNames() []string { return []string{onLocal, onSlurm, onKubernetes, onRay} }

// clusterOptions are the flags of study that name a cluster.
type clusterOptions struct {
	On      string
	Submit  bool
	Status  bool
	Shards  int
	Workdir string
	Program string
	CPUs    int
	Memory  int

	Partition string
	Time      time.Duration
	Image     string
	Claim     string
	Address   string
}

// AddFlags adds them.
func (o *clusterOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.On, "on", onLocal, "where the cells run: local, or slurm, kubernetes or ray with --print, --submit or --status")
	f.BoolVar(&o.Submit, "submit", false, "hand the shards that neither wait nor run to the cluster")
	f.BoolVar(&o.Status, "status", false, "tell how far the shards on the cluster are")
	f.IntVar(&o.Shards, "shards", 0, "processes that share the study on the cluster")
	f.StringVar(&o.Workdir, "workdir", "", "folder on the cluster where the shards run (default this one; kubernetes: /runs, where the volume is mounted)")
	f.StringVar(&o.Program, "program", "", "slurm, ray: the command pgsrm on the cluster (default pgsrm)")
	f.IntVar(&o.CPUs, "cpus", 0, "processors of a shard (0 = as the cluster has it)")
	f.IntVar(&o.Memory, "memory", 0, "memory of a shard in MiB (0 = as the cluster has it)")
	f.StringVar(&o.Partition, "partition", "", "slurm: the partition")
	f.DurationVar(&o.Time, "time", 0, "slurm: time limit, such as 8h; a shard stops two minutes before it and is queued again")
	f.StringVar(&o.Image, "image", "", "kubernetes: the image of pgsrm")
	f.StringVar(&o.Claim, "claim", "", "kubernetes: the PersistentVolumeClaim for the runs, one that many nodes may write")
	f.StringVar(&o.Address, "address", "", "ray: the dashboard (default $RAY_API_SERVER_ADDRESS, else http://127.0.0.1:8265)")
}

// check says whether the cells are for a cluster, and refuses flags that do not go together.
func (o *clusterOptions) check(s *studyOptions) (bool, error) {
	if !slices.Contains(clusterNames(), o.On) {
		return false, &config.Error{Flag: "--on", Must: "must be one of " + strings.Join(clusterNames(), ", "), Value: strconv.Quote(o.On), Hint: config.Nearest(o.On, clusterNames())}
	}
	all := []string{onSlurm, onKubernetes, onRay}
	for _, f := range []struct {
		name  string
		given bool
		on    []string
	}{
		{"submit", o.Submit, all}, {"status", o.Status, all}, {"shards", o.Shards != 0, all}, {"workdir", o.Workdir != "", all},
		{"cpus", o.CPUs != 0, all}, {"memory", o.Memory != 0, all}, {"program", o.Program != "", []string{onSlurm, onRay}},
		{"partition", o.Partition != "", []string{onSlurm}}, {"time", o.Time != 0, []string{onSlurm}},
		{"image", o.Image != "", []string{onKubernetes}}, {"claim", o.Claim != "", []string{onKubernetes}}, {"address", o.Address != "", []string{onRay}},
		{"shard", s.Shard != "", []string{onLocal}}, {"dry-run", s.DryRun, []string{onLocal}},
	} {
		if f.given && !slices.Contains(f.on, o.On) {
			return false, &config.Error{Flag: "--" + f.name, Must: "must be given with --on " + strings.Join(f.on, ", ") + " alone", Value: "--on " + o.On}
		}
	}
	if o.On == onLocal {
		return false, nil
	}
	doings := 0
	for _, b := range []bool{s.Print, o.Submit, o.Status} {
		if b {
			doings++
		}
	}
	switch {
	case doings != 1:
		return false, &config.Error{Flag: "--on", Must: "must be given with one of --print, --submit and --status", Value: o.On}
	case o.Shards == 0:
		return false, &config.Error{Flag: "--shards", Must: "must be given with --on " + o.On}
	case o.Time != 0 && o.Time < cluster.LeastTime:
		return false, &config.Error{Flag: "--time", Must: fmt.Sprintf("must be at least %s", cluster.LeastTime), Value: o.Time.String()}
	case o.On == onSlurm && !plainWord(o.Partition):
		return false, &config.Error{Flag: "--partition", Must: "must be a name of letters, digits, commas and -_.", Value: strconv.Quote(o.Partition)}
	case o.On == onKubernetes && (o.Image == "" || o.Claim == ""):
		return false, &config.Error{Flag: "--on", Must: "must be given with --image and --claim", Value: onKubernetes}
	}
	return true, nil
}

// plainWord says whether a text may stand in a directive of Slurm.
func plainWord(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.,", r)
	}) < 0
}

// system is the cluster.
func (o *clusterOptions) system() cluster.System {
	switch o.On {
	case onSlurm:
		return cluster.Slurm{}
	case onKubernetes:
		return cluster.Kubernetes{}
	}
	return cluster.Ray{Address: cmp.Or(o.Address, os.Getenv("RAY_API_SERVER_ADDRESS"), "http://127.0.0.1:8265"), Token: os.Getenv("RAY_AUTH_TOKEN")}
}

// job is the study as the cluster gets it.
func (o *clusterOptions) job(s *studyOptions, what, out string, file config.File) (cluster.Job, error) {
	j := cluster.Job{
		Study: what, Out: filepath.ToSlash(out), Shards: o.Shards, Workdir: o.Workdir, Program: cmp.Or(o.Program, "pgsrm"),
		CPUs: o.CPUs, Memory: o.Memory, Partition: o.Partition, Time: o.Time, Image: o.Image, Claim: o.Claim,
	}
	if !slices.Contains(study.Names(), what) {
		j.Text = file.Text
	}
	for _, given := range s.Given {
		j.Args = append(j.Args, "--given", given)
	}
	if s.Small {
		j.Args = append(j.Args, "--small")
	}
	if s.Parallel > 0 {
		j.Args = append(j.Args, "--parallel", strconv.Itoa(s.Parallel))
	}
	switch {
	case j.Workdir == "" && o.On == onKubernetes:
		j.Workdir = "/runs"
	case j.Workdir == "":
		here, err := os.Getwd()
		if err != nil {
			return j, err
		}
		j.Workdir = filepath.ToSlash(here)
	case !path.IsAbs(j.Workdir):
		return j, &config.Error{Flag: "--workdir", Must: "must be absolute", Value: strconv.Quote(j.Workdir)}
	}
	for _, text := range append([]string{what, j.Out, j.Workdir, j.Program}, j.Args...) {
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return j, inputErrorf("study: what goes to a cluster must have no control characters (got %q)", text)
		}
	}
	if what == "-" {
		return j, inputErrorf("study: must be a name or a file, as every shard reads it (got -)")
	}
	return j, nil
}

// onCluster prints, submits or tells.
func (o *clusterOptions) onCluster(ctx context.Context, g *globalOptions, s *studyOptions, what, out string, file config.File, st *study.Study) error {
	j, err := o.job(s, what, out, file)
	if err != nil {
		return err
	}
	if o.On != onKubernetes && o.Workdir == "" { // what the study names is here as well as there
		plan, err := st.Plan(out, armOf)
		if err != nil {
			return err
		}
		if n := len(plan.Cells); o.Shards > n {
			return &config.Error{Flag: "--shards", Must: fmt.Sprintf("must be at most %d, as many as there are cells", n), Value: strconv.Itoa(o.Shards)}
		}
	}
	system := o.system()
	if s.Print {
		text, err := system.Print(j)
		if err == nil {
			_, err = g.Stdout.Write(text)
		}
		return err
	}
	do := system.Status
	if o.Submit {
		do = system.Submit
	}
	shards, err := do(ctx, j)
	if err != nil {
		return fmt.Errorf("study: %w", err)
	}
	if g.JSON {
		return g.printJSON(map[string]any{"job": j.Name(), "on": o.On, "out": j.Out, "shards": shards})
	}
	return printShards(g, j, shards, o.Submit)
}

// printShards writes a line for each shard, and how many of each state there are.
func printShards(g *globalOptions, j cluster.Job, shards []cluster.Shard, submitted bool) error {
	var b strings.Builder
	count := map[cluster.State]int{}
	for _, s := range shards {
		count[s.State]++
		fmt.Fprintln(&b, strings.Join(strings.Fields(fmt.Sprintf("%d/%d %s %s %s", s.Index, j.Shards, s.State, s.ID, s.Word)), "  "))
	}
	if submitted {
		fmt.Fprintf(&b, "%s: %d of %d shards submitted; when they are done: pgsrm report %s\n", j.Name(), len(shards), j.Shards, j.Out)
	} else {
		var states []string
		for _, s := range []cluster.State{cluster.Done, cluster.Running, cluster.Waiting, cluster.Failed, cluster.Absent} {
			if count[s] > 0 {
				states = append(states, fmt.Sprintf("%d %s", count[s], s))
			}
		}
		fmt.Fprintf(&b, "%s: %d shards: %s\n", j.Name(), j.Shards, strings.Join(states, ", "))
	}
	_, err := g.Stdout.Write([]byte(b.String()))
	return err
}

// indexShard puts the number of this process for "index", as Kubernetes counts from 0.
func indexShard(text string) (string, error) {
	of, ok := strings.CutPrefix(text, "index/")
	if !ok {
		return text, nil
	}
	const name = "JOB_COMPLETION_INDEX"
	i, err := strconv.Atoi(os.Getenv(name))
	if err != nil || i < 0 {
		return "", &config.Error{Flag: "--shard", Must: "index/N must be given in an Indexed Job of Kubernetes, which sets " + name, Value: strconv.Quote(os.Getenv(name))}
	}
	return fmt.Sprintf("%d/%s", i+1, of), nil
}
