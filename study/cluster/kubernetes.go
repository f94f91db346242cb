package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Kubernetes runs the shards as the indexes of an Indexed Job (batch/v1, Kubernetes 1.33;
// backoffLimitPerIndex is beta since 1.29), with the program kubectl and the cluster and
// namespace that it is set to. The volume must be one that all nodes can write.
type Kubernetes struct{}

// The parts of a manifest that are used, in the names of the API.
type (
	kubeObject struct {
		APIVersion string            `yaml:"apiVersion"`
		Kind       string            `yaml:"kind"`
		Metadata   kubeMeta          `yaml:"metadata"`
		Data       map[string]string `yaml:"data,omitempty"` // of a ConfigMap
		Spec       *kubeJob          `yaml:"spec,omitempty"` // of a Job
	}
	kubeMeta struct {
		Name   string            `yaml:"name,omitempty"`
		Labels map[string]string `yaml:"labels"`
	}
	kubeJob struct {
		CompletionMode       string      `yaml:"completionMode"`
		Completions          int         `yaml:"completions"`
		Parallelism          int         `yaml:"parallelism"`
		BackoffLimitPerIndex int         `yaml:"backoffLimitPerIndex"`
		PodFailurePolicy     kubePolicy  `yaml:"podFailurePolicy"`
		Template             kubePodSpec `yaml:"template"`
	}
	kubePolicy struct {
		Rules []kubeRule `yaml:"rules"`
	}
	kubeRule struct {
		Action          string          `yaml:"action"`
		OnExitCodes     *kubeExitCodes  `yaml:"onExitCodes,omitempty"`
		OnPodConditions []kubeCondition `yaml:"onPodConditions,omitempty"`
	}
	kubeExitCodes struct {
		ContainerName string `yaml:"containerName"`
		Operator      string `yaml:"operator"`
		Values        []int  `yaml:"values"`
	}
	kubeCondition struct {
		Type   string `yaml:"type"`
		Status string `yaml:"status"`
	}
	kubePodSpec struct {
		Metadata kubeMeta `yaml:"metadata"`
		Spec     kubePod  `yaml:"spec"`
	}
	kubePod struct {
		RestartPolicy   string          `yaml:"restartPolicy"`
		GracePeriod     int             `yaml:"terminationGracePeriodSeconds"`
		SecurityContext kubeSecurity    `yaml:"securityContext"`
		Containers      []kubeContainer `yaml:"containers"`
		Volumes         []kubeVolume    `yaml:"volumes"`
	}
	kubeSecurity struct {
		FSGroup int `yaml:"fsGroup"`
	}
	kubeContainer struct {
		Name         string        `yaml:"name"`
		Image        string        `yaml:"image"`
		Args         []string      `yaml:"args"`
		WorkingDir   string        `yaml:"workingDir"`
		Resources    kubeResources `yaml:"resources"`
		VolumeMounts []kubeMount   `yaml:"volumeMounts"`
	}
	kubeResources struct {
		Requests map[string]string `yaml:"requests,omitempty"`
		Limits   map[string]string `yaml:"limits,omitempty"`
	}
	kubeMount struct {
		Name      string `yaml:"name"`
		MountPath string `yaml:"mountPath"`
		ReadOnly  bool   `yaml:"readOnly,omitempty"`
	}
	kubeVolume struct {
		Name      string         `yaml:"name"`
		Claim     *kubeClaim     `yaml:"persistentVolumeClaim,omitempty"`
		ConfigMap *kubeConfigMap `yaml:"configMap,omitempty"`
	}
	kubeClaim struct {
		ClaimName string `yaml:"claimName"`
	}
	kubeConfigMap struct {
		Name string `yaml:"name"`
	}
)

const (
	kubeRetries = 3         // of an index that fails
	kubeUser    = 65532     // group of the image's user
	kubeText    = 1 << 20   // bytes that a ConfigMap may hold
	kubeFile    = "/study/" // where the file of the study is mounted
	badInput    = 3         // exit code of pgsrm for what will not mend by itself
)

// Print implements System: a ConfigMap with the file of the study, where it is none of those
// in the program, and the Job. What a pod loses to a drained node does not count as a
// failure, and bad input is not tried again.
func (Kubernetes) Print(j Job) ([]byte, error) {
	if len(j.Text) >= kubeText {
		return nil, fmt.Errorf("kubernetes: the file of a study must have less than %d bytes, as it goes into a ConfigMap (got %d)", kubeText, len(j.Text))
	}
	study := j.Study
	meta := kubeMeta{Name: j.Name(), Labels: map[string]string{"app.kubernetes.io/name": "pgsrm", "app.kubernetes.io/instance": j.Name()}}
	container := kubeContainer{
		Name: "pgsrm", Image: j.Image, WorkingDir: j.Workdir, Resources: kubeNeeds(j),
		VolumeMounts: []kubeMount{{Name: "runs", MountPath: j.Workdir}},
	}
	volumes := []kubeVolume{{Name: "runs", Claim: &kubeClaim{j.Claim}}}
	var objects []kubeObject
	if j.Text != nil {
		key := kubeKey(j.Study) // the tables are called like the file
		study = kubeFile + key
		objects = append(objects, kubeObject{APIVersion: "v1", Kind: "ConfigMap", Metadata: meta, Data: map[string]string{key: string(j.Text)}})
		container.VolumeMounts = append(container.VolumeMounts, kubeMount{Name: "study", MountPath: kubeFile[:len(kubeFile)-1], ReadOnly: true})
		volumes = append(volumes, kubeVolume{Name: "study", ConfigMap: &kubeConfigMap{meta.Name}})
	}
	for _, a := range j.arguments(study, fmt.Sprintf("index/%d", j.Shards)) {
		container.Args = append(container.Args, strings.ReplaceAll(a, "$(", "$$(")) // else Kubernetes would put a variable there
	}
	objects = append(objects, kubeObject{APIVersion: "batch/v1", Kind: "Job", Metadata: meta, Spec: &kubeJob{
		CompletionMode: "Indexed", Completions: j.Shards, Parallelism: j.Shards, BackoffLimitPerIndex: kubeRetries,
		PodFailurePolicy: kubePolicy{[]kubeRule{
			{Action: "Ignore", OnPodConditions: []kubeCondition{{"DisruptionTarget", "True"}}},
			{Action: "FailIndex", OnExitCodes: &kubeExitCodes{container.Name, "In", []int{badInput}}},
		}},
		Template: kubePodSpec{kubeMeta{Labels: meta.Labels}, kubePod{
			RestartPolicy: "Never", GracePeriod: int(stopBefore.Seconds()), SecurityContext: kubeSecurity{kubeUser},
			Containers: []kubeContainer{container}, Volumes: volumes,
		}},
	}})
	var b bytes.Buffer
	for _, o := range objects {
		text, err := yaml.Marshal(o)
		if err != nil {
			return nil, err
		}
		b.WriteString("---\n")
		b.Write(text)
	}
	return b.Bytes(), nil
}

// kubeKey is the name of a file as a key of a ConfigMap.
func kubeKey(file string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r) {
			return r
		}
		return '_'
	}, path.Base(strings.ReplaceAll(file, `\`, "/")))
	return name[max(0, len(name)-200):]
}

// kubeNeeds are the processors and the memory of a shard.
func kubeNeeds(j Job) kubeResources {
	var r kubeResources
	if j.CPUs > 0 || j.Memory > 0 {
		r.Requests = map[string]string{}
	}
	if j.CPUs > 0 {
		r.Requests["cpu"] = strconv.Itoa(j.CPUs)
	}
	if j.Memory > 0 {
		r.Requests["memory"] = strconv.Itoa(j.Memory) + "Mi"
		r.Limits = map[string]string{"memory": r.Requests["memory"]}
	}
	return r
}

// Submit implements System. A Job cannot be begun again: one that has ended is deleted
// first, one that has not is left.
func (k Kubernetes) Submit(ctx context.Context, j Job) ([]Shard, error) {
	job, err := k.job(ctx, j)
	if err != nil {
		return nil, err
	}
	switch {
	case job == nil:
	case !job.ended():
		return nil, fmt.Errorf("the Job %s has not ended: shards that failed are submitted again after it; kubectl delete job %[1]s ends it now", j.Name())
	default:
		if _, err := program(ctx, nil, "kubectl", "delete", "job", j.Name()); err != nil {
			return nil, err
		}
	}
	manifest, err := k.Print(j)
	if err != nil {
		return nil, err
	}
	if _, err := program(ctx, manifest, "kubectl", "apply", "-f", "-"); err != nil {
		return nil, err
	}
	shards := absent(j)
	for i := range shards {
		shards[i].State, shards[i].ID = Waiting, fmt.Sprintf("%s-%d", j.Name(), i)
	}
	return shards, nil
}

// Status implements System. Which indexes run is not in a Job: as soon as one does, all that
// are left count as running.
func (k Kubernetes) Status(ctx context.Context, j Job) ([]Shard, error) {
	job, err := k.job(ctx, j)
	shards := absent(j)
	if err != nil || job == nil {
		return shards, err
	}
	left := Waiting
	switch {
	case job.ended():
		left = Failed
	case job.Status.Ready > 0:
		left = Running
	}
	for i := range shards {
		shards[i].State, shards[i].ID = left, fmt.Sprintf("%s-%d", j.Name(), i)
	}
	for _, i := range indexes(job.Status.Completed, j.Shards) {
		shards[i].State = Done
	}
	for _, i := range indexes(job.Status.Failed, j.Shards) {
		shards[i].State = Failed
	}
	return shards, nil
}

// kubeStatus is what is read of a Job.
type kubeStatus struct {
	Status struct {
		Ready      int    `json:"ready"`
		Completed  string `json:"completedIndexes"`
		Failed     string `json:"failedIndexes"`
		Conditions []struct {
			Type   string `json:"type"`
			Status string `json:"status"`
		} `json:"conditions"`
	} `json:"status"`
}

// ended says whether no pod of the Job is to come any more.
func (s *kubeStatus) ended() bool {
	for _, c := range s.Status.Conditions {
		if (c.Type == "Complete" || c.Type == "Failed") && c.Status == "True" {
			return true
		}
	}
	return false
}

// job reads the Job; nil = there is none.
func (Kubernetes) job(ctx context.Context, j Job) (*kubeStatus, error) {
	text, err := program(ctx, nil, "kubectl", "get", "job", j.Name(), "--ignore-not-found", "--output=json")
	if err != nil || strings.TrimSpace(text) == "" {
		return nil, err
	}
	var s kubeStatus
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return nil, fmt.Errorf("kubectl: must print a Job: %w", err)
	}
	return &s, nil
}

// indexes reads a list of ranges, "1,3-5", of numbers below n.
func indexes(text string, n int) []int {
	var out []int
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(part, "-")
		a, err := strconv.Atoi(first)
		b, err2 := a, error(nil)
		if ranged {
			b, err2 = strconv.Atoi(last)
		}
		if err != nil || err2 != nil || a < 0 {
			continue
		}
		for i := a; i <= min(b, n-1); i++ {
			out = append(out, i)
		}
	}
	return out
}
