package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

var update = flag.Bool("update", false, "write the golden files anew")

// job is a job with everything that asks for quotes.
func job() Job {
	return Job{
		Study: "my study's.yaml", Text: []byte("about: \"a $(X) 'study'\"\nseeds: 2\n"), Out: "runs/A b", Args: []string{"--given", "model=$(HOME)/`x`;y", "--small"},
		Shards: 3, Workdir: "/data/it's here", Program: "pgsrm", CPUs: 4, Memory: 2048,
		Partition: "long", Time: 26*time.Hour + 30*time.Minute, Image: "registry.example/pgsrm:1", Claim: "runs",
	}
}

func TestGolden(t *testing.T) {
	small := Job{Study: "baserate", Out: "/runs/baserate", Shards: 1, Workdir: "/runs", Program: "pgsrm", Image: "pgsrm", Claim: "runs"}
	for name, s := range map[string]System{"slurm.sh": Slurm{}, "kubernetes.yaml": Kubernetes{}, "ray.jsonl": Ray{}} {
		var got []byte
		for _, j := range []Job{job(), small} {
			text, err := s.Print(j)
			if err != nil {
				t.Fatal(err)
			}
			got = append(append(got, text...), "# the smallest\n"...)
		}
		got = bytes.TrimSuffix(got, []byte("# the smallest\n"))
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Errorf("%s: -want +got\n%s", file, d)
		}
	}
}

// The manifest has what it says when it is read as YAML again, and no member that this
// package does not know by its name in the API.
func TestKubernetesManifestReadsBack(t *testing.T) {
	text, err := Kubernetes{}.Print(job())
	if err != nil {
		t.Fatal(err)
	}
	docs := yaml.NewDecoder(bytes.NewReader(text))
	docs.KnownFields(true)
	var file, work kubeObject
	if err := errors.Join(docs.Decode(&file), docs.Decode(&work)); err != nil {
		t.Fatal(err)
	}
	if err := docs.Decode(new(any)); !errors.Is(err, io.EOF) {
		t.Fatalf("got a third object, %v", err)
	}
	if got := file.Data["my_study_s.yaml"]; got != string(job().Text) {
		t.Errorf("the file of the study is %q", got)
	}
	want := []string{"study", "/study/my_study_s.yaml", "--out", "runs/A b", "--given", "model=$$(HOME)/`x`;y", "--small", "--threads", "4", "--shard", "index/3"}
	if d := cmp.Diff(want, work.Spec.Template.Spec.Containers[0].Args); d != "" {
		t.Error(d)
	}
	long := job()
	long.Text = make([]byte, 1<<20)
	if _, err := (Kubernetes{}).Print(long); err == nil {
		t.Error("a file that no ConfigMap holds is taken")
	}
}

// The words of a command arrive as they are, whatever is in them.
func TestShellQuoting(t *testing.T) {
	j := job()
	j.Program = "printf"
	j.Study = "a'b\"c $HOME `x` \\ * ;|&<>~#!{}[]?"
	line := strings.Replace(j.command("1/3"), "printf ", `printf '[%s]' `, 1)
	out, err := exec.Command("sh", "-c", line).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := "[" + strings.Join(j.arguments(j.Study, "1/3"), "][") + "]"
	if string(out) != want {
		t.Errorf("got  %s\nwant %s", out, want)
	}
}

func TestName(t *testing.T) {
	seen := map[string]bool{}
	for _, out := range []string{"runs/a", "runs/b", "/runs/a", "runs/" + strings.Repeat("long-", 40), "runs/äöü", "/", "runs/A_b.C"} {
		name := Job{Out: out, Workdir: "/w"}.Name()
		if seen[name] || len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.HasSuffix(name, "-") {
			t.Errorf("%s: got %q", out, name)
		}
		seen[name] = true
	}
	if a, b := (Job{Out: "a/./b", Workdir: "/w"}).Name(), (Job{Out: "/w/a/b", Workdir: "/x"}).Name(); a != b {
		t.Errorf("one folder has the names %s and %s", a, b)
	}
}

// rayServer is the job submission of a Ray cluster.
type rayServer struct {
	t    *testing.T
	jobs []rayJob
	next string // the status of jobs that are posted
	seen []rayRequest
}

func (s *rayServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/jobs/" {
		http.NotFound(w, r)
		return
	}
	if r.Header.Get("Authorization") != "Bearer a-token" {
		http.Error(w, "Unauthorized: Missing authentication token", http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodGet {
		json.NewEncoder(w).Encode(s.jobs)
		return
	}
	var req rayRequest
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil || r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
		return
	}
	id := fmt.Sprintf("raysubmit_%d", len(s.seen))
	s.seen = append(s.seen, req)
	// The newest first: the order of the list is none.
	s.jobs = append([]rayJob{{ID: id, Status: s.next, Started: int64(len(s.seen)), Metadata: req.Metadata}}, s.jobs...)
	json.NewEncoder(w).Encode(map[string]string{"job_id": id, "submission_id": id})
}

func TestRay(t *testing.T) {
	server := &rayServer{t: t, next: "PENDING", jobs: []rayJob{{ID: "other", Status: "RUNNING", Metadata: map[string]string{}}, {Status: "RUNNING"}}}
	http := httptest.NewServer(server)
	defer http.Close()
	ctx, r, j := context.Background(), Ray{Address: http.URL, Token: "a-token"}, job()
	if _, err := (Ray{Address: http.URL}).Submit(ctx, j); err == nil || !strings.Contains(err.Error(), "RAY_AUTH_TOKEN must be") {
		t.Errorf("without a token: %v", err)
	}
	got, err := r.Submit(ctx, j)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[2] != (Shard{3, Waiting, "raysubmit_2", ""}) {
		t.Errorf("got %+v", got)
	}
	if _, err := r.Submit(ctx, j); !errors.Is(err, errActive) {
		t.Errorf("again: %v", err)
	}
	// Two ended, one of them badly: those are submitted again, the other is left.
	for i := range server.jobs {
		switch server.jobs[i].ID {
		case "raysubmit_0":
			server.jobs[i].Status = "FAILED"
		case "raysubmit_1":
			server.jobs[i].Status = "RUNNING"
		case "raysubmit_2":
			server.jobs[i].Status = "STOPPED"
		}
	}
	server.next = "SUCCEEDED"
	if _, err := r.Submit(ctx, j); err != nil {
		t.Fatal(err)
	}
	got, err = r.Status(ctx, j)
	want := []Shard{{1, Done, "raysubmit_3", "SUCCEEDED"}, {2, Running, "raysubmit_1", "RUNNING"}, {3, Done, "raysubmit_4", "SUCCEEDED"}}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
}

func TestRayFaults(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"answers 500": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no\nhead", 500) },
		"answers 302": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		},
		"must answer as":      func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
		"more than 64 MiB":    func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte(" "), rayReply+2)) },
		"must answer as the ": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"a":1}`) },
	} {
		server := httptest.NewServer(handler)
		_, err := Ray{Address: server.URL}.Submit(context.Background(), job())
		server.Close()
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, address := range []string{"", "127.0.0.1:8265", "file:///etc", "http://user:word@host", "http://127.0.0.1:1"} {
		if _, err := (Ray{Address: address}).Status(context.Background(), job()); err == nil {
			t.Errorf("%s: got no error", address)
		}
	}
}

// programs puts shell scripts in the place of the programs of a cluster.
func programs(t *testing.T, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"cat", "dirname"} { // not the folder, which may have programs of a cluster too
		at, err := exec.LookPath(name)
		if err != nil {
			t.Skip(err)
		}
		if err := os.Symlink(at, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	return dir
}

func TestSlurm(t *testing.T) {
	dir := programs(t, map[string]string{
		"squeue": `echo "7_1|RUNNING"; echo "6_1|COMPLETED"; echo "7_99|RUNNING"; echo rubbish`,
		"sacct":  `printf '5_1|FAILED\n5_2|COMPLETED\n5_3|CANCELLED by 0\n5_[4-6]|PENDING\n'`,
		"sbatch": `cat >"$(dirname "$0")/script"; echo "$@" >"$(dirname "$0")/args"; echo "12;cluster"`,
	})
	j := job()
	j.Workdir = t.TempDir()
	got, err := Slurm{}.Status(context.Background(), j)
	want := []Shard{{1, Running, "7_1", "RUNNING"}, {2, Done, "5_2", "COMPLETED"}, {3, Failed, "5_3", "CANCELLED by 0"}}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
	got, err = Slurm{}.Submit(context.Background(), j)
	if err != nil || len(got) != 2 || got[1] != (Shard{3, Waiting, "12_3", ""}) {
		t.Errorf("got %+v, %v", got, err)
	}
	args, _ := os.ReadFile(filepath.Join(dir, "args"))
	if want := "--parsable --array=2,3 --output=" + j.Workdir + "/runs/A b/.slurm/%A_%a.log\n"; string(args) != want {
		t.Errorf("sbatch got %q, want %q", args, want)
	}
	script, _ := os.ReadFile(filepath.Join(dir, "script"))
	if printed, _ := (Slurm{}).Print(j); !bytes.Equal(script, printed) {
		t.Errorf("sbatch was given\n%s", script)
	}
}

// A program that is absent, fails or prints something else is one line.
func TestProgramFaults(t *testing.T) {
	j := job()
	j.Workdir = t.TempDir()
	ctx := context.Background()
	path := os.Getenv("PATH")
	for _, c := range []struct {
		scripts map[string]string
		system  System
		want    string
	}{
		{nil, Slurm{}, "sbatch: not found in PATH; --print shows what it would be given"},
		{map[string]string{"sbatch": "echo 'bad\nthings' >&2; exit 1"}, Slurm{}, "sbatch: exit status 1: bad things"},
		{map[string]string{"sbatch": "echo hello"}, Slurm{}, "sbatch: must print the number of the job"},
		{map[string]string{"squeue": "echo down >&2; exit 1"}, Slurm{}, "squeue: exit status 1: down"},
		{map[string]string{"kubectl": "echo no cluster >&2; exit 1"}, Kubernetes{}, "kubectl: exit status 1: no cluster"},
		{map[string]string{"kubectl": "echo hello"}, Kubernetes{}, "kubectl: must print a Job"},
		{map[string]string{"kubectl": "echo '{}'"}, Kubernetes{}, "has not ended"},
	} {
		t.Setenv("PATH", path)
		programs(t, c.scripts)
		if c.scripts == nil {
			t.Setenv("PATH", t.TempDir())
		}
		if _, err := c.system.Submit(ctx, j); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
}

func TestKubernetes(t *testing.T) {
	dir := programs(t, map[string]string{"kubectl": `
cd "$(dirname "$0")" && echo "$@" >>args
case $1 in
get) cat job 2>/dev/null; true ;;
apply) cat >manifest ;;
esac`})
	ctx, j := context.Background(), job()
	if got, err := (Kubernetes{}).Status(ctx, j); err != nil || got[0].State != Absent {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := (Kubernetes{}).Submit(ctx, j); err != nil {
		t.Fatal(err)
	}
	given, _ := os.ReadFile(filepath.Join(dir, "manifest"))
	if printed, _ := (Kubernetes{}).Print(j); !bytes.Equal(given, printed) {
		t.Errorf("kubectl was given\n%s", given)
	}
	status := `{"spec":{"completions":3},"status":{"completedIndexes":"0,2","failedIndexes":"1","conditions":[{"type":"Failed","status":"True"}]}}`
	if err := os.WriteFile(filepath.Join(dir, "job"), []byte(status), 0o666); err != nil {
		t.Fatal(err)
	}
	got, err := Kubernetes{}.Status(ctx, j)
	if err != nil || got[0].State != Done || got[1].State != Failed || got[2].State != Done {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := (Kubernetes{}).Submit(ctx, j); err != nil { // the one that ended is deleted
		t.Fatal(err)
	}
	args, _ := os.ReadFile(filepath.Join(dir, "args"))
	if !strings.HasSuffix(string(args), "delete job "+j.Name()+"\napply -f -\n") {
		t.Errorf("kubectl was called with\n%s", args)
	}
}

func FuzzIndexes(f *testing.F) {
	f.Add("1,3-5")
	f.Add("0-99999999999")
	f.Fuzz(func(t *testing.T, text string) {
		for _, i := range indexes(text, 10) {
			if i < 0 || i >= 10 {
				t.Fatal(i)
			}
		}
	})
}
